package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// ClientConfig is who asks whom.
type ClientConfig struct {
	// URL is where the coordinator is, as in http://coordinator:7070. A path goes before
	// those of the API.
	URL string

	// Dependency is what the breakers guard, Name is what this program is, and Identity is
	// which of those. No two may have the same Identity: it is where they are set apart.
	Dependency, Name, Identity string

	// Spread is in how long there is one trial of this member while the coordinator is
	// away. 0 means 1 min. For N members and n trials a second it is N/n seconds.
	Spread time.Duration

	// HTTP is what the requests are made with. Nil means a client of its own.
	HTTP *http.Client
}

// Validate names every problem, one error each.
func (c *ClientConfig) Validate() error {
	var found []error
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		found = append(found, fmt.Errorf("%w: URL %q is not like http://coordinator:7070", ErrConfig, c.URL))
	}
	if err := (Registration{c.Dependency, c.Name, c.Identity}).validate(); err != nil {
		found = append(found, fmt.Errorf("%w: %w", ErrConfig, err))
	}
	if c.Spread < 0 || c.Spread > maxTime {
		found = append(found, fmt.Errorf("%w: Spread %v is not between 0 and %v", ErrConfig, c.Spread, maxTime))
	}
	return errors.Join(found...)
}

// Client is a [Member] that talks to a coordinator: the [breaker.Gate] of the breakers that
// a program has for one dependency. It is made by [NewClient]; without Run it is alone.
type Client struct {
	wire   wire
	who    Registration
	began  time.Time
	signal chan struct{} // there may be something to say
	turn   chan struct{} // there may be a slot

	mu       sync.Mutex
	member   *Member            // guarded by mu
	breakers []*breaker.Breaker // guarded by mu
}

// NewClient refuses a config with all that is wrong with it. It asks nobody.
func NewClient(c ClientConfig) (*Client, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{}
	}
	return &Client{
		wire: wire{base: strings.TrimRight(c.URL, "/"), http: c.HTTP}, who: Registration{c.Dependency, c.Name, c.Identity}, began: time.Now(),
		signal: make(chan struct{}, 1), turn: make(chan struct{}, 1),
		member: NewMember(c.Identity, c.Spread),
	}, nil
}

// New makes a breaker that asks the fleet before it tries, tells it what it found, and is
// closed when the fleet says so. It should live as long as the client. Spread and Identity
// of its config are left out: the fleet keeps trials apart, and while nobody coordinates
// them [ClientConfig.Spread] does. One that is [breaker.Config.ProbeOnly] is so while the
// coordinator is there: who probes is gone with it.
func (c *Client) New(config breaker.Config) (*breaker.Breaker, error) {
	if config.Gate != nil {
		return nil, fmt.Errorf("%w: the breaker has a Gate already", ErrConfig)
	}
	config.Spread, config.Identity = 0, ""
	if config.ProbeOnly {
		if err := config.Validate(); err != nil { // it may not say how its calls would try
			return nil, err
		}
		config.ProbeOnly, config.Gate = false, probed{c}
	} else {
		config.Gate = c
	}
	listen := config.Listen
	config.Listen = func(e breaker.Event) {
		c.heard(e)
		if listen != nil {
			listen(e)
		}
	}
	b, err := breaker.New(config)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.breakers = append(c.breakers, b)
	return b, nil
}

// Settings asks the coordinator how the breakers of the dependency are to be set: JSON, as
// who runs it has written it. Package settings reads it. Nothing waits for it but who asks.
func (c *Client) Settings(ctx context.Context) (json.RawMessage, error) {
	set, err := c.wire.settings(ctx, c.who.Dependency)
	if err != nil {
		return nil, fmt.Errorf("ask for the settings of %s: %w", c.who.Dependency, err)
	}
	return set, nil
}

func (c *Client) heard(e breaker.Event) {
	c.mu.Lock()
	switch e.Why {
	case breaker.TrialsPassed:
		c.member.Ended(Passed)
	case breaker.TrialFailed, breaker.TrialExpired:
		c.member.Ended(Failed)
	case breaker.Tripped, breaker.DelayOver, breaker.ByHand, breaker.Forced:
	}
	c.mu.Unlock()
	poke(c.signal)
}

// Take implements [breaker.Gate]: it answers from what it knows. The time is its own.
func (c *Client) Take(time.Duration) time.Duration {
	c.mu.Lock()
	wait := c.member.Take(c.now())
	c.mu.Unlock()
	poke(c.signal)
	return wait
}

// probed is the gate of breakers that somebody probes for.
type probed struct{ *Client }

// Take implements [breaker.Gate].
func (p probed) Take(time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.member.TakeAlone(p.now())
}

func (c *Client) now() time.Duration { return time.Since(c.began) }

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// open tells whether a breaker is not closed. It is asked without the lock: it may tell
// who listens.
func (c *Client) open() bool {
	for _, b := range c.all() {
		if s := b.State(); s == breaker.Open || s == breaker.HalfOpen {
			return true
		}
	}
	return false
}

func (c *Client) all() []*breaker.Breaker {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.breakers
}

// Run belongs to the fleet until ctx ends. A coordinator that is away is no error: it is
// asked again, after a while that grows and is not the same for any two members.
func (c *Client) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var slots sync.WaitGroup
	slots.Go(func() { c.takeTurns(ctx) })
	defer slots.Wait()
	defer stop()
	for failed := 0; ctx.Err() == nil; failed++ {
		if m, err := c.wire.register(ctx, c.who); err == nil {
			failed = 0
			c.belong(ctx, m)
		}
		c.mu.Lock()
		c.member.Away()
		c.mu.Unlock()
		pause(ctx, c.delay(failed))
	}
	return nil
}

// delay doubles from half a second to 16 s, and up to as much again is added.
func (c *Client) delay(failed int) time.Duration {
	d := 500 * time.Millisecond << min(failed, 5)
	return d + time.Duration(float64(d)*part(hash(c.who.Identity)+uint64(failed)<<32))
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// takeTurns closes the breakers when the member's slot comes, also while the coordinator is
// away: the slots of all are apart.
func (c *Client) takeTurns(ctx context.Context) {
	for ctx.Err() == nil {
		c.mu.Lock()
		now := c.now()
		due, slot := c.member.Due(now), c.member.slot
		c.mu.Unlock()
		if due {
			for _, b := range c.all() {
				if s := b.State(); s == breaker.Open || s == breaker.HalfOpen {
					b.Reset()
				}
			}
			poke(c.signal)
			continue
		}
		wait(ctx, c.turn, slot-now, slot != never)
	}
}

// wait for a signal, and for no longer than d if that is set.
func wait(ctx context.Context, signal <-chan struct{}, d time.Duration, set bool) {
	var after <-chan time.Time
	if set {
		t := time.NewTimer(d)
		defer t.Stop()
		after = t.C
	}
	select {
	case <-signal:
	case <-after:
	case <-ctx.Done():
	}
}
