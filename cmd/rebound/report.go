package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/reports/render"
)

func reportCommand() *cobra.Command {
	var out output
	var into string
	c := &cobra.Command{
		Use:   "report DIR...",
		Short: "Write the reports of finished runs again, from their timelines alone",
		Long: `Report looks for timelines below each DIR, judges them, writes the files of each
run beside its timeline, and the joint report (report.html, result.json,
junit.xml, summary.md) into --out, by default the first DIR.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if into == "" {
				into = args[0]
			}
			var dirs []string
			var errs []error
			for _, arg := range args {
				found, err := render.Find(arg)
				dirs, errs = append(dirs, found...), append(errs, err)
			}
			if err := errors.Join(errs...); err != nil {
				return usage(err)
			}
			report, err := render.WriteAll(into, dirs)
			if err != nil {
				return failed(err)
			}
			return printReport(c, out, report)
		},
	}
	out.flag(c)
	c.Flags().StringVar(&into, "out", "", "where the joint report goes (default: the first DIR)")
	return c
}

// printReport prints a report and ends with its exit code: of several runs the
// first present of aborted, fail, inconclusive.
func printReport(c *cobra.Command, out output, r render.Report) error {
	if err := show(c.OutOrStdout(), out, r); err != nil {
		return failed(err)
	}
	return exit(r.ExitCode())
}

func show(w io.Writer, out output, r render.Report) error {
	if out == "json" {
		return render.JSON(w, r)
	}
	return render.Text(w, r)
}
