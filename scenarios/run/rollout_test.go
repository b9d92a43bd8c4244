package run

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/process"
	"github.com/rebound-chaos/rebound/fixtures/shop"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// TestRolloutLosesNoOrder: while users order, every instance of orders is replaced, and
// none of them notices.
func TestRolloutLosesNoOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes, which -short is spared: make e2e")
	}
	binary, err := host.Binary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	file, _ := shop.System(PlatformProcess)
	s, err := process.Start(t.Context(), platform.Config{System: file, Run: fmt.Sprintf("test-rollout-%d", os.Getpid()), Binary: binary})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	target := sut.Target{ID: "orders"}
	roller, err := sut.Find[harm.Roller](s, harm.CanRollOut, target)
	if err != nil {
		t.Fatal(err)
	}
	h, err := roller.RollOut(t.Context(), platform.NoLease{}, target)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Release(t.Context()) }()
	var lost []error
	orders := 0
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for over := false; !over; {
		select {
		case err := <-ended:
			if over = true; err != nil {
				t.Fatal(err)
			}
		case <-tick.C:
			orders++
			if err := orderABook(t.Context(), s.Entry()); err != nil {
				lost = append(lost, err)
			}
		}
	}
	e, err := h.Observe(t.Context())
	if err != nil || !e.Observed || !e.Gone {
		t.Errorf("the evidence is %+v, %v", e, err)
	}
	t.Logf("%d orders: %s", orders, e.Proof)
	if len(lost) > 0 || orders < 20 {
		t.Errorf("of %d orders these were lost: %v", orders, errors.Join(lost...))
	}
}

func orderABook(ctx context.Context, entry string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, entry+"/orders", strings.NewReader(`{"item":"book"}`))
	if err != nil {
		return err
	}
	r.Close = true
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		err = errors.New(answer.Status)
	}
	return errors.Join(err, answer.Body.Close())
}

// TestTryRollout: it finds its workload by itself, and waits for the end.
func TestTryRollout(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes, which -short is spared: make e2e")
	}
	file, _ := shop.System(PlatformProcess)
	var told []string
	tried, err := Try{
		Spec: faults.Spec{Fault: "rollout"}, System: file, Platform: PlatformProcess, State: t.TempDir(),
		Hold: time.Millisecond, Event: func(e faults.Event) { told = append(told, string(e.Target.ID)+" "+string(e.State)) },
	}.Run(t.Context())
	if err != nil || !tried.Seen || len(tried.Residue) > 0 {
		t.Errorf("tried %+v: %v", tried, err)
	}
	if got := strings.Join(told, ", "); got != "orders injecting, orders active, orders reverted" {
		t.Errorf("told %s", got)
	}
}
