package healers_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// BenchmarkStepIdle is a step in which nothing is new, with 3000 instances.
func BenchmarkStepIdle(b *testing.B) {
	e := big(1000)
	in := &healers.Input{Now: time.Second}
	b.ReportAllocs()
	for b.Loop() {
		e.Step(in)
	}
}

// BenchmarkStepCrash is an exit answered, with 3000 instances: the exit of one
// that is out of rotation seen to its restart issued, without the shell.
func BenchmarkStepCrash(b *testing.B) {
	seen := delta(order(1, exited, out))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		e := big(1000)
		b.StartTimer()
		if o := e.Step(&seen); len(o.Acts) != 1 || o.Acts[0].Verb != "restart" {
			b.Fatal("no restart")
		}
	}
}

func big(workloads int) *healers.Engine {
	first := &healers.Input{Policy: shopPolicy(), Trial: true, System: sut.Delta{Reset: true, Rev: 1}}
	for i := range workloads {
		name := "orders"
		if i > 0 {
			name = fmt.Sprintf("other-%d", i)
		}
		first.System.Workloads = append(first.System.Workloads, sut.Workload{Name: name, Desired: 3})
		for n := range 3 {
			in := order(n)
			in.ID, in.Workload = sut.InstanceID(name, n), name
			first.System.Instances = append(first.System.Instances, in)
			first.Probes = append(first.Probes, probe.Change{Target: in.Target, Role: probe.Readiness, Result: probe.Success})
		}
	}
	e := healers.New(1, healers.Checkpoint{})
	e.Step(first)
	return e
}
