package policy_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/healers/breaker/fleet"
	"github.com/rebound-chaos/rebound/healers/breaker/settings"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// withBreakers is the shop's policy with breakers, as they are written on line 18.
func withBreakers(t *testing.T, breakers string) string {
	t.Helper()
	return strings.Replace(shopYAML(t), "  runbooks: [disk-full]\n", "  breakers: "+breakers+"\n  runbooks: [disk-full]\n", 1)
}

func TestBreakers(t *testing.T) {
	p, err := policy.Load("shop.yaml", []byte(withBreakers(t, `[
    {dependency: store, failures: 3, openFor: 2s, jitter: 20%, spread: 10s, trialsPerSecond: 2.5, passes: 2, rampOver: 5s, holdFor: 1s},
    {dependency: orders},
    {dependency: api.example.com, consecutive: 4, trialsPerSecond: 0.2, probe: false},
  ]`)))
	if err != nil {
		t.Fatal(err)
	}
	s, m := manifest.Duration(time.Second), manifest.Duration(time.Minute)
	textbook := settings.Breaker{
		Failures: 5, Within: 30 * s, OpenFor: 30 * s, Max: 5 * m, Growth: settings.Factor{Num: 2, Den: 1}, Jitter: settings.Share{Num: 50, Den: 100}, Trials: 1, Successes: 1,
	}
	store, outside, orders := textbook, textbook, textbook
	store.Name, store.Failures, store.OpenFor, store.Jitter, store.Spread = "store", 3, 2*s, settings.Share{Num: 20, Den: 100}, 10*s
	orders.Name = "orders"
	outside.Name, outside.Failures, outside.Within, outside.Consecutive = "api.example.com", 0, 0, 4
	want := []policy.Breaker{
		{Dependency: "store", Settings: store, Budget: fleet.Budget{Trials: 2, Per: 800 * time.Millisecond, Passes: 2, RampOver: 5 * time.Second, HoldFor: time.Second}, Probe: true},
		{Dependency: "orders", Settings: orders, Budget: fleet.Budget{Trials: 5, Per: time.Second, Passes: 3, RampOver: 30 * time.Second, HoldFor: 10 * time.Second}, Probe: true},
		{Dependency: "api.example.com", Settings: outside, Budget: fleet.Budget{Trials: 1, Per: 5 * time.Second, Passes: 3, RampOver: 30 * time.Second, HoldFor: 10 * time.Second}},
	}
	if d := cmp.Diff(want, p.Breakers); d != "" {
		t.Error(d)
	}

	// The tape has the policy as JSON: what is read from it decides the same.
	raw, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again policy.Policy
	if err := json.Unmarshal(raw, &again); err != nil {
		t.Fatal(err)
	}
	if raw2, err := json.Marshal(again); err != nil || string(raw2) != string(raw) {
		t.Errorf("%v\n%s\n%s", err, raw, raw2)
	}
}

// TestTrialsPerSecond: what may begin together is no more than a second's, however the
// rate is written, and in the long run no more begin than it says.
func TestTrialsPerSecond(t *testing.T) {
	for text, want := range map[string]fleet.Budget{
		"5":             {Trials: 5, Per: time.Second},
		"1.0":           {Trials: 1, Per: time.Second},
		"0.2":           {Trials: 1, Per: 5 * time.Second},
		"0.4":           {Trials: 1, Per: 2500 * time.Millisecond},
		"1.5":           {Trials: 1, Per: 666_666_667},
		"33.3":          {Trials: 33, Per: 990_990_991},
		"2.000001":      {Trials: 2, Per: 999_999_501},
		"999999.999999": {Trials: 999_999, Per: 999_999_001},
		"0.000012":      {Trials: 1, Per: 83_333_333_333_334},
	} {
		p, err := policy.Load("shop.yaml", []byte(withBreakers(t, "[{dependency: store, trialsPerSecond: "+text+"}]")))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if b := p.Breakers[0].Budget; b.Trials != want.Trials || b.Per != want.Per {
			t.Errorf("%s: %d in %v, want %d in %v", text, b.Trials, b.Per, want.Trials, want.Per)
		}
	}
}

// TestBreakersOfTheDocs: what is written out there are the defaults.
func TestBreakersOfTheDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/breakers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```yaml\napiVersion")
	block, _, _ = strings.Cut(block, "```")
	p, err := policy.Load("docs/breakers.md", []byte("apiVersion"+block))
	if err != nil {
		t.Fatal(err)
	}
	short, err := policy.Load("short.yaml", []byte(withBreakers(t, "[{dependency: store}]")))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(short.Breakers[0], p.Breakers[0]); d != "" {
		t.Error(d)
	}
}

// TestAPolicyWithoutBreakersIsTheSame: its digest is on record.
func TestAPolicyWithoutBreakersIsTheSame(t *testing.T) {
	p, err := policy.Load("shop.yaml", []byte(withBreakers(t, "[]")))
	if err != nil {
		t.Fatal(err)
	}
	before, err := policy.Load("shop.yaml", []byte(shopYAML(t)))
	if err != nil || p.Digest != before.Digest {
		t.Errorf("%v, %s is not %s", err, p.Digest, before.Digest)
	}
	if raw, err := json.Marshal(p); err != nil || strings.Contains(string(raw), "breakers") {
		t.Errorf("%v %s", err, raw)
	}
}

