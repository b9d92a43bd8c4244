package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP) //nolint:forbidigo // contexts begin in main
	ifPossible := flag.Bool("if-possible", false, "what this machine cannot have is said, and is no failure")
	platforms := flag.String("for", "containers,kind", "the platforms that the images are for")
	flag.Parse()
	syscall.Umask(0o022) // images are for every user in them
	err := run(ctx, os.Stdout, strings.FieldsFunc(*platforms, func(r rune) bool { return r == ',' || r == ' ' }))
	if ctx.Err() != nil {
		err = errors.New("interrupted; what was done is kept, and the next run goes on from there")
	}
	stop()
	switch {
	case err == nil:
	case cannotHave(err) && *ifPossible:
		fmt.Fprintf(os.Stdout, "provision: %v\nprovision: the tests that need it are skipped, by name\n", err)
	default:
		fmt.Fprintln(os.Stderr, "provision:", err)
		os.Exit(1) //nolint:forbidigo // this is a main
	}
}

// A cannotError is what this machine cannot have as it is, with the way out.
type cannotError struct{ why string }

func (e *cannotError) Error() string { return e.why }

// cannot is an error that says why, and what to do, a line each.
func cannot(why string, do ...string) error {
	return &cannotError{why: strings.Join(append([]string{why}, do...), "\n  ")}
}

// cannotHave tells whether all of an error is what this machine cannot have: beside a
// failure that is none, it is one.
func cannotHave(err error) bool {
	if joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); ok {
		return !slices.ContainsFunc(joined.Unwrap(), func(err error) bool { return !cannotHave(err) })
	}
	_, ok := errors.AsType[*cannotError](err)
	return ok
}

// errOurs is in the chain of errors that are this repository's and no machine's.
var errOurs = errors.New("this is a fault of the repository")

// couldNot is the error of a step that gets what belongs to the machine and not to this
// repository: one without a network or without rights cannot have it. What the step's
// commands said at last is part of it, since it is shown as it is.
func couldNot(what string, err error, log *stepLog, do ...string) error {
	if _, ok := errors.AsType[*cannotError](err); ok || err == nil || errors.Is(err, errOurs) {
		return err
	}
	why := what + ": " + err.Error()
	if said := log.tail(); said != "" {
		why += "\n" + said
	}
	return cannot(why, append(slices.Clone(do), "all it said: "+log.file.Name(), orElse)...)
}

// run does all there is to do, and tells it.
func run(ctx context.Context, out io.Writer, platforms []string) error {
	t := newTeller(out, time.Now())
	repo, err := repository()
	if err != nil {
		return err
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("find the user's cache folder: %w", err)
	}
	for _, name := range platforms {
		if !slices.Contains([]string{"process", platformContainers, platformKind}, name) {
			return fmt.Errorf("-for %s: expected process, containers or kind", name)
		}
	}
	p := &provision{tell: t, repo: repo, cache: filepath.Join(user, "rebound", "provision"), host: lookAtHost(), platforms: platforms, daemonLog: daemonLog, turns: machineTurns}
	err = p.all(ctx)
	t.table()
	return err
}

// repository is its folder: the one with this command, from here upwards.
func repository() (string, error) {
	from, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := from; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "ci", "provision", "nodeimage", "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is in no checkout of rebound", from)
		}
	}
}
