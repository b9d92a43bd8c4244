package probe

import "time"

const (
	// tolerated is how late the end of a look may be noticed before the prober blames
	// itself, where half of the limit is less.
	tolerated = 250 * time.Millisecond
	// slackFrom is the lateness from which on time-outs are made longer: what is less
	// is what a timer and a scheduler do on any machine.
	slackFrom = 20 * time.Millisecond
	// slackFor is how long lateness is remembered, at least.
	slackFor = 5 * time.Second
	// tellEvery is how often health is told at most.
	tellEvery = time.Second
)

// Health is how the prober itself fares.
type Health struct {
	// Lag is the most by which a look was begun later than it was due, since health
	// was last told.
	Lag time.Duration
	// Slack is what is added to the time-out of a look now, at most as much again,
	// since the prober itself was late of late; 0: it keeps up.
	Slack time.Duration
	// Blind is how many probes say at present that they do not know, since the prober
	// itself failed.
	Blind int
	// Probes is how many probes are asked at present.
	Probes int
}

// health gathers a Health and tells when it is time.
type health struct {
	now    Health
	told   Health
	at     time.Duration // when it was last told
	looked bool          // since then
	pace   pace
}

// late takes by how much a look was begun later than it was due.
func (h *health) late(lag time.Duration) {
	h.looked = true
	h.now.Lag = max(h.now.Lag, lag)
}

// look takes the times of one look: when it was due, since when there was a worker
// for it, when it was begun, and how late its end was noticed. Waiting for a
// worker is lag, but no reason to wait longer for instances: it is they who hold
// the workers.
func (h *health) look(k *look) {
	h.late(k.begun - k.due)
	h.pace.add(k.ended, max(k.begun-max(k.due, k.free), k.held))
}

// limit is how long a look with a time-out may take.
func (h *health) limit(now, timeout time.Duration) time.Duration {
	return timeout + min(h.pace.slack(now), timeout)
}

// due is when there is something to tell; false: there is nothing.
func (h *health) due() (time.Duration, bool) {
	news := h.looked || h.now.Blind != h.told.Blind || h.now.Probes != h.told.Probes
	return h.at + tellEvery, news
}

// tell returns what is to be told now.
func (h *health) tell(now time.Duration) Health {
	h.now.Slack = h.pace.slack(now)
	h.told, h.at, h.looked = h.now, now, false
	h.now.Lag = 0
	return h.told
}

// pace remembers how late the prober itself was of late: the worst of the present
// span of slackFor and of the one before.
type pace struct {
	worst [2]time.Duration
	begun time.Duration // the present span
}

func (p *pace) roll(now time.Duration) {
	switch over := now - p.begun; {
	case over < slackFor:
		return
	case over < 2*slackFor:
		p.worst[1] = p.worst[0]
	default:
		p.worst[1] = 0
	}
	p.worst[0], p.begun = 0, now
}

func (p *pace) add(now, late time.Duration) {
	p.roll(now)
	p.worst[0] = max(p.worst[0], late)
}

func (p *pace) slack(now time.Duration) time.Duration {
	p.roll(now)
	if late := max(p.worst[0], p.worst[1]); late >= slackFrom {
		return late
	}
	return 0
}
