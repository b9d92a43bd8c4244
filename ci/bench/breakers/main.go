package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// options are those of the command. The last four are how it runs itself, for one
// measurement.
type options struct {
	rounds int
	each   time.Duration
	peer   string
	state  string
	all    bool
	weigh  bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // contexts begin in main
	testing.Init()
	var o options
	flag.IntVar(&o.rounds, "rounds", 7, "how often each is measured")
	flag.DurationVar(&o.each, "each", 100*time.Millisecond, "how long a measurement is")
	flag.StringVar(&o.peer, "peer", "", "measure this one alone, in -state, and write what was found as JSON")
	flag.StringVar(&o.state, "state", "", "of -peer")
	flag.BoolVar(&o.all, "all", false, "on all cores")
	flag.BoolVar(&o.weigh, "weigh", false, "measure the memory of -peer instead")
	flag.Parse()
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "breakers:", err)
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}

func run(ctx context.Context, o options) error {
	if o.peer != "" {
		return one(o)
	}
	if o.rounds < 1 {
		return errors.New("-rounds is less than 1")
	}
	found := results{calls: map[cell][]sample{}, weights: map[string]weight{}}
	for _, p := range peers {
		if p.made == nil {
			continue
		}
		var w weight
		if err := alone(ctx, &w, "-peer", p.name, "-weigh"); err != nil {
			return err
		}
		found.weights[p.name] = w
	}
	for round := range o.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, o.rounds)
		for _, s := range states {
			for _, all := range []bool{false, true} {
				for i := range peers {
					c := cell{peers[(i+round)%len(peers)].name, s, all}
					var x sample
					if err := alone(ctx, &x, c.args(o.each)...); err != nil {
						return err
					}
					found.calls[c] = append(found.calls[c], x)
				}
			}
		}
	}
	found.print(os.Stdout, o)
	return judge(os.Stdout, &found)
}

// cell is one of what is measured.
type cell struct {
	peer  string
	state state
	all   bool // cores
}

func (c cell) args(each time.Duration) []string {
	return []string{"-test.benchtime", each.String(), "-peer", c.peer, "-state", string(c.state), fmt.Sprintf("-all=%t", c.all)}
}

// alone measures in a process of its own.
func alone(ctx context.Context, into any, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, self, args...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	if err != nil {
		return fmt.Errorf("measure %q: %w", args, err)
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("measure %q: %w", args, err)
	}
	return nil
}

// one is the other side of alone.
func one(o options) error {
	p, err := peerOf(o.peer)
	if err != nil {
		return err
	}
	if o.weigh {
		return json.NewEncoder(os.Stdout).Encode(weigh(p))
	}
	x, err := measure(p, state(o.state), o.all)
	if err != nil {
		return fmt.Errorf("%s, %s: %w", p.name, o.state, err)
	}
	return json.NewEncoder(os.Stdout).Encode(x)
}
