package suites

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/scenarios"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// Played is what a case has left.
type Played struct {
	run.Pair
	// Dir holds the logs, the timelines and the state of the system.
	Dir  string
	keep bool
}

// suiteSeed is that of all runs of the suites, so that each can be run again.
const suiteSeed = 7

// Play plays the case. Whatever it returns, Close must follow.
func (c Case) Play(ctx context.Context) (*Played, error) {
	control := sut.Arm("")
	if c.Control {
		control = run.ControlOwn
	}
	b := run.Batch{Scenarios: []*scenarios.Scenario{c.Scenario}, Healers: c.Arm, Control: control}
	if c.Databases() {
		b.Config.Audit = rows
	}
	return Play(ctx, c.Platform, b)
}

// Play plays the one scenario of a batch on a platform. Whatever it returns, Close
// must follow.
func Play(ctx context.Context, platform string, b run.Batch) (*Played, error) {
	out, err := outDir()
	if err != nil {
		return &Played{}, err
	}
	p := &Played{Dir: out}
	b.Out, b.Seed = filepath.Join(out, "run"), suiteSeed
	b.Config.Platform = platform
	if b.Config.Binary, err = host.Binary(ctx); err != nil {
		return p, err
	}
	pairs, err := b.Run(ctx)
	if len(pairs) == 1 {
		p.Pair = pairs[0]
	} else if err == nil {
		err = fmt.Errorf("%d pairs were played, want one", len(pairs))
	}
	return p, err
}

// outDir is a new folder for what is kept, in REBOUND_OUT or among temporary files.
func outDir() (string, error) {
	parent := os.Getenv("REBOUND_OUT")
	if parent != "" {
		if err := os.MkdirAll(parent, 0o755); err != nil {
			return "", fmt.Errorf("make the folder for what is kept: %w", err)
		}
	}
	dir, err := os.MkdirTemp(parent, "rebound-suite-")
	if err != nil {
		return "", fmt.Errorf("make the folder for what is kept: %w", err)
	}
	return dir, nil
}

// Keep makes Close leave everything where it is.
func (p *Played) Keep() { p.keep = true }

// Close removes what was written, unless it is to be kept.
func (p *Played) Close() error {
	if p.keep || p.Dir == "" {
		return nil
	}
	return os.RemoveAll(p.Dir)
}

// Lacks is why the case cannot be played here: nil where it was, or where it must be.
func (p *Played) Lacks(c Case) *sut.Missing {
	missing := p.Missing
	if missing == nil {
		missing = p.ControlMissing
	}
	if missing == nil || platform.Required(c.Platform) && !c.MayLack {
		return nil
	}
	return missing
}

// Problem is what kept the case from having all its outcomes, with what the platform
// lacks although it must not.
func (p *Played) Problem(c Case) error {
	err := p.Err
	if p.Lacks(c) == nil {
		for _, m := range []*sut.Missing{p.Missing, p.ControlMissing} {
			if m != nil {
				err = errors.Join(err, fmt.Errorf("REBOUND_REQUIRE asks for %s: %w", c.Platform, m))
			}
		}
	}
	return err
}

// enough tells whether a deadline leaves a suite the time that it takes; why says
// what to do where it does not.
func enough(deadline time.Time, ok bool, takes time.Duration) (enough bool, why string) {
	if !ok || time.Until(deadline) >= takes {
		return true, ""
	}
	return false, fmt.Sprintf("it may take %s, and go test gives it less: -timeout %s, as make suites does", takes, takes)
}

// count writes a line with the number of specs that were run into REBOUND_OUT, for
// whoever ran several suites.
func count(suite string, ran, failed, skipped int, took time.Duration) error {
	out := os.Getenv("REBOUND_OUT")
	if out == "" {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(out, "specs.txt"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("count the specs: %w", err)
	}
	_, err = fmt.Fprintf(f, "%-12s %3d specs run, %d failed, %d skipped, in %s\n", suite, ran, failed, skipped, took.Round(time.Second))
	return errors.Join(err, f.Close())
}

// Summary is a run in a few lines: its verdict, and what each check measured.
func Summary(o *run.Outcome) string {
	var b strings.Builder
	fmt.Fprintf(&b, "verdict %s", o.Judgement.Verdict)
	for _, c := range o.Judgement.Checks {
		fmt.Fprintf(&b, "\n%s: %s (%s), %s", c.ID, c.Measured, c.Limit, c.Verdict)
	}
	return b.String()
}
