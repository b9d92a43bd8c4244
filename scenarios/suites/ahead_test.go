package suites

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/scenarios"
)

func caseOf(name, layer string) Case {
	return Case{Platform: "process", Scenario: &scenarios.Scenario{Metadata: manifest.Metadata{Name: name, Layer: layer}}}
}

// Each play takes a second. What is told is when each began and what was waited for.
func TestAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		at := func() int { return int(time.Since(start) / time.Second) }
		began := make(chan string, 10)
		a := &ahead{atOnce: 2, play: func(_ context.Context, c Case) (*Played, error) {
			began <- fmt.Sprintf("%s at %d", c.Scenario.Name(), at())
			<-time.After(time.Second)
			return &Played{Dir: c.Scenario.Name()}, nil
		}}
		var all []*aheadCase
		busy := caseOf("busy", "traffic")
		busy.Scenario.Metadata.Labels = map[string]string{"busy": "true"}
		for _, c := range []Case{
			caseOf("a", "process"), caseOf("left out", "process"), caseOf("b", "process"), caseOf("c", "process"),
			caseOf("node", "node"), caseOf("d", "process"), caseOf("e", "process"), busy,
		} {
			all = append(all, a.add(c))
		}
		named := func(c Case) bool { return c.Scenario.Name() != "left out" }
		for _, n := range all {
			if !named(n.Case) {
				continue
			}
			if played, err := a.wait(t.Context(), n, named); err != nil || played.Dir != n.Scenario.Name() {
				t.Errorf("%s: %v, %v", n.Scenario.Name(), played, err)
			}
		}
		if _, err := a.wait(t.Context(), all[1], named); err != nil {
			t.Error(err)
		}
		close(began)
		var got []string
		for b := range began {
			got = append(got, b)
		}
		slices.SortStableFunc(got, func(a, b string) int { return int(a[len(a)-1]) - int(b[len(b)-1]) })
		slices.Sort(got[:2])
		slices.Sort(got[4:6])
		want := []string{"a at 0", "b at 0", "c at 1", "node at 2", "d at 3", "e at 3", "busy at 4", "left out at 5"}
		if !slices.Equal(got, want) {
			t.Errorf("began %q, want %q", got, want)
		}
	})
}

// Who stops waiting for a case cuts that short, and no other; at the end all are.
func TestAheadIsCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		undone := map[string]int{}
		start := time.Now()
		a := &ahead{atOnce: 1, play: func(ctx context.Context, c Case) (*Played, error) {
			<-ctx.Done()
			<-time.After(time.Second) // it is undone
			undone[c.Scenario.Name()] = int(time.Since(start) / time.Second)
			return &Played{}, ctx.Err()
		}}
		var all []*aheadCase
		for _, name := range []string{"a", "b", "c"} {
			all = append(all, a.add(caseOf(name, "process")))
		}
		for _, n := range all[:2] {
			ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
			if _, err := a.wait(ctx, n, func(Case) bool { return true }); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", n.Scenario.Name(), err)
			}
			stop()
		}
		synctest.Wait() // the third has begun
		a.end()
		if want := map[string]int{"a": 6, "b": 12, "c": 13}; !maps.Equal(undone, want) {
			t.Errorf("undone at %v, want %v", undone, want)
		}
	})
}
