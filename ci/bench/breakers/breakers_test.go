package main

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
	"time"

	resiliencybreaker "github.com/eapache/go-resiliency/breaker"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/sony/gobreaker/v2"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// Every library is brought into every state, and says there what it should.
func TestPeersAreInTheStatesThatAreMeasured(t *testing.T) {
	for i := range peers {
		for _, s := range states {
			t.Run(peers[i].name+"/"+string(s), func(t *testing.T) {
				call, err := peers[i].ready(s)
				if err != nil {
					t.Fatal(err)
				}
				for _, goroutines := range []int{1, 4} {
					if got, want := spread(call, 1000, goroutines), peers[i].want(s, 1000); got != want {
						t.Errorf("%d goroutines: %+v, want %+v", goroutines, got, want)
					}
				}
			})
		}
	}
}

// The fifth failure opens each, and no earlier one. hystrix-go looks at shares, later.
func TestFifthFailureOpens(t *testing.T) {
	opened := map[string]func(any) bool{
		rebound.name:    func(b any) bool { return b.(*breaker.Breaker).State() == breaker.Open },
		sliding.name:    func(b any) bool { return b.(*gobreaker.CircuitBreaker[int]).State() == gobreaker.StateOpen },
		fixed.name:      func(b any) bool { return b.(*gobreaker.CircuitBreaker[int]).State() == gobreaker.StateOpen },
		executor.name:   func(b any) bool { return b.(circuitbreaker.CircuitBreaker[int]).IsOpen() },
		resiliency.name: func(b any) bool { return b.(*resiliencybreaker.Breaker).GetState() == resiliencybreaker.Open },
	}
	for _, p := range peers {
		if p.made == nil || p.name == hystrixGo.name {
			continue
		}
		b := p.made()
		for i := range failures {
			if opened[p.name](b) {
				t.Errorf("%s is open after %d failures", p.name, i)
			}
			p.fail(b)
		}
		if !opened[p.name](b) {
			t.Errorf("%s is not open after %d failures", p.name, failures)
		}
	}
}

func TestWeigh(t *testing.T) {
	w := weigh(&rebound)
	if w.Of != 100_000 || w.Closed < 100 || w.Closed > mostBytes || w.Open < w.Closed || w.Running > 0 || w.RunningOpen > 0 {
		t.Errorf("%+v", w)
	}
}

// found are results that keep every limit.
func found() *results {
	r := &results{calls: map[cell][]sample{}, weights: map[string]weight{ours: {Of: 100_000, Closed: 250, Open: 600}}}
	for _, p := range peers {
		for _, s := range states {
			for _, all := range []bool{false, true} {
				ns := 140.0
				switch {
				case p.name == ours && all:
					ns = 5
				case p.name == ours:
					ns = 10
				}
				r.calls[cell{p.name, s, all}] = []sample{{Ns: ns}, {Ns: ns * 3}, {Ns: ns * 2}}
			}
		}
	}
	return r
}

func TestJudge(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*results)
		missed string
	}{
		{"HAPPY all kept", func(*results) {}, ""},
		{"SAD slow", func(r *results) { r.calls[cell{ours, open, false}] = []sample{{Ns: 10.1}, {Ns: 10.2}, {Ns: 11}} }, "open, one goroutine: at most 10 ns"},
		{"SAD one round allocates", func(r *results) { r.calls[cell{ours, open, false}][1].Allocs = 1 }, "open, one goroutine: no allocation"},
		{"SAD cores hinder each other", func(r *results) {
			r.calls[cell{ours, closedSuccess, true}][0].Ns = 100
			r.calls[cell{ours, closedSuccess, true}][1].Ns = 100
		}, "all cores: no slower"},
		{"SAD a peer is faster", func(r *results) {
			r.calls[cell{fixed.name, closedSuccess, false}] = []sample{{Ns: 139}, {Ns: 139}, {Ns: 139}}
		}, "14 times as fast as Execute of gobreaker v2 fixed"},
		{"SAD fat", func(r *results) { r.weights[ours] = weight{Of: 1, Closed: 257} }, "at most 256 bytes"},
		{"SAD a goroutine while open", func(r *results) { r.weights[ours] = weight{Of: 1, RunningOpen: 1} }, "no goroutine"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := found()
			row.change(r)
			var out bytes.Buffer
			err := judge(&out, r)
			var missed []string
			for line := range strings.Lines(out.String()) {
				if strings.HasPrefix(line, "MISSED") {
					missed = append(missed, line)
				}
			}
			if row.missed == "" {
				if err != nil || len(missed) != 0 {
					t.Errorf("%v:\n%s", err, out.String())
				}
				return
			}
			if err == nil || len(missed) != 1 || !strings.Contains(missed[0], row.missed) {
				t.Errorf("%v, want %q missed:\n%s", err, row.missed, out.String())
			}
		})
	}
}

func TestTableNamesEveryPeerAndState(t *testing.T) {
	var out bytes.Buffer
	found().print(&out, options{rounds: 3, each: time.Second})
	for _, s := range states {
		if !strings.Contains(out.String(), string(s)) {
			t.Errorf("nothing of %q", s)
		}
	}
	for _, p := range peers {
		if n := strings.Count(out.String(), "\n"+p.name+" "); n < len(states) {
			t.Errorf("%q has %d lines", p.name, n)
		}
		if !strings.Contains(out.String(), p.module) {
			t.Errorf("nothing of %s", p.module)
		}
	}
	if t.Failed() {
		t.Log(out.String())
	}
}

func TestSpreadMakesEachCallOnce(t *testing.T) {
	for _, n := range []int{1, portions, 2*portions + 1, 1000*portions - 1} {
		for _, goroutines := range []int{1, 2, 64} {
			if got := spread(func(n int) tally { runtime.Gosched(); return tally{ok: n} }, n, goroutines); got.ok != n {
				t.Errorf("%d calls of %d goroutines: %d", n, goroutines, got.ok)
			}
		}
	}
}

func TestPeerOf(t *testing.T) {
	if p, err := peerOf(ours); err != nil || p.name != ours {
		t.Errorf("%v, %v", p, err)
	}
	if _, err := peerOf("nobody"); err == nil {
		t.Error("found")
	}
}
