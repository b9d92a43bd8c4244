package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// ErrLost is returned by Arm when the guardian is gone: without one, nothing may
// be broken.
var ErrLost = errors.New("guardian is lost")

// GuardianConfig says how a guardian is started.
type GuardianConfig struct {
	Binary string // the rebound binary; it is called with _guardian --dir DIR --lease DURATION
	State  string // the state directory; it is made with mode 0700
	Run    string // the run's id, which names the lease
	// Lease is how long the guardian waits for a harness that says nothing; 0 means 10 s.
	Lease time.Duration
}

// Guardian is the harness's end of its guardian: a [harm.Lease] that renews
// itself until Close. It is safe for concurrent use.
type Guardian struct {
	dir   string
	lease time.Duration
	cmd   *exec.Cmd
	stdin io.WriteCloser
	ready chan response // the first answer
	quit  chan struct{} // closed by Close: no more renewals
	done  chan struct{} // closed when the process is gone
	lost  chan struct{} // closed when it went unasked
	loops sync.WaitGroup

	mu      sync.Mutex
	out     *json.Encoder // guarded by mu
	seq     int           // guarded by mu
	n       int           // operations armed so far; guarded by mu
	pending map[int]chan response
	closed  bool
	owned   bool // it answered that the lease is its own
}

// StartGuardian starts a guardian in a session of its own and returns when it is
// ready. ctx bounds the start alone. The caller must Close it.
func StartGuardian(ctx context.Context, c GuardianConfig) (*Guardian, error) {
	if c.Run == "" || c.Run != filepath.Base(c.Run) || strings.HasPrefix(c.Run, ".") {
		return nil, fmt.Errorf("start guardian: run %q cannot name a directory", c.Run)
	}
	state, err := filepath.Abs(c.State)
	if err != nil {
		return nil, fmt.Errorf("start guardian: %w", err)
	}
	binary, err := filepath.Abs(c.Binary)
	if err != nil {
		return nil, fmt.Errorf("start guardian: %w", err)
	}
	if err := os.MkdirAll(leasesDir(state), 0o700); err != nil {
		return nil, fmt.Errorf("start guardian: %w", err)
	}
	g := &Guardian{
		dir: filepath.Join(leasesDir(state), c.Run), lease: leaseOr(c.Lease), ready: make(chan response, 1),
		quit: make(chan struct{}), done: make(chan struct{}), lost: make(chan struct{}), pending: map[int]chan response{},
	}
	// No PDEATHSIG, a session of its own and a directory that nobody unmounts: it
	// outlives the harness and the terminal.
	g.cmd = exec.CommandContext(context.WithoutCancel(ctx), binary, "_guardian", "--dir", g.dir, "--lease", g.lease.String())
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	g.cmd.Dir = "/"
	g.cmd.Env = append(os.Environ(), "REBOUND_RUN="+c.Run)
	stdout, err := g.cmd.StdoutPipe()
	if err == nil {
		g.stdin, err = g.cmd.StdinPipe()
	}
	if err == nil {
		g.out = json.NewEncoder(g.stdin)
		err = g.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start guardian: %w", err)
	}
	g.loops.Go(func() { g.receive(stdout) })
	if err := g.await(ctx); err != nil {
		_ = g.cmd.Process.Kill() // it holds nothing yet
		return nil, errors.Join(fmt.Errorf("start guardian: %w", err), g.Close(ctx))
	}
	g.mu.Lock()
	g.owned = true
	g.mu.Unlock()
	g.loops.Go(g.renew)
	return g, nil
}

// await waits for the first answer.
func (g *Guardian) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	select {
	case r := <-g.ready:
		if r.Error != "" {
			return errors.New(r.Error)
		}
		return nil
	case <-g.done:
		return fmt.Errorf("%s _guardian ended before it was ready: %s", g.cmd.Path, g.cmd.ProcessState)
	case <-ctx.Done():
		return fmt.Errorf("wait for %s _guardian: %w", g.cmd.Path, ctx.Err())
	}
}

