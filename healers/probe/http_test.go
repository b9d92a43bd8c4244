package probe

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/healers/policy"
)

// handlers answer in all the ways that a probe must tell apart.
func handlers() http.Handler {
	mux := http.NewServeMux()
	for _, code := range []int{200, 201, 304, 399, 400, 500} {
		mux.HandleFunc("/"+strconv.Itoa(code), func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	for path, location := range map[string]string{
		"/to-200": "/200", "/to-500": "/500", "/to-echo": "/echo", "/to-stalled": "/stalled",
		"/relative": "200", "/same-host": "//localhost/500", "/absolute": "http://localhost/echo",
		"/away": "http://elsewhere.example/500", "/other-port": "http://localhost:1/500", "/to-https": "https://localhost/500",
		"/ftp": "ftp://localhost/500", "/nowhere": "http://[::1/", "/mail": "mailto:eve", "/round": "/round",
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(http.StatusFound)
		})
	}
	mux.HandleFunc("/no-location", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound) })
	mux.HandleFunc("/300", func(w http.ResponseWriter, _ *http.Request) { // it offers, and redirects not
		w.Header().Set("Location", "/500")
		w.WriteHeader(http.StatusMultipleChoices)
	})
	mux.HandleFunc("/hops/{n}", func(w http.ResponseWriter, r *http.Request) {
		if n, _ := strconv.Atoi(r.PathValue("n")); n > 1 {
			http.Redirect(w, r, fmt.Sprintf("/hops/%d", n-1), http.StatusTemporaryRedirect)
		}
	})
	mux.HandleFunc("/503", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"store":"down"}`)
	})
	hang := func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	mux.HandleFunc("/stalled", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "part of a bo")
		hang(w, r)
	})
	mux.HandleFunc("/stalled-late", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 20<<10))
		hang(w, r)
	})
	mux.HandleFunc("/stalled-redirect", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "/200")
		w.WriteHeader(http.StatusFound)
		hang(w, r)
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 30<<10))
	})
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := io.WriteString(w, strings.Repeat("x", 10<<10)); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/no-header", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/torn", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "short")
	})
	mux.HandleFunc("/hints/{n}", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("n"))
		for range n {
			w.WriteHeader(http.StatusEarlyHints)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, accept := r.Header["Accept"]
		_, agent := r.Header["User-Agent"]
		fmt.Fprintf(w, "%s %s %s accept=%v agent=%v x=%v from=%q", r.Method, r.Host, r.RequestURI, accept, agent, r.Header["X-Two"], r.Referer())
	})
	return mux
}

type httpCase struct {
	probe  *corev1.Probe
	want   Result
	detail string
}

func httpCases() []httpCase {
	host := corev1.HTTPHeader{Name: "Host", Value: "shop.example"}
	return []httpCase{
		{get("/200"), Success, "status 200"},
		{get("/201"), Success, "status 201"},
		{get("/304"), Success, "status 304"},
		{get("/399"), Success, "status 399"},
		{get("/400"), Failure, "status 400"},
		{get("/500"), Failure, "status 500"},
		{get("/503"), Failure, `status 503: "{\"store\":\"down\"}"`},
		{get("/to-200"), Success, "status 200"},
		{get("/to-500"), Failure, "status 500"},
		{get("/relative"), Success, "status 200"},
		{get("/same-host"), Failure, "status 500"},
		{get("/no-location"), Success, "status 302"},
		{get("/300"), Success, "status 300"},
		{get("/away"), Success, "status 302"},
		{get("/mail"), Success, "status 302"},
		{get("/other-port"), Success, "redirected to another port"},
		{get("/to-https"), Success, "redirected to another port"},
		{get("/ftp"), Failure, "redirected to what is not HTTP"},
		{get("/nowhere"), Failure, "redirected to what is no address"},
		{get("/round"), Failure, "stopped after 10 redirects"},
		{get("/hops/10"), Success, "status 200"},
		{get("/hops/11"), Failure, "stopped after 10 redirects"},
		{get("/large"), Success, "status 200"},
		{get("/endless"), Success, "status 200"},
		{get("/stalled"), Failure, "status 200, but no end of its body within 300ms"},
		{get("/stalled-late"), Failure, "status 200, but no end of its body within 300ms"},
		{get("/stalled-redirect"), Failure, "status 302, but no end of its body within 300ms"},
		{get("/to-stalled"), Failure, "status 200, but no end of its body within 300ms"},
		{get("/no-header"), Failure, "no answer within 300ms"},
		{get("/torn"), Failure, "status 200, but no end of its body"},
		{get("/hints/5"), Success, "status 200"},
		{get("/echo?a=b"), Failure, `"GET localhost /echo?a=b accept=true agent=true x=[] from=\"\""`},
		{get("/a%2Fb?q=%20#part"), Failure, `"GET localhost /a%2Fb?q=%20 accept`},
		{get("/ö"), Failure, `"GET localhost /%C3%B6 accept`},
		{get("/%zz"), Failure, `"GET localhost /%25zz accept`},
		{get("//elsewhere.example/x"), Failure, `"GET localhost /x accept`},
		{
			get("/echo", host, corev1.HTTPHeader{Name: "accept"}, corev1.HTTPHeader{Name: "User-Agent"},
				corev1.HTTPHeader{Name: "x-two", Value: "a"}, corev1.HTTPHeader{Name: "x-two", Value: "b"}),
			Failure, `"GET shop.example /echo accept=false agent=false x=[a b]`,
		},
		{get("/to-echo", host, corev1.HTTPHeader{Name: "X-Two", Value: "a"}), Failure, `"GET shop.example /echo accept=true agent=true x=[a] from=`},
		{get("/to-echo"), Failure, `://localhost/to-echo\""`},
		{get("/absolute", host, corev1.HTTPHeader{Name: "Referer", Value: "me"}), Failure, `"GET localhost /echo accept=true agent=true x=[] from=\"me\""`},
	}
}

