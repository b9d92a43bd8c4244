package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/healers/control"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// liveFlags choose the live run that a verb speaks to.
type liveFlags struct {
	state, run string
}

func (f *liveFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.state, "state", "", "where runs are known from (default $XDG_STATE_HOME/rebound)")
	c.Flags().StringVar(&f.run, "run", "", "which live run, by its id or the beginning of it (default: the only one)")
}

// errNoneLive has the way out where a finished run will do too.
var errNoneLive = errors.New("no run is live")

// engine is the engine of the live run that the flags name, or of the only one.
func (f *liveFlags) engine(ctx context.Context) (*control.Client, error) {
	state, err := run.StateDir(f.state)
	if err != nil {
		return nil, usage(err)
	}
	live, err := control.Live(ctx, state)
	var named []*control.Client
	for _, c := range live {
		if strings.HasPrefix(c.Info.Run, f.run) {
			named = append(named, c)
		}
	}
	switch {
	case len(named) == 1 && (f.run != "" || err == nil):
		return named[0], nil
	case err != nil:
		return nil, failed(err)
	case len(live) == 0:
		return nil, usage(fmt.Errorf("%w: nothing answers below %s", errNoneLive, state))
	case len(named) == 0:
		return nil, usage(fmt.Errorf("--run %s: no live run has this id; live are:%s", f.run, list(live)))
	default:
		return nil, usage(fmt.Errorf("%d runs are live; choose one with --run ID:%s", len(named), list(named)))
	}
}

// list tells live runs apart for people, one in a line.
func list(live []*control.Client) string {
	var b strings.Builder
	for _, c := range live {
		fmt.Fprintf(&b, "\n  %s  policy %s, results in %s", c.Info.Run, c.Info.Policy, filepath.Dir(c.Info.Journal))
	}
	return b.String()
}
