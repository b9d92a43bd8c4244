package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
)

func pauseCommand() *cobra.Command {
	var kill bool
	c := orderCommand(func(reason []string) healers.Command {
		if kill {
			return healers.Command{Verb: healers.CommandKill, Text: strings.Join(reason, " ")}
		}
		return healers.Command{Verb: healers.CommandPause, Text: strings.Join(reason, " ")}
	})
	c.Use, c.Short = "pause [REASON...]", "Have the engine of a live run do nothing, until it is resumed"
	c.Long = `Pause has the engine of a live run begin no act any more; what is under way ends.
It goes on looking and telling people, and rebound why says what it would do. With
--kill it tells nobody either. Who said it, and why, is on record and in the report.
It lasts until rebound resume, also when the engine is started again.

` + liveHelp
	c.Example = `  rebound pause
  rebound pause "I am looking at it myself"
  rebound pause --kill --run 3f9a`
	c.Flags().BoolVar(&kill, "kill", false, "the kill switch: no messages to people either")
	return c
}

func resumeCommand() *cobra.Command {
	var kill bool
	c := orderCommand(func(reason []string) healers.Command {
		if kill {
			return healers.Command{Verb: healers.CommandRevive, Text: strings.Join(reason, " ")}
		}
		return healers.Command{Verb: healers.CommandResume, Text: strings.Join(reason, " ")}
	})
	c.Use, c.Short = "resume [REASON...]", "Have the engine of a live run go on, after pause or pause --kill"
	c.Long = `Resume ends what rebound pause began. The kill switch, which rebound pause --kill
engages, and the engine itself when it meets a new policy, is lifted with --kill alone:
who engaged it may have had more reason than a pause has.

` + liveHelp
	c.Example = `  rebound resume
  rebound resume "it was not the disk" --run 3f9a
  rebound resume --kill "I have looked at the policy"`
	c.Flags().BoolVar(&kill, "kill", false, "lift the kill switch too")
	return c
}

func restartCommand() *cobra.Command {
	var withdraw bool
	c := orderCommand(func(args []string) healers.Command {
		said := healers.Command{Verb: healers.CommandRestart, Target: sut.ID(args[0]), Text: strings.Join(args[1:], " ")}
		if withdraw {
			said.Verb = healers.CommandWithdraw
		}
		return said
	})
	c.Args = cobra.MinimumNArgs(1)
	c.Use, c.Short = "restart WORKLOAD [REASON...]", "Have the engine of a live run restart a workload, one instance after another"
	c.Long = `Restart has the engine of a live run restart every instance of a workload, zone by zone
and the oldest first, each when the one before it is ready and has been for the soak
time. All that guards healing guards it: budgets, rates, pauses. A second instance in a
row that does not come back ends it. What is left of the wish can be withdrawn, and is
over after a day.

` + liveHelp
	c.Example = `  rebound restart orders "new certificates"
  rebound restart orders --withdraw`
	c.Flags().BoolVar(&withdraw, "withdraw", false, "those that have not had their turn are left as they are")
	return c
}

const liveHelp = `Runs are found by the sockets of their engines, below engines in the state folder;
where several are live, --run says which.`

// orderCommand is a verb that says something to the engine of a live run.
func orderCommand(order func(args []string) healers.Command) *cobra.Command {
	var out output
	var on liveFlags
	c := &cobra.Command{
		RunE: func(c *cobra.Command, args []string) error {
			engine, err := on.engine(c.Context())
			if err != nil {
				return err
			}
			record, err := engine.Command(c.Context(), order(args))
			if err != nil {
				return failed(err)
			}
			if err := out.print(c.OutOrStdout(), record, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "run %s, on record: %s\n", engine.Info.Run, healers.Text(record))
				return err
			}); err != nil {
				return failed(err)
			}
			if record.Text != "" {
				return exit(exitFail) // it was refused, and the record says why
			}
			return nil
		},
	}
	on.flags(c)
	out.flag(c)
	return c
}
