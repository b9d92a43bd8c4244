package scenarios_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/scenarios"
)

func TestCatalogueIsValid(t *testing.T) {
	names := scenarios.Names()
	if len(names) == 0 {
		t.Fatal("the catalogue is empty")
	}
	for _, name := range names {
		s, err := scenarios.Load(name)
		if err != nil {
			t.Errorf("%s:\n%v", name, err)
			continue
		}
		if s.Name() != name {
			t.Errorf("%s is named %s in its file", name, s.Name())
		}
		if s.Spec.Claim == "" {
			t.Errorf("%s claims nothing", name)
		}
		most := 45 * time.Second // all are run, on one platform at least, in the time that a test run has
		switch {
		case s.Metadata.Labels["smoke"] == "true":
			most = 28 * time.Second // the demonstration of four has 150 s
		case s.Metadata.Labels["slow"] == "true":
			most = 3 * time.Minute
		}
		if d := s.BaselineFor() + s.Observe(); d > most {
			t.Errorf("%s takes %s of baseline and observation, more than %s", name, d, most)
		}
		first, err := s.Schedule("process", 7)
		if err != nil || len(first.Items) == 0 {
			t.Fatalf("%s: schedule %+v, %v", name, first, err)
		}
		again, err := s.Schedule("process", 7)
		if diff := cmp.Diff(first, again); err != nil || diff != "" {
			t.Errorf("%s: the same seed plans differently: %v %s", name, err, diff)
		}
	}
}

