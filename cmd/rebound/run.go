package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/reports/render"
	"github.com/rebound-chaos/rebound/scenarios"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// runFlags are the flags of run, and what demo sets by itself.
type runFlags struct {
	platformFlags
	healers, control, out, state string
	seed                         uint64
	runs                         int
	dryRun                       bool
	whole                        bool // what was skipped makes it inconclusive
	print                        output
}

func runCommand() *cobra.Command {
	f := runFlags{}
	c := &cobra.Command{
		Use:   "run SCENARIO...",
		Short: "Break a system as a scenario says, and judge how it healed",
		Long: `Run carries out scenarios one after another: from the catalogue by name (rebound
list scenarios), or from files. It runs one arm, by default the healed one;
--control runs the scenario's negative control beside it at the same time, or, where
both would break the same node or the same system, after it.

A control that misses the objective does not change the exit code; one that
meets it makes it 3, since then healing was not what helped. --control alone
takes the control that the scenario names; another one is asked for with an
equals sign, --control=off. Where the claim is a comparison it is run unasked,
unless --control=none.

Timelines, reports and logs go to --out; without it to a new folder, TIME-SEED,
below runs in the state folder, and the first line printed says which. A single
run writes into the folder itself, several into SCENARIO/HEALERS/RUN below it.

What the platform lacks, the platform itself where it is not there, is skipped by
name, with the way out, and exits 0; with REBOUND_REQUIRE=PLATFORM,... in the
environment it exits 1. What the harness itself could not carry out exits 3; the
other runs go on.

Healers:
  rebound   our engine. On clusters their controllers run as always, and the report
            says who was first
  native    what the platform brings: restart policies, and on clusters controllers
            and kubelet's probes. The report says what that achieved; the same checks are judged
  off       nobody, nothing

` + platformHelp(),
		Example: `  rebound run crash --control
  rebound run crash hang disk-full partition --on containers
  rebound run crash --on kind --healers native
  rebound run ./mine.yaml --on current-context --context staging
  rebound run crash hang disk-full partition --out out --seed 7
  rebound run ./my-scenario.yaml --healers off
  rebound run crash --control=off
  rebound run crash --seed 7 --dry-run -o json`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if !c.Flags().Changed("seed") {
				f.seed = newSeed()
			}
			return f.execute(c, args, c.Flags().Changed("control"))
		},
	}
	fs := c.Flags()
	f.flags(c, run.PlatformProcess)
	fs.StringVar(&f.healers, "healers", string(sut.ArmRebound), "who heals: rebound, native or off")
	fs.StringVar(&f.control, "control", "", "run the negative control beside it: alone as the scenario says, else =off, =native or =none")
	fs.Lookup("control").NoOptDefVal = string(run.ControlOwn)
	fs.Uint64Var(&f.seed, "seed", 0, "the seed of every choice (default: a new one, printed)")
	fs.IntVar(&f.runs, "runs", 1, "how often to run each scenario")
	fs.StringVar(&f.out, "out", "", "where timelines, reports and logs go: a folder that is empty or not there (default: a new one below runs in --state)")
	fs.StringVar(&f.state, "state", "", "where leases and results are kept (default $XDG_STATE_HOME/rebound)")
	fs.BoolVar(&f.dryRun, "dry-run", false, "print what would be broken when, and how many healing may take away at once; start nothing")
	f.print.flag(c)
	return c
}

// newSeed draws a seed that people can type.
func newSeed() uint64 { return rand.Uint64N(1_000_000) } //nolint:forbidigo // the one place where a seed is made, and it is printed

// execute runs the scenarios and prints the report.
func (f *runFlags) execute(c *cobra.Command, names []string, control bool) error {
	list, err := f.load(names)
	if err != nil {
		return usage(err)
	}
	arm, controlArm, err := f.arms(control)
	if err != nil {
		return usage(err)
	}
	if f.dryRun {
		return f.printSchedules(c.OutOrStdout(), list)
	}
	state, err := run.StateDir(f.state)
	if err != nil {
		return usage(err)
	}
	if f.out == "" {
		f.out = filepath.Join(state, "runs", fmt.Sprintf("%s-%d", time.Now().Format("20060102-150405.000"), f.seed))
	}
	batch := run.Batch{
		Scenarios: list, Healers: arm, Control: controlArm, Runs: f.runs, Seed: f.seed, Out: f.out,
		Config: run.Config{Platform: f.on, Cluster: f.cluster, State: state, Tool: "rebound v" + version},
	}
	if err := batch.Check(); err != nil {
		return usage(err)
	}
	if _, err := run.MakeStateDir(state); err != nil {
		return usage(err)
	}
	binary, err := host.Binary(c.Context())
	if err != nil {
		return inconclusive(c.Context(), err)
	}
	fmt.Fprintf(c.ErrOrStderr(), "seed %d, results in %s\n", f.seed, f.out)

	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	live, stopLive := startLive(ctx, c.ErrOrStderr())
	batch.Config.Binary, batch.Follow = binary, live.Follow
	pairs, runErr := batch.Run(ctx)
	stopLive()
	return f.report(c, pairs, runErr)
}