func TestProblemsOfBreakers(t *testing.T) {
	for _, c := range []struct {
		name, breakers string
		want           []string // each is part of a line, in this order
	}{
		{"no dependency", "[{failures: 3}]", []string{"shop.yaml:18:14: spec.breakers[0].dependency: required, but not there"}},
		{"an empty one", "[{dependency: ''}]", []string{`spec.breakers[0].dependency: expected the name of what is called, got ""`}},
		{"no name", `[{dependency: "a\tb", probe: false}]`, []string{`spec.breakers[0].dependency: expected the name of what is called, got "a\tb"`}},
		{"twice", "[{dependency: store}, {dependency: store}]", []string{"shop.yaml:18:48: spec.breakers[1].dependency: store has its breaker already, in spec.breakers[0]"}},
		{"unknown field", "[{dependency: store, failure: 3}]", []string{"shop.yaml:18:34: spec.breakers[0].failure: unknown field; did you mean failures?"}},
		{"a list is expected", "{dependency: store}", []string{"spec.breakers: expected a list"}},
		{"what is each client's", "[{dependency: store, name: s, identity: orders/0, spread: 5s}]", []string{
			"spec.breakers[0].name: leave it out: a breaker has the name of its dependency", "spec.breakers[0].identity: leave it out: it would be the same for all clients",
		}},
		{"what the breaker refuses", "[{dependency: store, openFor: 1m, max: 5s, trials: -1, jitter: 150%}]", []string{
			"shop.yaml:18:52: spec.breakers[0].max: max 5s is less than openFor, 1m0s", "spec.breakers[0].trials: trials -1 is negative", "spec.breakers[0].jitter: expected a percentage",
		}},
		{"two windows", "[{dependency: store, failures: 3, consecutive: 2}]", []string{"spec.breakers[0].consecutive: consecutive and failures within within are two windows: set one"}},
		{"the budget", "[{dependency: store, trialsPerSecond: 0, passes: -1, rampOver: 25h, holdFor: 30h}]", []string{
			"spec.breakers[0].trialsPerSecond: expected a number above 0", "spec.breakers[0].passes: passes -1 is negative",
			"spec.breakers[0].rampOver: rampOver 25h0m0s is more than 24h0m0s", "spec.breakers[0].holdFor: holdFor 30h0m0s is more than 24h0m0s",
		}},
		{"one in eleven days", "[{dependency: store, trialsPerSecond: 0.000001}]", []string{"spec.breakers[0].trialsPerSecond: expected a number above 0, of at least one in a day"}},
		{"no rate", "[{dependency: store, trialsPerSecond: 5/s}]", []string{`spec.breakers[0].trialsPerSecond: expected a number like 2 or 1.5, got "5/s"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			expectProblems(t, withBreakers(t, c.breakers), c.want)
		})
	}
}

// TestWhoIsProbed: a probe of the engine stands for a trial only where there is one.
func TestWhoIsProbed(t *testing.T) {
	const head = "apiVersion: rebound.dev/v1\nkind: HealingPolicy\nmetadata: {name: shop}\nspec:\n  breakers: [%s]\n  workloads:\n    - {selector: {workload: orders}}\n"
	const store = "    - {selector: {workload: store}, livenessProbe: {tcpSocket: {port: http}}}\n"
	const labels = "    - {selector: {labels: {tier: data}}, readinessProbe: {tcpSocket: {port: http}}}\n"
	for _, c := range []struct{ name, breaker, workloads, want string }{
		{"its own", "{dependency: store}", store, ""},
		{"its own, and said", "{dependency: store, probe: true}", store, ""},
		{"by labels, perhaps", "{dependency: store}", labels, ""},
		{"from outside", "{dependency: stripe, probe: false}", store, ""},
		{"without a probe", "{dependency: orders}", store, "spec.breakers[0].dependency: orders has neither a readinessProbe nor a livenessProbe"},
		{"without a probe, and said", "{dependency: orders, probe: true}", store, "spec.breakers[0].probe: orders has neither"},
		{"a slip", "{dependency: sotre}", store, "spec.breakers[0].dependency: no workload of the policy is sotre; did you mean store? for what is outside of it write probe: false"},
		{"unknown", "{dependency: stripe, probe: true}", store, "spec.breakers[0].probe: no workload of the policy is stripe; for what is outside of it write probe: false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			expectProblems(t, strings.Replace(head, "%s", c.breaker, 1)+c.workloads, want)
		})
	}
}

// expectProblems wants these in a policy, and no other.
func expectProblems(t *testing.T, text string, want []string) {
	t.Helper()
	p, err := policy.Load("shop.yaml", []byte(text))
	if len(want) == 0 {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if err == nil {
		t.Fatalf("was accepted: %+v", p)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("want %q in:\n%v", w, err)
		}
	}
	if lines := strings.Split(err.Error(), "\n"); len(lines) != len(want) {
		t.Errorf("want %d problems, got %d:\n%v", len(want), len(lines), err)
	}
}
