package oracle

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/features"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

var (
	cases = flag.Int("cases", 200_000, "how many random cases")
	seed  = flag.Uint64("seed", 1, "of the random cases")
)

// most is how many differences are printed.
const most = 5

// A workload is followed over some decisions, so that what each remembers matters to the
// next. The clock is that of the bubble.
func TestOracle(t *testing.T) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	if err := utilfeature.DefaultMutableFeatureGate.Set("HPAConfigurableTolerance=true"); err != nil {
		t.Fatal(err)
	}
	if !utilfeature.DefaultFeatureGate.Enabled(features.PodLevelResources) {
		t.Fatal("PodLevelResources is not on by default")
	}
	fmt.Printf("seed: %d\n", *seed)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		m := &maker{Rand: rand.New(rand.NewPCG(*seed, 0))}
		rules, seen, done, unlike, unexplained := map[string]int{}, map[string]int{}, 0, 0, 0
		for done < *cases {
			m.now = time.Now()
			in := m.input()
			theirs, ours := in.history.Clone(), in.history.Clone()
			spec := in.spec.Defaulted()
			for step := range 1 + m.IntN(4) {
				if step > 0 {
					<-time.After(15 * time.Second)
					m.now = time.Now()
					in.o = m.observe(spec, in.o.SpecReplicas)
				}
				before := ours.Clone()
				want, after := w.decide(spec, in.o, theirs)
				s := scaler.New(spec, scaler.Options{Compat: true})
				got := s.Decide(in.o, ours)
				if got.Desired != got.Current {
					s.Scaled(ours, in.o.Now, got.Current, got.Desired)
				}
				done++
				for name, says := range want.conditions {
					seen[name+" "+says]++
				}
				if text := differ(want, after, got, ours); text != "" {
					if unlike++; unlike <= most {
						e := got.Explain()
						t.Errorf("case %d: %s\nspec %+v\nobserved %+v\nbefore %+v\nours: %s", done, text, spec, in.o, before, e.Text())
					}
					break
				}
				name, ok := explain(spec, in.o, before, want.desired)
				if !ok {
					if unexplained++; unexplained <= most {
						t.Errorf("case %d: no rule explains why the default mode decides otherwise\nspec %+v\nobserved %+v\nbefore %+v", done, spec, in.o, before)
					}
				}
				rules[name]++
				theirs = after
				in.o.SpecReplicas = want.desired
			}
		}
		fmt.Printf("cases: %d\ndifferences in compat mode: %d\n", done, unlike)
		for _, name := range slices.Sorted(maps.Keys(seen)) {
			fmt.Printf("  upstream says %-50s %d\n", name, seen[name])
		}
		fmt.Printf("the default mode decides as upstream: %d\n", rules[""])
		delete(rules, "")
		names := slices.Collect(maps.Keys(rules))
		slices.SortFunc(names, func(a, b string) int { return rules[b] - rules[a] })
		for _, name := range names {
			fmt.Printf("  otherwise by %-50s %d\n", name, rules[name])
		}
		fmt.Printf("unexplained: %d\n", unexplained)
	})
}

// differ says what is not the same; "": nothing.
func differ(want outcome, after *scaler.History, got scaler.Decision, ours *scaler.History) string {
	if got.Desired != want.desired {
		return fmt.Sprintf("upstream wants %d, we want %d", want.desired, got.Desired)
	}
	conditions := map[string]string{}
	for _, c := range got.Conditions {
		conditions[string(c.Type)] = c.Status + " " + c.Reason
	}
	if got.Desired != got.Current {
		conditions["AbleToScale"] = "True SucceededRescale" // which is said when it has been done
	}
	if !maps.Equal(conditions, want.conditions) {
		return fmt.Sprintf("upstream says %v, we say %v", want.conditions, conditions)
	}
	if !slices.Equal(after.Recommendations, ours.Recommendations) || !slices.Equal(after.ScaleUps, ours.ScaleUps) || !slices.Equal(after.ScaleDowns, ours.ScaleDowns) {
		return fmt.Sprintf("upstream remembers %+v, we remember %+v", after, ours)
	}
	return ""
}

// explain names the fewest differences without which the default mode decides as upstream.
func explain(spec *scaler.Spec, o *scaler.Observation, before *scaler.History, want int32) (string, bool) {
	decide := func(without scaler.Difference) int32 {
		h := before.Clone()
		return scaler.New(spec, scaler.Options{Without: without}).Decide(o, h).Desired
	}
	free := decide(0)
	lower := int32(1)
	if spec.MinReplicas != nil {
		lower = *spec.MinReplicas
	}
	if free != o.SpecReplicas && (free < lower || free > spec.MaxReplicas) {
		return fmt.Sprintf("%d is out of bounds", free), false
	}
	if free == want {
		return "", true
	}
	all := scaler.Differences()
	var sets []scaler.Difference
	for set := scaler.Difference(1); set < 1<<len(all); set++ {
		if bits.OnesCount16(uint16(set)) <= 5 {
			sets = append(sets, set)
		}
	}
	slices.SortStableFunc(sets, func(a, b scaler.Difference) int {
		return bits.OnesCount16(uint16(a)) - bits.OnesCount16(uint16(b))
	})
	for _, set := range sets {
		if decide(set) == want {
			return set.String(), true
		}
	}
	return "?", false
}
