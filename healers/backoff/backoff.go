package backoff

import "time"

// Kubelet's constants.
const (
	DefaultInitial = 10 * time.Second
	DefaultMax     = 5 * time.Minute
	DefaultReset   = 10 * time.Minute
)

// Config says how a delay grows. The zero value is kubelet's: 10 s, doubling to
// 5 min, over after 10 min.
type Config struct {
	Initial time.Duration `json:"initial,omitempty"` // 0 means DefaultInitial
	Max     time.Duration `json:"max,omitempty"`     // 0 means DefaultMax; one below Initial lowers it
	// Reset: what ran for longer than this since its last start has no history. 0
	// means DefaultReset.
	Reset time.Duration `json:"reset,omitempty"`
}

// Entry is the history of one thing. The zero value has none.
type Entry struct {
	// Delay is what must pass between the next end and the start after it.
	Delay time.Duration `json:"delay"`
	// Last is when it was last started.
	Last time.Duration `json:"last"`
}

func (c Config) filled() Config {
	if c.Initial <= 0 {
		c.Initial = DefaultInitial
	}
	if c.Max <= 0 {
		c.Max = DefaultMax
	}
	if c.Reset <= 0 {
		c.Reset = DefaultReset
	}
	c.Initial = min(c.Initial, c.Max)
	return c
}

// Until is the earliest time at which something that ended at ended may be
// started again: ended itself where there is no history, or where that is over.
func (c Config) Until(e Entry, ended time.Duration) time.Duration {
	c = c.filled()
	if c.over(e, ended) {
		return ended
	}
	return ended + min(e.Delay, c.Max)
}

// Next is the entry after a start at now of what ended at ended.
func (c Config) Next(e Entry, ended, now time.Duration) Entry {
	c = c.filled()
	if c.over(e, ended) {
		return Entry{Delay: c.Initial, Last: now}
	}
	return Entry{Delay: min(2*e.Delay, c.Max), Last: now}
}

// over: there is no history, or it ran long enough to be forgiven. Flat and
// strict, as kubelet has it: exactly Reset is not enough.
func (c Config) over(e Entry, ended time.Duration) bool {
	return e.Delay <= 0 || ended-e.Last > c.Reset
}
