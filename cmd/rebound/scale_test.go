package main

import (
	"encoding/json"
	"os"
	"path/filepath"
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
