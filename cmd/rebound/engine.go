package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/fixtures/remote"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/act"
	"github.com/rebound-chaos/rebound/healers/journal"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// engineArgs are what the harness tells its engine.
type engineArgs struct {
	system, policy, journal, run string
	seed                         uint64
}

// engineCommand is the healing engine of a run: a process of its own, so that it
// can be killed and started again while the system lives.
func engineCommand() *cobra.Command {
	var a engineArgs
	c := &cobra.Command{
		Use: "_engine", Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return failed(serveEngine(c.Context(), a)) },
	}
	c.Flags().StringVar(&a.system, "system", "", "the socket at which the system is served")
	c.Flags().StringVar(&a.policy, "policy", "", "the healing policy with its runbooks")
	c.Flags().StringVar(&a.journal, "journal", "", "the file of the journal")
	c.Flags().StringVar(&a.run, "run", "", "the run it belongs to")
	c.Flags().Uint64Var(&a.seed, "seed", 0, "the seed of the run")
	return c
}

func serveEngine(ctx context.Context, a engineArgs) (err error) {
	data, err := os.ReadFile(a.policy)
	if err != nil {
		return err
	}
	pol, err := policy.Load(a.policy, data)
	if err != nil {
		return err
	}
	sys, err := remote.Dial(ctx, a.system)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sys.Close()) }()
	log, err := journal.Open(ctx, a.journal)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()

	report := func(v any) {
		if b, err := json.Marshal(v); err == nil {
			// A harness that no longer listens ends us by the socket; a report that
			// is lost until then is in the journal.
			_ = sys.Report(b)
		}
	}
	live := &healers.Live{
		Seed: a.seed, Journal: log, Actuator: act.New(sys), System: sys, Policy: pol,
		Prober: &probe.Runner{System: sys, Policy: pol, Lag: func(d time.Duration) {
			report(map[string]any{"proberLag": d})
		}},
		Sink: func(r healers.Record) { report(r) },
		Notify: func(m healers.Message, page bool) {
			fmt.Fprintf(os.Stderr, "page=%t %s\n", page, m.Text)
		},
	}
	return live.Run(ctx)
}
