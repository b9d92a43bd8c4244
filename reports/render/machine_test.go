package render

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

func TestJUnit(t *testing.T) {
	t.Parallel()
	type counts struct{ tests, failures, errors, skipped int }
	count := func(name string) (junitSuites, counts) {
		var s junitSuites
		if err := xml.Unmarshal([]byte(render(t, "junit", cases(t)[name])), &s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var n counts
		for _, suite := range s.Suites {
			var own counts
			for _, c := range suite.Cases {
				own.tests++
				switch {
				case c.Failure != nil:
					own.failures++
				case c.Error != nil:
					own.errors++
				case c.Skipped != nil:
					own.skipped++
				}
			}
			if said := (counts{suite.Tests, suite.Failures, suite.Errors, suite.Skipped}); said != own {
				t.Errorf("%s: suite says %+v, has %+v", name, said, own)
			}
			n.tests, n.failures, n.errors, n.skipped = n.tests+own.tests, n.failures+own.failures, n.errors+own.errors, n.skipped+own.skipped
		}
		if said := (counts{s.Tests, s.Failures, s.Errors, s.Skipped}); said != n {
			t.Errorf("%s: the whole says %+v, has %+v", name, said, n)
		}
		return s, n
	}
	for name := range cases(t) {
		s, n := count(name)
		red := n.failures+n.errors > 0
		if green := cases(t)[name].Verdict() == timeline.Pass || name == "control"; green == red {
			t.Errorf("%s: red %v, verdict %v", name, red, cases(t)[name].Verdict())
		}
		if name == "control" && (n.tests != 1 || s.Suites[0].Cases[0].Name != "negative control misses") {
			t.Errorf("a control alone is the case that it missed, not %+v", s.Suites[0].Cases)
		}
	}
	if _, n := count("failed"); n.failures == 0 || n.errors != 0 {
		t.Errorf("a failed check is a failure: %+v", n)
	}
	s, n := count("joint")
	if n.errors == 0 || n.skipped == 0 {
		t.Errorf("an open question is an error, and what stands behind it skipped: %+v", n)
	}
	var props []string
	for _, p := range s.Suites[0].Properties {
		props = append(props, p.Name+"="+p.Value)
	}
	for _, want := range []string{"seed=7", "ttdSeconds=1.050", "ttmSeconds=1.750", "failedRequests=90", "restoredBy=healer"} {
		if !strings.Contains(strings.Join(props, " "), want) {
			t.Errorf("property %s is missing: %v", want, props)
		}
	}
}

// The names of result.json are a promise to programs.
func TestJSONKeepsItsNames(t *testing.T) {
	t.Parallel()
	var got map[string]any
	if err := json.Unmarshal([]byte(render(t, "json", cases(t)["healed"])), &got); err != nil {
		t.Fatal(err)
	}
	has := func(in any, names ...string) {
		t.Helper()
		m, ok := in.(map[string]any)
		if !ok {
			t.Fatalf("%v is no object", in)
		}
		for _, n := range names {
			if _, ok := m[n]; !ok {
				t.Errorf("%q is missing", n)
			}
		}
	}
	recovery := []string{"ttdSeconds", "ttaSeconds", "ttmSeconds", "ttrSeconds", "availabilityLostSeconds", "failedRequests", "totalRequests", "relapses", "restoredBy"}
	has(got, "schemaVersion", "verdict", "aborted", "scenario", "platform", "healers", "seed", "recovery", "checks", "faults", "actions", "control", "warnings")
	has(got["recovery"], recovery...)
	has(got["checks"].([]any)[0], "id", "verdict", "measured", "limit", "reason")
	has(got["faults"].([]any)[0], "name", "target", "evidence", "confirmedAtSeconds", "revertedAtSeconds", "residue")
	has(got["actions"].([]any)[0], "id", "healer", "kind", "target", "decision", "reason", "outcome", "atSeconds")
	has(got["control"], "verdict", "recovery", "path")
	control, ok := got["control"].(map[string]any)["recovery"].(map[string]any)
	if !ok || control["ttmSeconds"] != nil {
		t.Errorf("what did not happen is null, not %v", control["ttmSeconds"])
	}
	if got["control"].(map[string]any)["path"] != "hang/off/1" {
		t.Errorf("control's path: %v", got["control"])
	}
}
