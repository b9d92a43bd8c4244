package healers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/healerstest"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// shopPolicy is the catalogue's policy as it looks compiled.
func shopPolicy() *policy.Policy {
	text := func(s string) []byte { return []byte(fmt.Sprintf(`{"text":%q}`, s)) }
	return &policy.Policy{
		Name: "shop", Digest: "d",
		Workloads: []policy.Workload{
			{
				Selector:  policy.Selector{"workload": "orders"},
				Liveness:  &corev1.Probe{PeriodSeconds: 1, TimeoutSeconds: 1, FailureThreshold: 3},
				Readiness: &corev1.Probe{},
				Rotate:    true, ReplaceAfter: 4 * time.Second, MinAvailable: "2",
				Restart: policy.Restart{Initial: 10 * time.Second, Max: 5 * time.Minute, Reset: 10 * time.Minute, AtOnce: "25%", Soak: 2 * time.Second},
			},
			{Selector: policy.Selector{"workload": "store"}, Liveness: &corev1.Probe{PeriodSeconds: 1, TimeoutSeconds: 1, FailureThreshold: 3}, Readiness: &corev1.Probe{}},
		},
		Runbooks: []policy.Runbook{{
			Name: "disk-full", Trigger: "volume.usedPercent >= 90",
			Steps: []policy.RunbookStep{
				{Verb: "cleanTemp", Until: "volume.usedPercent < 80"},
				{Verb: "cleanLogs", Args: []byte(`{"olderThan":604800000000000}`), If: "volume.usedPercent >= 80", Until: "volume.usedPercent < 80"},
				{Verb: "expand", If: "volume.usedPercent >= 80", Until: "volume.usedPercent < 80"},
				{Verb: "page", If: "volume.usedPercent >= 80", Args: text("${volume.id} is at ${volume.usedPercent} %")},
			},
		}},
	}
}

func shop() *healerstest.Model {
	m := healerstest.NewModel(
		sut.Workload{Name: "orders", Desired: 3},
		sut.Workload{Name: "store", Desired: 1, Role: "database", Labels: map[string]string{"env": "test"}},
	)
	m.NotRotated("store")
	m.AddVolume(healerstest.Volume{Volume: sut.Volume{ID: "store/0:data", Size: 100, Used: 10, Max: 200}})
	return m
}

func serving(workload string, n int) func(*healerstest.Model) error {
	return func(m *healerstest.Model) error {
		if got := m.Serving(workload); len(got) != n || m.Count(workload) != n {
			return fmt.Errorf("%d of %s exist and %v serve, want %d", m.Count(workload), workload, got, n)
		}
		return nil
	}
}

func usedBelow(percent int) func(*healerstest.Model) error {
	return func(m *healerstest.Model) error {
		if v := m.Volume("store/0:data"); v.UsedPercent() >= percent {
			return fmt.Errorf("%d %% used", v.UsedPercent())
		}
		return nil
	}
}

func paged(m *healerstest.Model) error {
	if !slices.ContainsFunc(m.Executed, func(x healerstest.Executed) bool { return x.Verb == healers.VerbPage }) {
		return fmt.Errorf("nobody was paged")
	}
	return nil
}

type row struct {
	name string
	sc   healerstest.Scenario
	acts []string
}

