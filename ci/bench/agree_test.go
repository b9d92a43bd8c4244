package bench

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	kubelet "k8s.io/kubernetes/pkg/probe"
	kubelethttp "k8s.io/kubernetes/pkg/probe/http"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// one is a system of one instance.
type one struct{ address string }

func (s one) Watch(ctx context.Context, report func(sut.Delta) error) error {
	in := sut.Instance{Target: sut.Target{ID: "orders/0", Incarnation: "1"}, Workload: "orders", Phase: sut.PhaseRunning}
	if err := report(sut.Delta{Reset: true, Instances: []sut.Instance{in}}); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s one) Offer(sut.Capability, sut.Target) (any, error) { return s, nil }

func (s one) Dial(ctx context.Context, _ sut.Target, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "tcp4", s.address)
}

// byRebound is what our prober says first.
func byRebound(t *testing.T, address, path string) probe.Change {
	t.Helper()
	p := &corev1.Probe{
		PeriodSeconds: 1, TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 1,
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString("http"), Scheme: corev1.URISchemeHTTP}},
	}
	r := probe.Runner{System: one{address}, Policy: &policy.Policy{Workloads: []policy.Workload{{Selector: policy.Selector{"workload": "orders"}, Readiness: p}}}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begin := time.Now()
	said := make(chan probe.Change, 1)
	err := r.Run(ctx, func() time.Duration { return time.Since(begin) }, func(c probe.Change) {
		select {
		case said <- c:
			cancel()
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return <-said
}

// byKubelet is what kubelet's prober says.
func byKubelet(t *testing.T, address, path string) (kubelet.Result, error) {
	t.Helper()
	at := netip.MustParseAddrPort(address)
	get := &corev1.HTTPGetAction{Path: path, Port: intstr.FromInt32(int32(at.Port())), Scheme: corev1.URISchemeHTTP}
	req, err := kubelethttp.NewRequestForHTTPGetAction(get, &corev1.Container{}, at.Addr().String(), "probe")
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := kubelethttp.New(false).Probe(req, time.Second)
	return r, err
}

// The two agree on every answer that ends; kubelet's knows nothing of a body that
// stalls or is torn: it returns an error, and its worker throws that away.
func TestProbersAgree(t *testing.T) {
	mux := http.NewServeMux()
	for path, status := range map[string]int{"/200": 200, "/399": 399, "/400": 400, "/500": 500} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	}
	for path, location := range map[string]string{"/to-200": "/200", "/to-500": "/500", "/away": "http://elsewhere.example/500", "/round": "/round", "/nowhere": "http://[::1/"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		})
	}
	mux.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	stall := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, body)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	}
	mux.HandleFunc("/stalls", stall("half"))
	mux.HandleFunc("/stalls-late", stall(strings.Repeat("x", 20<<10)))
	mux.HandleFunc("/torn", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "short")
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	address := server.Listener.Addr().String()
	for _, c := range []struct {
		path   string
		ours   probe.Result
		theirs kubelet.Result
		lost   bool // kubelet throws it away
	}{
		{"/200", probe.Success, kubelet.Success, false},
		{"/399", probe.Success, kubelet.Warning, false},
		{"/400", probe.Failure, kubelet.Failure, false},
		{"/500", probe.Failure, kubelet.Failure, false},
		{"/to-200", probe.Success, kubelet.Success, false},
		{"/to-500", probe.Failure, kubelet.Failure, false},
		{"/away", probe.Success, kubelet.Warning, false},
		{"/round", probe.Failure, kubelet.Failure, false},
		{"/nowhere", probe.Failure, kubelet.Failure, false},
		{"/silent", probe.Failure, kubelet.Failure, false},
		{"/stalls", probe.Failure, kubelet.Failure, true},
		{"/torn", probe.Failure, kubelet.Failure, true},
		{"/stalls-late", probe.Failure, kubelet.Success, false}, // k/k#122948
	} {
		t.Run(c.path, func(t *testing.T) {
			t.Parallel()
			if got := byRebound(t, address, c.path); got.Result != c.ours {
				t.Errorf("rebound says %+v", got)
			}
			if got, err := byKubelet(t, address, c.path); got != c.theirs || (err != nil) != c.lost {
				t.Errorf("kubelet says %s, %v", got, err)
			}
		})
	}
}
