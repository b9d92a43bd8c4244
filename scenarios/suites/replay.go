package suites

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rebound-chaos/rebound/fixtures/seed"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/healerstest"
	"github.com/rebound-chaos/rebound/healers/journal"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// Replay shows a fresh engine what that of a run saw, and expects the same decisions.
// It returns how many records were compared.
func Replay(ctx context.Context, o *run.Outcome) (int, error) {
	var records []healers.Record
	for r, err := range journal.Read(ctx, filepath.Join(o.Dir, run.JournalFile)) {
		if err != nil {
			return 0, fmt.Errorf("replay: %w", err)
		}
		records = append(records, r)
	}
	tape, err := os.Open(filepath.Join(o.Dir, run.TapeFile))
	if err != nil {
		return 0, fmt.Errorf("replay: %w", err)
	}
	defer func() { _ = tape.Close() }() // it was only read
	_, compared, err := healerstest.Recorded(seed.Hash(o.Events[0].Header.Seed, "engine"), tape, records)
	if err != nil {
		return compared, fmt.Errorf("replay: %w", err)
	}
	if compared < len(records) {
		return compared, fmt.Errorf("replay: %d of %d records were decided again", compared, len(records))
	}
	return compared, nil
}
