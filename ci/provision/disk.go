package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

const mebi = 1 << 20

// A claim is room that something will take below a folder.
type claim struct {
	what, dir string
	room      int64
}

// A fit asks how much is free below a folder, and on which filesystem.
type fit func(dir string) (free int64, device uint64, err error)

// checkRoom refuses, before anything is started, what some disk has no room for.
func checkRoom(claims []claim, ask fit) error {
	type disk struct {
		free, wanted int64
		dir          string
		whats        []string
	}
	disks := map[uint64]*disk{}
	for _, c := range claims {
		free, device, err := ask(c.dir)
		if err != nil {
			return fmt.Errorf("room below %s: %w", c.dir, err)
		}
		d := disks[device]
		if d == nil {
			d = &disk{free: free, dir: c.dir}
			disks[device] = d
		}
		d.wanted += c.room
		d.whats = append(d.whats, fmt.Sprintf("%s %d MiB", c.what, c.room/mebi))
	}
	for _, device := range slices.Sorted(maps.Keys(disks)) {
		if d := disks[device]; d.wanted > d.free {
			return cannot(fmt.Sprintf("the disk of %s has %d MiB free, and %d MiB are wanted: %s", d.dir, d.free/mebi, d.wanted/mebi, strings.Join(d.whats, ", ")),
				"make room, or move Docker's folder (data-root in "+daemonConfig+", or root in "+containerdFile+") or the cache (XDG_CACHE_HOME, GOCACHE) to a larger disk", orElse)
		}
	}
	return nil
}

// imageStore is where an engine keeps images: below its own root, or with the image
// store of containerd at that one's, unless the engine runs it itself.
func imageStore(root string, driver [][]string, containerd, config string) string {
	isContainerd := slices.ContainsFunc(driver, func(row []string) bool {
		return len(row) == 2 && row[0] == "driver-type" && strings.HasPrefix(row[1], "io.containerd.")
	})
	if !isContainerd || strings.Contains(containerd, "/docker/containerd/") {
		return root
	}
	said, _ := os.ReadFile(config) // most have none
	if m := regexp.MustCompile(`(?m)^root\s*=\s*["']([^"']+)["']`).FindSubmatch(said); m != nil {
		return string(m[1])
	}
	return "/var/lib/containerd"
}

// containerdFile is the configuration of the containerd of a machine.
const containerdFile = "/etc/containerd/config.toml"

// roomToPull is claimed where the engine keeps images, if that is here: an engine in a
// virtual machine, or beside the container that this runs in, has its folder there.
func (p *provision) roomToPull(want []image) []claim {
	if _, err := os.Stat(p.engine.folder); err != nil || !p.engine.local {
		return nil
	}
	var claims []claim
	for _, i := range want {
		claims = append(claims, claim{what: i.name, dir: p.engine.folder, room: i.room})
	}
	return claims
}

// What building takes beside the images, where Go's caches are cold.
const (
	roomBase    = 450 * mebi
	roomModules = 1200 * mebi
	roomObjects = 3600 * mebi
	roomNode    = 2000 * mebi
)

// roomToBuild is claimed in the caches as well.
func (p *provision) roomToBuild(ctx context.Context, want []image) ([]claim, error) {
	claims := append(p.roomToPull(want), claim{what: "Debian's packages", dir: p.cache, room: roomBase})
	if !slices.ContainsFunc(want, func(i image) bool { return i.name != postgresImage && i.name != redisImage }) {
		return claims, nil
	}
	out, err := command{args: []string{"go", "env", "GOMODCACHE", "GOCACHE"}, dir: p.repo}.output(ctx)
	if err != nil {
		return nil, err
	}
	dirs := strings.Split(strings.TrimSpace(out), "\n")
	if len(dirs) != 2 {
		return nil, fmt.Errorf("go env says %q, which are no two folders", out)
	}
	claims = append(claims, claim{what: "putting the node together", dir: p.cache, room: roomNode})
	if _, err := os.Stat(p.folder(p.inputs.kubernetes)); err == nil {
		return claims, nil // nothing is compiled but a few commands of ours
	}
	return append(claims,
		claim{what: "Go modules", dir: dirs[0], room: roomModules},
		claim{what: "compiled packages", dir: dirs[1], room: roomObjects}), nil
}
