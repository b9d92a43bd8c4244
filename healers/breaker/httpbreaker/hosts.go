package httpbreaker

import (
	"container/list"
	"hash/fnv"
	"net/http"
	"strings"
	"sync"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// DefaultHosts is how many hosts are kept where nothing else is said.
const DefaultHosts = 1024

// Hosts is a breaker for each host, with its port, made when it is first asked for. Beyond
// a number the one that was asked for longest ago is forgotten.
type Hosts struct {
	config breaker.Config
	max    int

	mu     sync.Mutex
	recent list.List // of *host, the latest first
	byName map[string]*list.Element
}

type host struct {
	name    string
	breaker *breaker.Breaker
}

// NewHosts makes breakers by a config, whose Name is replaced by the host; with a Seed,
// each has another of its own. At most so many are kept; 0 means 1024.
func NewHosts(config breaker.Config, most int) (*Hosts, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if most <= 0 {
		most = DefaultHosts
	}
	return &Hosts{config: config, max: most, byName: map[string]*list.Element{}}, nil
}

// Of is the breaker of the host that a request goes to: for [Transport.Choose].
func (h *Hosts) Of(r *http.Request) *breaker.Breaker {
	if r.URL == nil || r.URL.Host == "" {
		return nil
	}
	return h.Named(strings.ToLower(r.URL.Host))
}

// Named is the breaker of a host.
func (h *Hosts) Named(name string) *breaker.Breaker {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e, ok := h.byName[name]; ok {
		h.recent.MoveToFront(e)
		return e.Value.(*host).breaker
	}
	config := h.config
	config.Name = name
	if config.Seed != 0 {
		sum := fnv.New64a()
		_, _ = sum.Write([]byte(name))
		config.Seed ^= sum.Sum64()
	}
	b, err := breaker.New(config)
	if err != nil {
		return nil // no name makes a config wrong
	}
	h.byName[name] = h.recent.PushFront(&host{name: name, breaker: b})
	for h.recent.Len() > h.max {
		last := h.recent.Back()
		delete(h.byName, h.recent.Remove(last).(*host).name)
	}
	return b
}

// All are the breakers that there are now, the latest asked for first: for metrics.
func (h *Hosts) All() []*breaker.Breaker {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*breaker.Breaker, 0, h.recent.Len())
	for e := h.recent.Front(); e != nil; e = e.Next() {
		all = append(all, e.Value.(*host).breaker)
	}
	return all
}
