package control

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// prefix tells those who remove what runs leave that a socket is ours.
	prefix = "rebound-"
	suffix = ".sock"
	// youngFor is how long a socket may be there before somebody listens at it.
	youngFor = 2 * time.Second
)

// Path is where the engine of a run listens, given the folder for state.
func Path(state, run string) string { return filepath.Join(dir(state), prefix+run+suffix) }

func dir(state string) string { return filepath.Join(state, "engines") }

// Listen makes the socket at path, its folder too, for this user alone. One that a
// killed engine left there is replaced.
func Listen(ctx context.Context, path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("listen for people: %w", err)
	}
	folder, short, err := reach(path)
	if err != nil {
		return nil, fmt.Errorf("listen for people: %w", err)
	}
	if err := os.Remove(short); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("listen for people: %w", err), folder.Close())
	}
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "unix", short)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for people: %w", err), folder.Close())
	}
	l := &listener{ln, folder}
	if err := os.Chmod(short, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for people: %w", err), l.Close())
	}
	return l, nil
}

// listener keeps the folder open through which its socket is removed.
type listener struct {
	net.Listener
	folder *os.File
}

// Close implements net.Listener.
func (l *listener) Close() error { return errors.Join(l.Listener.Close(), l.folder.Close()) }

// reach is another name for a socket, valid while folder is open: of a path the kernel
// takes 107 letters for a socket, and a folder for state may be deeper than that.
func reach(path string) (folder *os.File, short string, err error) {
	if folder, err = os.Open(filepath.Dir(path)); err != nil {
		return nil, "", err
	}
	return folder, fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), filepath.Base(path)), nil
}

func dial(ctx context.Context, path string) (net.Conn, error) {
	folder, short, err := reach(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = folder.Close() }() // only its number was needed
	var d net.Dialer
	return d.DialContext(ctx, "unix", short)
}

// Live finds the engines that answer, in the order of their runs. Sockets at which
// nobody listens are left by engines that were killed: they are removed. Why others
// did not answer is in the error; the engines are returned also then.
func Live(ctx context.Context, state string) ([]*Client, error) {
	entries, err := os.ReadDir(dir(state)) // sorted
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("look for live engines: %w", err)
	}
	var live []*Client
	var errs []error
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) || !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		path := filepath.Join(dir(state), e.Name())
		c, err := Dial(ctx, path)
		switch {
		case err == nil:
			live = append(live, c)
		case errors.Is(err, syscall.ECONNREFUSED):
			errs = append(errs, removeOld(path))
		case errors.Is(err, os.ErrNotExist): // it has just ended
		default:
			errs = append(errs, err)
		}
	}
	return live, errors.Join(errs...)
}

// removeOld removes a socket unless it is so new that its engine may be about to
// listen.
func removeOld(path string) error {
	info, err := os.Lstat(path)
	if err == nil && time.Since(info.ModTime()) > youngFor {
		err = os.Remove(path)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the socket of a dead engine: %w", err)
	}
	return nil
}
