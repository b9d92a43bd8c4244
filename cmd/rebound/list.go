package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/runbook"
	"github.com/rebound-chaos/rebound/scenarios"
)

// entry is one thing that there is.
type entry struct {
	Name    string `json:"name"`
	Summary string `json:"summary"`
}

// section is one kind of things.
type section struct {
	Kind    string  `json:"kind"`
	Entries []entry `json:"entries"`
}

// registered is all that there is, in the order of the registries.
func registered() ([]section, error) {
	var all []section
	add := func(kind string, entries []entry) { all = append(all, section{kind, entries}) }

	var list []entry
	for _, name := range scenarios.Names() {
		s, err := scenarios.Load(name)
		if err != nil {
			return nil, err
		}
		list = append(list, entry{name, s.Spec.Claim})
	}
	add("scenarios", list)
	add("faults", entries(faults.Builtin(), func(d faults.Definition) entry { return entry{d.Name, d.Summary} }))
	add("healers", entries(healers.Builtin(), func(d healers.Definition) entry { return entry{d.Name, d.Summary} }))
	add("checks", entries(assertions.Builtin(), func(d assertions.Definition) entry { return entry{d.ID, d.Summary} }))
	add("steps", entries(runbook.Steps(), func(d runbook.Definition) entry { return entry{d.Name, d.Summary} }))
	return all, nil
}

func entries[T any](from []T, f func(T) entry) []entry {
	list := make([]entry, 0, len(from))
	for _, x := range from {
		list = append(list, f(x))
	}
	return list
}

func listCommand() *cobra.Command {
	var out output
	var markdown bool
	kinds := []string{"scenarios", "faults", "healers", "checks", "steps"}
	c := &cobra.Command{
		Use:       "list [" + strings.Join(kinds, "|") + "]",
		Short:     "Print what there is: scenarios, faults, healers, checks, runbook steps",
		ValidArgs: kinds,
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		RunE: func(c *cobra.Command, args []string) error {
			all, err := registered()
			if err != nil {
				return failed(err)
			}
			if len(args) == 1 {
				for _, s := range all {
					if s.Kind == args[0] {
						all = []section{s}
						break
					}
				}
			}
			if markdown {
				return failed(writeReference(c.OutOrStdout(), all))
			}
			return out.print(c.OutOrStdout(), all, func(w io.Writer) error {
				t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
				for i, s := range all {
					if i > 0 {
						fmt.Fprintln(t)
					}
					fmt.Fprintln(t, strings.ToUpper(s.Kind))
					for _, e := range s.Entries {
						fmt.Fprintf(t, "  %s\t%s\n", e.Name, e.Summary)
					}
				}
				return t.Flush()
			})
		},
	}
	out.flag(c)
	c.Flags().BoolVar(&markdown, "markdown", false, "print the reference that docs/reference.md holds")
	return c
}

// writeReference writes what is registered as a page.
func writeReference(w io.Writer, all []section) error {
	fmt.Fprint(w, "# Reference\n\nWritten by `make docs` from what is registered; do not edit.\n")
	for _, s := range all {
		fmt.Fprintf(w, "\n## %s%s\n\n| name | what it is |\n|---|---|\n", strings.ToUpper(s.Kind[:1]), s.Kind[1:])
		for _, e := range s.Entries {
			if _, err := fmt.Fprintf(w, "| `%s` | %s |\n", e.Name, strings.ReplaceAll(e.Summary, "|", "\\|")); err != nil {
				return err
			}
		}
	}
	return nil
}