// load reads every scenario and gathers all mistakes.
func (f *runFlags) load(names []string) ([]*scenarios.Scenario, error) {
	var list []*scenarios.Scenario
	var errs []error
	if _, err := f.platform(); err != nil {
		errs = append(errs, err)
	}
	if f.runs < 1 {
		errs = append(errs, fmt.Errorf("--runs %d: expected 1 or more", f.runs))
	}
	named := map[string]string{} // by the scenario's own name, which is that of its results
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			errs = append(errs, fmt.Errorf("%s is named twice; --runs runs a scenario more than once", name))
			continue
		}
		s, err := scenarios.Load(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if other, ok := named[s.Name()]; ok {
			errs = append(errs, fmt.Errorf("%s and %s are both named %s: their results would be in one place", other, name, s.Name()))
			continue
		}
		named[s.Name()] = name
		list = append(list, s)
	}
	return list, errors.Join(errs...)
}

// arms tells which arms the flags ask for; the empty control is none, and
// "scenario" is each scenario's own.
func (f *runFlags) arms(control bool) (arm, controlArm sut.Arm, err error) {
	arm = sut.Arm(f.healers)
	if !slices.Contains([]sut.Arm{sut.ArmRebound, sut.ArmNative, sut.ArmOff}, arm) {
		err = fmt.Errorf("--healers %s: expected rebound, native or off", f.healers)
	}
	if control {
		controlArm = sut.Arm(f.control)
		if !slices.Contains([]sut.Arm{run.ControlOwn, run.ControlNone, sut.ArmNative, sut.ArmOff}, controlArm) {
			err = errors.Join(err, fmt.Errorf("--control=%s: expected nothing, off, native or none", f.control))
		}
	}
	if err == nil && arm == controlArm {
		err = fmt.Errorf("--healers %s and --control=%s are the same arm: a control must differ", arm, controlArm)
	}
	return arm, controlArm, err
}

// printSchedules prints what would be broken when.
func (f *runFlags) printSchedules(w io.Writer, list []*scenarios.Scenario) error {
	plans := make([]run.DryPlan, 0, len(list))
	for _, s := range list {
		p, err := run.DryRun(s, f.on, f.seed)
		if err != nil {
			return usage(err)
		}
		plans = append(plans, p)
	}
	return f.print.print(w, plans, func(w io.Writer) error {
		for _, p := range plans {
			if err := p.Text(w); err != nil {
				return err
			}
		}
		return nil
	})
}

// report judges the timelines, writes the files, prints the result, and gives
// the exit code: the first present of aborted, fail, inconclusive.
func (f *runFlags) report(c *cobra.Command, pairs []run.Pair, runErr error) error {
	var dirs []string
	code, skipped := exitPass, false
	for _, p := range pairs {
		switch {
		case p.Missing != nil:
			skipped = true
			fmt.Fprintf(c.ErrOrStderr(), "%s skipped: %v\n", p.Scenario, p.Missing)
		case p.ControlMissing != nil:
			code = exitInconclusive // it was asked for, so what it would have shown is not known
			fmt.Fprintf(c.ErrOrStderr(), "warning: %s has no control: %v\n", p.Scenario, p.ControlMissing)
		}
		for _, o := range []*run.Outcome{p.Outcome, p.Control} {
			if o != nil {
				dirs = append(dirs, o.Dir)
			}
		}
	}
	if skipped && f.whole {
		code = exitInconclusive
	}
	if len(dirs) > 0 {
		report, err := render.WriteAll(f.out, dirs)
		if err == nil {
			code = worse(code, report.ExitCode())
			err = show(c.OutOrStdout(), f.print, report)
		}
		runErr = errors.Join(runErr, err)
	}
	if runErr != nil {
		code = worse(code, exitInconclusive)
		if c.Context().Err() != nil {
			code = exitAborted
		}
	}
	if skipped && platform.Required(f.on) {
		code = worse(code, exitFail)
		runErr = errors.Join(runErr, fmt.Errorf("REBOUND_REQUIRE names %s, and a scenario was skipped", f.on))
	}
	if code == exitPass {
		return nil
	}
	return &exitError{code, runErr}
}

// startLive shows runs as they happen, until stop is called.
func startLive(ctx context.Context, w io.Writer) (live *render.Live, stop func()) {
	live = &render.Live{}
	tty := false
	width := func() int { return 100 }
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		tty = true
		width = func() int {
			if columns, _, err := term.GetSize(int(file.Fd())); err == nil {
				return columns
			}
			return 100
		}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := live.Run(ctx, w, tty, width); err != nil && !errors.Is(err, context.Canceled) {
			fmt.Fprintf(os.Stderr, "live view: %v\n", err)
		}
	})
	return live, func() { cancel(); wg.Wait() }
}
