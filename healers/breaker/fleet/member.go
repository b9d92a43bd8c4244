package fleet

import (
	"math"
	"time"
)

// Member is a client without a clock, a lock and a network: every method takes the time, as
// a monotonic clock of its own has it. It is a [breaker.Gate].
type Member struct {
	spread time.Duration
	place  time.Duration // in the spread
	seed   uint64

	id      string
	here    bool // the coordinator answers
	wanted  bool // a breaker asked since the last answer
	ask     time.Duration
	trial   uint64 // that is granted and not begun, 0: none
	until   time.Duration
	last    uint64   // that has begun
	running uint64   // that has begun, and has no result yet
	news    Progress // of which the coordinator does not know yet
	told    uint64   // the trial that news is of

	sequence uint64
	hold     time.Duration
	slot     time.Duration // when to close, or never

	alone time.Duration // the next trial without a coordinator, or never
	tries uint64
}

const never = math.MaxInt64

// DefaultSpread is in how long a member that is alone tries once.
const DefaultSpread = time.Minute

// longestHold is how long a member believes a hold: one that it was told must not outlive
// a coordinator for ever.
const longestHold = 5 * time.Minute

// lookAgain is how soon a breaker may ask a member that waits for an answer.
const lookAgain = 50 * time.Millisecond

// probedAgain is how soon whoever is refused may look for what a probe has found.
const probedAgain = time.Second

// NewMember is a member that is alone at first. The spread is [ClientConfig.Spread].
func NewMember(identity string, spread time.Duration) *Member {
	m := &Member{spread: or(spread, DefaultSpread), slot: never, alone: never, hold: math.MinInt64, ask: math.MinInt64}
	m.seed = hash(identity)
	m.place = time.Duration(float64(m.spread) * part(m.seed))
	return m
}

// Take implements [breaker.Gate]. It begins the trial that it has, or says how long it is
// worth waiting.
func (m *Member) Take(now time.Duration) time.Duration {
	switch {
	case now < m.hold:
		return m.hold - now
	case m.slot != never && now < m.slot:
		return m.slot - now
	case m.trial != 0 && now < m.until:
		m.last, m.running, m.told, m.news, m.trial = m.trial, m.trial, m.trial, Begun, 0
		return 0
	case !m.here:
		return m.lonely(now)
	}
	m.wanted = true
	return max(m.ask-now, lookAgain)
}

// TakeAlone is Take for a breaker whose calls are trials only while the coordinator is away:
// else somebody probes for it.
func (m *Member) TakeAlone(now time.Duration) time.Duration {
	if m.here {
		return probedAgain
	}
	return m.Take(now)
}

// lonely gives a trial without a coordinator: one in a spread, the first at the member's
// place in it, counted from when it is first needed.
func (m *Member) lonely(now time.Duration) time.Duration {
	if m.alone == never {
		m.alone = now + m.place
	}
	if now < m.alone {
		return m.alone - now
	}
	m.tries++
	m.alone = now + m.spread + time.Duration(float64(m.spread)*part(m.seed+m.tries)/2)
	return 0
}

// Here says that the coordinator knows the member now, and by which name. By another than
// before it is another coordinator, or has forgotten.
func (m *Member) Here(now time.Duration, id string) {
	m.here, m.ask = true, now
	if m.id != id {
		m.id, m.sequence, m.last, m.running, m.trial, m.news = id, 0, 0, 0, 0, ""
	}
}

// Away says that the coordinator does not answer, or does not know the member. It goes on
// alone, from now: what it has been granted it may still use. One that is alone already keeps
// its place in the spread, however often it is told.
func (m *Member) Away() {
	if m.here {
		m.here, m.alone = false, never
	}
}

// Wants tells whether to ask for a trial now.
func (m *Member) Wants(now time.Duration) bool {
	return m.here && m.wanted && m.news == "" && now >= m.ask && now >= m.hold
}

// Answered is what the coordinator said to what was asked at a time.
func (m *Member) Answered(asked, now time.Duration, a Answer) {
	m.wanted = false
	switch {
	case !a.Granted:
		m.ask = now + a.Wait
		return
	case a.Trial <= m.last: // it has begun: an answer that was late, or to one who does not know
		if m.news == "" && a.Trial == m.last {
			m.told, m.news = a.Trial, Begun
		}
		return
	}
	// Counted from the question: the coordinator gave it later than that.
	m.trial, m.until, m.ask = a.Trial, asked+a.Valid, asked+a.Valid
}

// Ended says how the trial that has begun ended.
func (m *Member) Ended(is Progress) {
	if m.running != 0 {
		m.told, m.news, m.running = m.running, is, 0
	}
}

// News is what the coordinator is to be told of a trial, if there is something.
func (m *Member) News() (trial uint64, is Progress) { return m.told, m.news }

// Sent says that the coordinator knows now what News was.
func (m *Member) Sent(trial uint64, is Progress) {
	if m.told == trial && m.news == is {
		m.news = ""
	}
}

// Told is a directive of the coordinator.
func (m *Member) Told(now time.Duration, d Directive) {
	m.sequence = d.Sequence
	switch d.Do {
	case Close:
		m.slot, m.hold = now+d.In, now
	case Hold:
		m.slot, m.hold = never, now+min(d.For, longestHold)
	case Nothing:
	}
}

// Sequence is that of the last directive.
func (m *Member) Sequence() uint64 { return m.sequence }

// Due tells, once, that the member's slot has come: its breakers are to be closed.
func (m *Member) Due(now time.Duration) bool {
	if now < m.slot {
		return false
	}
	m.slot = never
	return true
}

// Next is when there is something to do that nobody asks for: to ask or to close.
func (m *Member) Next() (time.Duration, bool) {
	next := m.slot
	if m.here && m.wanted {
		next = min(next, max(m.ask, m.hold))
	}
	return next, next != never
}

// part is a number from 0 to below 1.
func part(x uint64) float64 { return float64(mix(x)>>11) / (1 << 53) }

// mix is the finalizer of SplitMix64: every bit of x moves every bit of the result.
func mix(x uint64) uint64 {
	x += golden
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hash is FNV-1a, so that an identity has its place on every machine.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
