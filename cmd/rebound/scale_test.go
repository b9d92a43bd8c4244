package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

func TestScaleExplain(t *testing.T) {
	hpa, now := "../../docs/scaling/hpa.yaml", "../../docs/scaling/now.json"
	text, err := command(t, "scale", "explain", "-f", hpa, "-m", now)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"scale up from 3 to 7", "bound by scaleUp: 10 were wanted, and the policy of 4 pods in 60 s allows 7", "2 ready, 1 unready", "proposes 10"} {
		if !strings.Contains(text, want) {
			t.Errorf("expected %q in\n%s", want, text)
		}
	}
	for _, args := range [][]string{{"--compat", "v2"}, nil} {
		out, err := command(t, append([]string{"scale", "explain", "-f", hpa, "-m", now, "-o", "json"}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		var e scaler.Explanation
		if err := json.Unmarshal([]byte(out), &e); err != nil {
			t.Fatal(err)
		}
		if e.DesiredReplicas != 7 || len(e.Metrics) != 2 || *e.Metrics[1].Proposal != 10 || len(e.Conditions) != 3 || e.Bound == "" || e.Reason == "" {
			t.Errorf("%v: got %+v", args, e)
		}
	}
}

// Where metrics fail the current number is printed, which is no failure of ours.
func TestScaleExplainWithoutMetrics(t *testing.T) {
	now := filepath.Join(t.TempDir(), "now.json")
	if err := os.WriteFile(now, []byte(`{"specReplicas": 3}`), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := command(t, "scale", "explain", "-f", "../../docs/scaling/hpa.yaml", "-m", now, "-o", "json")
	var e scaler.Explanation
	if err := json.Unmarshal([]byte(out), &e); err != nil {
		t.Fatal(err)
	}
	if err != nil || e.DesiredReplicas != 3 || e.Reason != "FailedGetResourceMetric" || !strings.HasPrefix(e.Bound, "metricFailed") {
		t.Errorf("%v %+v", err, e)
	}
}

// A fallback waits from when its metric began to fail, and a cost ceiling counts what is
// spent: the history in the file says both.
func TestScaleExplainBeyondUpstream(t *testing.T) {
	dir := t.TempDir()
	hpa, now := filepath.Join(dir, "hpa.yaml"), filepath.Join(dir, "now.json")
	const queue = `{maxReplicas: 10, %s, metrics: [{type: External, external: {metric: {name: jobs}, target: {type: AverageValue, averageValue: 1}}}]}`
	for _, row := range []struct {
		name, beyond, seen string
		want               int32
		bound              string
	}{
		{"it fails for 5 minutes", "fallback: {after: 3m, replicas: 4}", `"history": {"failures": [{"metric": "jobs", "since": "2026-01-31T11:55:00Z"}]}`, 4, ""},
		{"it fails for 2 minutes", "fallback: {after: 3m, replicas: 4}", `"history": {"failures": [{"metric": "jobs", "since": "2026-01-31T11:58:00Z"}]}`, 2, "metricFailed"},
		{"another fails for 5 minutes", "fallback: {after: 3m, replicas: 4}", `"history": {"failures": [{"metric": "mail", "since": "2026-01-31T11:55:00Z"}]}`, 2, "metricFailed"},
		{"it began now", "fallback: {after: 3m, replicas: 4}", `"history": {}`, 2, "metricFailed"},
		{"nothing is spent", "replicaHoursPerDay: 48", `"external": [{"metric": "jobs", "values": [4]}]`, 4, ""},
		{"most is spent", "replicaHoursPerDay: 48", `"external": [{"metric": "jobs", "values": [4]}], "history": {"spent": {"hours": 35}}`, 2, "replicaHoursPerDay"},
		{"most was spent an hour ago", "replicaHoursPerDay: 48", `"external": [{"metric": "jobs", "values": [4]}], "history": {"spent": {"hours": 33, "at": "2026-01-31T11:00:00Z"}}`, 2, "replicaHoursPerDay"},
		{"it was spent yesterday", "replicaHoursPerDay: 48", `"external": [{"metric": "jobs", "values": [4]}], "history": {"spent": {"hours": 35, "at": "2026-01-30T23:59:00Z"}}`, 4, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			if err := errors.Join(
				os.WriteFile(hpa, fmt.Appendf(nil, queue, row.beyond), 0o600),
				os.WriteFile(now, []byte(`{"now": "2026-01-31T12:00:00Z", "specReplicas": 2, `+row.seen+`}`), 0o600),
			); err != nil {
				t.Fatal(err)
			}
			out, err := command(t, "scale", "explain", "-f", hpa, "-m", now, "-o", "json")
			var e scaler.Explanation
			if err := errors.Join(err, json.Unmarshal([]byte(out), &e)); err != nil {
				t.Fatal(err)
			}
			if bound, _, _ := strings.Cut(e.Bound, ":"); e.DesiredReplicas != row.want || bound != row.bound {
				t.Errorf("expected %d bound by %q, got %s", row.want, row.bound, out)
			}
		})
	}
}

// Why a number stays although its metric is not at its target.
func TestScaleExplainSaysWhatHolds(t *testing.T) {
	dir := t.TempDir()
	hpa, now := filepath.Join(dir, "hpa.yaml"), filepath.Join(dir, "now.json")
	const (
		pods   = `{type: Pods, pods: {metric: {name: q}, target: {type: AverageValue, averageValue: 100}}}`
		shared = `{type: External, external: {metric: {name: jobs}, target: {type: %s: 100}}}`
	)
	value, average := fmt.Sprintf(shared, "Value, value"), fmt.Sprintf(shared, "AverageValue, averageValue")
	pod := func(name, q string) string {
		return fmt.Sprintf(`{"name": %q, "phase": "Running", "ready": true, "custom": {"q": %q}}`, name, q)
	}
	const c = `{"name": "c", "phase": "Running", "ready": true}`
	for _, row := range []struct{ name, metrics, seen, bound string }{
		{"of pods", pods, `"pods": [` + pod("a", "109") + `]`, "tolerance: the ratio 1.09 of q is within 0.9 to 1.1"},
		{"below", pods, `"pods": [` + pod("a", "91") + `]`, "tolerance: the ratio 0.91 of q is within 0.9 to 1.1"},
		{"of one number", value, `"external": [{"metric": "jobs", "values": [105]}]`, "tolerance: the ratio 1.05 of jobs is within 0.9 to 1.1"},
		{"of one number for each", average, `"external": [{"metric": "jobs", "values": [210]}]`, "tolerance: the ratio 1.05 of jobs is within 0.9 to 1.1"},
		{"the highest of two", pods + ", " + value, `"pods": [` + pod("a", "50") + `], "external": [{"metric": "jobs", "values": [105]}]`, "tolerance: the ratio 1.05 of jobs is within 0.9 to 1.1"},
		{"a tolerance of its own", pods, `"pods": [` + pod("a", "115") + `]`, "tolerance: the ratio 1.15 of q is within 0.9 to 1.2"},
		{"filled in", pods, `"pods": [` + pod("a", "205") + `, ` + c + `]`, "filledRatio: the ratio 2.05 of q is 1.025 with what is missing or unready filled in, which is within 0.9 to 1.1"},
		{"filled in it turns", pods, `"pods": [` + pod("a", "150") + `, ` + c + `]`, "filledRatio: the ratio 1.5 of q is 0.75 with what is missing or unready filled in, which is the other direction"},
		{"more pods than replicas", pods, `"pods": [` + pod("a", "80") + `, ` + pod("b", "80") + `, ` + pod("d", "80") + `]`, "direction: the ratio 0.8 of q over the pods that count would scale the other way"},
		{"at the target", pods, `"pods": [` + pod("a", "100") + `, ` + pod("b", "100") + `]`, "tolerance: the ratio 1 of q is within 0.9 to 1.1"},
		{"nothing holds", pods, `"pods": [` + pod("a", "200") + `]`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			tolerance := "100m"
			if strings.HasSuffix(row.bound, "to 1.2") {
				tolerance = "200m"
			}
			if err := errors.Join(
				os.WriteFile(hpa, []byte("{maxReplicas: 10, metrics: ["+row.metrics+"], behavior: {scaleUp: {tolerance: "+tolerance+"}}}"), 0o600),
				os.WriteFile(now, []byte(`{"now": "2026-01-31T12:00:00Z", "specReplicas": 2, `+row.seen+`}`), 0o600),
			); err != nil {
				t.Fatal(err)
			}
			out, err := command(t, "scale", "explain", "-f", hpa, "-m", now, "-o", "json")
			var e scaler.Explanation
			if err := errors.Join(err, json.Unmarshal([]byte(out), &e)); err != nil {
				t.Fatal(err)
			}
			if e.DesiredReplicas != 2 || e.Bound != row.bound {
				t.Errorf("expected 2 bound by %q, got %s", row.bound, out)
			}
		})
	}
}

