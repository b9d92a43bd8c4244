package main

import (
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/process"
	"github.com/rebound-chaos/rebound/fixtures/shop"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// The helpers that a run starts from this same binary. They are verbs so that
// one file is all that has to be there, and hidden since nobody calls them.

func shopCommand() *cobra.Command {
	return &cobra.Command{
		Use: "_shop ROLE", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			// The roles are many, small, and all on the same few cores: with a scheduler
			// that looks for work on each of them they would spend a third of their time
			// on waking each other up.
			if os.Getenv("GOMAXPROCS") == "" {
				runtime.GOMAXPROCS(1)
			}
			return failed(shop.Main(c.Context(), args[0]))
		},
	}
}

func holderCommand() *cobra.Command {
	return &cobra.Command{
		Use: "_holder", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return failed(process.ServeHolder(os.Stdin, os.Stdout)) },
	}
}

func guardianCommand() *cobra.Command {
	var cfg faults.GuardianConfig
	var dir string
	c := &cobra.Command{
		Use: "_guardian", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return failed(faults.ServeGuardian(os.Stdin, os.Stdout, dir, cfg.Lease, run.Undo))
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "where the journal is kept")
	c.Flags().DurationVar(&cfg.Lease, "lease", 0, "what is not renewed for this long is undone")
	return c
}

// failed makes of an error one that ends the program with a plain failure.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitFail, err}
}
