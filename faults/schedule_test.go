package faults_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

func snapshot() sut.Delta {
	d := sut.Delta{Reset: true}
	for _, w := range []struct {
		name string
		n    int
	}{{"orders", 3}, {"store", 1}, {"wide", 10}} {
		d.Workloads = append(d.Workloads, sut.Workload{Name: w.name, Desired: w.n})
		for i := range w.n {
			zone := []string{"a", "b"}[i%2]
			d.Instances = append(d.Instances, sut.Instance{
				Target: sut.Target{ID: sut.InstanceID(w.name, i)}, Workload: w.name, Zone: zone, Phase: sut.PhaseRunning,
			})
		}
	}
	d.Volumes = []sut.Volume{{ID: "store/0:data"}, {ID: "wide/0:a"}, {ID: "wide/0:b"}}
	return d
}

func TestPlanTargets(t *testing.T) {
	for name, c := range map[string]struct {
		spec faults.Spec
		want []sut.ID // nil: any one of orders
		n    int
	}{
		"one of three by default":       {spec: faults.Spec{Fault: "kill", Target: faults.Selector{Workload: "orders"}}, n: 1},
		"a quarter of ten, down":        {spec: faults.Spec{Fault: "kill", Target: faults.Selector{Workload: "wide", Percent: 0.25}}, n: 2},
		"a percent of ten, at least 1":  {spec: faults.Spec{Fault: "kill", Target: faults.Selector{Workload: "wide", Percent: 0.01}}, n: 1},
		"half of ten":                   {spec: faults.Spec{Fault: "kill", Target: faults.Selector{Workload: "wide", Count: 5}}, n: 5},
		"all when allowed":              {spec: faults.Spec{Fault: "kill", Target: faults.Selector{Workload: "orders", Count: 3}, MaxPercent: 100}, want: []sut.ID{"orders/0", "orders/1", "orders/2"}},
		"the only one":                  {spec: faults.Spec{Fault: "hang", Target: faults.Selector{Workload: "store"}}, want: []sut.ID{"store/0"}},
		"named":                         {spec: faults.Spec{Fault: "hang", Target: faults.Selector{Instances: []sut.ID{"orders/1"}}}, want: []sut.ID{"orders/1"}},
		"in a zone":                     {spec: faults.Spec{Fault: "hang", Target: faults.Selector{Workload: "orders", Zone: "b"}}, want: []sut.ID{"orders/1"}},
		"the only volume":               {spec: faults.Spec{Fault: "disk-full", Target: faults.Selector{Workload: "store"}}, want: []sut.ID{"store/0:data"}},
		"a named volume":                {spec: faults.Spec{Fault: "disk-full", Target: faults.Selector{Instances: []sut.ID{"wide/0"}, Volume: "b"}}, want: []sut.ID{"wide/0:b"}},
		"links to every instance":       {spec: faults.Spec{Fault: "partition", Target: faults.Selector{Instances: []sut.ID{"store/0"}, To: "orders"}}, want: []sut.ID{"store/0>orders/0", "store/0>orders/1", "store/0>orders/2"}},
		"links, never to itself":        {spec: faults.Spec{Fault: "partition", Target: faults.Selector{Instances: []sut.ID{"orders/1"}, To: "orders"}}, want: []sut.ID{"orders/1>orders/0", "orders/1>orders/2"}},
		"arguments are kept":            {spec: faults.Spec{Fault: "kill", Target: faults.Selector{Workload: "store"}, Args: json.RawMessage(`{"signal":"SIGTERM"}`)}, want: []sut.ID{"store/0"}},
		"a level and what it is due to": {spec: faults.Spec{Fault: "disk-full", Target: faults.Selector{Workload: "store"}, Args: json.RawMessage(`{"with":"temp","level":"95%"}`)}, want: []sut.ID{"store/0:data"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := faults.Plan([]faults.Spec{c.spec}, 7, snapshot())
			if err != nil {
				t.Fatal(err)
			}
			var got []sut.ID
			for _, i := range s.Items {
				got = append(got, i.Target)
				if string(i.Args) != string(c.spec.Args) || i.Fault != c.spec.Fault {
					t.Errorf("item %+v is not what was asked for", i)
				}
			}
			if !slices.IsSorted(got) {
				t.Errorf("targets %v are not sorted", got)
			}
			if c.want != nil && !slices.Equal(got, c.want) {
				t.Errorf("targets %v, want %v", got, c.want)
			}
			if c.want == nil && len(slices.Compact(got)) != c.n {
				t.Errorf("targets %v, want %d", got, c.n)
			}
		})
	}
}

