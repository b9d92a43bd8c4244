package faulttest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rebound-chaos/rebound/fixtures/host"
)

// The eye knows nothing of the verbs: it looks at processes through /proc, and asks
// instances what users ask them.

// scene is where an effect shows.
type scene struct {
	// pid is the first process of the target; "": that life is over.
	pid string
	// volume is its path in the process's root.
	volume string
	// ask asks store as orders does.
	ask func(context.Context) (answers bool, err error)
	// own is where the target itself answers, and from where that can be asked.
	own func(context.Context) (begins, ends bool, err error)
}

// look tells whether the effect of a fault is there.
func (s scene) look(ctx context.Context, fault string) (bool, string, error) {
	switch fault {
	case "placebo":
		return false, "nothing to look for", nil
	case "kill", "crash-loop":
		return s.pid == "", "its process is " + s.pid, nil
	}
	if s.pid == "" {
		return false, "", errors.New("its process is gone")
	}
	switch fault {
	case "hang":
		state, _ := stat(s.pid)
		return state == "T", "process " + s.pid + " is in state " + state, nil
	case "disk-full":
		var st unix.Statfs_t
		path := filepath.Join("/proc", s.pid, "root", s.volume)
		err := unix.Statfs(path, &st)
		return err == nil && st.Bavail*10 < st.Blocks, fmt.Sprintf("%d of %d blocks are free in %s", st.Bavail, st.Blocks, path), err
	case "stall":
		begins, ends, err := s.own(ctx)
		return begins && !ends, fmt.Sprintf("its answer begins: %v, and ends: %v", begins, ends), err
	case "partition":
		answers, err := s.ask(ctx)
		return !answers, fmt.Sprintf("store answers: %v", answers), err
	}
	return false, "", fmt.Errorf("no eye for %s", fault)
}

// stat reads the state and the start time of a process; both are empty of one that is
// gone, or is dead and not yet buried.
func stat(pid string) (state, start string) {
	b, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return "", ""
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if f[0] == "Z" || f[0] == "X" {
		return "", ""
	}
	return f[0], f[19]
}

func environ(pid, name string) string {
	b, _ := os.ReadFile(filepath.Join("/proc", pid, "environ"))
	for kv := range strings.SplitSeq(string(b), "\x00") {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			return v
		}
	}
	return ""
}

// asks tells whether an address answers. One that is silent gives no error.
func asks(ctx context.Context, address string) (bool, error) {
	begins, _, err := hears(ctx, address)
	return begins, err
}

// hears tells whether an address begins an answer, and ends it. One that is silent, or
// becomes so, gives no error.
func hears(ctx context.Context, address string) (begins, ends bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	c, err := new(net.Dialer).DialContext(ctx, "tcp4", address)
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	defer func() { _ = c.Close() }()
	deadline, _ := ctx.Deadline()
	if err := c.SetDeadline(deadline); err != nil {
		return false, false, err
	}
	if _, err := fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: store\r\nConnection: close\r\n\r\n"); err != nil {
		return false, false, err
	}
	answer, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return len(answer) > 0, false, nil
	}
	return len(answer) > 0, err == nil, err
}

// asksFrom asks from inside of the network namespace of a process.
func asksFrom(ctx context.Context, pid, address string) (bool, error) {
	begins, _, err := hearsFrom(ctx, pid, address)
	return begins, err
}

// hearsFrom is hears from inside of the network namespace of a process.
func hearsFrom(ctx context.Context, pid, address string) (begins, ends bool, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		var back bool
		back, err = inside(pid, func() (err error) {
			begins, ends, err = hears(ctx, address)
			return err
		})
		if back {
			runtime.UnlockOSThread()
		} // Else nobody else gets the thread.
	}()
	<-done
	return begins, ends, err
}

// inside takes the thread there and back: where the first of a process is, others
// take the whole process to be.
func inside(pid string, f func() error) (back bool, err error) {
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return true, err
	}
	defer func() { _ = own.Close() }()
	there, err := os.Open(filepath.Join("/proc", pid, "ns/net"))
	if err != nil {
		return true, err
	}
	defer func() { _ = there.Close() }()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		return true, err
	}
	err = f()
	leaving := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET)
	return leaving == nil, errors.Join(err, leaving)
}

// scraps are what faults may leave in processes of a system and in their volumes:
// stopped ones, files that fill, and the tables of cuts, which bear the run's name.
func scraps(run string, pids ...string) []string {
	var out []string
	for _, pid := range pids {
		if state, _ := stat(pid); state == "T" {
			out = append(out, "stopped process "+pid)
		}
		volumes := []string{filepath.Join("/volumes", "*")}
		if v := environ(pid, "REBOUND_VOLUME_DATA"); v != "" {
			volumes = []string{v}
		}
		for _, v := range volumes {
			files, _ := filepath.Glob(filepath.Join("/proc", pid, "root", v, "*", "rebound-fill*"))
			out = append(out, files...)
		}
	}
	for _, r := range host.Residue(run) {
		if strings.HasPrefix(r, "table ") && strings.Contains(r, "-cut-") {
			out = append(out, r)
		}
	}
	return out
}
