package healers_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// What nonsense is made of. One instance is covered by nothing, one by what must never
// be touched, and one is a database.
var (
	results = []healers.Result{
		healers.ResultOK, healers.ResultAlready, healers.ResultRefused, healers.ResultFailed, healers.ResultCancelled,
		healers.ResultUnknown, "", "nonsense",
	}
	ends    = rapid.SampledFrom(results)
	someIDs = rapid.SampledFrom([]sut.ID{"orders/0", "orders/1", "orders/2", "gateway/0", "store/0", "secret/0"})
	lives   = rapid.SampledFrom([]string{"a", "a", "b", "c"})
	envs    = rapid.SampledFrom([]string{"test", "test", "production", ""})
	shares  = rapid.SampledFrom([]string{"", "", "1", "2", "50%", "0", "-1", "150%", "many", "99999999999999999999", "9999999999%"})
	levels  = rapid.SampledFrom([]int64{0, 5, 10, 55, 95, 100, -1, math.MaxInt64, math.MinInt64})
	volumes = rapid.SampledFrom([]sut.ID{"orders/0:data", "orders/1:data", "store/0:data", "secret/0:data", "nobody/7:data", "orders/0", "node:a"})
)

// sometimes is true once in n times, n being a power of 2. (A range would be small more
// often than not.)
func sometimes(t *rapid.T, n int, what string) bool {
	for ; n > 1; n /= 2 {
		if !rapid.Bool().Draw(t, what) {
			return false
		}
	}
	return true
}

// anyTime is mostly a little later, and else anything: the clock jumps.
func anyTime(t *rapid.T, now time.Duration) time.Duration {
	now = max(now, 0)
	switch rapid.IntRange(0, 11).Draw(t, "clock") {
	case 0:
		return now
	case 1:
		return now - time.Duration(rapid.Int64Range(0, int64(2*time.Hour)).Draw(t, "back"))
	case 2:
		return now + time.Duration(rapid.Int64Range(0, int64(2000*time.Hour)).Draw(t, "far"))
	case 3:
		return rapid.SampledFrom([]time.Duration{0, -1, -time.Hour, math.MinInt64}).Draw(t, "nowhere")
	default:
		return now + time.Duration(rapid.Int64Range(0, int64(20*time.Second)).Draw(t, "wait"))
	}
}

// anyPolicy is a variant of the shop's: with other workloads, runbooks and rules.
func anyPolicy(t *rapid.T) *policy.Policy {
	p := shopPolicy()
	p.Guard.Never = []policy.Selector{{"workload": "secret"}}
	p.Workloads = append(p.Workloads, policy.Workload{Selector: policy.Selector{"env": "test"}, MaxUnavailable: "100%"})
	p.Runbooks = append(p.Runbooks, policy.Runbook{
		Name: "clean", Trigger: "volume.usedPercent >= 50", Scope: []policy.Selector{{"workload": "orders"}},
		Steps: []policy.RunbookStep{{Verb: "cleanLogs"}, {Verb: "notify", Args: []byte(`{"text":"${volume.usedPercent} %"}`)}},
	})
	p.Workloads = slices.DeleteFunc(p.Workloads, func(policy.Workload) bool { return sometimes(t, 8, "uncovered") })
	p.Runbooks = slices.DeleteFunc(p.Runbooks, func(policy.Runbook) bool { return sometimes(t, 4, "no runbook") })
	for i := range p.Workloads {
		w := &p.Workloads[i]
		if sometimes(t, 4, "budget") {
			w.MinAvailable, w.MaxUnavailable = shares.Draw(t, "min"), shares.Draw(t, "max")
		}
		if sometimes(t, 4, "rules") {
			w.Restart.Rules = []policy.RestartRule{
				{Cause: policy.CauseSignal, Do: rapid.SampledFrom([]string{policy.DoNever, policy.DoPage, policy.DoRestart}).Draw(t, "do"), Initial: time.Second},
			}
		}
		if sometimes(t, 4, "unprobed") {
			w.Liveness, w.Readiness, w.Rotate, w.ReplaceAfter = nil, nil, false, 0
		}
		w.Restart.AtOnce = rapid.SampledFrom([]string{"25%", "2", "100%"}).Draw(t, "atOnce")
	}
	if sometimes(t, 4, "approval") {
		p.Guard.Approval = []string{rapid.SampledFrom([]string{"restart", "replace", "rotateOut", "cleanTemp"}).Draw(t, "approved")}
	}
	if sometimes(t, 4, "rates") {
		p.Guard.MaxActionsPerHour, p.Guard.MaxPerTargetPerHour, p.Guard.MaxPerRunbookPerHour = 5, 2, 1
	}
	p.Guard.Shared.Percent = rapid.SampledFrom([]int{0, 20, 100}).Draw(t, "shared")
	p.Guard.Storm.Percent = rapid.SampledFrom([]int{0, 20, 100}).Draw(t, "storm")
	p.Guard.Recurrence.Count = rapid.IntRange(0, 2).Draw(t, "recurrence")
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	p.Digest = hex.EncodeToString(sum[:4])
	return p
}

