package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// disarmDead writes into the journal of a guardian that is gone, so that no
// later start undoes what was released in order. It waits for the end, since a
// journal must not have two writers.
func (g *Guardian) disarmDead(ctx context.Context, n int) error {
	select {
	case <-g.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, err := os.Stat(g.dir); errors.Is(err, os.ErrNotExist) {
		return nil // it undid everything before it went
	}
	j, err := openJournal(g.dir)
	if err != nil {
		return err
	}
	if err := errors.Join(j.append(entry{Disarm: n}), j.close()); err != nil {
		return err
	}
	if ops, _, err := readJournal(g.dir); err != nil || len(ops) > 0 {
		return err
	}
	return os.RemoveAll(g.dir)
}

// leftover tells what a guardian that is gone left undone, and removes a lease
// in which nothing is.
func (g *Guardian) leftover() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.owned {
		return nil // the directory may be another run's
	}
	info, ops, err := readLease(g.dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("close guardian: %w", err)
	case len(ops) > 0:
		return fmt.Errorf("close guardian: %d operations are left in %s: %s", len(ops), g.dir, info.Problem)
	default:
		return os.RemoveAll(g.dir)
	}
}
