package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/healers"
)

func pauseCommand() *cobra.Command {
	var kill bool
	c := orderCommand(func() string {
		if kill {
			return healers.CommandKill
		}
		return healers.CommandPause
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
	c := orderCommand(func() string { return healers.CommandResume })
	c.Use, c.Short = "resume [REASON...]", "Have the engine of a live run go on, after pause or pause --kill"
	c.Long = `Resume ends what rebound pause began, with --kill or without.

` + liveHelp
	c.Example = `  rebound resume
  rebound resume "it was not the disk" --run 3f9a`
	return c
}

const liveHelp = `Runs are found by the sockets of their engines, below engines in the state folder;
where several are live, --run says which.`

// orderCommand is a verb that says something to the engine of a live run.
func orderCommand(verb func() string) *cobra.Command {
	var out output
	var on liveFlags
	c := &cobra.Command{
		RunE: func(c *cobra.Command, reason []string) error {
			engine, err := on.engine(c.Context())
			if err != nil {
				return err
			}
			record, err := engine.Command(c.Context(), healers.Command{Verb: verb(), Text: strings.Join(reason, " ")})
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
