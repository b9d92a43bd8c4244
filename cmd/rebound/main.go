// Command rebound breaks a running system on purpose, lets a healing engine
// repair it, measures what users suffered, and gives a verdict that anyone can
// recompute. It has one file per verb and no logic of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/assertions"
)

// The exit codes.
const (
	exitPass         = assertions.ExitPass
	exitFail         = assertions.ExitFail
	exitUsage        = 2                           // usage, or a static mistake in the input: nothing was started
	exitInconclusive = assertions.ExitInconclusive // also: the harness itself broke down
	exitAborted      = assertions.ExitAborted      // a stop condition or Ctrl-C
)

// exitError ends the program with a code; without a cause it says no more,
// since the report has said it.
type exitError struct {
	code  int
	cause error
}

func (e *exitError) Error() string {
	if e.cause == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.cause.Error()
}

func (e *exitError) Unwrap() error { return e.cause }

// usage makes of an error one that tells of a mistake in the input.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitUsage, err}
}

// inconclusive makes of an error of the harness one that says that nothing was
// found out, or that it was interrupted. One that has its code already keeps it.
func inconclusive(ctx context.Context, err error) error {
	var coded *exitError
	if err == nil || errors.As(err, &coded) {
		return err
	}
	if ctx.Err() != nil {
		return &exitError{exitAborted, err}
	}
	return &exitError{exitInconclusive, err}
}

// worse is the exit code of two things together.
func worse(a, b int) int {
	for _, code := range []int{exitAborted, exitFail, exitInconclusive} {
		if a == code || b == code {
			return code
		}
	}
	return exitPass
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := execute(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// execute carries out a command line and returns the exit code.
func execute(ctx context.Context, args []string) int {
	root := newRoot() //nolint:contextcheck // the commands take the context of ExecuteContext
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitPass
	}
	if exit, ok := errors.AsType[*exitError](err); ok {
		if exit.cause != nil {
			fmt.Fprintf(os.Stderr, "rebound: %v\n", exit.cause)
		}
		return exit.code
	}
	// What cobra refuses is a mistake on the command line, and everything of ours
	// that fails for another reason says so with an exitError.
	fmt.Fprintf(os.Stderr, "rebound: %v\n", err)
	return exitUsage
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "rebound",
		Short: "Proves that a system heals itself",
		Long: `Rebound breaks a running system on purpose, lets a healing engine repair it,
measures what users suffered, and gives a verdict that anyone can recompute.

  rebound demo                  break the demo shop four ways, heal it, show the report
  rebound run crash --control   one scenario, and the same without healing beside it
  rebound why orders/1          what is done about it in the live run, and why no more
  rebound list                  what there is: scenarios, faults, healers, checks, steps

Exit codes: 0 pass, 1 fail, 2 a mistake in the input (nothing was started),
3 inconclusive, 4 aborted.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(
		demoCommand(), runCommand(), judgeCommand(), reportCommand(), listCommand(),
		whyCommand(), pauseCommand(), resumeCommand(), restartCommand(),
		capabilitiesCommand(), clusterCommand(), faultsCommand(), scaleCommand(), proxyCommand(), versionCommand(),
		shopCommand(), holderCommand(), guardianCommand(), rootCommand(), engineCommand(),
	)
	// Cobra's own command for completions takes any word, and says nothing.
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
	return root
}