func TestScaleExplainMistakes(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("spec: {minReplicas: 3}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		says string
		args []string
	}{
		{"-f is missing", []string{"-m", "x"}},
		{"-m is missing", []string{"-f", "../../docs/scaling/hpa.yaml"}},
		{"cannot both be standard input", []string{"-f", "-", "-m", "-"}},
		{"no such file", []string{"-f", "nothing.yaml", "-m", "nothing.json"}},
		{"spec.maxReplicas", []string{"-f", bad, "-m", "../../docs/scaling/now.json"}},
		{"expected v2", []string{"-f", "../../docs/scaling/hpa.yaml", "-m", "../../docs/scaling/now.json", "--compat", "v1"}},
	} {
		args := append([]string{"scale", "explain"}, row.args...)
		if _, err := command(t, args...); err == nil || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%v: expected %q, got %v", args, row.says, err)
		}
		if code := execute(t.Context(), args); code != exitUsage {
			t.Errorf("%v: expected exit code %d, got %d", args, exitUsage, code)
		}
	}
}

// One of two metrics fails, and the other would scale down: the number stays, and what
// programs read has all its fields.
func TestScaleExplainWithOneMetric(t *testing.T) {
	dir := t.TempDir()
	hpa, now := filepath.Join(dir, "hpa.yaml"), filepath.Join(dir, "now.json")
	if err := errors.Join(
		os.WriteFile(hpa, []byte("{maxReplicas: 10, metrics: [{type: External, external: {metric: {name: jobs}, target: {type: AverageValue, averageValue: 1}}}, {type: External, external: {metric: {name: mail}, target: {type: AverageValue, averageValue: 1}}}]}"), 0o600),
		os.WriteFile(now, []byte(`{"specReplicas": 6, "external": [{"metric": "jobs", "values": [2]}]}`), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	out, err := command(t, "scale", "explain", "-f", hpa, "-m", now, "-o", "json")
	var e struct {
		Bound   string
		Metrics []map[string]any
	}
	if err := errors.Join(err, json.Unmarshal([]byte(out), &e)); err != nil {
		t.Fatal(err)
	}
	if want := "metricFailed: 1 of 2 metrics could not be had, and the others would scale down to 2, so the 6 replicas stay"; e.Bound != want {
		t.Errorf("expected %q, got %q", want, e.Bound)
	}
	for _, m := range e.Metrics {
		for _, name := range []string{"proposal", "usage", "ratio"} {
			if v, there := m[name]; !there || (v == nil) != (m["name"] == "mail") {
				t.Errorf("%s: %s is %v", m["name"], name, v)
			}
		}
	}
}

// What programs read has these fields and no others.
func TestScaleExplainJSON(t *testing.T) {
	out, err := command(t, "scale", "explain", "-f", "../../docs/scaling/hpa.yaml", "-m", "../../docs/scaling/now.json", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	var inner struct{ Metrics, Conditions []map[string]any }
	if err := errors.Join(json.Unmarshal([]byte(out), &all), json.Unmarshal([]byte(out), &inner)); err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(all)), []string{"bound", "conditions", "desiredReplicas", "metrics", "reason"}; !slices.Equal(got, want) {
		t.Errorf("expected %v, got %v", want, got)
	}
	for _, m := range inner.Metrics {
		for _, name := range []string{"type", "name", "proposal", "usage", "ratio", "ready", "unready", "missing", "ignored"} {
			if _, there := m[name]; !there {
				t.Errorf("%s is not in %v", name, m)
			}
		}
	}
	for _, c := range inner.Conditions {
		if got, want := slices.Sorted(maps.Keys(c)), []string{"message", "reason", "status", "type"}; !slices.Equal(got, want) {
			t.Errorf("expected %v, got %v", want, got)
		}
	}
}

// A document or a spec alone, YAML or JSON, of a file or of standard input: the same decision.
func TestScaleExplainForms(t *testing.T) {
	dir := t.TempDir()
	const (
		spec = `"maxReplicas":10,"metrics":[{"type":"Pods","pods":{"metric":{"name":"q"},"target":{"type":"AverageValue","averageValue":"10"}}}]`
		seen = `{"now":"2026-01-31T12:00:00Z","specReplicas":1,"pods":[{"name":"a","phase":"Running","ready":true,"custom":{"q":"15"}}]}`
	)
	forms := map[string]string{
		"full.json": `{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"name":"web"},"spec":{"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"},` + spec + `}}`,
		"lean.json": "{" + spec + "}",
		"full.yaml": "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, creationTimestamp: 2026-01-31T12:00:00Z}\nspec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  maxReplicas: 10\n  metrics:\n  - type: Pods\n    pods: {metric: {name: q}, target: {type: AverageValue, averageValue: 10}}\nstatus: {currentReplicas: 1, desiredReplicas: 0}\n",
		"lean.yaml": "maxReplicas: 10\nmetrics:\n- type: Pods\n  pods:\n    metric: {name: q}\n    target: {type: AverageValue, averageValue: 10}\n",
		"seen.json": seen,
		"seen.yaml": "now: 2026-01-31T12:00:00Z\nspecReplicas: 1\npods:\n- {name: a, phase: Running, ready: true, custom: {q: 15}}\n",
	}
	for name, text := range forms {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	first := ""
	for _, hpa := range []string{"full.json", "lean.json", "full.yaml", "lean.yaml"} {
		for _, seen := range []string{"seen.json", "seen.yaml"} {
			out, err := command(t, "scale", "explain", "-f", filepath.Join(dir, hpa), "-m", filepath.Join(dir, seen), "-o", "json")
			if err != nil {
				t.Fatalf("%s, %s: %v", hpa, seen, err)
			}
			if first == "" {
				first = out
			}
			if out != first || !strings.Contains(out, `"desiredReplicas": 2`) {
				t.Errorf("%s, %s: expected\n%sgot\n%s", hpa, seen, first, out)
			}
		}
	}
}

// Absurd numbers are refused, or decided upon within the bounds.
func TestScaleExplainAbsurd(t *testing.T) {
	dir := t.TempDir()
	hpa, seen := filepath.Join(dir, "hpa.yaml"), filepath.Join(dir, "seen.json")
	values := []string{
		`NaN`, `"NaN"`, `"Inf"`, `1e400`, `"1e400"`, `-5`, `"-5"`, `9223372036854775807`, `"9223372036854775807"`, `"9223372036854775807m"`,
		`1e-2147483647`, `"1e-2147483647"`, `"1e2147483647"`, `"1e99"`, `"1n"`, `"8Ei"`, `0`, `null`, `""`, `true`, `99999999999999999999999999999999999999`,
	}
	const metrics = `{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}},
		{type: External, external: {metric: {name: jobs}, target: {type: Value, value: %[1]s}}}, {type: External, external: {metric: {name: jobs}, target: {type: AverageValue, averageValue: 1}}}`
	const observed = `{"specReplicas": %[1]s, "statusReplicas": %[2]s, "external": [{"metric": "jobs", "values": [%[3]s, %[3]s]}], "pods": [{"name": "a", "phase": "Running", "ready": true,
		"startTime": "2026-01-31T06:00:00Z", "containers": [{"name": "app", "requests": {"cpu": %[4]s}, "usage": {"cpu": %[5]s}}]}], "history": {"recommendations": [{"at": "2026-01-31T06:00:00Z", "replicas": %[2]s}]}}`
	for _, v := range values {
		for i := range 6 {
			at := [6]any{"1", "2", "2", `"1"`, `"1"`, `"1"`}
			at[i] = v
			for path, text := range map[string]string{
				hpa:  fmt.Sprintf("{maxReplicas: 9, metrics: ["+metrics+"]}", at[5]),
				seen: fmt.Sprintf(observed, at[:5]...),
			} {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, args := range [][]string{{"--compat", "v2"}, nil} {
				out, err := command(t, append([]string{"scale", "explain", "-f", hpa, "-m", seen, "-o", "json"}, args...)...)
				if exit, ok := errors.AsType[*exitError](err); ok && exit.code == exitUsage {
					continue
				}
				var e scaler.Explanation
				if err := errors.Join(err, json.Unmarshal([]byte(out), &e)); err != nil {
					t.Fatalf("%s at %d: %v", v, i, err)
				}
				if e.DesiredReplicas < 0 || e.DesiredReplicas > 9 {
					t.Errorf("%s at %d, %v: %d replicas", v, i, args, e.DesiredReplicas)
				}
			}
		}
	}
}