func checkHTTP(t *testing.T, w way, cases []httpCase, change func(*corev1.HTTPGetAction), how policy.Probing) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.probe.HTTPGet.Path, func(t *testing.T) {
			t.Parallel()
			change(c.probe.HTTPGet)
			got, detail := lookFor(t.Context(), limitOf(c.detail), w, c.probe, how)
			if got != c.want || !strings.Contains(detail, c.detail) {
				t.Errorf("got %v %q, want %v %q", got, detail, c.want, c.detail)
			}
		})
	}
}

func TestHTTP(t *testing.T) {
	server := httptest.NewServer(handlers())
	t.Cleanup(server.Close)
	more := []httpCase{{get("/hints/6"), Failure, "more than 5 answers of status 1xx"}}
	checkHTTP(t, to(server.Listener.Addr().String()), append(httpCases(), more...), func(*corev1.HTTPGetAction) {}, policy.Probing{})
}

func TestHTTPOverKeptConnections(t *testing.T) {
	server := httptest.NewServer(handlers())
	t.Cleanup(server.Close)
	checkHTTP(t, to(server.Listener.Addr().String()), httpCases(), func(*corev1.HTTPGetAction) {}, policy.Probing{KeepConnections: true})
}

func TestHTTPS(t *testing.T) {
	server := httptest.NewTLSServer(handlers())
	t.Cleanup(server.Close)
	cases := httpCases()
	for i, c := range cases { // the same port is another one here
		switch c.probe.HTTPGet.Path {
		case "/absolute":
			cases[i].want, cases[i].detail = Success, "redirected to another port"
		case "/to-https":
			cases[i].want, cases[i].detail = Failure, "status 500"
		}
	}
	checkHTTP(t, to(server.Listener.Addr().String()), cases, func(g *corev1.HTTPGetAction) { g.Scheme = corev1.URISchemeHTTPS }, policy.Probing{})
}

func TestHTTP2(t *testing.T) {
	server := httptest.NewUnstartedServer(handlers())
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	two := corev1.HTTPProtocolHTTP2
	long := httpCase{get("/echo", corev1.HTTPHeader{Name: "X-Two", Value: strings.Repeat("more than a frame ", 2000)}), Failure, "x=[more than a frame more"}
	checkHTTP(t, to(server.Listener.Addr().String()), append(httpCases(), long), func(g *corev1.HTTPGetAction) { g.Protocol = &two }, policy.Probing{})
}

func TestSchemesDoNotMix(t *testing.T) {
	plain := httptest.NewServer(handlers())
	t.Cleanup(plain.Close)
	secure := httptest.NewTLSServer(handlers())
	t.Cleanup(secure.Close)
	p := get("/200")
	p.HTTPGet.Scheme = corev1.URISchemeHTTPS
	if r, detail := lookAt(t.Context(), to(plain.Listener.Addr().String()), p); r != Failure || !strings.Contains(detail, "tls") {
		t.Errorf("HTTPS of a server in the clear: %v %q", r, detail)
	}
	if r, detail := lookAt(t.Context(), to(secure.Listener.Addr().String()), get("/200")); r != Failure {
		t.Errorf("HTTP of a server with TLS: %v %q", r, detail)
	}
	two := corev1.HTTPProtocolHTTP2
	p = get("/200")
	p.HTTPGet.Protocol = &two
	if r, detail := lookAt(t.Context(), to(plain.Listener.Addr().String()), p); r != Failure {
		t.Errorf("HTTP/2 of a server that has none: %v %q", r, detail)
	}
}

// raw is a server that says to each connection what a test tells it to, whatever
// it is asked, and then hangs up.
func raw(t *testing.T, say func(n int) string) way {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := 0; ; n++ {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, say(n))
			_ = c.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = ln.Close()
		<-done
	})
	return to(ln.Addr().String())
}

func TestOddAnswers(t *testing.T) {
	for _, c := range []struct {
		name, say string
		want      Result
		detail    string
	}{
		{"to the end of the connection", "HTTP/1.0 200 OK\r\n\r\nwell", Success, "status 200"},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwell\r\n0\r\n\r\n", Success, "status 200"},
		{"torn chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nwell", Failure, "status 200, but no end of its body"},
		{"broken chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nwell", Failure, "status 200, but no end of its body"},
		{"no phrase", "HTTP/1.1 204\r\n\r\n", Success, "status 204"},
		{"no body of 304", "HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", Success, "status 304"},
		{"switches", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", Failure, "status 101"},
		{"only hints", "HTTP/1.1 103 x\r\n\r\n", Failure, "connection closed without an answer"},
		{"not HTTP", "220 mail.example ESMTP\r\n", Failure, "malformed"},
		{"nothing", "", Failure, "connection closed without an answer"},
		{"half a header", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", Failure, "connection closed without an answer"},
		{"no end of its header", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2<<20), Failure, "the header of its answer is longer than 1 MiB"},
		{"odd status", "HTTP/1.1 099 x\r\nContent-Length: 0\r\n\r\n", Failure, "status 99"},
		{"quoted", "HTTP/1.1 500 x\r\n\r\n" + strings.Repeat("y", 500), Failure, strings.Repeat("y", quoted) + "..."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if r, detail := lookAt(t.Context(), raw(t, func(int) string { return c.say }), get("/")); r != c.want || !strings.Contains(detail, c.detail) {
				t.Errorf("got %v %q, want %v %q", r, detail, c.want, c.detail)
			}
		})
	}
}
