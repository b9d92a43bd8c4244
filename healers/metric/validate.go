package metric

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
)

// leastEvery keeps a slip of the pen from flooding whoever is asked.
const leastEvery = 100 * time.Millisecond

// checking gathers what is wrong with one source.
type checking struct {
	at    string
	found manifest.Problems
}

func (c *checking) add(field, format string, args ...any) {
	at := c.at
	if field != "" && at != "" {
		at += "."
	}
	c.found = append(c.found, manifest.Problem{Field: at + field, Text: fmt.Sprintf(format, args...)})
}

// Validate finds all that is wrong with the source, by the fields below at.
func (s *Source) Validate(at string) manifest.Problems {
	c := &checking{at: at}
	var ways int
	for _, there := range []bool{s.Scrape != nil, s.Prometheus != nil, s.HTTP != nil, s.Usage} {
		if there {
			ways++
		}
	}
	switch {
	case ways == 0:
		c.add("", "expected scrape, prometheus, http or usage")
	case ways > 1:
		c.add("", "expected one of scrape, prometheus, http and usage, got %d", ways)
	}
	switch {
	case s.Usage && s.Metric != "" && s.Metric != CPU && s.Metric != Memory:
		c.add("metric", "expected %s or %s, which is what is metered, got %q", CPU, Memory, s.Metric)
	case !s.Usage && s.Metric == "":
		c.add("metric", "expected the name of the metric")
	}
	if s.Containers && !s.Usage {
		c.add("containers", "leave it out: containers are told apart by usage alone")
	}
	if s.ofInstances() && s.Workload == "" {
		c.add("workload", "expected the workload whose instances are asked")
	}
	if s.Workload != "" && !manifest.ValidName(s.Workload) {
		c.add("workload", "expected the name of a workload, got %q", s.Workload)
	}
	c.times(s)
	if s.Scrape != nil {
		c.scrape(s.Scrape)
	}
	if p := s.Prometheus; p != nil {
		c.url("prometheus.url", p.URL, false)
		if strings.TrimSpace(p.Query) == "" {
			c.add("prometheus.query", "expected a query in PromQL")
		}
	}
	if h := s.HTTP; h != nil {
		c.url("http.url", h.URL, true)
		c.path("http.field", h.Field)
		c.path("http.timestampField", h.TimestampField)
	}
	return c.found
}

func (c *checking) times(s *Source) {
	whole := s.Complete()
	switch {
	case s.Every < 0 || s.Every > 0 && s.Every < leastEvery:
		c.add("every", "expected %s or more, got %s", leastEvery, s.Every)
		return // what hangs on it has no say
	case s.MaxAge < 0 || whole.MaxAge < whole.Every:
		c.add("maxAge", "expected every (%s) or more, got %s: a sample would be too old before the next comes", whole.Every, s.MaxAge)
	}
	if s.Timeout < 0 || whole.Timeout > whole.Every {
		c.add("timeout", "expected every (%s) or less, got %s", whole.Every, s.Timeout)
	}
}

func (c *checking) scrape(s *Scrape) {
	if s.Port == "" {
		c.add("scrape.port", "expected the name of a port, like http")
	}
	if s.Path != "" {
		if _, err := url.Parse(home + s.Path); err != nil || !strings.HasPrefix(s.Path, "/") {
			c.add("scrape.path", "expected a path that begins with /, got %q", s.Path)
		}
	}
	if !plainText(s.Name) {
		c.add("scrape.name", "expected the name of a series, got %q", s.Name)
	}
	for k := range s.Labels {
		switch {
		case k == "" || !plainText(k):
			c.add("scrape.labels", "expected the name of a label, got %q", k)
		case k == nameLabel:
			c.add("scrape.labels", "write scrape.name for the name of the series")
		}
	}
}

// url checks an address that is asked as it is, or below which something is asked.
func (c *checking) url(field, s string, query bool) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		c.add(field, "expected an address: %v", bare(err))
	case u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		c.add(field, "expected an address that begins with http:// or https://, got %q", u.Redacted())
	case u.Fragment != "":
		c.add(field, "expected an address without a fragment, which nobody is sent: #%s", u.Fragment)
	case !query && (u.RawQuery != "" || u.ForceQuery):
		c.add(field, "expected the address below which the API is, without a query, got ?%s", u.RawQuery)
	}
}

func (c *checking) path(field, s string) {
	if _, err := parsePath(s); err != nil {
		c.add(field, "expected a path like queue.depth or items[0].value: %v", err)
	}
}