// nonsense is an input that need not fit anything that was said before.
func nonsense(t *rapid.T, now time.Duration, w *witness) *healers.Input {
	in := &healers.Input{Now: now, Epoch: rapid.Uint64Range(0, 2).Draw(t, "epoch")}
	if !w.seen && !sometimes(t, 4, "early") || sometimes(t, 2, "delta") {
		in.System = anyDelta(t, w)
	}
	if sometimes(t, 8, "all at once") {
		role, result := rapid.SampledFrom([]probe.Role{probe.Liveness, probe.Readiness}).Draw(t, "role"), probe.Result(rapid.IntRange(0, 2).Draw(t, "result"))
		for _, id := range slices.Sorted(maps.Keys(w.instances)) {
			in.Probes = append(in.Probes, probe.Change{Target: w.instances[id].Target, Role: role, Result: result, Since: now})
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "probes") {
		target := sut.Target{ID: someIDs.Draw(t, "id"), Incarnation: lives.Draw(t, "life")}
		if x, ok := w.instances[target.ID]; ok && !sometimes(t, 4, "unknown") {
			target = x.Target
		}
		in.Probes = append(in.Probes, probe.Change{
			Target: target,
			Role:   rapid.SampledFrom([]probe.Role{probe.Liveness, probe.Readiness, probe.Startup, "odd"}).Draw(t, "role"),
			Result: probe.Result(rapid.IntRange(0, 3).Draw(t, "result")),
			Since:  rapid.SampledFrom([]time.Duration{now, now, 0, -time.Hour, now + time.Hour, math.MinInt64, math.MaxInt64}).Draw(t, "since"),
			Detail: rapid.SampledFrom([]string{"", "status 503", "\xff<&\u2028"}).Draw(t, "detail"),
		})
	}
	for range rapid.IntRange(0, 2).Draw(t, "done") {
		ids := slices.Sorted(maps.Keys(w.open)) // late, twice and of no act, but also as it should be
		ids = append(ids, healers.ActID(rapid.Uint64Range(0, 30).Draw(t, "act")), math.MaxUint64)
		in.Done = append(in.Done, healers.Done{ID: rapid.SampledFrom(ids).Draw(t, "of"), Result: ends.Draw(t, "result"), Detail: "\xff"})
	}
	obey(t, in, w)
	if sometimes(t, 4, "person") {
		in.Commands = append(in.Commands, healers.Command{
			Verb: rapid.SampledFrom([]string{
				healers.CommandRevive, healers.CommandRevive, healers.CommandResume, healers.CommandPause, healers.CommandKill,
				healers.CommandRestart, healers.CommandRestart, healers.CommandWithdraw, "approve", "", "RESUME",
			}).Draw(t, "verb"),
			Target: rapid.SampledFrom([]sut.ID{"orders", "store", "secret", "nobody", "", "orders/0", "*"}).Draw(t, "of"),
			By:     "eve",
		})
	}
	return in
}

// obey lets some of the acts that are open be done as they should be, and often says so.
func obey(t *rapid.T, in *healers.Input, w *witness) {
	for _, id := range slices.Sorted(maps.Keys(w.open)) {
		a := w.open[id]
		x, ok := w.instances[a.Target.ID]
		if sometimes(t, 2, "idle") || in.System.Reset {
			continue
		}
		switch {
		case !ok:
		case a.Verb == "restart":
			x.Incarnation, x.Phase = x.Incarnation+"'", sut.PhaseRunning
			in.System.Instances = append(in.System.Instances, x)
			for _, role := range []probe.Role{probe.Liveness, probe.Readiness} {
				in.Probes = append(in.Probes, probe.Change{Target: x.Target, Role: role, Result: probe.Success, Since: in.Now})
			}
		case a.Verb == "rotateIn", a.Verb == "rotateOut":
			x.Rotation = map[healers.Verb]sut.State{"rotateIn": sut.Yes, "rotateOut": sut.No}[a.Verb]
			in.System.Instances = append(in.System.Instances, x)
		case a.Verb == "replace":
			in.System.Gone = append(in.System.Gone, x.ID)
		}
		in.System.Rev = 1
		if !sometimes(t, 4, "silent") {
			in.Done = append(in.Done, healers.Done{ID: id, Result: healers.ResultOK})
		}
	}
}

// anyDelta is news of the system: full or not, with what is there twice, comes back in
// another life or in the same, or was never there.
func anyDelta(t *rapid.T, w *witness) sut.Delta {
	d := sut.Delta{Rev: 1, Reset: !w.seen && !sometimes(t, 8, "no list") || sometimes(t, 8, "reset")}
	if sometimes(t, 16, "lost") {
		d.Lost = "gone dark"
	}
	n := 3
	if d.Reset {
		n = 9
	}
	for range rapid.IntRange(0, n).Draw(t, "instances") {
		d.Instances = append(d.Instances, anyInstance(t))
	}
	for range rapid.IntRange(0, 2).Draw(t, "volumes") {
		d.Volumes = append(d.Volumes, sut.Volume{ID: volumes.Draw(t, "volume"), Used: levels.Draw(t, "used"), Size: levels.Draw(t, "size"), Max: levels.Draw(t, "max")})
	}
	if sometimes(t, 4, "workload") {
		d.Workloads = append(d.Workloads, sut.Workload{
			Name: rapid.SampledFrom([]string{"orders", "store", "gateway", "nobody"}).Draw(t, "workload"), Desired: rapid.IntRange(-1, 4).Draw(t, "desired"),
			Labels: map[string]string{"env": envs.Draw(t, "env")}, Role: rapid.SampledFrom([]string{"", "", "database"}).Draw(t, "role"),
		})
	}
	if sometimes(t, 4, "declared") {
		d.Budgets = append(d.Budgets, sut.Budget{
			Name: rapid.SampledFrom([]string{"all", "some", "orders"}).Draw(t, "budget"), MinAvailable: shares.Draw(t, "min"), MaxUnavailable: shares.Draw(t, "max"),
		})
	}
	if sometimes(t, 8, "node") {
		d.Nodes = append(d.Nodes, sut.Node{ID: "node:a"})
	}
	if sometimes(t, 4, "gone") {
		d.Gone = append(d.Gone, rapid.SampledFrom([]sut.ID{
			"orders/0", "orders/1", "store/0", "secret/0", "nobody/7", "orders/0:data", "store/0:data", "orders", "budget:all", "budget:some", "budget:orders", "node:a", "", "*",
		}).Draw(t, "of"))
	}
	return d
}

func anyInstance(t *rapid.T) sut.Instance {
	id := someIDs.Draw(t, "id")
	if sometimes(t, 32, "no instance") {
		id = rapid.SampledFrom([]sut.ID{"", "/", "orders", "orders/0:data", "node:a", "a>b", "*"}).Draw(t, "odd")
	}
	in := sut.Instance{
		Target: sut.Target{ID: id, Incarnation: lives.Draw(t, "life")}, Workload: id.Workload(),
		Phase:    rapid.SampledFrom([]sut.Phase{sut.PhaseRunning, sut.PhaseRunning, sut.PhaseExited, sut.PhasePending, "odd"}).Draw(t, "phase"),
		Rotation: rapid.SampledFrom([]sut.State{sut.Yes, sut.Yes, sut.No, sut.Unknown, "odd"}).Draw(t, "rotation"),
		Ready:    rapid.SampledFrom([]sut.State{sut.Unknown, sut.Yes, sut.No}).Draw(t, "ready"),
		LastExit: sut.Exit{Signal: rapid.IntRange(0, 9).Draw(t, "signal"), Code: rapid.IntRange(-1, 2).Draw(t, "code")},
		Zone:     rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "zone"),
		Node:     rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "node"),
		Budgets:  rapid.SampledFrom([][]string{nil, nil, {"all"}, {"all", "some"}, {"orders", "orders", "nobody's"}}).Draw(t, "budgets"),
	}
	if sometimes(t, 2, "labels") {
		in.Labels = map[string]string{"env": envs.Draw(t, "env")}
	}
	if id == "store/0" || sometimes(t, 8, "role") {
		in.Role = "database"
	}
	if sometimes(t, 32, "elsewhere") {
		in.Workload = "gateway"
	}
	return in
}
