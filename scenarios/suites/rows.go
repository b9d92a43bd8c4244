package suites

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/shop"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// rows asks the shop's PostgreSQL itself, past the service: every acknowledged order
// must be a row.
func rows(ctx context.Context, s run.System, acknowledged []string) error {
	store, err := present(ctx, s, "store/0")
	if err != nil {
		return err
	}
	dial := platform.DialTarget(s, store)
	there, err := shop.Rows(ctx, func(ctx context.Context) (net.Conn, error) { return dial(ctx, "sql") })
	if err != nil {
		return err
	}
	lost := slices.DeleteFunc(slices.Clone(acknowledged), func(id string) bool {
		_, ok := slices.BinarySearch(there, id)
		return ok
	})
	if len(lost) > 0 {
		return fmt.Errorf("of %d acknowledged orders %d are no rows, the first is %s", len(acknowledged), len(lost), lost[0])
	}
	return nil
}

// present finds the life of an instance that runs now.
func present(ctx context.Context, s run.System, id sut.ID) (sut.Target, error) {
	found := errors.New("found")
	var t sut.Target
	err := s.Watch(ctx, func(d sut.Delta) error {
		for _, in := range d.Instances {
			if in.ID == id && in.Phase == sut.PhaseRunning {
				t = in.Target
				return found
			}
		}
		return nil
	})
	if !errors.Is(err, found) {
		return t, fmt.Errorf("wait for %s to run: %w", id, err)
	}
	return t, nil
}
