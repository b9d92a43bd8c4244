package breaker

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Breaker is a circuit breaker for any number of goroutines. It is made by [New]. One that
// is used in a synctest bubble must be made in it.
type Breaker struct {
	// word is the generation, in the upper half, and flags: all that most calls need. It
	// is read and written by functions of atomic alone.
	word    uint64                    //nolint:modernize // atomic.Uint64 makes Allow too much to be inlined
	refusal atomic.Pointer[OpenError] // of the state that refuses, made with it
	mu      sync.Mutex
	armed   time.Duration // when the timer wakes it, or never; guarded by mu
	core    Core          // guarded by mu; what its pointers point to is set once
}

// The flags, in the lower half of a word. That of a permit is the word that it was given
// by, or a trial. But for quiet none may be a number that an [Outcome] can be.
const (
	quiet  uint64 = uint64(OK) // a success counts for nothing, now and later
	refuse uint64 = 1 << 8     // every call is refused
	locked uint64 = 1 << 9     // whether a call is admitted, and counts, takes the lock
	timed  uint64 = 1 << 10    // calls are timed
	heed   uint64 = 1 << 11    // a success may count
	streak uint64 = 1 << 12    // it does: it ends a row of failures
	trial  uint64 = 1 << 31    // the rest is the number of a lease
)

const never = math.MaxInt64

// New makes a breaker, or refuses a config with all that is wrong with it.
func New(config Config) (*Breaker, error) {
	b := &Breaker{armed: never}
	if err := b.core.begin(&config, clock()); err != nil {
		return nil, err
	}
	b.publish()
	return b, nil
}

// epoch is where the clock of all breakers begins.
var epoch = time.Now()

// clock is monotonic: Since reads nothing else of an epoch that has it.
func clock() time.Duration { return time.Since(epoch) }

// Permit is leave for one call. It is given back by Done, once; the zero Permit needs no
// Done. It is for one goroutine at a time. Do not copy one: the breaker knows trials by what
// is in them, but two copies of another are two calls to it.
type Permit struct {
	b     *Breaker
	at    uint64 // with start, a Ticket; apart, for the inliner
	start time.Duration
}

// Allow gives a permit, or an [OpenError].
func (b *Breaker) Allow() (p Permit, err error) {
	p.b, p.at = b, atomic.LoadUint64(&b.word)
	if p.at&(refuse|locked|timed) != 0 {
		err = p.allow()
	}
	return
}

// Done says how the call ended. Of a permit only the first Done counts, however late, and
// it counts for nothing if the breaker has changed its state since Allow.
func (p *Permit) Done(o Outcome) {
	if uint32(p.at) != uint32(o) { // else it is quiet, and OK
		p.done(o)
	}
	p.at = 0
}

// Trial tells whether the call is a trial, until Done.
func (p *Permit) Trial() bool { return p.at&trial != 0 }

// allow is Allow, where a look at the word is not enough.
func (p *Permit) allow() error {
	b := p.b
	switch {
	case p.at&refuse != 0:
		b.core.count(countRejected)
	case p.at&locked == 0: // timed
		p.start = clock()
		return nil
	default:
		if t, ok := b.ask(); ok {
			p.at, p.start = t.at, t.start
			return nil
		}
	}
	*p = Permit{}
	return b.refusal.Load()
}

func (b *Breaker) ask() (Ticket, bool) {
	b.mu.Lock()
	defer b.unlock()
	return b.core.Allow(clock())
}

// done is Done, where the outcome may count.
func (p *Permit) done(o Outcome) {
	if p.at == 0 {
		return
	}
	b, t := p.b, Ticket{at: p.at, start: p.start}
	w := atomic.LoadUint64(&b.word)
	switch {
	case w>>32 != t.at>>32:
		b.core.count(countStale)
	case (t.at&trial|w&locked) == 0 && (o == Neutral || o == OK && b.core.cheap(w, t)):
		b.core.count(countOK + uint8(o-OK))
	default:
		b.end(t, o)
	}
}

func (b *Breaker) end(t Ticket, o Outcome) {
	b.mu.Lock()
	defer b.unlock()
	b.core.Done(clock(), t, o)
}

// cheap tells whether a success has been counted, or has not to be, without the lock.
func (c *Core) cheap(w uint64, t Ticket) bool {
	switch {
	case c.rate == nil:
		return w&streak == 0
	case w&timed != 0 && clock()-t.start >= c.rate.slowAfter:
		return false
	}
	return c.rate.waiting.put(t.gen())
}

// unlock makes known what has changed, and tells who listens.
func (b *Breaker) unlock() {
	b.publish()
	b.arm()
	tell := b.core.extra != nil && b.core.extra.events.begin()
	b.mu.Unlock()
	if tell {
		b.tell()
	}
}

// publish brings the word up to date, and first the refusal that goes with it.
func (b *Breaker) publish() {
	w := b.core.word()
	old := atomic.LoadUint64(&b.word)
	if w == old {
		return
	}
	if w&(refuse|locked) != 0 && (w>>32 != old>>32 || old&(refuse|locked) == 0) {
		b.refusal.Store(&OpenError{Name: b.core.name, State: b.core.phase, b: b})
	}
	atomic.StoreUint64(&b.word, w)
}

// word is what calls need to know of a core.
func (c *Core) word() uint64 {
	w := heed
	switch c.phase {
	case Closed:
		if c.ramping && c.mode != MetricsOnly {
			w |= locked
		}
		if c.rate != nil && c.rate.slowAfter > 0 {
			w |= timed
		}
		if c.streak > 0 {
			w |= streak
		}
		if w == heed && c.quiet {
			w = quiet
		}
	case HalfOpen:
		w |= locked
		if c.full() && c.mode != MetricsOnly && !c.near() {
			w |= refuse
		}
	case Open:
		switch {
		case c.near():
			w |= locked
		case c.mode == MetricsOnly:
		default:
			w |= refuse
		}
	case ForcedOpen:
		w |= refuse
	case ForcedClosed:
	}
	return uint64(c.gen)<<32 | w
}

// early is how long before it changes by itself calls begin to ask the clock. A timer only
// starts a goroutine, and who has slept until then may run before that: at the very instant,
// as in testing/synctest, or after it by as much as the machine is busy. It is as long as
// goroutines wait for their turn where there are several for each core.
const early = 50 * time.Millisecond

// near: it is about to change by itself.
func (c *Core) near() bool {
	next, ok := c.Next()
	return ok && c.last >= next-early
}

// arm sees to it that it wakes before it changes by itself, and when it does. A timer that
// is armed is left alone, and arms the next: trials come and go faster than their leases.
func (b *Breaker) arm() {
	next, ok := b.core.Next()
	if !ok {
		return
	}
	if !b.core.near() {
		next -= early
	}
	if next < b.armed {
		b.armed = next
		time.AfterFunc(next-b.core.last, b.wake)
	}
}

func (b *Breaker) wake() {
	b.mu.Lock()
	defer b.unlock()
	b.core.Tick(clock())
	if b.core.last >= b.armed {
		b.armed = never
	}
}