func scenarios() []row {
	const at = 2 * time.Second
	sc := func(until time.Duration, healed func(*healerstest.Model) error, breaks func(s *healerstest.Shell, m *healerstest.Model)) healerstest.Scenario {
		return healerstest.Scenario{Policy: shopPolicy(), Model: shop, Break: breaks, Until: until, Healed: healed}
	}
	return []row{
		{
			name: "crash",
			sc: sc(8*time.Second, serving("orders", 3), func(s *healerstest.Shell, m *healerstest.Model) {
				s.At(at, func() { m.Crash("orders/1") })
			}),
			acts: []string{"rotateOut orders/1", "restart orders/1", "rotateIn orders/1"},
		},
		{
			name: "two crash, one is started after the other",
			sc: sc(20*time.Second, serving("orders", 3), func(s *healerstest.Shell, m *healerstest.Model) {
				s.At(at, func() { m.Crash("orders/0"); m.Crash("orders/2") })
			}),
			acts: []string{
				"rotateOut orders/0", "rotateOut orders/2", "restart orders/0", "rotateIn orders/0", "restart orders/2", "rotateIn orders/2",
			},
		},
		{
			name: "crash loop, backed off",
			sc: sc(60*time.Second, serving("orders", 3), func(s *healerstest.Shell, m *healerstest.Model) {
				for _, at := range []time.Duration{2 * time.Second, 3 * time.Second, 14 * time.Second} {
					s.At(at, func() { m.Crash("orders/1") })
				}
			}),
		},
		{
			name: "hang",
			sc: sc(10*time.Second, serving("orders", 3), func(s *healerstest.Shell, m *healerstest.Model) {
				s.At(at, func() { m.Hang("orders/2") })
			}),
			acts: []string{"rotateOut orders/2", "restart orders/2", "rotateIn orders/2"},
		},
		{
			name: "partition",
			sc: sc(12*time.Second, serving("orders", 3), func(s *healerstest.Shell, m *healerstest.Model) {
				s.At(at, func() { m.Cut("orders/0") })
			}),
			acts: []string{"rotateOut orders/0", "replace orders/0", "rotateIn orders/3"},
		},
		{
			name: "store crash",
			sc: sc(8*time.Second, serving("store", 1), func(s *healerstest.Shell, m *healerstest.Model) {
				s.At(at, func() { m.Crash("store/0") })
			}),
			acts: []string{"restart store/0"},
		},
		{
			name: "all unready at once: hold, and keep the minimum in rotation",
			sc: sc(20*time.Second, serving("orders", 3), func(s *healerstest.Shell, m *healerstest.Model) {
				for i := range 3 {
					s.At(at+time.Duration(i)*100*time.Millisecond, func() { m.Cut(sut.InstanceID("orders", i)) })
					s.At(12*time.Second, func() { m.Mend(sut.InstanceID("orders", i)) })
				}
			}),
			acts: []string{"rotateOut orders/0", "rotateIn orders/0"},
		},
		{
			name: "all fail their liveness probes for want of what they share: held, until it is back",
			sc: sc(30*time.Second, serving("orders", 3), func(s *healerstest.Shell, m *healerstest.Model) {
				for i := range 3 {
					s.At(at+time.Duration(i)*100*time.Millisecond, func() { m.Starve(sut.InstanceID("orders", i)) })
					s.At(20*time.Second, func() { m.Feed(sut.InstanceID("orders", i)) })
				}
			}),
			acts: []string{"page orders"},
		},
		{
			name: "all hang by themselves: one is tried, and when that helps the others follow",
			sc: sc(4*time.Minute, serving("orders", 3), func(s *healerstest.Shell, m *healerstest.Model) {
				for i := range 3 {
					s.At(at+time.Duration(i)*100*time.Millisecond, func() { m.Hang(sut.InstanceID("orders", i)) })
				}
			}),
			acts: []string{
				"rotateOut orders/0", "page orders", "restart orders/0", "rotateOut orders/1", "rotateOut orders/2", "rotateIn orders/0",
				"restart orders/1", "rotateIn orders/1", "restart orders/2", "rotateIn orders/2",
			},
		},
		{
			name: "a person wants all restarted: one zone after another, the oldest first",
			sc: sc(40*time.Second, serving("orders", 3), func(s *healerstest.Shell, m *healerstest.Model) {
				begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
				m.Place("orders/0", "b", begin)
				m.Place("orders/1", "a", begin.Add(time.Hour))
				m.Place("orders/2", "a", begin)
				s.At(at, func() { s.Say(healers.Command{Verb: healers.CommandRestart, By: "eve", Target: "orders"}) })
			}),
			acts: []string{"restart orders/2", "restart orders/1", "restart orders/0"},
		},
		{
			name: "disk full, of temporary files",
			sc: sc(12*time.Second, usedBelow(80), func(s *healerstest.Shell, m *healerstest.Model) {
				s.At(at, func() { m.Fill("store/0:data", 60, 10, 25) })
			}),
			acts: []string{"cleanTemp store/0:data", "notify store/0:data"},
		},
		{
			name: "disk full, of logs",
			sc: sc(20*time.Second, usedBelow(80), func(s *healerstest.Shell, m *healerstest.Model) {
				s.At(at, func() { m.Fill("store/0:data", 1, 60, 35) })
			}),
			acts: []string{"cleanTemp store/0:data", "cleanLogs store/0:data", "notify store/0:data"},
		},
		{
			name: "disk full, of data",
			sc: sc(25*time.Second, usedBelow(80), func(s *healerstest.Shell, m *healerstest.Model) {
				s.At(at, func() { m.Fill("store/0:data", 1, 1, 97) })
			}),
			acts: []string{"cleanTemp store/0:data", "cleanLogs store/0:data", "expand store/0:data", "notify store/0:data"},
		},
		{
			name: "disk full, and nothing helps",
			sc: sc(40*time.Second, paged, func(s *healerstest.Shell, m *healerstest.Model) {
				s.At(at, func() { m.Fill("store/0:data", 0, 0, 190) })
			}),
			acts: []string{"cleanTemp store/0:data", "cleanLogs store/0:data", "expand store/0:data", "page store/0:data"},
		},
	}
}

