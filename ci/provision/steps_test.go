package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func testProvision(t *testing.T) (*provision, *strings.Builder) {
	t.Helper()
	var out strings.Builder
	return &provision{tell: newTeller(&out, time.Now()), cache: t.TempDir()}, &out
}

func TestStepsRunInOrderAndFailAlone(t *testing.T) {
	p, out := testProvision(t)
	var mu sync.Mutex
	var ran []string
	broken := errors.New("broken")
	mk := func(name string, err error, after ...string) step {
		return step{name: name, after: after, do: func(_ context.Context, log *stepLog) (string, error) {
			mu.Lock()
			ran = append(ran, name)
			mu.Unlock()
			_, werr := log.Write([]byte("detail of " + name + "\n"))
			return "built", errors.Join(err, werr)
		}}
	}
	err := p.do(t.Context(), []step{
		mk("top", nil, "middle", "side"), mk("middle", nil, "bottom"), mk("bottom", nil), mk("side", broken), mk("above top", nil, "top"),
	})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "side: broken") || !strings.Contains(err.Error(), "detail of side") {
		t.Errorf("error %v, want that of side with its log", err)
	}
	if slices.Index(ran, "bottom") > slices.Index(ran, "middle") || !slices.Contains(ran, "middle") {
		t.Errorf("ran %v: middle waits for bottom", ran)
	}
	if slices.Contains(ran, "top") || slices.Contains(ran, "above top") {
		t.Errorf("ran %v: what waits for side must not", ran)
	}
	p.tell.table()
	for _, line := range []string{"side       failed", "top        not tried, for want of side", "above top  not tried, for want of top", "middle     built"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("table\n%s\nwant %q in it", out, line)
		}
	}
}

func TestStepsThatAreThereDoNothing(t *testing.T) {
	p, out := testProvision(t)
	there := step{
		name:  "there",
		there: func(context.Context) (string, bool, error) { return "in the cache", true, nil },
		do:    func(context.Context, *stepLog) (string, error) { return "", errors.New("was done anew") },
	}
	if err := p.do(t.Context(), []step{there}); err != nil {
		t.Fatal(err)
	}
	p.tell.table()
	if !strings.Contains(out.String(), "there  already there, in the cache") {
		t.Errorf("table\n%s", out)
	}
	if err := p.do(t.Context(), []step{{name: "x", after: []string{"nobody"}}}); err == nil {
		t.Error("a step that waits for nobody's step runs")
	}
}

func TestStepsBuildWhatIsWantedAlone(t *testing.T) {
	p, _ := testProvision(t)
	p.version, p.nodeRepository, p.metricsVersion = "v1.34.4", "some/node", "v0.1.0"
	for _, c := range []struct {
		want  []string
		steps []string
	}{
		{[]string{redisImage}, []string{"debian base", redisImage}},
		{[]string{p.metricsImage()}, []string{p.metricsImage(), kubernetesStep}},
		{[]string{"some/node:v1.34.4"}, []string{"debian base", "node packages", corednsStep, "some/node:v1.34.4", kubernetesStep}},
	} {
		var images []image
		for _, name := range c.want {
			images = append(images, image{name: name})
		}
		var names []string
		for _, s := range p.steps(images) {
			names = append(names, s.name)
			for _, a := range s.after {
				if !slices.Contains(c.steps, a) {
					t.Errorf("to build %v, %s waits for %s, which is no step", c.want, s.name, a)
				}
			}
		}
		if !slices.Equal(names, c.steps) {
			t.Errorf("to build %v: steps %v, want %v", c.want, names, c.steps)
		}
	}
}

func TestWhereImagesCannotBeBuilt(t *testing.T) {
	want := []image{{name: redisImage}}
	for _, c := range []struct {
		name   string
		host   host
		engine engine
		says   string
	}{
		{"root", host{root: true, debian: true, arch: "amd64"}, engine{arch: "amd64"}, ""},
		{"no root", host{debian: true, arch: "amd64"}, engine{arch: "amd64"}, `sudo env "PATH=$PATH" make provision`},
		{"another architecture", host{root: true, debian: true, arch: "amd64"}, engine{arch: "arm64"}, "the engine is arm64, this machine amd64"},
	} {
		p := &provision{host: c.host, engine: c.engine}
		err := p.canBuild(want)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.says)
		}
	}
}

func TestLinesAreShownPlain(t *testing.T) {
	for line, want := range map[string]string{
		"plain": "plain", "\x1b[91mred\x1b[0m\r": "red", "äöüäöüäöüäöü": "äöüäöüäöü…", "": "",
	} {
		if got := shortened(line, 10); got != want {
			t.Errorf("%q is shown as %q, want %q", line, got, want)
		}
	}
}