func TestPlanRefuses(t *testing.T) {
	for want, spec := range map[string]faults.Spec{
		`faults[0].fault: no fault is named "boil"; see rebound list faults`:                                                                       {Fault: "boil", Target: faults.Selector{Workload: "orders"}},
		`faults[0].args: bad arguments: json: unknown field "sig"`:                                                                                 {Fault: "kill", Target: faults.Selector{Workload: "orders"}, Args: json.RawMessage(`{"sig":1}`)},
		`faults[0].args: bad arguments: signal: "SIGSTOP" is none of SIGABRT, SIGHUP, SIGINT, SIGKILL, SIGQUIT, SIGSEGV, SIGTERM`:                  {Fault: "kill", Target: faults.Selector{Workload: "orders"}, Args: json.RawMessage(`{"signal":"SIGSTOP"}`)},
		`faults[0].args: bad arguments: with: "water" is none of ballast, temp, logs`:                                                              {Fault: "disk-full", Target: faults.Selector{Workload: "store"}, Args: json.RawMessage(`{"with":"water"}`)},
		`faults[0].args: bad arguments: more than one value`:                                                                                       {Fault: "hang", Target: faults.Selector{Workload: "orders"}, Args: json.RawMessage(`{} {}`)},
		`faults[0].at: -1s is before the start`:                                                                                                    {Fault: "kill", At: -time.Second, Target: faults.Selector{Workload: "orders"}},
		`faults[0].for: -1s is negative`:                                                                                                           {Fault: "kill", For: -time.Second, Target: faults.Selector{Workload: "orders"}},
		`faults[0].maxPercent: 101 is not between 1 and 100 (0 means 50)`:                                                                          {Fault: "kill", MaxPercent: 101, Target: faults.Selector{Workload: "orders"}},
		`faults[0].target.workload: name a workload, or instances`:                                                                                 {Fault: "kill"},
		`faults[0].target.workload: no target: the system has no workload "ordrs"`:                                                                 {Fault: "kill", Target: faults.Selector{Workload: "ordrs"}},
		`faults[0].target.count: no target: 4 asked for, 3 match`:                                                                                  {Fault: "kill", Target: faults.Selector{Workload: "orders", Count: 4}},
		`faults[0].target.count: -1 is negative`:                                                                                                   {Fault: "kill", Target: faults.Selector{Workload: "orders", Count: -1}},
		`faults[0].target.percent: 150% is not between 0% and 100%`:                                                                                {Fault: "kill", Target: faults.Selector{Workload: "orders", Percent: 1.5}},
		`faults[0].target.percent: give count or percent, not both`:                                                                                {Fault: "kill", Target: faults.Selector{Workload: "orders", Percent: 0.1, Count: 1}},
		`faults[0].target.instances: instances are all hit: give no count and no percent`:                                                          {Fault: "kill", Target: faults.Selector{Instances: []sut.ID{"orders/1"}, Count: 1}},
		`faults[0].target.instances[0]: no target: the system has no instance "orders/9"`:                                                          {Fault: "kill", Target: faults.Selector{Instances: []sut.ID{"orders/9"}}},
		`faults[0].target.instances[0]: store/0 is no instance of orders`:                                                                          {Fault: "kill", Target: faults.Selector{Workload: "orders", Instances: []sut.ID{"store/0"}}},
		`faults[0].target: scope is too wide: 2 of 3 matching instances, at most 50 % (1) may be hit; maxPercent: 100 allows all`:                  {Fault: "kill", Target: faults.Selector{Workload: "orders", Count: 2}},
		`faults[0].target: scope is too wide: 3 of 10 matching instances, at most 20 % (2) may be hit; maxPercent: 100 allows all`:                 {Fault: "kill", Target: faults.Selector{Workload: "wide", Percent: 0.3}, MaxPercent: 20},
		`faults[0].target: scope is too wide: 2 of 3 matching instances, at most 50 % (1) may be hit; maxPercent: 100 allows all (named outright)`: {Fault: "kill", Target: faults.Selector{Instances: []sut.ID{"orders/0", "orders/2"}}},
		`faults[0].target: no target: no instance of orders is in zone "z"`:                                                                        {Fault: "kill", Target: faults.Selector{Workload: "orders", Zone: "z"}},
		`faults[0].target.to: partition breaks links: name the workload at the other end`:                                                          {Fault: "partition", Target: faults.Selector{Workload: "orders"}},
		`faults[0].target.to: no target: the system has no instance of "nobody" to be linked to`:                                                   {Fault: "partition", Target: faults.Selector{Workload: "orders", To: "nobody"}},
		`faults[0].target.to: kill does not break links`:                                                                                           {Fault: "kill", Target: faults.Selector{Workload: "orders", To: "store"}},
		`faults[0].target.volume: kill does not break volumes`:                                                                                     {Fault: "kill", Target: faults.Selector{Workload: "store", Volume: "data"}},
		`faults[0].target.volume: no target: orders/0 has no volume`:                                                                               {Fault: "disk-full", Target: faults.Selector{Instances: []sut.ID{"orders/0"}}},
		`faults[0].target.volume: no target: store/0 has no volume "log"`:                                                                          {Fault: "disk-full", Target: faults.Selector{Workload: "store", Volume: "log"}},
		`faults[0].target.volume: wide/0 has 2 volumes: name one`:                                                                                  {Fault: "disk-full", Target: faults.Selector{Instances: []sut.ID{"wide/0"}}},
	} {
		want = strings.TrimSuffix(want, " (named outright)")
		s, err := faults.Plan([]faults.Spec{spec}, 7, snapshot())
		if err == nil {
			t.Errorf("planned %+v, want the error\n%s", s, want)
			continue
		}
		if err.Error() != want {
			t.Errorf("got  %s\nwant %s", err, want)
		}
		if got := errors.Is(err, faults.ErrNoTarget); got != strings.Contains(want, "no target") {
			t.Errorf("%s: is ErrNoTarget: %v", want, got)
		}
		if got := errors.Is(err, faults.ErrTooWide); got != strings.Contains(want, "too wide") {
			t.Errorf("%s: is ErrTooWide: %v", want, got)
		}
		var se *faults.SpecError
		if !errors.As(err, &se) || !strings.HasPrefix(want, "faults[0]."+se.Field+": ") {
			t.Errorf("%s: field %+v", want, se)
		}
	}
}

