package probe

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/encoding/protowire"
	corev1 "k8s.io/api/core/v1"
)

// grpcHealth asks by the health protocol of gRPC (grpc/doc/health-checking.md).
//
// It is one request over HTTP/2 and no client of a gRPC library: such a client
// has goroutines, buffers and a reconnect of its own, for every instance.
type grpcHealth struct {
	port    string
	service string
	secure  *tls.Config // nil: in the clear
	opening []byte
}

func newGRPC(g *corev1.GRPCAction) handler {
	h := &grpcHealth{port: strconv.Itoa(int(g.Port))}
	scheme := "http"
	if g.Mode != nil && *g.Mode == corev1.GRPCProbeModeTLS {
		scheme, h.secure = "https", unverified("h2")
	}
	var request []byte
	if g.Service != nil && *g.Service != "" {
		h.service = *g.Service
		request = protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), h.service)
	}
	if len(request) > frame-5 {
		return cannot("the name of the service is too long to ask for")
	}
	message := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(request))), request...)
	var err error
	h.opening, err = opened([]hpack.HeaderField{
		{Name: ":method", Value: "POST"},
		{Name: ":scheme", Value: scheme},
		{Name: ":authority", Value: home},
		{Name: ":path", Value: "/grpc.health.v1.Health/Check"},
		{Name: "content-type", Value: "application/grpc"},
		{Name: "te", Value: "trailers"},
		{Name: "user-agent", Value: agent},
	}, message)
	if err != nil {
		return cannot("the request cannot be written: " + err.Error())
	}
	return h
}

func (h *grpcHealth) ask(ctx context.Context, k *look) (Result, string) {
	c, err := k.dial(ctx, h.port)
	if err != nil {
		return blame(ctx, err)
	}
	if h.secure != nil {
		c = tls.Client(c, h.secure)
	}
	r, err := converse(c, h.opening)
	if err != nil {
		_ = bare(c).Close()
		return blame(ctx, err)
	}
	_ = c.Close()
	return h.verdict(&r)
}

// The codes of gRPC that are told by name.
const (
	grpcOK            = "0"
	grpcNotFound      = "5"
	grpcUnimplemented = "12"
)

// verdict is kubelet's: all but SERVING is a failure.
func (h *grpcHealth) verdict(r *reply) (Result, string) {
	code, ok := r.field("grpc-status")
	switch {
	case r.status != 200:
		return Failure, fmt.Sprintf("status %d, which is not of gRPC", r.status)
	case !ok:
		return Failure, "an answer that is not of gRPC"
	case code == grpcOK:
		status, err := serving(r.data)
		if err != nil {
			return Failure, "an answer that is not of grpc.health.v1: " + err.Error()
		}
		if status != "SERVING" {
			return Failure, status
		}
		return Success, status
	case code == grpcNotFound:
		return Failure, fmt.Sprintf("it knows no service %q", h.service)
	case code == grpcUnimplemented:
		return Failure, "it does not serve grpc.health.v1.Health"
	default:
		text, _ := r.field("grpc-message")
		if plain, err := url.PathUnescape(text); err == nil {
			text = plain
		}
		return Failure, "gRPC code " + code + quote([]byte(text))
	}
}

// servings are the values of grpc.health.v1.HealthCheckResponse.ServingStatus.
var servings = []string{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"}

// serving reads the one field of a HealthCheckResponse, behind gRPC's prefix of a
// byte for compression and four for the length.
func serving(data []byte) (string, error) {
	if len(data) < 5 || data[0] != 0 || uint64(binary.BigEndian.Uint32(data[1:5])) != uint64(len(data)-5) {
		return "", errors.New("not one whole message")
	}
	var status uint64
	for m := data[5:]; len(m) > 0; {
		num, kind, n := protowire.ConsumeTag(m)
		if n < 0 {
			return "", protowire.ParseError(n)
		}
		m = m[n:]
		if num == 1 && kind == protowire.VarintType {
			status, n = protowire.ConsumeVarint(m)
		} else {
			n = protowire.ConsumeFieldValue(num, kind, m)
		}
		if n < 0 {
			return "", protowire.ParseError(n)
		}
		m = m[n:]
	}
	if status >= uint64(len(servings)) {
		return "", fmt.Errorf("status %d", status)
	}
	return servings[status], nil
}
