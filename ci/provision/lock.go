package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// machineTurns is an abstract socket: one process of this machine at a time has it, of
// whatever user, and it is free when that process ends, however it does.
const machineTurns = "@rebound-provision"

// lock keeps a second run out until this one has ended: anybody's on this machine, since
// containers and images have the same names in both, and, where a container shares the
// cache of its host, the one in there.
func (p *provision) lock(ctx context.Context) (unlock func(), err error) {
	machine, err := p.turn(ctx, func() (io.Closer, error) { return (&net.ListenConfig{}).Listen(ctx, "unix", p.turns) })
	if err != nil {
		return nil, err
	}
	cache, err := p.turn(ctx, p.lockCache)
	if err != nil {
		return nil, errors.Join(err, machine.Close())
	}
	return func() { _, _ = cache.Close(), machine.Close() }, nil // which gives both back
}

// turn takes what one run at a time can have, when nobody else has it.
func (p *provision) turn(ctx context.Context, take func() (io.Closer, error)) (io.Closer, error) {
	for told := false; ; told = true {
		taken, err := take()
		if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EWOULDBLOCK) {
			return taken, err
		}
		if !told {
			p.tell.say("lock", "another provision is at it; waiting")
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

func (p *provision) lockCache() (io.Closer, error) {
	if err := os.MkdirAll(p.cache, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(p.cache, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil { //nolint:gosec // a descriptor fits an int
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	return f, nil
}
