package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestCacheKeepsWhatIsCurrentOrRecent(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	for name, age := range map[string]time.Duration{
		"bin-current/x": 100 * 24 * time.Hour, "bin-old/x": 15 * 24 * time.Hour, "bin-recent/x": time.Hour,
		"debian-old.tar": 15 * 24 * time.Hour, "lock": 100 * 24 * time.Hour, "log/x": 100 * 24 * time.Hour,
	} {
		put(t, filepath.Join(dir, name), "")
		top := filepath.Join(dir, filepath.Dir(name))
		if filepath.Dir(name) == "." {
			top = filepath.Join(dir, name)
		}
		if err := os.Chtimes(top, now.Add(-age), now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := pruneCache(dir, []string{"bin-current"}, now); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range left {
		left[i] = filepath.Base(left[i])
	}
	if want := []string{"bin-current", "bin-recent", "lock", "log"}; !slices.Equal(left, want) {
		t.Errorf("left %v, want %v", left, want)
	}
}
