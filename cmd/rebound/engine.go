package main

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/fixtures/remote"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/act"
	"github.com/rebound-chaos/rebound/healers/control"
	"github.com/rebound-chaos/rebound/healers/journal"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// engineArgs are what the harness tells its engine.
type engineArgs struct {
	system, policy, journal, control, run string
	seed                                  uint64
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
	c.Flags().StringVar(&a.control, "control", "", "the socket at which people reach it; empty: nowhere")
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

	epoch, err := log.Claim(ctx)
	if err != nil {
		return err
	}

	// An engine whose harness is gone has nothing to heal.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		select {
		case <-sys.Lost():
			cancel(remote.ErrLost)
		case <-ctx.Done():
		}
	})
	defer cancel(nil)

	report := func(v any) {
		if b, err := json.Marshal(v); err == nil {
			// A harness that no longer listens ends us by the socket; a report that
			// is lost until then is in the journal.
			_ = sys.Report(b)
		}
	}
	people := control.NewServer(control.Info{Run: a.run, Policy: pol.Name, Journal: a.journal}, func(ctx context.Context) iter.Seq2[healers.Record, error] {
		return journal.Read(ctx, a.journal)
	})
	if a.control != "" {
		wg.Go(func() {
			// What cannot be asked can heal all the same.
			if err := listen(ctx, a.control, people); err != nil {
				slog.WarnContext(ctx, "nobody can ask or command this engine", "error", err)
			}
		})
	}
	var lag worst
	wg.Go(func() { lag.run(ctx, func(d time.Duration) { report(map[string]any{"proberLag": d}) }) })
	live := &healers.Live{
		Trial: true, Seed: a.seed, Epoch: epoch, Journal: log, Actuator: act.New(sys), System: sys, Policy: pol,
		Prober: &probe.Runner{System: sys, Policy: pol, Seed: a.seed, Lag: lag.add},
		Sink: func(r healers.Record) {
			report(r)
			people.Recorded(r)
		},
		Commands: people.Commands(),
		Notify: func(m healers.Message, page bool) {
			slog.InfoContext(ctx, m.Text, "page", page)
		},
	}
	if err := live.Run(ctx); err != nil && !errors.Is(context.Cause(ctx), remote.ErrLost) {
		return err
	}
	return nil
}

// listen serves people until ctx ends.
func listen(ctx context.Context, path string, people *control.Server) error {
	ln, err := control.Listen(ctx, path)
	if err != nil {
		return err
	}
	return people.Serve(ctx, ln)
}

// worst gathers the worst lag of each second: one report a second is enough.
type worst struct {
	mu  sync.Mutex
	max time.Duration // guarded by mu
}

func (w *worst) add(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.max = max(w.max, d)
}

func (w *worst) run(ctx context.Context, report func(time.Duration)) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.mu.Lock()
			d := w.max
			w.max = 0
			w.mu.Unlock()
			if d > 0 {
				report(d)
			}
		}
	}
}