func TestPlanTellsAllProblemsAtOnce(t *testing.T) {
	_, err := faults.Plan([]faults.Spec{
		{Fault: "boil", At: -1, Target: faults.Selector{Workload: "orders"}},
		{Fault: "kill", Target: faults.Selector{Workload: "orders"}},
		{Fault: "kill", Target: faults.Selector{Workload: "nobody"}},
	}, 1, snapshot())
	if err == nil || strings.Count(err.Error(), "\n") != 2 || !strings.Contains(err.Error(), "faults[2]") {
		t.Errorf("want three problems, got: %v", err)
	}
}

func specs() []faults.Spec {
	return []faults.Spec{
		{Fault: "hang", At: 5 * time.Second, For: time.Second, Target: faults.Selector{Workload: "wide", Count: 3}},
		{Fault: "kill", At: 3 * time.Second, Target: faults.Selector{Workload: "wide"}},
		{Fault: "kill", At: 5 * time.Second, Target: faults.Selector{Workload: "orders"}},
	}
}

func plan(t *testing.T, specs []faults.Spec, seed uint64) faults.Schedule {
	t.Helper()
	s, err := faults.Plan(specs, seed, snapshot())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPlanIsDeterministic(t *testing.T) {
	one, err := json.Marshal(plan(t, specs(), 7))
	if err != nil {
		t.Fatal(err)
	}
	shuffled := snapshot()
	slices.Reverse(shuffled.Instances)
	again, err := faults.Plan(specs(), 7, shuffled)
	if err != nil {
		t.Fatal(err)
	}
	two, err := json.Marshal(again)
	if err != nil {
		t.Fatal(err)
	}
	if string(one) != string(two) {
		t.Errorf("same seed, other bytes:\n%s\n%s", one, two)
	}
	// Pinned: a change here breaks the replay of every seed that was printed.
	const want = `{"seed":7,"items":[{"id":"1","fault":"kill","target":"wide/7","at":3000000000},{"id":"2","fault":"hang","target":"wide/0","at":5000000000,"for":1000000000},{"id":"3","fault":"hang","target":"wide/2","at":5000000000,"for":1000000000},{"id":"4","fault":"hang","target":"wide/8","at":5000000000,"for":1000000000},{"id":"5","fault":"kill","target":"orders/1","at":5000000000}]}`
	if string(one) != want {
		t.Errorf("got  %s\nwant %s", one, want)
	}
	differs := false
	for seed := uint64(8); seed < 16; seed++ {
		s := plan(t, specs(), seed)
		differs = differs || s.Items[0].Target != again.Items[0].Target
	}
	if !differs {
		t.Error("the seed does not matter")
	}
}

func TestPlanOrderAndIndependence(t *testing.T) {
	s := plan(t, specs(), 7)
	var order []string
	for i, item := range s.Items {
		order = append(order, item.Fault+"@"+item.At.String())
		if item.ID != string(rune('1'+i)) {
			t.Errorf("item %d has the ID %s", i, item.ID)
		}
	}
	if want := []string{"kill@3s", "hang@5s", "hang@5s", "hang@5s", "kill@5s"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	more := plan(t, append(specs(), faults.Spec{Fault: "hang", At: time.Minute, Target: faults.Selector{Workload: "orders"}}), 7)
	if !slices.EqualFunc(s.Items, more.Items[:len(s.Items)], func(a, b faults.Item) bool { return a.ID == b.ID && a.Target == b.Target }) {
		t.Errorf("a spec that was added reshuffled the others:\n%v\n%v", s.Items, more.Items)
	}
}

func TestBuiltin(t *testing.T) {
	var names []string
	for _, d := range faults.Builtin() {
		names = append(names, d.Name)
		if d.Summary == "" || d.Args == nil || d.Of == "" {
			t.Errorf("%s is not described", d.Name)
		}
		if f, err := d.New(nil); err != nil || f == nil {
			t.Errorf("%s has no zero value: %v", d.Name, err)
		}
		if _, err := d.New(json.RawMessage(`{"no such field":1}`)); !errors.Is(err, faults.ErrArgs) {
			t.Errorf("%s takes unknown arguments: %v", d.Name, err)
		}
	}
	if !slices.IsSorted(names) || len(slices.Compact(names)) != len(faults.Builtin()) {
		t.Errorf("%v is not sorted and unique", names)
	}
}
