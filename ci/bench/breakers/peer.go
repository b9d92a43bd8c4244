package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"time"
)

// What every library is set to, as nearly as it can be.
const (
	failures = 5
	within   = 30 * time.Second
)

// long is for what must not end while it is measured.
const long = time.Hour

// soon is how long a breaker is open that is to be half-open.
const soon = time.Millisecond

// unreachable is a number of failures that none comes to.
const unreachable = math.MaxUint32

// state is what a breaker is in while it is called, and what the call does.
type state string

const (
	closedSuccess state = "closed, success"
	closedFailure state = "closed, failure"
	open          state = "open"
	halfOpen      state = "half-open"
)

var states = []state{closedSuccess, closedFailure, open, halfOpen}

// peer is one way to call one library.
type peer struct {
	name   string
	module string
	// ready brings a breaker into a state.
	ready func(state) (calls, error)
	// admits: it lets all calls through while it is half-open.
	admits bool
	// made makes a breaker, and fail has it count a failure, for what it weighs.
	made func() any
	fail func(any)
	// many is of how many breakers the weight is taken; 0 means 100,000.
	many int
}

// ours is what is compared with, and comes first.
const ours = "rebound Allow, Done"

var peers = []peer{
	rebound, reboundDo, sliding, fixed, twoSteps, executor, permits, resiliency, hystrixGo,
}

func peerOf(name string) (*peer, error) {
	for i := range peers {
		if peers[i].name == name {
			return &peers[i], nil
		}
	}
	return nil, fmt.Errorf("no peer is called %q", name)
}

// calls makes so many, one after another.
type calls func(n int) tally

// tally is what became of calls.
type tally struct{ ok, failed, refused int }

func (t *tally) add(err error) {
	switch err {
	case nil:
		t.ok++
	case errFailed: //nolint:errorlint // nobody wraps it, and what looks is measured with the rest
		t.failed++
	default:
		t.refused++
	}
}

// want is what should become of all calls.
func (p *peer) want(s state, n int) tally {
	switch {
	case s == closedSuccess, s == halfOpen && p.admits:
		return tally{ok: n}
	case s == closedFailure:
		return tally{failed: n}
	}
	return tally{refused: n}
}

// work is what is called, in the shapes that the libraries ask for.
type work struct {
	plain     func() error
	valued    func() (int, error)
	inContext func(context.Context) (int, error)
}

var errFailed = errors.New("the work failed")

// workOf is the work of a state. Where calls are refused it would succeed.
func workOf(s state) work {
	if s == closedFailure {
		return work{plainFailure, valuedFailure, inContextFailure}
	}
	return work{plainSuccess, valuedSuccess, inContextSuccess}
}

//go:noinline
func plainSuccess() error { return nil }

//go:noinline
func plainFailure() error { return errFailed }

//go:noinline
func valuedSuccess() (int, error) { return 1, nil }

//go:noinline
func valuedFailure() (int, error) { return 0, errFailed }

//go:noinline
func inContextSuccess(context.Context) (int, error) { return 1, nil }

//go:noinline
func inContextFailure(context.Context) (int, error) { return 0, errFailed }

// await asks until it is so.
func await(what string, is func() bool) error {
	for begin := time.Now(); !is(); runtime.Gosched() {
		if time.Since(begin) > 10*time.Second {
			return fmt.Errorf("it is not %s after 10 s", what)
		}
	}
	return nil
}

// trip fails until it is refused.
func trip(call func(func() error) error) error {
	return await("open", func() bool { return !errors.Is(call(plainFailure), errFailed) })
}

// hold makes a call that is let through and does not end: the one trial is out.
func hold(call func(func() error) error) error {
	return await("half-open", func() bool {
		in, refused := make(chan struct{}), make(chan struct{})
		go func() {
			_ = call(func() error {
				close(in)
				select {}
			})
			close(refused)
		}()
		select {
		case <-in:
			return true
		case <-refused:
			return false
		}
	})
}

// bring brings a breaker that is closed into a state.
func bring(s state, call func(func() error) error) error {
	if s == closedSuccess || s == closedFailure {
		return nil
	}
	if err := trip(call); err != nil || s == open {
		return err
	}
	return hold(call)
}

// delay is how long a breaker is open that is brought into a state.
func delay(s state) time.Duration {
	if s == halfOpen {
		return soon
	}
	return long
}

// threshold is how many failures open a breaker that is brought into a state.
func threshold(s state) uint {
	if s == closedFailure {
		return unreachable
	}
	return failures
}
