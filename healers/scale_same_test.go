package healers_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/healerstest"
)

// Who decides the same again says it in short, and is understood all the same.
func TestTheSameDecisionIsSaidInShort(t *testing.T) {
	m := shop()
	s := healerstest.NewShell(1, scaledPolicy(), m)
	queue(s, m, 5*time.Minute, func(at time.Duration) float64 {
		if at > 4*time.Minute {
			return 100
		}
		return 30 - at.Minutes()/10 // within the tolerance
	})
	s.At(100*time.Second, s.Kill)
	s.Run(5 * time.Minute)
	var whole, short, changes int
	var bytes [2]int
	for _, r := range s.Journal.Records {
		if r.Scale == nil {
			continue
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if r.Scale.Desired != r.Scale.Current {
			changes++
		}
		if !r.Scale.Same {
			whole++
			bytes[0] = max(bytes[0], len(text))
			continue
		}
		short++
		bytes[1] = max(bytes[1], len(text))
		if r.Scale.Current != 3 || r.Scale.Desired != 3 || r.Scale.Wanted != 3 || r.Scale.Reason != "" || r.Scale.Metrics != nil || len(r.Scale.Ratios) != 1 {
			t.Errorf("got %s", text)
		}
		if said := healers.Text(r); said != "orders: 3 stay, as before" {
			t.Errorf("it is told as %q", said)
		}
	}
	if short < 12 || whole-changes > 3 || changes < 2 || bytes[1]*3 > bytes[0]*2 {
		t.Errorf("%d said whole, %d short, %d changes; the longest have %d bytes\n%s", whole, short, changes, bytes, healerstest.Tell(s))
	}
	e := healers.Explain("orders", slices.Values(s.Journal.Records))
	first := e.Sizes[0]
	if first.Times != short+1 || first.Reason != "DesiredWithinRange" || len(first.Metrics) != 1 || first.Metrics[0].Name != "queue" || first.Metrics[0].Ratio >= 0.99 {
		t.Errorf("why says %+v", first)
	}
	healerstest.Consistent(t, s)
	healerstest.Replay(t, s)
	// What is left of a history that was damaged is no reason to stop.
	broken := healers.New(1, healers.Checkpoint{})
	broken.Apply(healers.Record{Seq: 1, Kind: healers.RecordScale, Scale: &healers.Scale{Workload: "orders", Same: true, Ratios: []float64{1, 2}}})
}
