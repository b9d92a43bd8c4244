package fleet_test

import (
	"container/heap"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/fleet"
)

// event is something that happens, in virtual time.
type event struct {
	at    time.Duration
	order int
	do    func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].order < e[j].order
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

type world struct {
	now    time.Duration
	heap   events
	order  int
	server server
	atOnce int // trials of one breaker

	coordinator *fleet.Core // nil: none
	sequence    uint64      // of the directive that members were sent
	all         []*client
}

func (w *world) at(t time.Duration, do func()) {
	w.order++
	heap.Push(&w.heap, event{max(t, w.now), w.order, do})
}

func (w *world) run(until time.Duration) {
	for len(w.heap) > 0 && w.heap[0].at < until {
		e := heap.Pop(&w.heap).(event)
		w.now = e.at
		e.do()
	}
}

// client is one with its breaker and jobs that wait.
type client struct {
	*world
	breaker *breaker.Core
	jobs    int
	wake    time.Duration // when it looks again; in the past: it will not
	trials  int           // out

	member        *fleet.Member // nil: none
	id            string
	asking        bool
	reported      bool
	alarm, renewd time.Duration
}

func (c *client) job() {
	c.jobs = min(c.jobs+1, waiting)
	c.work()
	c.at(c.now+time.Second, c.job)
}

// work calls for as many jobs as the breaker lets through.
func (c *client) work() {
	for c.jobs > 0 {
		ticket, ok := c.breaker.Allow(c.now)
		if !ok {
			if wait := max(10*time.Millisecond, c.breaker.Wait(c.now)); c.wake <= c.now {
				c.wake = c.now + wait
				c.at(c.wake, c.work)
			}
			break
		}
		c.jobs--
		trial := c.breaker.State(c.now) == breaker.HalfOpen
		if trial {
			c.trials++
			c.atOnce = max(c.atOnce, c.trials)
			c.server.trials = append(c.server.trials, c.now)
		}
		done := c.server.call(c.now)
		c.at(c.now+latency, func() {
			if trial {
				c.trials--
			}
			if done {
				c.breaker.Done(c.now, ticket, breaker.OK)
				c.work()
				return
			}
			c.jobs = min(c.jobs+1, waiting) // for the next time
			c.breaker.Done(c.now, ticket, breaker.Failure)
			c.talk()
		})
	}
	c.talk()
}

// talk tells the coordinator what there is to tell, over a network that takes its time.
func (c *client) talk() {
	for _, e := range c.breaker.Events() {
		if c.member == nil {
			continue
		}
		switch e.Why {
		case breaker.TrialsPassed:
			c.member.Ended(fleet.Passed)
		case breaker.TrialFailed, breaker.TrialExpired:
			c.member.Ended(fleet.Failed)
		case breaker.Tripped, breaker.DelayOver, breaker.ByHand, breaker.Forced:
		}
	}
	if c.member == nil || c.coordinator == nil {
		return
	}
	state := c.breaker.State(c.now)
	if open := state == breaker.Open || state == breaker.HalfOpen; open != c.reported || c.now >= c.renewd {
		c.reported, c.renewd = open, c.now+10*time.Second
		c.send(func(k *fleet.Core) { _ = k.Report(c.now, c.id, open) })
	}
	if trial, is := c.member.News(); is != "" {
		c.member.Sent(trial, is)
		c.send(func(k *fleet.Core) { _ = k.Progress(c.now, c.id, trial, is) })
	}
	if c.member.Wants(c.now) && !c.asking {
		asked := c.now
		c.asking = true
		c.send(func(k *fleet.Core) {
			answer, _ := k.Ask(c.now, c.id)
			c.at(c.now+network, func() {
				c.asking = false
				c.member.Answered(asked, c.now, answer)
				c.work()
			})
		})
	}
	if next, ok := c.member.Next(); ok && next > c.now && (c.alarm <= c.now || next < c.alarm) {
		c.alarm = next
		c.at(next, c.turn)
	}
}

func (c *client) turn() {
	if c.member.Due(c.now) && c.breaker.State(c.now) != breaker.Closed {
		c.breaker.Reset(c.now)
	}
	c.work()
}

// send is a message that arrives if there is a coordinator then. All hear of what it says.
func (c *client) send(f func(*fleet.Core)) {
	c.at(c.now+network, func() {
		if c.coordinator != nil {
			f(c.coordinator)
			c.spread()
		}
	})
}

func (w *world) spread() {
	d, err := w.coordinator.Directive(w.now, w.all[0].id, w.sequence)
	if err != nil || d.Sequence == w.sequence {
		return
	}
	w.sequence = d.Sequence
	for _, c := range w.all {
		d, err := w.coordinator.Directive(w.now, c.id, c.member.Sequence())
		if err == nil {
			w.at(w.now+network, func() {
				c.member.Told(c.now, d)
				c.turn()
			})
		}
	}
}

func (w *world) probe() {
	if w.coordinator.Waiting(w.now, "store") > 0 {
		o := breaker.Failure
		if w.server.call(w.now) {
			o = breaker.OK
		}
		w.coordinator.Probed(w.now, "store", o)
		w.spread()
	}
	w.at(w.now+time.Second, w.probe)
}

// play plays an arm.
func play(t *testing.T, a arm) figures {
	t.Helper()
	w := &world{}
	var err error
	if a.fleet != nil {
		if w.coordinator, err = fleet.NewCore(*a.fleet, "e"); err != nil {
			t.Fatal(err)
		}
	}
	for i := range clients {
		config := a.config(i)
		config.Listen = func(breaker.Event) {}
		c := &client{world: w, wake: -1, alarm: -1}
		if a.fleet != nil {
			c.member = fleet.NewMember(identity(i), 0)
			if c.id, err = w.coordinator.Register(0, fleet.Registration{Dependency: "store", Name: "orders", Identity: identity(i)}); err != nil {
				t.Fatal(err)
			}
			c.member.Here(0, c.id)
			if !a.probe {
				config.Gate = c.member
			}
		}
		if c.breaker, err = breaker.NewCore(config, 0); err != nil {
			t.Fatal(err)
		}
		w.all = append(w.all, c)
		w.at(time.Second*time.Duration(i)/clients, c.job)
	}
	if a.probe {
		w.at(0, w.probe)
	}
	if a.lost > 0 {
		w.at(a.lost, func() {
			w.coordinator = nil
			for _, c := range w.all {
				c.member.Away()
			}
		})
	}
	var closed time.Duration
	var look func()
	look = func() {
		open := false
		for _, c := range w.all {
			open = open || c.breaker.State(w.now) != breaker.Closed
		}
		if open {
			closed = 0
		} else if closed == 0 {
			closed = w.now
		}
		w.at(w.now+100*time.Millisecond, look)
	}
	w.at(back, look)
	w.run(end)
	return w.server.figures(w.atOnce, closed)
}
