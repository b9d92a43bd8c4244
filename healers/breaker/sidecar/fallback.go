package sidecar

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
)

// DegradedHeader marks an answer that is a fallback: true.
const DegradedHeader = "X-Rebound-Degraded"

// Fallback is an answer of HTTP.
type Fallback struct {
	// Status is 200 where it is 0.
	Status  int
	Headers map[string]string
	Body    string
	// Methods are those that it answers. None means GET and HEAD.
	Methods []string
}

type fallbackFile struct {
	Status  int               `json:"status,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body,omitempty"`
	Methods []string          `json:"methods,omitempty"`
}

// ReadFallback reads a fallback from YAML, strictly, and names every problem with its
// position:
//
//	status: 200
//	headers: {Content-Type: application/json}
//	body: '{"items": []}'
//	methods: [GET]
func ReadFallback(file string, data []byte) (*Fallback, error) {
	var in fallbackFile
	doc, err := manifest.Decode(file, data, &in)
	f := Fallback(in)
	if !doc.Read() {
		return nil, err
	}
	var found []manifest.Problem
	f.check(func(field, format string, args ...any) { found = append(found, doc.Problem(field, format, args...)) })
	if err := manifest.Join(err, found...); err != nil {
		return nil, err
	}
	return &f, nil
}

// Validate names every problem, one error each.
func (f *Fallback) Validate() error {
	var found []error
	f.check(func(field, format string, args ...any) {
		found = append(found, fmt.Errorf("%w: fallback %s: "+format, append([]any{ErrConfig, field}, args...)...))
	})
	return errors.Join(found...)
}

// kept are headers that the proxy writes itself, or that are a connection's.
var kept = []string{
	"Connection", "Content-Length", "Date", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	DegradedHeader, ByHeader,
}

func (f *Fallback) check(problem func(field, format string, args ...any)) {
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		problem("status", "expected a status from 200 to 599, got %d", f.Status)
	}
	if bodiless := f.Status == http.StatusNoContent || f.Status == http.StatusNotModified; bodiless && f.Body != "" {
		problem("body", "an answer with status %d has none", f.Status)
	}
	seen := map[string]bool{}
	for _, name := range sorted(f.Headers) {
		field := "headers." + name
		twice := seen[http.CanonicalHeaderKey(name)]
		seen[http.CanonicalHeaderKey(name)] = true
		switch {
		case twice:
			problem(field, "it is there twice")
		case !token(name):
			problem(field, "%q is no name of a header", name)
		case slices.Contains(kept, http.CanonicalHeaderKey(name)):
			problem(field, "the proxy writes it itself")
		case strings.ContainsFunc(f.Headers[name], func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			problem(field, "%q cannot be in a header", f.Headers[name])
		}
	}
	for i, m := range f.Methods {
		if m == "" || m != strings.ToUpper(m) || !token(m) {
			problem(fmt.Sprintf("methods[%d]", i), "expected a method like GET, got %q", m)
		}
	}
}

// token tells whether a text can be the name of a header or a method.
func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	})
}

func sorted(m map[string]string) []string {
	all := make([]string, 0, len(m))
	for name := range m {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// answers tells whether a request of the method may have it.
func (f *Fallback) answers(method string) bool {
	if len(f.Methods) > 0 {
		return slices.Contains(f.Methods, method)
	}
	return method == http.MethodGet || method == http.MethodHead
}

func (f *Fallback) serve(w http.ResponseWriter) {
	for name, value := range f.Headers {
		w.Header().Set(name, value)
	}
	w.Header().Set(DegradedHeader, "true")
	status := f.Status
	if status == 0 {
		status = http.StatusOK
	}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(len(f.Body)))
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(f.Body)) // who asked may be gone
}
