package metric

import (
	"context"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// home is what an instance is called in a request, as a probe calls it.
const home = "http://localhost"

// Scrape asks every running instance for a page in the text format of Prometheus, or of
// OpenMetrics, and adds up the series that match.
type Scrape struct {
	// Port is the name of the port, or the number that declares it.
	Port string `json:"port"`
	// Path is where the page is; empty means /metrics.
	Path string `json:"path,omitempty"`
	// Name is that of the series, like http_requests_total; empty means the metric's. The
	// parts of a histogram or summary have names of their own: x_sum, x_count, x_bucket.
	Name string `json:"name,omitempty"`
	// Labels are those that a series must carry.
	Labels map[string]string `json:"labels,omitempty"`
	// Rate: the series are counters, and the value is by how much they grew per second
	// between two looks. A counter that fell, or is gone, begins anew, as all do with a new
	// incarnation, and then there is no value until the next look.
	Rate bool `json:"rate,omitempty"`
}

// scraper asks instances for their pages.
type scraper struct {
	system        sut.System
	scrape        *Scrape
	metric        string
	every, maxAge time.Duration
}

func (s *scraper) ask(ctx context.Context, f *followed) ([]Sample, []Failure, error) {
	p, err := s.fetch(ctx, f.Target)
	if err != nil {
		return nil, nil, err
	}
	one := Sample{Metric: s.metric, At: p.at}
	if s.scrape.Rate {
		one.Value, one.Window, err = f.growth(p, s.every/4, s.maxAge)
	} else {
		one.Value, err = p.sum()
	}
	if err != nil {
		return nil, nil, err
	}
	return []Sample{one}, nil, nil
}

// fetch reads the page of an instance over a connection of its own.
func (s *scraper) fetch(ctx context.Context, t sut.Target) (*page, error) {
	dialer, err := sut.Find[sut.Dialer](s.system, sut.CanDial, t)
	if err != nil {
		return nil, err
	}
	client := &http.Client{CheckRedirect: sameHost, Transport: &http.Transport{
		// net/http would let a dial outlive the look.
		DialContext:            func(context.Context, string, string) (net.Conn, error) { return dialer.Dial(ctx, t, s.scrape.Port) },
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: mostHead,
	}}
	resp, err := get(ctx, client, home+s.scrape.Path, http.Header{"Accept": {"text/plain;version=0.0.4;q=1,*/*;q=0.1"}}, mostPage)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	at := time.Now() // the counters were read before the answer began
	if resp.StatusCode != http.StatusOK {
		return nil, refused(resp)
	}
	p, err := parsePage(resp.Body, s.scrape, isOpen(resp.Header))
	if err != nil {
		return nil, err
	}
	if p.at.IsZero() {
		p.at = at
	}
	return p, nil
}

// isOpen tells of OpenMetrics, in which times are seconds and the end is marked.
func isOpen(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && strings.EqualFold(kind, "application/openmetrics-text")
}
