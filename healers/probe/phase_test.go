package probe_test

import (
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// Two runs of one seed ask at the same times, although no process has the pid or
// the start of the other run's.
func TestPhasesAreTheSeeds(t *testing.T) {
	looks := func(incarnations ...string) (at []time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.set("orders/0", 200)
			r := start(t, f, policy.Workload{Liveness: httpProbe(1, 3), Readiness: httpProbe(1, 2)}, 0)
			defer func() { r.stop() }()
			for i, inc := range incarnations {
				f.deltas <- sut.Delta{Reset: i == 0, Instances: []sut.Instance{instance("orders/0", inc)}}
				pass(5 * time.Second)
			}
			at = f.dials("orders/0")
		})
		return at
	}
	one, other := looks("101+5", "102+6"), looks("7+9000", "3+9100")
	if len(one) < 15 || !slices.Equal(one, other) {
		t.Errorf("looks at %v\n and then at %v", one, other)
	}
}

// Whatever the seed, who hangs is unready well before it is taken for dead, and
// dead well before it has been unready for a period more: so healers meet these
// in one order in every run.
func TestAHangIsSeenInOneOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const instances, hang = 50, 3 * time.Second
		f := newFake()
		r := start(t, f, policy.Workload{Liveness: httpProbe(1, 3), Readiness: httpProbe(1, 2)}, 2*instances)
		defer func() { r.stop() }()
		d := sut.Delta{Reset: true}
		for i := range instances {
			id := sut.InstanceID("orders", i)
			f.set(id, 200)
			d.Instances = append(d.Instances, instance(id, strconv.Itoa(i)))
		}
		f.deltas <- d
		pass(hang)
		for i := range instances {
			f.set(sut.InstanceID("orders", i), hangs)
		}
		pass(8 * time.Second)
		unready, since, dead := map[sut.ID]time.Duration{}, map[sut.ID]time.Duration{}, map[sut.ID]time.Duration{}
		changes, when := r.changes()
		for i, c := range changes {
			switch {
			case c.Result != probe.Failure:
			case c.Role == probe.Readiness:
				unready[c.Target.ID], since[c.Target.ID] = when[i], c.Since
			default:
				dead[c.Target.ID] = when[i]
			}
		}
		for i := range instances {
			id := sut.InstanceID("orders", i)
			if len(unready) != instances || len(dead) != instances || dead[id]-unready[id] < 400*time.Millisecond || since[id]+4*time.Second-dead[id] < 400*time.Millisecond {
				t.Errorf("%s: unready at %v (since %v), dead at %v", id, unready[id], since[id], dead[id])
			}
		}
	})
}
