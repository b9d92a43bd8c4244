package faults_test

import (
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/faults"
)

func TestStallLastsAsLongAsItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, memory(), item("stall", "orders/1", time.Second, 0))
		after(time.Minute) // six times as long as it would last by itself
		if len(p.memory.Broken()) != 1 {
			t.Errorf("broken: %v", p.memory.Broken())
		}
		p.clean(t)
		if got := p.events[1].Proof; got != "GET / of orders/1: status 200, and no end of its body within 300ms" {
			t.Errorf("proof %q", got)
		}
		p.expect(t, "1 injecting@1s", "1 active@1.3s", "1 reverted@1m0s")
	})
}

func TestStallEndsWithItsHarness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, memory(), item("stall", "orders/1", 0, 0))
		after(20*time.Second + time.Millisecond)
		p.stop() // nobody reverts
		after(9 * time.Second)
		if len(p.memory.Broken()) != 1 {
			t.Error("it was to last a little longer")
		}
		after(2 * time.Second)
		if b := p.memory.Broken(); len(b) > 0 {
			t.Errorf("still broken: %v", b)
		}
		p.clean(t)
	})
}

// Who cannot be told goes on by itself, and the revert waits for that.
func TestStallOfOneThatDoesNotHear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory()
		var deaf atomic.Bool
		m.Fail = func(call string) error {
			if deaf.Load() && call == "dial" {
				return errors.New("no route")
			}
			return nil
		}
		p := play(t, m, item("stall", "orders/1", 0, 5*time.Second))
		after(4 * time.Second)
		deaf.Store(true)
		after(2 * time.Second)
		if len(m.Broken()) != 1 {
			t.Errorf("broken: %v", m.Broken())
		}
		after(10 * time.Second)
		if got := p.story(); len(got) != 3 || got[2] == "1 reverted@5.3s" {
			t.Errorf("it was reverted before it was over: %v", got)
		}
		deaf.Store(false)
		if err := p.Revert(t.Context()); err != nil {
			t.Error(err)
		}
		if b, l := m.Broken(), p.Left(); len(b)+len(l) > 0 {
			t.Errorf("broken %v, left %v", b, l)
		}
	})
}

func TestStallIsOverWithTheLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, memory(), item("stall", "orders/1", 0, 0))
		after(10*time.Second + 100*time.Millisecond)
		p.memory.Restart("orders/1")
		after(5 * time.Second)
		p.clean(t)
		p.expect(t, "1 injecting@0s", "1 active@300ms", "1 overtaken@10.1s")
	})
}

func TestStallAndCrashLoopRefuseNonsense(t *testing.T) {
	for fault, all := range map[string][]string{
		"stall":      {`{"path":"healthz"}`, `{"switch":"x"}`, `{"port":1}`, `{"for":"1s"}`},
		"crash-loop": {`{"after":"11s"}`, `{"after":3}`, `{"signal":"SIGKILL"}`},
	} {
		def, ok := faults.Lookup(fault)
		if !ok {
			t.Fatalf("no fault %s", fault)
		}
		for _, args := range all {
			if _, err := def.New(json.RawMessage(args)); !errors.Is(err, faults.ErrArgs) {
				t.Errorf("%s %s: %v", fault, args, err)
			}
		}
	}
}
