package probe

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

const (
	agent = "rebound-probe"
	// home is what an instance is called in a request, as kubelet takes the pod's
	// address; the header Host gives it another name.
	home = "localhost"
	// maxRedirects is that of kubelet.
	maxRedirects = 10
)

// errElsewhere stops a redirect that leaves the port.
var errElsewhere = errors.New("redirected to another port")

// httpGet asks by a request. What goes over the wire is written once, when the
// policy is read.
type httpGet struct {
	port   string
	secure *tls.Config // nil: in the clear
	keep   bool
	first  *http.Request
	sent   []byte // the first request
	talk   func(net.Conn, *http.Request, []byte) (answer, error)
}

func newHTTPGet(g *corev1.HTTPGetAction, keep bool) handler {
	u, err := url.Parse(g.Path)
	if err != nil {
		u = &url.URL{Path: g.Path} // as kubelet: what is no URL is taken to the letter
	}
	u.Scheme, u.Host, u.User = strings.ToLower(cmp.Or(string(g.Scheme), string(corev1.URISchemeHTTP))), home, nil
	h := &httpGet{port: g.Port.String(), keep: keep, talk: talkHTTP1}
	if u.Scheme == "https" {
		h.secure = unverified()
	}
	h.first = &http.Request{Method: http.MethodGet, URL: u, Header: headerOf(g.HTTPHeaders)}
	h.first.Host = h.first.Header.Get("Host")
	if g.Protocol != nil && *g.Protocol == corev1.HTTPProtocolHTTP2 {
		h.talk, h.keep = talkHTTP2, false
	}
	h.first.Close = !h.keep
	if h.sent, err = written(h.first); err != nil {
		return cannot("the request cannot be written: " + err.Error())
	}
	return h
}

// headerOf is kubelet's: an empty Accept or User-Agent sends none.
func headerOf(headers []corev1.HTTPHeader) http.Header {
	out := http.Header{}
	for _, h := range headers {
		out.Add(h.Name, h.Value)
	}
	if _, ok := out["User-Agent"]; !ok {
		out.Set("User-Agent", agent)
	}
	if _, ok := out["Accept"]; !ok {
		out.Set("Accept", "*/*")
	} else if out.Get("Accept") == "" {
		out.Del("Accept")
	}
	return out
}

func written(req *http.Request) ([]byte, error) {
	var b bytes.Buffer
	if err := req.Write(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (h *httpGet) ask(ctx context.Context, k *look) (Result, string) {
	req, sent := h.first, h.sent
	for hops := 1; ; hops++ {
		a, err := h.exchange(ctx, k, req, sent)
		if err != nil {
			r, detail := blame(ctx, err)
			if r == Failure && a.status != 0 {
				// Kubelet throws this away, and so never sees a server that hangs behind
				// its header.
				detail = fmt.Sprintf("status %d, but no end of its body", a.status)
			}
			return r, detail
		}
		next, err := h.follow(req, a)
		switch {
		case errors.Is(err, errElsewhere):
			return Success, errElsewhere.Error()
		case err != nil:
			return Failure, err.Error()
		case next == nil:
			return a.verdict()
		case hops == maxRedirects:
			return Failure, fmt.Sprintf("stopped after %d redirects", maxRedirects)
		}
		if sent, err = written(next); err != nil {
			return Failure, "redirected to what cannot be asked: " + err.Error()
		}
		req = next
	}
}

// exchange sends one request and reads its answer. Who has hung up on a connection
// that was kept, while nobody asked, is asked once more over a fresh one; the limit
// of the look holds for both.
func (h *httpGet) exchange(ctx context.Context, k *look, req *http.Request, sent []byte) (answer, error) {
	if c, ok := k.reuse(); ok {
		a, err := h.over(c, k, req, sent)
		if !a.stale() || ctx.Err() != nil {
			return a, err
		}
		k.drop()
	}
	c, err := k.dial(ctx, h.port)
	if err != nil {
		return answer{}, err
	}
	if h.secure != nil {
		c = tls.Client(c, h.secure) // shakes hands with the first write
	}
	return h.over(c, k, req, sent)
}

// over asks over a connection, and keeps it where it may and can be used again. Who
// fails is asked over a fresh one next.
func (h *httpGet) over(c net.Conn, k *look, req *http.Request, sent []byte) (answer, error) {
	a, err := h.talk(c, req, sent)
	switch {
	case err != nil:
		_ = bare(c).Close()
	case h.keep && a.again && a.status < 400:
		k.kept = c
	default:
		if t, ok := c.(*net.TCPConn); ok {
			// All was said: neither side has to remember the connection for a minute, and
			// no machine that asks much runs out of ports (k/k#89898).
			_ = t.SetLinger(0)
		}
		_ = c.Close()
	}
	return a, err
}

// follow is the request that a redirect asks for, by the rules of net/http and
// kubelet; nil: the answer is no redirect, or one to another host, which kubelet
// takes for a success. We differ in that another port is not followed either: a
// probe reaches the port that it names.
func (h *httpGet) follow(last *http.Request, a answer) (*http.Request, error) {
	switch a.status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	if a.location == "" {
		return nil, nil
	}
	u, err := last.URL.Parse(a.location)
	if err != nil {
		return nil, fmt.Errorf("redirected to what is no address: %q", a.location)
	}
	if u.Hostname() != h.first.URL.Hostname() {
		return nil, nil
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("redirected to what is not HTTP: %q", a.location)
	}
	if u.Scheme != h.first.URL.Scheme || portOf(u) != portOf(h.first.URL) {
		return nil, errElsewhere
	}
	next := &http.Request{Method: http.MethodGet, URL: u, Header: h.first.Header.Clone(), Close: h.first.Close}
	if next.Header.Get("Referer") == "" {
		from := *last.URL
		from.User = nil
		next.Header.Set("Referer", from.String())
	}
	if to, err := url.Parse(a.location); err == nil && !to.IsAbs() {
		next.Host = last.Host
	}
	return next, nil
}

func portOf(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}
