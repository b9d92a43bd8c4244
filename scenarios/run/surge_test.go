package run

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/faults/faulttest"
	"github.com/rebound-chaos/rebound/fixtures/load"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
)

// shopfront counts those who come in.
type shopfront struct {
	*suttest.Scripted
	url string

	mu   sync.Mutex
	came []time.Time
}

func (s *shopfront) Entry() string { return s.url }

func (s *shopfront) ServeHTTP(http.ResponseWriter, *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.came = append(s.came, time.Now())
}

// lately is how many came in the last second.
func (s *shopfront) lately() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, at := range s.came {
		if time.Since(at) < time.Second {
			n++
		}
	}
	return n
}

// users is a system that is under load, 40 requests a second.
func users(t *testing.T) (*shopfront, loaded) {
	t.Helper()
	s := &shopfront{Scripted: suttest.New(sut.Delta{Workloads: []sut.Workload{{Name: "gateway", Desired: 1}}})}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	traffic := &load.Traffic{Most: 3}
	l := spawn(t.Context(), func(ctx context.Context) error {
		_, err := load.Run(ctx, load.Config{
			Entry: s.url, Traffic: traffic, Load: manifest.Load{Rate: 40, Requests: []manifest.Request{{Path: "/"}}},
		})
		return err
	})
	t.Cleanup(func() {
		if err := l.end(); err != nil {
			t.Error(err)
		}
	})
	file := &manifest.System{}
	file.Spec.Entry.Workload = "gateway"
	if err := until(t.Context(), 10*time.Second, func() bool { return s.lately() > 30 }); err != nil {
		t.Fatal(err)
	}
	return s, newLoaded(s, file, 40, traffic)
}

// A surge keeps the contract of every fault, seen by who receives it.
func TestSurgeConforms(t *testing.T) {
	if testing.Short() {
		t.Skip("keeps a rate for seconds, which -short is spared: make e2e")
	}
	for _, c := range faulttest.Cases() {
		if c.Fault != "surge" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			def, ok := faults.Lookup(c.Fault)
			if !ok {
				t.Fatal("no such fault")
			}
			less := strings.Contains(c.Args, "0.")
			faulttest.Conform(t, def, []byte(c.Args), faulttest.Platform{
				Name: "load",
				Start: func(t *testing.T) faulttest.Rig {
					t.Helper()
					s, under := users(t)
					return faulttest.Rig{
						System: under, Targets: map[sut.Kind]sut.ID{sut.KindTraffic: "traffic:gateway"},
						Look: func(context.Context, string, sut.Target) (bool, string, error) {
							n := s.lately()
							return n > 80 && !less || n < 25 && less, fmt.Sprintf("%d came in a second", n), nil
						},
						Residue: func() []string {
							if f := under.traffic.Factor(); f != 1 {
								return []string{fmt.Sprintf("the load is %g times what it was", f)}
							}
							return nil
						},
					}
				},
			})
		})
	}
}

func TestSurgeOfOneLoadAlone(t *testing.T) {
	traffic := &load.Traffic{Most: 3}
	file := &manifest.System{}
	file.Spec.Entry.Workload = "gateway"
	under := newLoaded(&shopfront{Scripted: suttest.New(sut.Delta{})}, file, 40, traffic)
	var missing *sut.Missing
	if _, err := under.Offer(harm.CanSurge, sut.Target{ID: "traffic:orders"}); !errors.As(err, &missing) || !strings.Contains(missing.WayOut, "gateway") {
		t.Errorf("where no load comes in: %v", err)
	}
	surger, err := sut.Find[harm.Surger](under, harm.CanSurge, sut.Target{ID: "traffic:gateway"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := surger.Surge(t.Context(), nil, sut.Target{}, 4); !errors.Is(err, load.ErrTooMuch) {
		t.Errorf("more than the load was made for: %v", err)
	}
	if _, err := surger.Surge(t.Context(), nil, sut.Target{}, 2); err != nil {
		t.Error(err)
	}
	if _, err := surger.Surge(t.Context(), nil, sut.Target{}, 2); !errors.Is(err, errSurging) {
		t.Errorf("a second at once: %v", err)
	}
}
