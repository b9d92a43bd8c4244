package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/cluster"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// What the runs of a batch share has a lease as long as it is kept, also while it is
// being given up: what that leaves the guardian undoes.
func TestBatchHoldsUnderALease(t *testing.T) {
	state, shared := t.TempDir(), filepath.Join(t.TempDir(), "rebound-shared")
	busy := errors.New("the engine is busy")
	for name, missing := range map[string]error{"there": nil, "not there": &sut.Missing{Reason: "there is no engine"}} {
		t.Run(name, func(t *testing.T) {
			if err := os.MkdirAll(shared, 0o700); err != nil {
				t.Fatal(err)
			}
			var during []faults.LeaseInfo
			p := Platform{Name: "lent", Within: Within{Close: time.Minute}, Hold: func(ctx context.Context, o cluster.Options, lease harm.Lease) (func(context.Context) error, error) {
				if missing != nil {
					return nil, missing
				}
				_, err := lease.Arm(ctx, host.RemoveTree(shared))
				return func(context.Context) error {
					left, err := faults.Leases(o.State)
					during = left
					return errors.Join(err, busy)
				}, err
			}}
			_, err := Batch{Config: Config{Platform: "lent", platforms: []Platform{p}, State: state, Binary: os.Args[0]}}.Run(t.Context())
			if missing != nil {
				if err != nil {
					t.Errorf("got %v", err)
				}
			} else if !errors.Is(err, busy) || !strings.Contains(err.Error(), "end what the runs shared on lent") {
				t.Errorf("got %v", err)
			}
			if missing == nil && (len(during) != 1 || !during[0].Alive || len(during[0].Ops) != 1) {
				t.Errorf("while it was given up: %+v", during)
			}
			if _, err := os.Stat(shared); (err == nil) != (missing != nil) {
				t.Errorf("what was armed: %v", err)
			}
			if left, err := faults.Leases(state); err != nil || len(left) > 0 {
				t.Errorf("left are %v, %v", left, err)
			}
		})
	}
}
