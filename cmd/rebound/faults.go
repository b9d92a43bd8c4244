package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/shop"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

func faultsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "faults",
		Short: "Try one fault, see what is active, undo what a killed run left",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(faultsTryCommand(), faultsActiveCommand(), faultsRevertCommand())
	return c
}

func faultsTryCommand() *cobra.Command {
	var out output
	var on platformFlags
	var args, system string
	var t run.Try
	c := &cobra.Command{
		Use:   "try FAULT",
		Short: "Inject one fault into a system, print the evidence, revert it",
		Long: `Try starts a system (the shop, or --system FILE) on a platform, without load and
without our engine, injects the fault, prints what an independent look at the
system shows, holds it, reverts it, and looks for what is left. Exit code 0: it was
seen, and left nothing; 1: it left something; 3: its effect was not seen, or it
could not be tried here.

` + platformHelp(),
		Example: `  rebound faults try hang
  rebound faults try disk-full --args '{"with":"logs"}' --hold 5s
  rebound faults try partition --workload orders --to store
  rebound faults try hang --on containers
  rebound faults try node-stop --on kind --workload orders`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, names []string) error {
			t.Spec.Fault = names[0]
			if _, ok := faults.Lookup(t.Spec.Fault); !ok {
				return usage(fmt.Errorf("no fault is named %q; see rebound list faults", t.Spec.Fault))
			}
			if args != "" {
				t.Spec.Args = json.RawMessage(args)
			}
			p, err := on.platform()
			if err != nil {
				return usage(err)
			}
			if t.System, err = loadSystem(system, p.Name); err != nil {
				return usage(err)
			}
			t.Platform, t.Cluster = p.Name, on.cluster
			began := time.Now()
			t.Progress = func(words string) {
				fmt.Fprintf(c.ErrOrStderr(), "%6.2fs  waits     %s\n", time.Since(began).Seconds(), words)
			}
			t.Event = func(e faults.Event) {
				fmt.Fprintf(c.ErrOrStderr(), "%6.2fs  %-9s %s of %s: %s\n", e.At.Seconds(), e.State, e.Fault, e.Target.ID, e.Proof)
			}
			tried, err := t.Run(c.Context())
			if _, ok := errors.AsType[*faults.SpecError](err); ok || errors.Is(err, run.ErrState) {
				return usage(err)
			}
			return endTry(c, out, tried, err)
		},
	}
	on.flags(c, run.PlatformProcess)
	fs := c.Flags()
	fs.StringVar(&system, "system", "", "a kind: System file (default: the shop)")
	fs.StringVar(&t.Spec.Target.Workload, "workload", "", "the workload that is hit (default: the first that fits)")
	fs.StringVar(&t.Spec.Target.To, "to", "", "the other end, of a fault of links")
	fs.StringVar(&t.Spec.Target.Volume, "volume", "", "the volume, of a fault of volumes")
	fs.StringVar(&t.Spec.Target.Node, "node", "", "the node, of a fault of nodes (default: the one that an instance of the workload is on)")
	fs.StringVar(&t.Spec.Target.Zone, "zone", "", "the zone of what is hit")
	fs.StringVar(&args, "args", "", "the fault's own arguments, as JSON")
	fs.DurationVar(&t.Hold, "hold", 2*time.Second, "how long it is held")
	fs.Uint64Var(&t.Seed, "seed", 1, "the seed that picks the target")
	fs.StringVar(&t.State, "state", "", "where leases are kept (default $XDG_STATE_HOME/rebound)")
	out.flag(c)
	return c
}

// endTry prints what a try showed, if it came that far, and gives the exit code.
func endTry(c *cobra.Command, out output, tried run.Tried, err error) error {
	if err == nil || len(tried.Residue) > 0 {
		printErr := out.print(c.OutOrStdout(), tried, func(w io.Writer) error { return writeTried(w, tried) })
		err = errors.Join(err, printErr)
	}
	if _, ok := errors.AsType[*sut.Missing](err); ok {
		err = fmt.Errorf("skipped: %w", err)
	}
	switch {
	case c.Context().Err() != nil:
		return &exitError{exitAborted, err}
	case len(tried.Residue) > 0:
		return &exitError{exitFail, err}
	case err != nil || !tried.Seen:
		return &exitError{exitInconclusive, err}
	}
	return nil
}

