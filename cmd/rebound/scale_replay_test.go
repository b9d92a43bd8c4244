package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	exampleHPA = "../../healers/scaler/replay/testdata/hpa.yaml"
	exampleDay = "../../healers/scaler/replay/testdata/day.csv"
)

// replayed runs the command in this process.
func replayed(t *testing.T, stdin string, args ...string) (stdout string, err error) {
	t.Helper()
	c := scaleReplayCommand()
	c.SilenceErrors, c.SilenceUsage = true, true
	var out bytes.Buffer
	c.SetIn(strings.NewReader(stdin))
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs(args)
	err = c.ExecuteContext(t.Context())
	return out.String(), err
}

func TestScaleReplay(t *testing.T) {
	t.Parallel()
	svg := filepath.Join(t.TempDir(), "day.svg")
	text, err := replayed(t, "", "-f", exampleHPA, exampleDay, "--request", "cpu=500m", "--svg", svg)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"3 to 20 replicas", "20 ┤╌╌╌", "short", "12:00", "requests_per_second, 100 each", "too few ready    45 min", "scaleDownWindow"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
	picture, err := os.ReadFile(svg)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(picture, new(struct{})); err != nil || !bytes.Contains(picture, []byte("cpu, 70 % of 500m")) {
		t.Errorf("the picture: %v", err)
	}
}

func TestScaleReplayJSON(t *testing.T) {
	t.Parallel()
	hpa := "{minReplicas: 1, maxReplicas: 9, metrics: [{type: Pods, pods: {metric: {name: rps}, target: {type: AverageValue, averageValue: 10}}}]}"
	metrics := filepath.Join(t.TempDir(), "m.csv")
	if err := os.WriteFile(metrics, []byte("time,rps\n0,20\n60,40\n120,40\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The least that there can be of each is a value of its own.
	text, err := replayed(t, hpa, "-f", "-", metrics, "--replicas", "3", "--ready-after", "0s", "--compat", "v2", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Summary struct {
			ShortSeconds float64
			MostReplicas int
		}
		Steps []struct{ Replicas, Desired, Ready int }
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Steps) != 12 || got.Steps[0].Replicas != 3 || got.Steps[4].Desired != 4 || got.Steps[4].Ready != 4 || got.Summary.MostReplicas != 4 || got.Summary.ShortSeconds != 0 {
		t.Errorf("%+v", got)
	}
}

func TestScaleReplayInterval(t *testing.T) {
	t.Parallel()
	text, err := replayed(t, "", "-f", exampleHPA, exampleDay, "--request", "cpu=500m", "--interval", "1m", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		IntervalSeconds float64
		Steps           []struct{ AtSeconds float64 }
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if got.IntervalSeconds != 60 || len(got.Steps) != 1440 || got.Steps[1].AtSeconds != 60 {
		t.Errorf("each %v s, %d steps", got.IntervalSeconds, len(got.Steps))
	}
}

// Ctrl-C: nothing is printed, nothing is written, and the code is that of what was aborted.
func TestScaleReplayInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	svg := filepath.Join(t.TempDir(), "day.svg")
	c := scaleReplayCommand()
	c.SilenceErrors, c.SilenceUsage = true, true
	var out bytes.Buffer
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetArgs([]string{"-f", exampleHPA, exampleDay, "--request", "cpu=500m", "--svg", svg})
	err := c.ExecuteContext(ctx)
	if exit, ok := errors.AsType[*exitError](err); !ok || exit.code != exitAborted || !strings.Contains(err.Error(), "the replay was interrupted: 0 s of 24 h were played") {
		t.Errorf("not interrupted: %v", err)
	}
	if _, err := os.Stat(svg); out.Len() != 0 || !os.IsNotExist(err) {
		t.Errorf("something was left: %q, %v", out.String(), err)
	}
}

func TestScaleReplayMistakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	bad := write("bad.yaml", "spec: {maxReplicas: 0}")
	wrong := write("wrong.csv", "time,cpu\n0,1\n0,x\n")
	other := write("other.csv", "time,memory\n0,1\n")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{exampleDay}, []string{"-f is missing"}},
		{[]string{"-f", "-", "-"}, []string{"both"}},
		{[]string{"-f", "no/such/file", exampleDay}, []string{"no/such/file"}},
		{[]string{"-f", exampleHPA, "no/such/file", "--request", "cpu=1"}, []string{"no/such/file"}},
		{[]string{"-f", bad, wrong}, []string{bad + ":1:", "maxReplicas", wrong + ":3:1: time", wrong + ":3:3: cpu"}},
		{[]string{"-f", exampleHPA, exampleDay}, []string{"Resource cpu: its target is a share", "--request cpu=500m"}},
		{[]string{"-f", exampleHPA, other, "--request", "cpu=1"}, []string{"no such column named cpu", "requests_per_second", "those that are there: memory"}},
		{
			[]string{"-f", exampleHPA, exampleDay, "--request", "cpu=0,memory=lots", "--replicas", "0", "--ready-after", "-1s", "--interval", "0s"},
			[]string{"--request cpu=0", "--request memory=lots", "--replicas 0", "--ready-after -1s", "--interval 0s: expected a time above 0"},
		},
		{
			[]string{"-f", exampleHPA, exampleDay, "--request", "cpu=1", "--interval", "1ms"},
			[]string{"the recording is too long: it takes 86400000 decisions, one each 1ms"},
		},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			_, err := replayed(t, "", c.args...)
			exit, ok := errors.AsType[*exitError](err)
			if !ok || exit.code != exitUsage {
				t.Fatalf("not a mistake in the input: %v", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in:\n%v", want, err)
				}
			}
		})
	}
	// What cobra refuses ends with the same code.
	for _, args := range [][]string{{}, {"a.csv", "b.csv"}, {"a.csv", "--compat", "v1"}, {"a.csv", "--ready-after", "5"}, {"a.csv", "--interval", "15"}, {"a.csv", "-o", "yaml"}} {
		if _, err := replayed(t, "", args...); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
	// A picture that cannot be written is no mistake in the input.
	_, err := replayed(t, "", "-f", exampleHPA, exampleDay, "--request", "cpu=500m", "--svg", filepath.Join(dir, "no", "such", "folder.svg"))
	if exit, ok := errors.AsType[*exitError](err); !ok || exit.code != exitFail {
		t.Errorf("a picture that cannot be written: %v", err)
	}
}
