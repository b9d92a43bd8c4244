package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// look is one question to one instance, from when it is due until its answer was
// taken. The loop fills it in, hands it to a worker, gets it back, and uses it
// again.
type look struct {
	slot    *slot
	system  sut.System
	target  sut.Target
	handler handler
	limit   time.Duration // the probe's time-out, and the slack
	due     time.Duration
	free    time.Duration // when there was a worker for it
	dialer  sut.Dialer    // of the looks before; nil: the system is asked
	kept    net.Conn      // left by the look before; afterwards for the next

	// What the worker makes of it.
	begun, ended time.Duration
	result       Result
	detail       string
	held         time.Duration // how late it was noticed that the limit had passed
	spent        bool          // its end still has a hand on it: never use it again

	mu      sync.Mutex
	off     bool               // guarded by mu: called off
	cancel  context.CancelFunc // guarded by mu; nil: not begun
	conn    net.Conn           // guarded by mu: closed when the look ends
	noticed time.Time          // guarded by mu: when it was seen that the look ended early
}

const calledOff = "the look was called off"

// run asks, and notes what came and when.
func (k *look) run(ctx context.Context, now func() time.Duration) {
	k.begun = now()
	k.result, k.detail = k.ask(ctx)
	k.ended = now()
}

func (k *look) ask(ctx context.Context) (Result, string) {
	deadline := time.Now().Add(k.limit)
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	if !k.begin(cancel) {
		return Unknown, calledOff
	}
	stop := context.AfterFunc(ctx, k.interrupt)
	result, detail := k.handler.ask(ctx, k)
	if !stop() {
		k.spent = true
		k.drop()
	}
	if result != Failure || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return result, detail
	}
	// A deadline that was noticed long after it passed says that this process did
	// not run, not that the instance did not answer.
	k.held = max(k.seen().Sub(deadline), 0)
	if k.held > max(k.limit/2, tolerated) {
		return Unknown, fmt.Sprintf("the prober itself was held up for %s", k.held.Round(time.Millisecond))
	}
	return Failure, detail + " within " + k.limit.Round(time.Millisecond).String()
}

// begin is false for a look that was called off before a worker had it.
func (k *look) begin(cancel context.CancelFunc) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cancel = cancel
	return !k.off
}

// callOff ends the look, begun or not.
func (k *look) callOff() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.off = true
	if k.cancel != nil {
		k.cancel()
	}
}

// interrupt is called when the look's context has ended. It closes the connection
// and sets no deadline: not every connection that a system opens minds one.
func (k *look) interrupt() {
	k.mu.Lock()
	k.noticed = time.Now()
	c := k.conn
	k.mu.Unlock()
	if c != nil {
		_ = c.Close()
	}
}

// seen is when the end of the look was noticed: by the timer, or else now.
func (k *look) seen() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.noticed.IsZero() {
		return time.Now()
	}
	return k.noticed
}

// dial opens a connection to a port of the instance.
func (k *look) dial(ctx context.Context, port string) (net.Conn, error) {
	if k.dialer == nil {
		d, err := sut.Find[sut.Dialer](k.system, sut.CanDial, k.target)
		if err != nil {
			return nil, &dialError{fmt.Errorf("dial %s port %s: %w", k.target.ID, port, err)}
		}
		k.dialer = d
	}
	c, err := k.dialer.Dial(ctx, k.target, port)
	if err != nil {
		return nil, &dialError{err}
	}
	k.hold(c)
	return c, nil
}

// reuse is the connection that was kept, if there is one.
func (k *look) reuse() (net.Conn, bool) {
	c := k.kept
	if c == nil {
		return nil, false
	}
	k.kept = nil
	k.hold(c)
	return c, true
}

// hold has the end of the look close a connection.
func (k *look) hold(c net.Conn) {
	k.mu.Lock()
	k.conn = bare(c)
	over := !k.noticed.IsZero()
	k.mu.Unlock()
	if over {
		_ = bare(c).Close()
	}
}

// drop closes the connection that was kept, without a word to the other side: a
// farewell could take long.
func (k *look) drop() {
	if k.kept != nil {
		_ = bare(k.kept).Close()
		k.kept = nil
	}
}

// renew makes the look ready for another use.
func (k *look) renew() {
	k.slot, k.dialer, k.kept, k.detail, k.held, k.result = nil, nil, nil, "", 0, Unknown
	k.mu.Lock()
	defer k.mu.Unlock()
	k.off, k.cancel, k.conn, k.noticed = false, nil, nil, time.Time{}
}

// tcpSocket asks whether a port takes connections.
type tcpSocket struct{ port string }

func (h tcpSocket) ask(ctx context.Context, k *look) (Result, string) {
	c, err := k.dial(ctx, h.port)
	if err != nil {
		return blame(ctx, err)
	}
	_ = c.Close() // it took the connection: that is all that is asked
	return Success, "connected"
}

// execCommand asks a command inside of the instance.
type execCommand struct{ command []string }

func (h execCommand) ask(ctx context.Context, k *look) (Result, string) {
	x, err := sut.Find[sut.Execer](k.system, sut.CanExec, k.target)
	if err != nil {
		return Unknown, err.Error()
	}
	output, code, err := x.Exec(ctx, k.target, h.command)
	switch {
	case err == nil && code == 0:
		return Success, "code 0"
	case err == nil:
		return Failure, fmt.Sprintf("code %d%s", code, quote(output))
	case errors.Is(ctx.Err(), context.Canceled):
		return Unknown, calledOff
	case ctx.Err() != nil && !notThere(err):
		return Failure, "the command did not end"
	default: // the way there, which kubelet does not count either
		return Unknown, err.Error()
	}
}