// receive hands out answers until the guardian closes its end, and then waits
// for its process.
func (g *Guardian) receive(stdout io.Reader) {
	for d := json.NewDecoder(stdout); ; {
		var r response
		if d.Decode(&r) != nil {
			break
		}
		g.mu.Lock()
		waiting, ok := g.pending[r.Seq]
		delete(g.pending, r.Seq)
		g.mu.Unlock()
		switch {
		case ok:
			waiting <- r // buffered: never blocks
		case r.Seq == 0:
			select {
			case g.ready <- r:
			default:
			}
		}
	}
	_ = g.cmd.Wait() // how it ended changes nothing: it is gone
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		close(g.lost)
	}
	close(g.done)
}

// renew tells the guardian that we live. One that does not answer for a whole
// lease guards nothing: it is ended, so that what depends on it is told.
func (g *Guardian) renew() {
	tick := time.NewTicker(g.lease / 4)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			answer, _, err := g.send(request{Do: "renew"})
			if err != nil {
				continue // done is about to close
			}
			late := time.NewTimer(g.lease)
			select {
			case <-answer:
			case <-late.C:
				_ = g.cmd.Process.Kill()
			case <-g.done:
			}
			late.Stop()
		case <-g.quit:
			return
		case <-g.done:
			return
		}
	}
}

// send writes a request and returns where its answer will come. It numbers the
// operation of an arm.
func (g *Guardian) send(r request) (<-chan response, int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, 0, fmt.Errorf("%w: it was closed", ErrLost)
	}
	g.seq++
	r.Seq = g.seq
	if r.Do == "arm" {
		g.n++
		r.N = g.n
	}
	answer := make(chan response, 1)
	g.pending[r.Seq] = answer
	if err := g.out.Encode(r); err != nil {
		delete(g.pending, r.Seq)
		return nil, 0, fmt.Errorf("%w: %w", ErrLost, err)
	}
	return answer, r.N, nil
}

func (g *Guardian) call(ctx context.Context, r request) (int, error) {
	answer, n, err := g.send(r)
	if err != nil {
		return 0, err
	}
	select {
	case a := <-answer:
		if a.Error != "" {
			return 0, errors.New(a.Error)
		}
		return n, nil
	case <-g.done:
		return 0, ErrLost
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// Arm implements [harm.Lease]: op is on disk when it returns. disarm may be
// called twice, and works without a guardian, on its journal.
func (g *Guardian) Arm(ctx context.Context, op harm.Op) (disarm func(context.Context) error, err error) {
	n, err := g.call(ctx, request{Do: "arm", Op: &op})
	if err != nil {
		return nil, fmt.Errorf("arm %s: %w", op.Kind, err)
	}
	var mu sync.Mutex
	var disarmed bool
	return func(ctx context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		if disarmed {
			return nil
		}
		_, err := g.call(ctx, request{Do: "disarm", N: n})
		if errors.Is(err, ErrLost) {
			err = g.disarmDead(ctx, n)
		}
		if err != nil {
			return fmt.Errorf("disarm %s: %w", op.Kind, err)
		}
		disarmed = true
		return nil
	}, nil
}

// Lost is closed when the guardian is gone without having been closed. The run
// must end: nothing would undo its faults if it were killed now.
func (g *Guardian) Lost() <-chan struct{} { return g.lost }

// Close ends the lease: the guardian undoes at once whatever is still armed and
// ends. It returns when the guardian is gone, or with ctx. It may be called twice.
func (g *Guardian) Close(ctx context.Context) error {
	g.mu.Lock()
	first := !g.closed
	g.closed = true
	g.mu.Unlock()
	if first {
		close(g.quit)
		_ = g.stdin.Close() // a pipe to a dead process is closed all the same
	}
	select {
	case <-g.done:
	case <-ctx.Done():
		return fmt.Errorf("close guardian: wait for process %d: %w", g.cmd.Process.Pid, ctx.Err())
	}
	g.loops.Wait()
	return g.leftover()
}
