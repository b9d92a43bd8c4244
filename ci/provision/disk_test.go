package main

import (
	"errors"
	"path/filepath"
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

func TestWhereAnEngineKeepsImages(t *testing.T) {
	const own, system = "/var/run/docker/containerd/containerd.sock", "/run/containerd/containerd.sock"
	const usual = "/var/lib/containerd"
	overlay := [][]string{{"Backing Filesystem", "extfs"}}
	snapshots := [][]string{{"driver-type", "io.containerd.snapshotter.v1"}}
	config := filepath.Join(t.TempDir(), "config.toml")
	for _, c := range []struct {
		name       string
		driver     [][]string
		containerd string
		config     string
		want       string
	}{
		{"its own store", overlay, system, "", "/d"},
		{"containerd's, of an engine that runs it itself", snapshots, own, "root = '/big'", "/d"},
		{"containerd's", snapshots, system, "", usual},
		{"containerd's, of an engine that does not name its socket", snapshots, "", "", usual},
		{"containerd's, elsewhere", snapshots, system, "version = 2\nroot = \"/big/containerd\"\n[plugins]\n", "/big/containerd"},
		{"containerd's, with another root in its configuration", snapshots, system, "# root = \"/x\"\n[plugins.x]\n  root = \"/y\"\n", usual},
	} {
		put(t, config, c.config)
		if got := imageStore("/d", c.driver, c.containerd, config); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if got := imageStore("/d", snapshots, system, filepath.Join(t.TempDir(), "none")); got != usual {
		t.Errorf("without a configuration: %s, want %s", got, usual)
	}
}

// An engine in a virtual machine has a socket here and its folder there.
func TestRoomIsClaimedWhereItCanBeSeen(t *testing.T) {
	here, there := t.TempDir(), "/no/such/folder"
	for _, c := range []struct {
		engine engine
		claims int
	}{
		{engine{local: true, folder: here}, 1}, {engine{local: true, folder: there}, 0}, {engine{local: true}, 0}, {engine{folder: here}, 0},
	} {
		p := &provision{engine: c.engine}
		if got := p.roomToPull([]image{{name: redisImage, room: mebi}}); len(got) != c.claims {
			t.Errorf("%+v: claims %v, want %d", c.engine, got, c.claims)
		}
	}
}
