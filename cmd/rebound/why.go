package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/journal"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// journalFile is where the engine of a run keeps its records, in the folder for results.
const journalFile = run.JournalFile

func whyCommand() *cobra.Command {
	var out output
	var on liveFlags
	var in string
	c := &cobra.Command{
		Use:   "why TARGET",
		Short: "Say what the engine did about a target, and why it did no more",
		Long: `Why asks the engine of a live run, or with --in the record of a finished one: what
is the matter with a target and since when, what is being done or waited for, what
was done and how it ended, and what the guard held back, with the rule and the two
numbers that it compared. It answers for what was not done as well.

A target is an instance (orders/1, with its volumes), a workload (orders: all its
instances), a volume (store/0:data) or a node (node:worker-1). Times are since the run
began, as in its timeline; where that cannot be read, since its engine began.

` + liveHelp,
		Example: `  rebound why orders/1
  rebound why orders --run 3f9a -o json
  rebound why store/0:data --in out/disk-full/rebound/1`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			target := sut.ID(args[0])
			if target == "" {
				return usage(errors.New("no TARGET is named: give a workload, or an instance like orders/1"))
			}
			if in != "" && on.run != "" {
				return usage(errors.New("--in names the run already: --run is for live ones"))
			}
			var records []healers.Record
			var err error
			if in != "" {
				records, err = finished(c.Context(), in)
			} else {
				records, err = live(c.Context(), on)
			}
			if err != nil {
				return err
			}
			e := healers.Explain(target, slices.Values(records))
			return failed(out.print(c.OutOrStdout(), e, func(w io.Writer) error {
				_, err := io.WriteString(w, e.Text())
				return err
			}))
		},
	}
	c.Flags().StringVar(&in, "in", "", "the folder for results of a run, finished or not (default: the live run)")
	on.flags(c)
	out.flag(c)
	return c
}

// live are the records of a live run.
func live(ctx context.Context, on liveFlags) ([]healers.Record, error) {
	engine, err := on.engine(ctx)
	if errors.Is(err, errNoneLive) {
		return nil, usage(fmt.Errorf("%w; ask a finished one with --in DIR, the folder for its results", err))
	}
	if err != nil {
		return nil, err
	}
	records, err := engine.Records(ctx)
	if err != nil {
		return nil, failed(err)
	}
	return dated(filepath.Dir(engine.Info.Journal), records), nil
}

// finished are the records of the run whose results are in dir, or below it.
func finished(ctx context.Context, dir string) ([]healers.Record, error) {
	dir, err := oneRun(dir)
	if err != nil {
		return nil, usage(err)
	}
	var records []healers.Record
	for r, err := range journal.Read(ctx, filepath.Join(dir, journalFile)) {
		if err != nil {
			return nil, failed(err)
		}
		records = append(records, r)
	}
	return dated(dir, records), nil
}

// dated gives records the times of the timeline beside them. Without one, which a run
// of somebody else's making need not have, they keep the engine's.
func dated(dir string, records []healers.Record) []healers.Record {
	onRun, err := run.OnRunClock(dir, records)
	if err != nil {
		return records
	}
	return onRun
}

// oneRun finds the one run with an engine of ours that has its results in dir or below.
func oneRun(dir string) (string, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() == journalFile {
			found = append(found, filepath.Dir(path))
		}
		return err
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("--in %s: %w", dir, err)
	case slices.Contains(found, filepath.Clean(dir)):
		return dir, nil
	case len(found) == 1:
		return found[0], nil
	case len(found) == 0:
		return "", fmt.Errorf("--in %s: no %s is there, nor below: runs with --healers native or off have none", dir, journalFile)
	default:
		return "", fmt.Errorf("--in %s: it holds several runs; choose one:\n  --in %s", dir, strings.Join(found, "\n  --in "))
	}
}
