package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/fixtures/remote"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/act"
	"github.com/rebound-chaos/rebound/healers/control"
	"github.com/rebound-chaos/rebound/healers/journal"
	"github.com/rebound-chaos/rebound/healers/metric"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// engineArgs are what the harness tells its engine.
type engineArgs struct {
	system, policy, journal, control, fleet, tape, run string
	seed                                               uint64
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
	c.Flags().StringVar(&a.fleet, "fleet", "", "where clients of what the policy has breakers of share their trials: HOST:PORT, without a host 127.0.0.1; empty: nowhere")
	c.Flags().StringVar(&a.tape, "tape", "", "the file that what it sees is added to; empty: none")
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
	breakers, err := coordinate(pol, a.fleet)
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
	if breakers != nil {
		wg.Go(func() { breakers.run(ctx) })
	}
	var tape io.Writer
	if a.tape != "" {
		f, openErr := os.OpenFile(a.tape, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		// The engine before may have been killed in the middle of a line.
		if _, startErr := f.WriteString("\n"); startErr != nil {
			return startErr
		}
		tape = f
	}
	fares := newProberHealth()
	wg.Go(func() {
		fares.run(ctx, func(h probe.Health) {
			if h.Lag > 0 {
				report(map[string]any{"proberLag": h.Lag})
			}
		})
	})
	live := &healers.Live{
		Trial: true, Seed: a.seed, Epoch: epoch, Journal: log, Actuator: act.New(sys), System: sys, Policy: pol,
		Prober: &probe.Runner{System: sys, Policy: pol, Seed: a.seed, Health: fares.add, Answered: breakers.answered()},
		Sink: func(r healers.Record) {
			report(r)
			people.Recorded(r)
		},
		Commands: people.Commands(), Tape: tape,
		Notify: func(m healers.Message, page bool) {
			slog.InfoContext(ctx, m.Text, "page", page)
		},
	}
	if sources := pol.Sources(); len(sources) > 0 {
		live.Meter = &metric.Reader{System: sys, Sources: sources, Seed: a.seed}
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

// proberHealth passes on how the prober fares, so that a harness that does not
// listen for a while holds up no probe. What waits becomes one, with the worst lag.
type proberHealth struct {
	more chan struct{}

	mu   sync.Mutex
	last probe.Health // guarded by mu
}

func newProberHealth() *proberHealth { return &proberHealth{more: make(chan struct{}, 1)} }

func (p *proberHealth) add(h probe.Health) {
	p.mu.Lock()
	h.Lag = max(h.Lag, p.last.Lag)
	p.last = h
	p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default:
	}
}

func (p *proberHealth) run(ctx context.Context, report func(probe.Health)) {
	var before probe.Health
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.more:
		}
		p.mu.Lock()
		h := p.last
		p.last.Lag = 0
		p.mu.Unlock()
		report(h)
		if h.Blind != before.Blind || (h.Slack > 0) != (before.Slack > 0) {
			slog.WarnContext(ctx, "the prober", "blind", h.Blind, "probes", h.Probes, "lag", h.Lag, "slack", h.Slack)
		}
		before = h
	}
}
