package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/process"
)

func capabilitiesCommand() *cobra.Command {
	var out output
	c := &cobra.Command{
		Use:   "capabilities",
		Short: "Print what can be done on this host, and the way out where it cannot",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			binary, err := host.Binary(c.Context())
			if err != nil {
				return failed(err)
			}
			table, err := process.Capabilities(c.Context(), binary)
			if err != nil {
				return failed(err)
			}
			return out.print(c.OutOrStdout(), map[string]any{"process": table}, func(w io.Writer) error {
				t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
				fmt.Fprintln(t, "ON PROCESS\tOF\tOFFERED")
				for _, o := range table {
					offered := "yes"
					if o.Reason != "" {
						offered = "no: " + o.Reason + "; " + o.WayOut
					}
					fmt.Fprintf(t, "%s\t%s\t%s\n", o.Capability, o.Of, offered)
				}
				return t.Flush()
			})
		},
	}
	out.flag(c)
	return c
}
