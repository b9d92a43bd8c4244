package grpcbreaker

import (
	"hash/fnv"
	"slices"
	"sync"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// maxNames is how many breakers a [Set] makes at most: a server that takes methods that it
// does not know is told names by strangers.
const maxNames = 1000

// Set is a breaker for each name, all of one Config, made when the name is first asked
// for: for one per method, or per target. It is made by [NewSet].
//
//	methods, err := grpcbreaker.NewSet(breaker.Config{Name: "store"})
//	...
//	guard := grpcbreaker.Client{For: func(_, method string) *breaker.Breaker { return methods.Of(method) }}
type Set struct {
	config breaker.Config
	known  sync.Map // of *breaker.Breaker by name; read without a lock
	others *breaker.Breaker

	mu   sync.Mutex
	all  []*breaker.Breaker // guarded by mu
	full bool               // others is in all; guarded by mu
}

// NewSet refuses what [breaker.New] does. A breaker's name is that of the Config and its
// own: store/shop.Store/Read. A Seed gives each breaker its own jitter. A Gate and a Listen
// are shared.
func NewSet(config breaker.Config) (*Set, error) {
	s := &Set{config: config}
	others, err := breaker.New(s.named(" (others)"))
	if err != nil {
		return nil, err
	}
	s.others = others
	return s, nil
}

// Of is the breaker of a name. After a thousand names all further ones share one.
func (s *Set) Of(name string) *breaker.Breaker {
	if b, ok := s.known.Load(name); ok {
		return b.(*breaker.Breaker)
	}
	return s.made(name)
}

func (s *Set) made(name string) *breaker.Breaker {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.known.Load(name); ok { // by another, meanwhile
		return b.(*breaker.Breaker)
	}
	if len(s.all) >= maxNames {
		return s.rest()
	}
	b, err := breaker.New(s.named(name))
	if err != nil { // the Config was found good, but for the name
		return s.rest()
	}
	s.known.Store(name, b)
	s.all = append(s.all, b)
	return b
}

// rest is the breaker of those without one of their own. The lock is held.
func (s *Set) rest() *breaker.Breaker {
	if !s.full {
		s.full, s.all = true, append(s.all, s.others)
	}
	return s.others
}

// All are the breakers made so far, in that order, for metrics.
func (s *Set) All() []*breaker.Breaker {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

func (s *Set) named(name string) breaker.Config {
	c := s.config
	c.Name += name
	if c.Seed != 0 { // the same for all would have them try in step
		h := fnv.New64a()
		_, _ = h.Write([]byte(name)) // never fails
		c.Seed = max(1, c.Seed^h.Sum64())
	}
	return c
}
