package breaker_test

import (
	"slices"
	"testing"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

func TestSnapshotsHaveNamesOfTheirOwn(t *testing.T) {
	named := func(names ...string) (all []*breaker.Breaker) {
		for _, n := range names {
			all = append(all, made(t, breaker.Config{Name: n}))
		}
		return append(all, nil)
	}
	for _, row := range []struct {
		name string
		in   []*breaker.Breaker
		want []string
	}{
		{"HAPPY none", nil, nil},
		{"HAPPY others", named("store", "payments"), []string{"store", "payments"}},
		{"SAD the same", named("store", "store", "", "store", ""), []string{"store", "store#2", "", "store#3", "#2"}},
		{"SAD one has the number", named("store#2", "store", "store", "store"), []string{"store#2", "store", "store#3", "store#4"}},
		{"SAD it comes to have it", named("store", "store", "store#2"), []string{"store", "store#2", "store#2#2"}},
		{"SAD no text", named("\xff", "\xfe"), []string{"\uFFFD", "\uFFFD#2"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var got []string
			for _, s := range breaker.Snapshots(row.in) {
				got = append(got, s.Name)
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestSnapshotTellsOpeningsAndWhetherItCounts(t *testing.T) {
	b := made(t, breaker.Config{})
	for range 3 {
		b.Trip()
		b.Reset()
	}
	b.Force(breaker.ForceOpen)
	if s := b.Snapshot(); s.Opened != 3 || s.Counted {
		t.Errorf("got %+v", s)
	}
	if s := made(t, breaker.Config{Count: true}).Snapshot(); s.Opened != 0 || !s.Counted {
		t.Errorf("got %+v", s)
	}
}
