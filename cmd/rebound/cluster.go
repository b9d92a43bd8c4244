package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/fixtures/cluster"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/scenarios"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

func clusterCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cluster",
		Short: "Make, look at and delete the Kubernetes cluster that runs share",
		Long: `The cluster is a kind cluster on this machine, with one control plane and three
workers in two zones. Runs with --on kind use it and leave it when it is up; when it
is not, each rebound run makes one for its runs, which takes most of a minute, and
deletes it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(
		clusterUp(),
		clusterVerb("down", "Delete the cluster with its network; fine when there is none", clusterDown),
		clusterVerb("status", "Print how the cluster fares; exit code 1 when it is not up", clusterStatus),
	)
	return c
}

func clusterUp() *cobra.Command {
	var system string
	c := clusterVerb("up", "Make the cluster, or start one that was stopped; fine when it is up",
		func(ctx context.Context, state string, progress func(string)) (cluster.Status, error) {
			if system == "" {
				return cluster.Up(ctx, state, progress)
			}
			s, err := (&scenarios.Scenario{Spec: scenarios.Spec{System: system}}).System("kind", false)
			if err != nil {
				return cluster.Status{}, usage(err)
			}
			binary, err := host.Binary(ctx)
			if err != nil {
				return cluster.Status{}, err
			}
			if _, err := cluster.Up(ctx, state, progress); err != nil {
				return cluster.Status{}, err
			}
			if err := cluster.Load(ctx, state, binary, s, progress); err != nil {
				return cluster.Status{}, err
			}
			return cluster.Look(ctx, state)
		})
	c.Example = "  rebound cluster up --images-of shop"
	c.Flags().StringVar(&system, "images-of", "", "a system, shop or a file, whose images are brought into the nodes, so that its first run starts sooner")
	return c
}

// clusterVerb is a verb that ends with the status of the cluster.
func clusterVerb(name, short string, do func(ctx context.Context, state string, progress func(string)) (cluster.Status, error)) *cobra.Command {
	var out output
	var state string
	c := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := run.StateDir(state)
			if err != nil {
				return usage(err)
			}
			began := time.Now()
			st, doErr := do(c.Context(), dir, func(words string) {
				fmt.Fprintf(c.ErrOrStderr(), "%6.2fs  %s\n", time.Since(began).Seconds(), words)
			})
			if doErr != nil && st.Name == "" {
				return inconclusive(c.Context(), doErr)
			}
			err = out.print(c.OutOrStdout(), st, func(w io.Writer) error { return writeStatus(w, st) })
			return failed(errors.Join(doErr, err))
		},
	}
	c.Flags().StringVar(&state, "state", "", "where its kubeconfig is kept (default $XDG_STATE_HOME/rebound)")
	out.flag(c)
	return c
}

func clusterDown(ctx context.Context, state string, progress func(string)) (cluster.Status, error) {
	if err := cluster.Down(ctx, state, progress); err != nil {
		return cluster.Status{}, err
	}
	return cluster.Look(ctx, state)
}

var errNotUp = errors.New("the cluster is not up")

func clusterStatus(ctx context.Context, state string, _ func(string)) (cluster.Status, error) {
	st, err := cluster.Look(ctx, state)
	if err == nil && !st.Up {
		err = errNotUp
	}
	return st, err
}

func writeStatus(w io.Writer, st cluster.Status) error {
	switch {
	case len(st.Nodes) == 0:
		_, err := fmt.Fprintf(w, "cluster %s: there is none\n", st.Name)
		return err
	case st.Up:
		fmt.Fprintf(w, "cluster %s: up, %s old\n", st.Name, st.Age)
	default:
		fmt.Fprintf(w, "cluster %s: not up: %s\n", st.Name, st.Problem)
	}
	if st.Kubeconfig != "" {
		fmt.Fprintf(w, "kubeconfig: %s\n", st.Kubeconfig)
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tROLE\tZONE\tREADY")
	for _, n := range st.Nodes {
		fmt.Fprintf(t, "%s\t%s\t%s\t%t\n", n.Name, n.Role, cmp.Or(n.Zone, "-"), n.Ready)
	}
	return t.Flush()
}
