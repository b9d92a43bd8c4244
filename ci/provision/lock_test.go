package main

import (
	"strings"
	"testing"
	"testing/synctest"
)

// Two users have caches of their own and one engine; a container has its own machine, as
// far as sockets tell, and may have the cache of its host.
func TestOneProvisionAtATime(t *testing.T) {
	machine, cache := "@"+t.TempDir(), t.TempDir()
	for _, c := range []struct {
		name, machine, cache string
		waits                bool
	}{
		{"another user", machine, t.TempDir(), true},
		{"a container with the cache of its host", "@" + t.TempDir(), cache, true},
		{"another machine", "@" + t.TempDir(), t.TempDir(), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first, _ := testProvision(t)
				first.turns, first.cache = machine, cache
				unlock, err := first.lock(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				second, out := testProvision(t)
				second.turns, second.cache = c.machine, c.cache
				got := make(chan error, 1)
				go func() {
					unlock, err := second.lock(t.Context())
					if err == nil {
						unlock()
					}
					got <- err
				}()
				synctest.Wait()
				if waits := len(got) == 0; waits != c.waits {
					t.Errorf("it waits %t, want %t", waits, c.waits)
				}
				unlock()
				if err := <-got; err != nil {
					t.Error(err)
				}
				if told := strings.Contains(out.String(), "waiting"); told != c.waits {
					t.Errorf("says %q, want that it waits %t", out, c.waits)
				}
			})
		})
	}
}

func TestProcessesNeedNothing(t *testing.T) {
	p := &provision{platforms: []string{"process"}, cache: "/dev/null/no folder", turns: "/no/folder/either"}
	if err := p.all(t.Context()); err != nil {
		t.Errorf("tests of processes wait for, or miss, what they do not need: %v", err)
	}
}
