package faults_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

func TestCrashLoopEndsEachLifeUntilItIsReverted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := item("crash-loop", "orders/1", 5*time.Second, 0)
		i.Args = json.RawMessage(`{"after":"2s"}`)
		p := play(t, memory(), i)
		lives := func() bool { return p.memory.Snapshot().Instances[1].Phase == sut.PhaseRunning }
		expect := func(want bool, when string) {
			t.Helper()
			if lives() != want {
				t.Errorf("%s it runs: %v, want %v", when, lives(), want)
			}
		}
		after(6 * time.Second)
		expect(false, "a life that is older than it may become:")
		after(4 * time.Second)
		p.memory.Restart("orders/1") // at 10 s
		after(1900 * time.Millisecond)
		expect(true, "before its time is over")
		after(200 * time.Millisecond)
		expect(false, "after")

		after(2900 * time.Millisecond)
		p.memory.Restart("orders/1") // at 15 s
		after(time.Second)
		p.memory.Exit("orders/1") // by itself, while its end is waited for
		after(4 * time.Second)
		p.memory.Restart("orders/0") // another's life goes on
		p.memory.Restart("orders/1") // at 20 s
		after(3 * time.Second)
		expect(false, "after a life that ended by itself")
		if !p.confirmed() || p.done() {
			t.Errorf("confirmed %v, over %v", p.confirmed(), p.done())
		}
		p.memory.Restart("orders/1") // at 23 s
		after(time.Second)
		p.clean(t)
		after(10 * time.Second)
		expect(true, "after the revert")
		p.expect(t, "1 injecting@5s", "1 active@5s", "1 reapplied@12s", "1 reapplied@22s", "1 reverted@24s")
	})
}

func TestCrashLoopHasAnEndOfItsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		args    string
		restart time.Duration // the second
		want    []string
	}{
		"and is over when it comes": {`{}`, 5 * time.Second, []string{"1 injecting@0s", "1 active@0s", "1 reapplied@1s", "1 reverted@3s"}},
		"while the end of a life is waited for": {
			`{"after":"900ms"}`, 3500 * time.Millisecond,
			[]string{"1 injecting@0s", "1 active@900ms", "1 reapplied@1.9s", "1 reverted@3.9s"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := item("crash-loop", "orders/1", 0, 3*time.Second)
				i.Args = json.RawMessage(c.args)
				p := play(t, memory(), i)
				after(time.Second)
				p.memory.Restart("orders/1")
				after(c.restart - time.Second)
				p.memory.Restart("orders/1")
				after(time.Minute)
				if !p.done() || p.memory.Snapshot().Instances[1].Phase != sut.PhaseRunning {
					t.Error("it goes on after its end")
				}
				p.clean(t)
				p.expect(t, c.want...)
			})
		})
	}
}

func TestCrashLoopIsOvertakenByAReplacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := play(t, memory(), item("crash-loop", "orders/1", 0, 0))
		after(time.Second)
		p.memory.Remove("orders/1")
		after(time.Second)
		p.clean(t)
		p.expect(t, "1 injecting@0s", "1 active@0s", "1 overtaken@1s")
	})
}