func writeTried(w io.Writer, tried run.Tried) error {
	seen := "its effect was seen, and is gone"
	if !tried.Seen {
		seen = "its effect was not seen"
	}
	if _, err := fmt.Fprintf(w, "%s; %d things left behind\n", seen, len(tried.Residue)); err != nil {
		return err
	}
	for _, r := range tried.Residue {
		if _, err := fmt.Fprintf(w, "  %s\n", r); err != nil {
			return err
		}
	}
	return nil
}

// loadSystem reads a system file; without one it is the shop, as the platform runs it.
func loadSystem(file, platform string) (*manifest.System, error) {
	if file == "" {
		system, _ := shop.System(platform)
		return system, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	system, err := manifest.LoadSystem(file, data)
	if err == nil {
		system.Files = os.DirFS(filepath.Dir(file))
	}
	return system, err
}

func faultsActiveCommand() *cobra.Command {
	return leasesCommand("active", "Print the leases: what would be undone if their runs died now", func(_ context.Context, state string) ([]faults.LeaseInfo, string, error) {
		leases, err := faults.Leases(state)
		return leases, "", err
	})
}

func faultsRevertCommand() *cobra.Command {
	const undone = "all of it is undone"
	var forget string
	c := leasesCommand("revert", "Undo what runs left whose guardian is dead as well, and print it", func(ctx context.Context, state string) ([]faults.LeaseInfo, string, error) {
		if forget == "" {
			leases, err := faults.RevertLeases(ctx, state, run.Undo)
			return leases, undone, err
		}
		lease, err := faults.ForgetLease(ctx, state, forget, run.Undo)
		if errors.Is(err, faults.ErrNoLease) {
			return nil, "", usage(err)
		} else if err != nil {
			return nil, "", err
		}
		if len(lease.Ops) == 0 && lease.Problem == "" {
			return []faults.LeaseInfo{lease}, undone, nil
		}
		return []faults.LeaseInfo{lease}, "it is forgotten: what is printed here was not undone, and will not be tried again", nil
	})
	c.Long = `Revert undoes what runs left whose guardian is dead as well, as every run does when it
starts, and prints it. What cannot be undone is kept and tried again. Where that will
never succeed, since the cluster is gone for good for example, --forget RUN gives up
what that run left: it is tried a last time, and what is given up is printed.`
	c.Example = "  rebound faults revert\n  rebound faults revert --forget 3f9a1c0b7d52"
	c.Flags().StringVar(&forget, "forget", "", "give up what this run left and cannot be undone")
	return c
}

// leasesCommand prints the leases that do returns, and done, what is to be said when it
// has succeeded with some; "": nothing is.
func leasesCommand(name, short string, do func(ctx context.Context, state string) (leases []faults.LeaseInfo, done string, err error)) *cobra.Command {
	var out output
	var state string
	c := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := run.StateDir(state)
			if err != nil {
				return usage(err)
			}
			leases, done, doErr := do(c.Context(), dir)
			if _, ok := errors.AsType[*exitError](doErr); ok {
				return doErr
			}
			leases = append([]faults.LeaseInfo{}, leases...) // a list also as JSON
			err = out.print(c.OutOrStdout(), leases, func(w io.Writer) error {
				if len(leases) == 0 {
					_, err := fmt.Fprintln(w, "none")
					return err
				}
				for _, l := range leases {
					if _, err := fmt.Fprintf(w, "run %s, since %s, guardian %d (alive: %t)\n", l.Run, l.Began.Format(time.DateTime), l.Guardian, l.Alive); err != nil {
						return err
					}
					for _, op := range l.Ops {
						fmt.Fprintf(w, "  %s %s\n", op.Kind, op.Args)
					}
					if l.Problem != "" {
						fmt.Fprintf(w, "  what undoing met last: %s\n", l.Problem)
					}
				}
				if done != "" && doErr == nil {
					fmt.Fprintln(w, done)
				}
				return nil
			})
			return failed(errors.Join(doErr, err))
		},
	}
	c.Flags().StringVar(&state, "state", "", "where leases are kept (default $XDG_STATE_HOME/rebound)")
	out.flag(c)
	return c
}
