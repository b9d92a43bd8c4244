package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// version is what this program calls itself.
const version = "0.1.0"

func versionCommand() *cobra.Command {
	var out output
	c := &cobra.Command{
		Use: "version", Short: "Print the version, and those of the formats", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			v := struct {
				Version        string `json:"version"`
				TimelineSchema int    `json:"timelineSchema"`
				Go             string `json:"go"`
				Revision       string `json:"revision,omitempty"`
			}{Version: version, TimelineSchema: timeline.SchemaVersion, Go: runtime.Version()}
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					if s.Key == "vcs.revision" {
						v.Revision = s.Value
					}
				}
			}
			return out.print(c.OutOrStdout(), v, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "rebound %s (timeline schema %d, %s)\n", v.Version, v.TimelineSchema, v.Go)
				return err
			})
		},
	}
	out.flag(c)
	return c
}

// output is the -o flag that every verb has. It refuses what it does not know
// while the command line is read, before anything is done.
type output string

func (o *output) flag(c *cobra.Command) {
	*o = "text"
	c.Flags().VarP(o, "output", "o", "how to print the result: text or json")
}

func (o *output) String() string { return string(*o) }
func (o *output) Type() string   { return "format" }

func (o *output) Set(text string) error {
	if text != "text" && text != "json" {
		return errors.New("expected text or json")
	}
	*o = output(text)
	return nil
}

// print writes v as JSON, or what text writes.
func (o output) print(w io.Writer, v any, text func(io.Writer) error) error {
	if o != "json" {
		return text(w)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