func TestScenarios(t *testing.T) {
	for _, row := range scenarios() {
		t.Run(row.name, func(t *testing.T) {
			healerstest.Prove(t, row.sc)
			s := row.sc.Play(1, nil)
			if diff := cmp.Diff(row.acts, healerstest.Acts(s)); row.acts != nil && diff != "" {
				t.Errorf("other acts (- want, + got):\n%s\n%s", diff, healerstest.Tell(s))
			}
			if testing.Verbose() {
				t.Log("\n" + healerstest.Tell(s))
			}
		})
	}
}

// TestReaction: an exit is answered in the step in which it is seen, and the
// restart is issued in the step in which the instance has left the rotation.
func TestReaction(t *testing.T) {
	s := scenarios()[0].sc.Play(1, nil)
	var out time.Duration
	for _, r := range s.Journal.Records {
		switch {
		case r.Act != nil && r.Act.Verb == "rotateOut" && r.At != 2*time.Second:
			t.Errorf("the exit at 2s was answered at %v", r.At)
		case r.Done != nil && out == 0:
			out = r.At
		case r.Act != nil && r.Act.Verb == "restart":
			if r.At != out {
				t.Errorf("out of rotation at %v, the restart was issued at %v", out, r.At)
			}
			return
		}
	}
	t.Error("no restart")
}

// TestDiskFullTells: each exit says what was done and the usage reached.
func TestDiskFullTells(t *testing.T) {
	want := map[string]string{
		"disk full, of temporary files": "runbook disk-full on store/0:data: cleanTemp: ok; 35 % used",
		"disk full, of logs":            "runbook disk-full on store/0:data: cleanTemp: ok, cleanLogs: ok; 35 % used",
		"disk full, of data":            "runbook disk-full on store/0:data: cleanTemp: ok, cleanLogs: ok, expand: ok; 65 % used",
		"disk full, and nothing helps":  "store/0:data is at 127 % [runbook disk-full on store/0:data: cleanTemp: ok, cleanLogs: ok, expand: ok; 127 % used]",
	}
	for _, row := range scenarios() {
		text, ok := want[row.name]
		if !ok {
			continue
		}
		s := row.sc.Play(1, nil)
		if got := healerstest.Tell(s); !strings.Contains(got, text+"\n") {
			t.Errorf("%s: %q was not said:\n%s", row.name, text, got)
		}
	}
}
