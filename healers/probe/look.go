package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

const (
	// keptBody is how much of a body may be quoted; kubelet reads no more.
	keptBody = 10 << 10
	// maxBody is how much is read to learn that an answer ends. What is longer is
	// taken for an answer that flows.
	maxBody = 1 << 20
	// maxRedirects is that of kubelet.
	maxRedirects = 10
	// quoted is how much of a body goes into a detail.
	quoted = 120
	agent  = "rebound-probe"
)

type dialFunc func(ctx context.Context, port string) (net.Conn, error)

// look asks once. ctx carries no time-out of the probe; look sets it.
func look(ctx context.Context, dial dialFunc, p *corev1.Probe) (Result, string) {
	timeout := time.Duration(p.TimeoutSeconds) * time.Second
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var r Result
	var detail string
	switch {
	case p.HTTPGet != nil:
		r, detail = lookHTTP(ctx, dial, p.HTTPGet)
	case p.TCPSocket != nil:
		r, detail = lookTCP(ctx, dial, p.TCPSocket.Port.StrVal)
	default:
		return Unknown, "the prober has no such handler"
	}
	if r != Failure || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return r, detail
	}
	// A deadline that was noticed long after it passed says that this process did
	// not run, not that the instance did not answer.
	if late := time.Since(begin) - timeout; late > max(timeout/2, 250*time.Millisecond) {
		return Unknown, fmt.Sprintf("the prober itself was held up for %s", late.Round(time.Millisecond))
	}
	return Failure, detail + " within " + timeout.String()
}

func lookTCP(ctx context.Context, dial dialFunc, port string) (Result, string) {
	conn, err := dial(ctx, port)
	if err != nil {
		return blame(ctx, err)
	}
	// It took the connection: that is all that is asked.
	_ = conn.Close()
	return Success, "connected"
}

// errElsewhere stops a redirect that leaves the instance.
var errElsewhere = errors.New("redirect to another port")

func lookHTTP(ctx context.Context, dial dialFunc, g *corev1.HTTPGetAction) (Result, string) {
	scheme := "http"
	if g.Scheme == corev1.URISchemeHTTPS {
		scheme = "https"
	}
	path, err := url.Parse(g.Path)
	if err != nil {
		path = &url.URL{Path: g.Path} // as kubelet: what is no URL is taken to the letter
	}
	target := url.URL{Scheme: scheme, Host: "localhost", Path: path.Path, RawQuery: path.RawQuery}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return Unknown, err.Error()
	}
	setHeader(req, g.HTTPHeaders)

	var home string // the address of the first connection: the instance's own
	tr := &http.Transport{
		DisableKeepAlives:  true,
		DisableCompression: true,
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: true}, // as kubelet: who answers is known, how it is certified is not asked
		// The probe's context and not the transport's own, which outlives it.
		DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
			if home == "" {
				home = addr
			}
			if addr != home {
				return nil, errElsewhere
			}
			return dial(ctx, g.Port.StrVal)
		},
	}
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if next.URL.Hostname() != via[0].URL.Hostname() {
			return http.ErrUseLastResponse
		}
		if len(via) >= maxRedirects {
			return fmt.Errorf("stopped after %d redirects", maxRedirects)
		}
		return nil
	}}
	res, err := client.Do(req)
	if errors.Is(err, errElsewhere) {
		return Success, "redirected to another port"
	}
	if err != nil {
		return blame(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, keptBody))
	if err == nil {
		_, err = io.Copy(io.Discard, io.LimitReader(res.Body, maxBody-keptBody))
	}
	if err != nil {
		// Kubelet throws this away, and so never sees a server that hangs behind its
		// header.
		if r, detail := blame(ctx, err); r == Unknown {
			return r, detail
		}
		return Failure, fmt.Sprintf("status %d, but no end of its body", res.StatusCode)
	}
	if res.StatusCode < 200 || res.StatusCode >= 400 {
		return Failure, fmt.Sprintf("status %d%s", res.StatusCode, quote(body))
	}
	return Success, fmt.Sprintf("status %d", res.StatusCode)
}

func quote(body []byte) string {
	if len(body) == 0 {
		return ""
	}
	if len(body) > quoted {
		body = append(body[:quoted:quoted], "..."...)
	}
	return fmt.Sprintf(": %q", body)
}

// setHeader is kubelet's: Host names the host, an empty Accept or User-Agent
// sends none.
func setHeader(req *http.Request, headers []corev1.HTTPHeader) {
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Accept", "*/*")
	own := http.Header{}
	for _, h := range headers {
		if http.CanonicalHeaderKey(h.Name) == "Host" {
			req.Host = h.Value
			continue
		}
		own.Add(h.Name, h.Value)
	}
	maps.Copy(req.Header, own)
	if req.Header.Get("Accept") == "" {
		req.Header.Del("Accept")
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header["User-Agent"] = nil // nil: net/http adds none of its own
	}
}

// blame tells whose error it is: what the network says of the instance is the
// instance's; whatever else went wrong is the prober's own.
func blame(ctx context.Context, err error) (Result, string) {
	var missing *sut.Missing
	var dialing *dialError
	var errno syscall.Errno
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return Unknown, "the look was called off"
	case errors.As(err, &missing), errors.Is(err, sut.ErrGone):
		return Unknown, err.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), ctx.Err() != nil:
		return Failure, "no answer"
	case errors.As(err, &errno):
		if slices.Contains(ours, errno) {
			return Unknown, errno.Error()
		}
		return Failure, errno.Error()
	case errors.As(err, &dialing) && !isNetwork(dialing.err):
		return Unknown, err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Failure, "connection closed without an answer"
	default:
		return Failure, err.Error()
	}
}

func isNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network)
}

// ours are the errors by which the host tells the prober that it is the one who
// has run out of something.
var ours = []syscall.Errno{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS,
	syscall.EADDRNOTAVAIL, syscall.EACCES, syscall.EPERM,
}

// dialError marks what the system's dialer returned, so that an error of the
// way there is told from a broken answer of the instance.
type dialError struct{ err error }

func (d *dialError) Error() string { return d.err.Error() }
func (d *dialError) Unwrap() error { return d.err }
