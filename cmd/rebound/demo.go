package main

import (
	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// demoScenarios is what the demo shows: the main job, four ways.
var demoScenarios = []string{"crash", "hang", "disk-full", "partition"}

func demoCommand() *cobra.Command {
	f := runFlags{platformFlags: platformFlags{on: run.PlatformProcess}, healers: string(sut.ArmRebound), control: string(run.ControlOwn), runs: 1, whole: true}
	c := &cobra.Command{
		Use:   "demo",
		Short: "The main job, on your machine: break the shop four ways, heal it, show the report",
		Long: `Demo starts a small shop as plain processes, puts it under load, and breaks it
four ways: a replica killed, a replica hung, the store's disk full, a replica
cut off from the store. Each runs healed and, at the same time, with healing
off. It takes about two and a half minutes, needs neither root nor Docker, and
exits 0 when all heal and all controls miss; 3 also when one was skipped.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !c.Flags().Changed("seed") {
				f.seed = newSeed()
			}
			return f.execute(c, demoScenarios, true)
		},
	}
	fs := c.Flags()
	fs.Uint64Var(&f.seed, "seed", 0, "the seed of every choice (default: a new one, printed)")
	fs.StringVar(&f.out, "out", "", "where timelines, reports and logs go (default: a new one below runs in --state)")
	fs.StringVar(&f.state, "state", "", "where leases and results are kept (default $XDG_STATE_HOME/rebound)")
	f.print.flag(c)
	return c
}
