package run

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

func TestOnRunClock(t *testing.T) {
	const s = time.Second
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "timeline.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	rec := timeline.NewRecorder(file, time.Now())
	rec.Append(timeline.Event{Kind: timeline.KindHeader, Header: &timeline.Header{SchemaVersion: timeline.SchemaVersion}})
	// The engine began at 10 s of the run. After its third record it was dead for 5 s.
	rec.Append(timeline.Event{At: 11 * s, Kind: timeline.KindHealing, Healing: &timeline.Healing{Record: 2}})
	rec.Append(timeline.Event{At: 12 * s, Kind: timeline.KindNote, Note: &timeline.Note{Text: "no record"}})
	rec.Append(timeline.Event{At: 18 * s, Kind: timeline.KindHealing, Healing: &timeline.Healing{Record: 4}})
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	records := []healers.Record{
		{Seq: 1},
		{Seq: 2, At: s},
		{Seq: 3, At: 2 * s},
		{Seq: 4, At: 3 * s, Decision: &healers.Decision{Until: 4 * s}},
		{Seq: 5, At: 3 * s},
	}
	got, err := OnRunClock(dir, records)
	if err != nil {
		t.Fatal(err)
	}
	want := []time.Duration{10 * s, 11 * s, 12 * s, 18 * s, 18 * s}
	for i, r := range got {
		if r.At != want[i] || r.Seq != records[i].Seq {
			t.Errorf("record %d is dated %s, want %s", r.Seq, r.At, want[i])
		}
	}
	if until := got[3].Decision.Until; until != 19*s || records[3].Decision.Until != 4*s {
		t.Errorf("it waits until %s; before it was %s", until, records[3].Decision.Until)
	}
	if same, err := OnRunClock(t.TempDir(), records); err == nil || !slices.EqualFunc(same, records, func(a, b healers.Record) bool { return a.At == b.At }) {
		t.Errorf("without a timeline: %v %v", same, err)
	}
}

// A record that reached the timeline late must not come before the one that did at once.
func TestRecordsStayInOrder(t *testing.T) {
	records := []healers.Record{{Seq: 1, At: 1000}, {Seq: 2, At: 1001}, {Seq: 3, At: 1002}}
	got := shifted(records, map[uint64]time.Duration{1: 5000, 3: 4000})
	if !slices.IsSortedFunc(got, func(a, b healers.Record) int { return int(a.At - b.At) }) {
		t.Errorf("%+v", got)
	}
}
