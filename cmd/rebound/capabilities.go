package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// everywhere is the --on of capabilities where none is given.
const everywhere = "all"

func capabilitiesCommand() *cobra.Command {
	var out output
	var on platformFlags
	var state string
	c := &cobra.Command{
		Use:   "capabilities",
		Short: "Print what can be done on this host, and the way out where it cannot",
		Long: `Capabilities tries out what each platform offers on this host, and prints it with
the reason and the way out where it does not. A scenario that needs what is not
offered is skipped with the same words. Nothing is left behind.

` + platformHelp(),
		Example: `  rebound capabilities
  rebound capabilities --on containers
  rebound capabilities --on current-context --context staging -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			asked, err := on.asked()
			if err != nil {
				return usage(err)
			}
			if on.cluster.State, err = run.StateDir(state); err != nil {
				return usage(err)
			}
			tables, err := offeredBy(c.Context(), asked, on)
			printErr := out.print(c.OutOrStdout(), tables.json(), tables.text)
			return failed(errors.Join(err, printErr))
		},
	}
	on.flags(c, everywhere)
	c.Flags().StringVar(&state, "state", "", "where the cluster that is up is known from (default $XDG_STATE_HOME/rebound)")
	out.flag(c)
	return c
}

// asked are the platforms to be tried: one, or all that need not be named.
func (f *platformFlags) asked() ([]run.Platform, error) {
	if f.on != everywhere {
		p, err := f.platform()
		return []run.Platform{p}, err
	}
	var all []run.Platform
	for _, p := range run.Platforms() {
		if p.Attached == (f.cluster.Context != "") || !p.Attached {
			all = append(all, p)
		}
	}
	return all, nil
}

// offeredTables are the platforms' tables, in their order.
type offeredTables []offeredTable

type offeredTable struct {
	platform string
	lines    []platform.Offered
}

// offeredBy tries the platforms. One that is not there at all is a table of one
// line that says so. Its error joins what could not be tried; the other tables are
// returned also then.
func offeredBy(ctx context.Context, asked []run.Platform, f platformFlags) (offeredTables, error) {
	binary, err := host.Binary(ctx)
	if err != nil {
		return nil, err
	}
	var all offeredTables
	var errs []error
	for _, p := range asked {
		o := f.cluster
		if !p.Attached {
			o.Context, o.Kubeconfig = "", ""
		}
		lines, err := p.Capabilities(ctx, binary, o)
		if missing, ok := errors.AsType[*sut.Missing](err); ok {
			lines, err = []platform.Offered{{Capability: missing.Capability, Reason: missing.Reason, WayOut: missing.WayOut}}, nil
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("try out %s: %w", p.Name, err))
			continue
		}
		all = append(all, offeredTable{p.Name, lines})
	}
	return all, errors.Join(errs...)
}

func (t offeredTables) json() map[string][]platform.Offered {
	m := map[string][]platform.Offered{}
	for _, one := range t {
		m[one.platform] = one.lines
	}
	return m
}

func (t offeredTables) text(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for i, one := range t {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "ON %s\tOF\tOFFERED\n", strings.ToUpper(one.platform))
		for _, o := range one.lines {
			offered := "yes"
			if o.Reason != "" {
				offered = "no: " + o.Reason
				if o.WayOut != "" {
					offered += "; " + o.WayOut
				}
			}
			fmt.Fprintf(out, "%s\t%s\t%s\n", o.Capability, o.Of, offered)
		}
	}
	return out.Flush()
}
