package runbook_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers/runbook"
)

func full() *runbook.Scope {
	return &runbook.Scope{
		Volume: sut.Volume{ID: "store/0:data", Used: 91, Size: 100, Max: 200},
		Instance: sut.Instance{
			Target: sut.Target{ID: "store/0"}, Workload: "store", Phase: sut.PhaseRunning, Rotation: sut.No,
			Labels: map[string]string{"env": "test"},
		},
		Live: true,
		Done: []string{"cleanTemp: ok", "expand: ok"},
	}
}

func TestCondition(t *testing.T) {
	for _, row := range []struct {
		expr string
		want bool
		fail bool // at evaluation
	}{
		{expr: "", want: true},
		{expr: "volume.usedPercent >= 90", want: true},
		{expr: "volume.usedPercent >= 90.5", want: true},
		{expr: "volume.usedPercent < 80", want: false},
		{expr: "volume.size < volume.max && volume.freeBytes == 9", want: true},
		{expr: `instance.workload == "store" && instance.labels["env"] != "production"`, want: true},
		{expr: `instance.labels.env == "test"`, want: true},
		{expr: `instance.labels.tier == "test"`, fail: true},
		{expr: "1 / volume.max == 0 && 1 / (volume.max - volume.max) == 0", fail: true},
		{expr: `instance.running && instance.live && !instance.ready && instance.rotation == "no"`, want: true},
		{expr: "changed || gone", want: false},
		{expr: `done.exists(d, d.startsWith("expand"))`, want: true},
	} {
		t.Run(row.expr, func(t *testing.T) {
			c, err := runbook.Compile(row.expr)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.Holds(full())
			if got != row.want || (err != nil) != row.fail {
				t.Errorf("got %v, %v", got, err)
			}
			if err != nil && !errors.Is(err, runbook.ErrCondition) {
				t.Errorf("%v is not an ErrCondition", err)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, expr := range []string{"volume.usedPrecent > 1", "volume.used", "volume.used >", `volume.used > "x"`, "host.load > 1"} {
		if _, err := runbook.Compile(expr); !errors.Is(err, runbook.ErrCondition) {
			t.Errorf("%s: got %v", expr, err)
		}
	}
}

func TestTemplate(t *testing.T) {
	for text, want := range map[string]string{
		"":      "",
		"plain": "plain",
		"${volume.id} at ${volume.usedPercent} %": "store/0:data at 91 %",
		"price $${x}":                      "price ${x}",
		"${done}":                          "cleanTemp: ok, expand: ok",
		"${{'a}': 'b'}['a}']}!":            "b!",
		"${instance.labels.tier} is a gap": "(?) is a gap",
		"ready: ${instance.ready}":         "ready: false",
	} {
		tmpl, err := runbook.ParseTemplate(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := tmpl.Render(full()); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"${volume.used", "${nothing}", "${}"} {
		if _, err := runbook.ParseTemplate(text); !errors.Is(err, runbook.ErrCondition) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

func TestStepsAreSortedAndDocumented(t *testing.T) {
	steps := runbook.Steps()
	if !slices.IsSortedFunc(steps, func(a, b runbook.Definition) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("steps are not sorted by name")
	}
	for _, s := range steps {
		if got, ok := runbook.Lookup(s.Name); !ok || got.Summary == "" || got.Args == nil {
			t.Errorf("%s: %+v", s.Name, got)
		}
	}
	if !slices.IsSorted(runbook.Names()) {
		t.Error("names are not sorted")
	}
}

func BenchmarkHolds(b *testing.B) {
	c, err := runbook.Compile("volume.usedPercent >= 90")
	if err != nil {
		b.Fatal(err)
	}
	s := full()
	b.ReportAllocs()
	for b.Loop() {
		if ok, _ := c.Holds(s); !ok {
			b.Fatal("it must hold")
		}
	}
}
