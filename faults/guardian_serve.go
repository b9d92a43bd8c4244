package faults

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// request and response are the lines between a harness and its guardian. The
// first response, with Seq 0, says that the guardian is ready.
type request struct {
	Seq int      `json:"seq"`
	Do  string   `json:"do"` // arm, disarm, renew
	N   int      `json:"n,omitempty"`
	Op  *harm.Op `json:"op,omitempty"`
}

type response struct {
	Seq   int    `json:"seq"`
	Error string `json:"error,omitempty"`
}

// giveUpAfter is how long a guardian retries what it could not undo.
const giveUpAfter = 30 * time.Second

// ServeGuardian is the guardian's process: it keeps the operations that the
// harness arms over stdin in a journal in dir, and answers each line when it is
// durable. It undoes everything that is armed, the newest first, when stdin ends
// (the harness is done, or dead), or when nothing was heard for a lease (the
// harness is stopped or stuck); then it removes dir and returns. What it could
// not undo within half a minute stays in dir for [RevertLeases], and is the error.
//
// It is deaf to SIGINT, SIGTERM and SIGHUP and takes no context: it must outlive
// whatever ends the harness. When the lease has run out, a goroutine may still
// wait in stdin.Read unless stdin can be closed.
func ServeGuardian(stdin io.Reader, stdout io.Writer, dir string, lease time.Duration, undo func(context.Context, harm.Op) error) error {
	defer shield()()
	answer := json.NewEncoder(stdout)
	j, err := makeLease(dir)
	if err != nil {
		return errors.Join(err, answer.Encode(response{Error: err.Error()}))
	}
	g := &guarded{dir: dir, journal: j, undo: undo}
	// A harness that is dead before it reads this is noticed as the end of stdin.
	_ = answer.Encode(response{})
	g.listen(stdin, answer, leaseOr(lease))
	return g.finish(context.Background()) //nolint:forbidigo // nobody above it may end it
}

// shield keeps signals that are meant for the harness from ending this process.
// SIGPIPE is among them: answering a dead harness must not kill its guardian.
func shield() (stop func()) {
	deaf := make(chan os.Signal, 1)
	signal.Notify(deaf, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	return func() { signal.Stop(deaf) }
}

type guarded struct {
	dir     string
	journal *undoJournal
	armed   []armed
	undo    func(context.Context, harm.Op) error
}

// listen answers requests until stdin ends, or until none came for a lease.
func (g *guarded) listen(stdin io.Reader, answer *json.Encoder, lease time.Duration) {
	requests, quit := make(chan request), make(chan struct{})
	defer close(quit)
	go func() { // ends with stdin, with quit, or with the process
		defer close(requests)
		lines := bufio.NewReader(stdin)
		for {
			line, err := lines.ReadBytes('\n')
			var r request
			if err != nil || json.Unmarshal(line, &r) != nil {
				return // a harness that talks nonsense is as good as dead
			}
			select {
			case requests <- r:
			case <-quit:
				return
			}
		}
	}()
	timer := time.NewTimer(lease)
	defer timer.Stop()
	for {
		select {
		case r, ok := <-requests:
			if !ok {
				return
			}
			out := response{Seq: r.Seq}
			if err := g.handle(r); err != nil {
				out.Error = err.Error()
			}
			_ = answer.Encode(out) // as above: a dead harness is noticed at stdin
			timer.Reset(lease)
		case <-timer.C:
			if c, ok := stdin.(io.Closer); ok {
				_ = c.Close() // lets the reader go
			}
			return
		}
	}
}

func (g *guarded) handle(r request) error {
	var e entry
	switch r.Do {
	case "renew":
		return nil
	case "arm":
		if r.Op == nil || r.N <= 0 {
			return errors.New("arm: no operation")
		}
		e = entry{Arm: r.N, Op: r.Op}
	case "disarm":
		e = entry{Disarm: r.N}
	default:
		return fmt.Errorf("%q is none of arm, disarm, renew", r.Do)
	}
	if err := g.journal.append(e); err != nil {
		return err
	}
	g.armed = e.apply(g.armed)
	return nil
}

// finish undoes everything and removes the lease.
func (g *guarded) finish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, giveUpAfter)
	defer cancel()
	pause := 100 * time.Millisecond
	err := g.undoAll(ctx)
	for err != nil && ctx.Err() == nil {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, 2*time.Second)
		err = g.undoAll(ctx)
	}
	err = errors.Join(err, g.journal.close())
	if len(g.armed) > 0 {
		return err
	}
	if rerr := os.RemoveAll(g.dir); rerr != nil {
		return errors.Join(err, fmt.Errorf("remove lease: %w", rerr))
	}
	return err
}

// undoAll tries each armed operation once, the newest first.
func (g *guarded) undoAll(ctx context.Context) error {
	var problems []error
	for _, a := range slices.Backward(slices.Clone(g.armed)) {
		e := entry{Undone: a.n}
		if err := undoOne(ctx, a.op, g.undo); err != nil {
			problems = append(problems, err)
			e = entry{Failed: a.n, Error: err.Error()}
		}
		// The journal tells a later start what is left. Undoing goes on without
		// it, since undoing twice does no harm.
		_ = g.journal.append(e)
		g.armed = e.apply(g.armed)
	}
	return errors.Join(problems...)
}

func leaseOr(d time.Duration) time.Duration {
	if d <= 0 {
		return 10 * time.Second
	}
	return d
}
