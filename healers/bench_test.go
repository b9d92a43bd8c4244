package healers_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// TestIdleStepsAllocateNothing: what nothing has happened to costs nothing.
func TestIdleStepsAllocateNothing(t *testing.T) {
	e, _ := fleet(1000)
	in := &healers.Input{Now: time.Second}
	e.Step(in)
	if n := testing.AllocsPerRun(100, func() { e.Step(in) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

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
	e := big(1000)
	lives := func(n int, change ...func(*sut.Instance)) sut.Instance {
		in := order(1, change...)
		in.Incarnation, in.Exits = strconv.Itoa(n), uint64(n)
		return in
	}
	in := &healers.Input{}
	b.ReportAllocs()
	for n := 1; b.Loop(); n++ {
		in.Now += 12 * time.Hour // no rate, no back-off and no recurrence of the one before
		in.System = sut.Delta{Rev: uint64(2 * n), Instances: []sut.Instance{lives(n, exited, out)}}
		in.Done, in.Probes = nil, nil
		o := e.Step(in)
		if len(o.Acts) != 1 || o.Acts[0].Verb != "restart" {
			b.Fatal("no restart")
		}
		b.StopTimer() // it lives again, and is well
		again := lives(n + 1)
		in.Now += time.Second
		in.Done = []healers.Done{{ID: o.Acts[0].ID, Result: healers.ResultOK}}
		in.System = sut.Delta{Rev: uint64(2*n + 1), Instances: []sut.Instance{again}}
		in.Probes = []probe.Change{{Target: again.Target, Role: probe.Readiness, Result: probe.Success}}
		e.Step(in)
		b.StartTimer()
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

// BenchmarkStepChanged is a step in which one instance of a hundred has changed, of
// fleets of two sizes: its cost is to grow with what changed. At most 2 ms with 10,000
// instances and 25 ms with 100,000.
func BenchmarkStepChanged(b *testing.B) {
	for _, size := range []int{10_000, 100_000} {
		most := map[int]time.Duration{10_000: 2 * time.Millisecond, 100_000: 25 * time.Millisecond}[size]
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			e, all := fleet(size)
			in := &healers.Input{Now: time.Second}
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				in.Now += time.Millisecond
				in.System.Rev++
				in.System.Instances = in.System.Instances[:0]
				for i := n % 100; i < len(all); i += 100 {
					// What a platform tells of most of the time: who is sent users, and not.
					all[i].Exits++
					in.System.Instances = append(in.System.Instances, all[i])
				}
				e.Step(in)
			}
			if took := b.Elapsed() / time.Duration(b.N); took > most {
				b.Errorf("%s a step, above %s", took, most)
			}
		})
	}
}

// BenchmarkStepFailing is a step in which one instance of a hundred has ended.
func BenchmarkStepFailing(b *testing.B) {
	for _, size := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				e, all := fleet(size)
				in := &healers.Input{Now: time.Second}
				for i := 0; i < len(all); i += 100 {
					all[i].Phase = sut.PhaseExited
					in.System.Instances = append(in.System.Instances, all[i])
				}
				b.StartTimer()
				if o := e.Step(in); len(o.Acts) == 0 {
					b.Fatal("nothing was done")
				}
			}
		})
	}
}

// fleet is an engine that has seen a fleet: workloads of a hundred instances each, and
// one of a tenth of all.
func fleet(size int) (*healers.Engine, []sut.Instance) {
	p := shopPolicy()
	p.Guard.MaxActionsPerHour = 1 << 30
	one := p.Workloads[0]
	p.Workloads = nil
	first := &healers.Input{Policy: p, Trial: true, System: sut.Delta{Reset: true, Rev: 1}}
	for i, left := 0, size; left > 0; i++ {
		n := min(100, left)
		if i == 0 {
			n = size / 10
		}
		left -= n
		name := fmt.Sprintf("w%d", i)
		first.System.Workloads = append(first.System.Workloads, sut.Workload{Name: name, Desired: n})
		for k := range n {
			in := order(k)
			in.ID, in.Workload, in.Labels = sut.InstanceID(name, k), name, map[string]string{"tier": "web"}
			first.System.Instances = append(first.System.Instances, in)
			first.Probes = append(first.Probes, probe.Change{Target: in.Target, Role: probe.Readiness, Result: probe.Success})
		}
	}
	one.Selector = map[string]string{"tier": "web"}
	p.Workloads = append(p.Workloads, one)
	e := healers.New(1, healers.Checkpoint{})
	e.Step(first)
	return e, first.System.Instances
}
