package run

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// OnRunClock gives the records of an engine the times of its run's timeline, which is
// in dir: since the run began. The engine's own clock begins with the engine, and
// stands still while none runs. What the timeline does not tell of is dated by the
// record before it. On error the records are returned as they were.
func OnRunClock(dir string, records []healers.Record) ([]healers.Record, error) {
	f, err := os.Open(filepath.Join(dir, "timeline.jsonl"))
	if err != nil {
		return records, fmt.Errorf("date the records: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	times := map[uint64]time.Duration{}
	err = timeline.Read(f, func(e timeline.Event) error {
		if e.Healing != nil && e.Healing.Record != 0 {
			times[e.Healing.Record] = e.At
		}
		return nil
	})
	if err != nil {
		return records, fmt.Errorf("date the records: %w", err)
	}
	return shifted(records, times), nil
}

// shifted moves records to the times of those that have one, by number. None comes to
// lie before the one in front of it.
func shifted(records []healers.Record, times map[uint64]time.Duration) []healers.Record {
	var by, last time.Duration
	for _, r := range records {
		if at, ok := times[r.Seq]; ok {
			by = at - r.At // also of those before it
			break
		}
	}
	out := make([]healers.Record, 0, len(records))
	for _, r := range records {
		if at, ok := times[r.Seq]; ok {
			by = at - r.At
		}
		r = r.Shift(max(by, last-r.At))
		last = r.At
		out = append(out, r)
	}
	return out
}
