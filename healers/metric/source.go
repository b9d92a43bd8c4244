package metric

import (
	"cmp"
	"net/http"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

const (
	defaultEvery   = 15 * time.Second
	defaultTimeout = 2 * time.Second
	// outdated is after how many periods a sample is too old.
	outdated    = 3
	defaultPath = "/metrics"
)

// Source says where one metric comes from: exactly one of Scrape, Prometheus, HTTP and Usage.
type Source struct {
	// Metric is its name, as the HorizontalPodAutoscaler calls it. A source of Usage always
	// gives both [CPU] and [Memory], and needs none.
	Metric string `json:"metric,omitempty"`
	// Workload is whose instances are asked, by Scrape and Usage; of the others, whose number
	// it is.
	Workload string `json:"workload,omitempty"`

	Scrape     *Scrape     `json:"scrape,omitempty"`
	Prometheus *Prometheus `json:"prometheus,omitempty"`
	HTTP       *HTTP       `json:"http,omitempty"`
	Usage      bool        `json:"usage,omitempty"`
	// Containers: of Usage each container is wanted too, by the names of [OfContainer].
	Containers bool `json:"containers,omitempty"`

	// Every is how often it is asked; 0 means 15 s.
	Every time.Duration `json:"every,omitempty"`
	// MaxAge is how old a sample may be that counts; 0 means three times Every.
	MaxAge time.Duration `json:"maxAge,omitempty"`
	// Timeout is how long one answer may take; 0 means 2 s, or half of Every if
	// that is less: instances are asked in the first half of a period, and one that hangs must
	// not cost the next.
	Timeout time.Duration `json:"timeout,omitempty"`
}

// Complete is the source with its defaults filled in.
func (s Source) Complete() Source {
	s.Every = cmp.Or(s.Every, defaultEvery)
	s.MaxAge = cmp.Or(s.MaxAge, outdated*s.Every)
	s.Timeout = cmp.Or(s.Timeout, min(defaultTimeout, s.Every/2))
	if s.Scrape != nil {
		p := *s.Scrape
		p.Path, p.Name = cmp.Or(p.Path, defaultPath), cmp.Or(p.Name, s.Metric)
		s.Scrape = &p
	}
	return s
}

// ofInstances: it is the instances that are asked, each by itself.
func (s *Source) ofInstances() bool { return s.Scrape != nil || s.Usage }

// asker is what asks for a complete source.
func (s *Source) asker(system sut.System, client *http.Client) asker {
	switch {
	case s.Scrape != nil:
		return &scraper{system: system, scrape: s.Scrape, metric: s.Metric, every: s.Every, maxAge: s.MaxAge}
	case s.Prometheus != nil:
		return &querier{client: client, prometheus: s.Prometheus, metric: s.Metric}
	case s.HTTP != nil:
		return newDocument(client, s.HTTP, s.Metric)
	default:
		return &gauge{system: system, containers: s.Containers}
	}
}
