package main

import (
	"errors"
	"strings"
	"testing"
)

func TestRoomIsAskedForOncePerDisk(t *testing.T) {
	ask := func(dir string) (int64, uint64, error) {
		if strings.HasPrefix(dir, "/data") {
			return 1000 * mebi, 2, nil
		}
		return 500 * mebi, 1, nil
	}
	for _, c := range []struct {
		name   string
		claims []claim
		says   []string
	}{
		{name: "nothing"},
		{name: "fits", claims: []claim{{"images", "/data/docker", 600 * mebi}, {"objects", "/home/cache", 500 * mebi}}},
		{
			name: "each alone would fit", claims: []claim{{"images", "/data/docker", 600 * mebi}, {"objects", "/data/cache", 600 * mebi}},
			says: []string{"the disk of /data/docker has 1000 MiB free, and 1200 MiB are wanted", "images 600 MiB, objects 600 MiB", "make room"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := checkRoom(c.claims, ask)
			if len(c.says) == 0 {
				if err != nil {
					t.Errorf("refuses: %v", err)
				}
				return
			}
			if _, ok := errors.AsType[*cannotError](err); !ok {
				t.Fatalf("error %v, want one that says what this machine cannot have", err)
			}
			for _, s := range c.says {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("says %q, want %q in it", err, s)
				}
			}
		})
	}
	broken := errors.New("stale file handle")
	if err := checkRoom([]claim{{"x", "/x", 1}}, func(string) (int64, uint64, error) { return 0, 0, broken }); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
}
