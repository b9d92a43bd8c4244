package probe_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// happening is one thing that befalls an instance.
type happening struct {
	ID    sut.ID
	What  string
	After time.Duration
}

// Whatever befalls the instances: no more looks are under way than there are
// workers, every change of a probe is one, nothing is said of an incarnation that
// is over, who is well is seen to be well in the end, and no connection is left.
func TestAnythingMayHappen(t *testing.T) {
	const instances = 6
	all := rapid.Custom(func(t *rapid.T) happening {
		return happening{
			ID:    sut.InstanceID("orders", rapid.IntRange(0, instances-1).Draw(t, "instance")),
			What:  rapid.SampledFrom([]string{"well", "refuses", "hangs", "stalls", "503", "restart", "exit", "gone", "again", "blind", "sight"}).Draw(t, "what"),
			After: time.Duration(rapid.IntRange(0, 3000).Draw(t, "after")) * time.Millisecond,
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		workers := rapid.IntRange(1, 4).Draw(rt, "workers")
		keep := rapid.Bool().Draw(rt, "keep")
		story := rapid.SliceOfN(all, 1, 40).Draw(rt, "story")
		var wrong []string
		synctest.Test(t, func(t *testing.T) { wrong = play(t, story, instances, workers, keep) })
		for _, w := range wrong {
			rt.Error(w)
		}
	})
}

func play(t *testing.T, story []happening, instances, workers int, keep bool) (wrong []string) {
	t.Helper()
	f := newFake()
	w := policy.Workload{Startup: httpProbe(1, 2), Liveness: httpProbe(1, 2), Readiness: httpProbe(2, 2), Probing: policy.Probing{KeepConnections: keep}}
	r := start(t, f, w, workers)
	lives := map[sut.ID]int{}
	first := sut.Delta{Reset: true}
	for i := range instances {
		id := sut.InstanceID("orders", i)
		lives[id] = 1
		first.Instances = append(first.Instances, instance(id, "1"))
	}
	f.deltas <- first
	blind := errors.New("no sight")
	for _, h := range story {
		pass(h.After)
		in := instance(h.ID, strconv.Itoa(lives[h.ID]))
		switch h.What {
		case "well":
			f.set(h.ID, 200)
		case "503":
			f.set(h.ID, 503)
		case "refuses":
			f.set(h.ID, refuses)
		case "hangs":
			f.set(h.ID, hangs)
		case "stalls":
			f.set(h.ID, stalls)
		case "blind":
			f.fail(blind)
		case "sight":
			f.fail(nil)
		case "restart":
			lives[h.ID]++
			f.deltas <- sut.Delta{Instances: []sut.Instance{instance(h.ID, strconv.Itoa(lives[h.ID]))}}
		case "exit":
			in.Phase = sut.PhaseExited
			f.deltas <- sut.Delta{Instances: []sut.Instance{in}}
			lives[h.ID]++
		case "gone":
			f.deltas <- sut.Delta{Gone: []sut.ID{h.ID}}
			lives[h.ID]++
		case "again":
			f.deltas <- sut.Delta{Instances: []sut.Instance{in}}
		}
	}
	pass(time.Second)
	f.fail(nil)
	last := sut.Delta{Reset: true}
	for i := range instances {
		id := sut.InstanceID("orders", i)
		f.set(id, 200)
		lives[id]++
		last.Instances = append(last.Instances, instance(id, strconv.Itoa(lives[id])))
	}
	f.deltas <- last
	pass(20 * time.Second)
	r.stop()
	return judge(f, r, lives, workers)
}

func judge(f *fake, r *running, lives map[sut.ID]int, workers int) (wrong []string) {
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	open, most := f.counted()
	if open != 0 {
		bad("%d connections are left", open)
	}
	if most > workers {
		bad("%d looks at once, with %d workers", most, workers)
	}
	type key struct {
		id   sut.ID
		role probe.Role
	}
	said := map[key]probe.Change{}
	changes, _ := r.changes()
	for _, c := range changes {
		k := key{c.Target.ID, c.Role}
		before, ok := said[k]
		if ok && before.Target == c.Target && before.Result == c.Result {
			bad("said twice: %+v", c)
		}
		if ok && number(before) > number(c) {
			bad("%+v after %+v", c, before)
		}
		said[k] = c
	}
	for id, life := range lives {
		for _, role := range []probe.Role{probe.Startup, probe.Liveness, probe.Readiness} {
			if c := said[key{id, role}]; number(c) != life || c.Result != probe.Success {
				bad("in the end %s of %s is %+v", role, id, c)
			}
		}
	}
	return wrong
}

func number(c probe.Change) int {
	n, _ := strconv.Atoi(c.Target.Incarnation)
	return n
}
