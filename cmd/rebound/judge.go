package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/reports/render"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

func judgeCommand() *cobra.Command {
	var out output
	c := &cobra.Command{
		Use:   "judge TIMELINE",
		Short: "Give the verdict of a run again, from its timeline alone",
		Long: `Judge recomputes every check of a run from its timeline.jsonl (- for standard
input) and exits as the run did. It needs nothing else: the first line holds
the limits, the rest is what happened.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			run, err := loadRun(args[0], c.InOrStdin())
			if err != nil {
				return usage(err)
			}
			return printReport(c, out, render.New("", run))
		},
	}
	out.flag(c)
	return c
}

// loadRun reads a timeline and judges it.
func loadRun(path string, stdin io.Reader) (render.Run, error) {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return render.Run{}, err
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	events, err := timeline.ReadAll(in)
	if err != nil {
		return render.Run{}, fmt.Errorf("%s: %w", path, err)
	}
	return render.Build(events, "")
}

// exit is the error that ends the program with a code, nil for 0.
func exit(code int) error {
	if code == exitPass {
		return nil
	}
	return &exitError{code: code}
}