// A literal says what the YAML says.
func TestLiteralEqualsFile(t *testing.T) {
	file, err := scenarios.Load("testdata/scenario.yaml")
	if err != nil {
		t.Fatal(err)
	}
	literal := scenarios.Scenario{
		Metadata: manifest.Metadata{Name: "mine", Layer: "container", Labels: map[string]string{"smoke": "true"}},
		Spec: scenarios.Spec{
			Claim: "It heals.", System: "shop",
			Load: manifest.Load{Rate: 200, Requests: []manifest.Request{{Method: "POST", Path: "/orders", Body: "{}", ReadBack: "/orders/${id}"}}},
			SteadyState: []scenarios.SLI{
				{SLI: "success", AtLeast: 0.99},
				{SLI: "latency", Percentile: 99, AtMost: manifest.Duration(250 * time.Millisecond)},
			},
			Faults: []scenarios.Fault{
				{Fault: "hang", At: manifest.Duration(3 * time.Second), Target: faults.Selector{Workload: "orders", Count: 1}},
				{Fault: "disk-full", At: manifest.Duration(4 * time.Second), Target: faults.Selector{Workload: "store"}, Args: scenarios.Args{"with": []byte(`"logs"`)}},
				{Fault: "partition", Target: faults.Selector{Workload: "orders", To: "store"}},
			},
			Healing: scenarios.Healing{Policy: "shop", Trust: "actAndNotify"},
			Expect: []scenarios.Check{
				scenarios.Expect("recoverWithin", "8s"),
				scenarios.Expect("capacityRestored", map[string]string{"within": "15s"}),
				scenarios.Expect("noAcknowledgedWriteLost", struct{}{}),
			},
			Control: scenarios.Control{Healers: "off", Misses: []string{"capacityRestored"}},
			Stop:    scenarios.Stop{When: []scenarios.SLI{{SLI: "success", Below: 0.01, For: manifest.Duration(40 * time.Second)}}},
		},
	}
	if err := literal.Validate(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(file.Spec, literal.Spec); diff != "" {
		t.Errorf("file and literal differ:\n%s", diff)
	}
	a, errA := file.Schedule("process", 7)
	b, errB := literal.Schedule("process", 7)
	if diff := cmp.Diff(a, b); diff != "" || errA != nil || errB != nil {
		t.Errorf("schedules differ: %v %v %s", errA, errB, diff)
	}
	if got := literal.Observe(); got != 25*time.Second {
		t.Errorf("observes for %s, want the last deadline and 10 s", got)
	}
}

func TestLiteralProblemsHaveNoPosition(t *testing.T) {
	s := scenarios.Scenario{Metadata: manifest.Metadata{Name: "empty"}}
	err := s.Validate()
	want := strings.Join([]string{
		`spec.load.rate: expected a rate over 0, like 200/s`,
		`spec.load.requests: expected at least one request`,
		`spec.faults: expected at least one fault`,
		`spec.expect: expected at least one check`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// Each rule has a file that breaks it; messages.golden holds what is said.
func TestInvalidScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/invalid-*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(err, len(files))
	}
	sort.Strings(files)
	var got strings.Builder
	for _, f := range files {
		s, err := scenarios.Load(f)
		if err == nil || s != nil {
			t.Errorf("%s: no problem was found", f)
			continue
		}
		var all manifest.Problems
		if !errors.As(err, &all) {
			t.Errorf("%s: %T is not Problems", f, err)
		}
		for _, p := range all {
			if p.Line == 0 {
				t.Errorf("%s: no line: %v", f, p)
			}
		}
		got.WriteString(strings.ReplaceAll(err.Error(), "testdata/", "") + "\n")
	}
	golden := "testdata/messages.golden"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// What ends by itself is watched to its end, and beyond it for as long as it may take
// until all is well.
func TestObserve(t *testing.T) {
	expect := func(id, args string) scenarios.Check { return scenarios.Check{ID: id, Args: []byte(args)} }
	for name, c := range map[string]struct {
		lasts  time.Duration
		checks []scenarios.Check
		want   time.Duration
	}{
		"the latest deadline":                 {0, []scenarios.Check{expect("recoverWithin", `"8s"`), expect("capacityRestored", `{"within":"15s"}`)}, 25 * time.Second},
		"recovery that must hold longer":      {0, []scenarios.Check{expect("recoverWithin", `{"within":"8s","sustained":"20s"}`)}, 28 * time.Second},
		"no deadline":                         {0, []scenarios.Check{expect("noHerd", `{}`)}, 10 * time.Second},
		"a fault that is over before":         {3 * time.Second, []scenarios.Check{expect("recoverWithin", `"8s"`)}, 18 * time.Second},
		"a fault that lasts longer":           {30 * time.Second, []scenarios.Check{expect("recoverWithin", `"8s"`)}, 40 * time.Second},
		"a deadline that counts from its end": {30 * time.Second, []scenarios.Check{expect("recoverWithin", `"8s"`), expect("capacityAfterRevert", `{"within":"5s"}`)}, 45 * time.Second},
	} {
		s := scenarios.Scenario{Spec: scenarios.Spec{Faults: []scenarios.Fault{{For: manifest.Duration(c.lasts)}, {}}, Expect: c.checks}}
		if got := s.Observe(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestLoadOfWhatIsNotThere(t *testing.T) {
	for name, want := range map[string]string{
		"crsh":         `crsh: no scenario has this name (there are ` + strings.Join(scenarios.Names(), ", ") + `), and no file; did you mean crash?`,
		"./crash.yaml": `./crash.yaml: expected a file: no such file or directory`,
	} {
		if _, err := scenarios.Load(name); err == nil || err.Error() != want {
			t.Errorf("%s: got %q, want %q", name, err, want)
		}
	}
}

func TestPolicyBringsItsRunbooks(t *testing.T) {
	s, err := scenarios.Load("disk-full")
	if err != nil {
		t.Fatal(err)
	}
	p, bundle, err := s.Policy("process", false)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Runbooks) != 1 || p.Runbooks[0].Name != "disk-full" {
		t.Errorf("runbooks: %+v", p.Runbooks)
	}
	docs, err := manifest.Split("bundle.yaml", bundle)
	if err != nil || len(docs) != 2 {
		t.Errorf("the bundle for the engine: %d documents, %v", len(docs), err)
	}
}

// Every policy of the catalogue asks each workload only what it has on the platform.
func TestPoliciesFitTheirPlatforms(t *testing.T) {
	if got := scenarios.Policies(); slices.ContainsFunc(got, func(name string) bool { return strings.Contains(name, "-on-") }) {
		t.Errorf("variants are listed as policies: %v", got)
	}
	for _, platform := range []string{"process", "containers", "kind", "current-context"} {
		for _, name := range scenarios.Names() {
			s, err := scenarios.Load(name)
			if err != nil {
				t.Fatal(err)
			}
			if without := s.Metadata.Labels["without"]; strings.Contains(without, strings.Replace(platform, "current-context", "kind", 1)) {
				continue // it says nothing there
			}
			for _, control := range []bool{false, true} {
				fits(t, s, platform, control)
			}
		}
	}
}

// fits checks the policy of one arm of a scenario. That of the shop's name keeps all of
// it well; one of a scenario's own keeps at least those who are hit, and whom users ask.
func fits(t *testing.T, s *scenarios.Scenario, platform string, control bool) {
	t.Helper()
	name := s.Name() + " on " + platform
	p, _, err := s.Policy(platform, control)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	want := s.Spec.Healing.Policy
	if own := s.Spec.Control.Policy; control && own != "" {
		want = own
	}
	if p.Name != want {
		t.Errorf("%s is healed by %s, not by %s", name, p.Name, want)
	}
	system, err := s.System(platform, control)
	if err != nil {
		t.Fatal(err)
	}
	kept := []string{system.Spec.Entry.Workload}
	for _, f := range s.Spec.Faults {
		kept = append(kept, f.Target.Workload)
	}
	for _, w := range system.Spec.Workloads {
		i := slices.IndexFunc(p.Workloads, func(o policy.Workload) bool { return o.Selector["workload"] == w.Name })
		if i < 0 {
			if p.Name == "shop" || slices.Contains(kept, w.Name) {
				t.Errorf("%s: nobody keeps %s well", name, w.Name)
			}
			continue
		}
		for _, probe := range []*corev1.Probe{p.Workloads[i].Liveness, p.Workloads[i].Readiness} {
			if probe != nil && !slices.ContainsFunc(w.Ports, func(o manifest.Port) bool { return o.Name == portOf(probe) }) {
				t.Errorf("%s: a probe of %s asks port %s, which it does not have", name, w.Name, portOf(probe))
			}
		}
	}
}

func portOf(p *corev1.Probe) string {
	if p.HTTPGet != nil {
		return p.HTTPGet.Port.StrVal
	}
	return p.TCPSocket.Port.StrVal
}

func TestOwnSystemNeedsItsPolicy(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("sys.yaml", `
apiVersion: rebound.dev/v1
kind: System
metadata: {name: mine}
spec:
  entry: {workload: orders, port: http}
  workloads:
    - {name: orders, command: [./orders], ports: [{name: http}]}
`)
	file := write("mine.yaml", `
apiVersion: rebound.dev/v1
kind: Scenario
metadata: {name: mine}
spec:
  system: ./sys.yaml
  load: {rate: 10/s, requests: [{path: /}]}
  faults: [{fault: kill, target: {workload: orders}}]
  expect: [{recoverWithin: 5s}]
`)
	_, err := scenarios.Load(file)
	if err == nil || !strings.HasSuffix(err.Error(), "spec.healing.policy: required for a system of your own: a name or a file") {
		t.Errorf("got %v", err)
	}
}

// A bound on the replicas that the scaler's own maximum keeps proves nothing.
func TestOvershootCanBeExceeded(t *testing.T) {
	for _, name := range scenarios.Names() {
		s, err := scenarios.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range s.Spec.Expect {
			if c.ID != "overshoot" {
				continue
			}
			var a assertions.Overshoot
			if err := json.Unmarshal(c.Args, &a); err != nil {
				t.Fatal(err)
			}
			for _, platform := range []string{"process", "containers", "kind"} {
				p, _, err := s.Policy(platform, false)
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range p.Workloads {
					if w.Scaling != nil && w.Selector["workload"] == a.Workload && int(w.Scaling.Spec.MaxReplicas) <= a.Needed+a.AtMost.Most(a.Needed) {
						t.Errorf("%s on %s: overshoot allows what the policy's maxReplicas do", name, platform)
					}
				}
			}
		}
	}
}
