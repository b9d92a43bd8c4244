package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// host is what matters of this machine.
type host struct {
	root   bool
	debian bool // has apt-get and Debian's packages
	// docker and dockerd are where the client and the engine are; "": not installed.
	docker, dockerd string
	systemd         bool // runs as process 1
	// sysResource: processes here can have CAP_SYS_RESOURCE. One that cannot be read counts as had.
	sysResource bool
	sysAdmin    bool   // the same of CAP_SYS_ADMIN
	arch        string // as Go names it
}

func lookAtHost() host {
	release, _ := os.ReadFile("/etc/os-release")   // "": no Debian
	status, _ := os.ReadFile("/proc/self/status")  // "": has the capability
	_, noSystemd := os.Stat("/run/systemd/system") // as sd_booted does
	return host{
		root:        os.Geteuid() == 0,
		debian:      isDebian(release) && found("apt-get") != "",
		docker:      found("docker"),
		dockerd:     found("dockerd"),
		systemd:     noSystemd == nil,
		sysResource: hasCapability(status, capSysResource),
		sysAdmin:    hasCapability(status, capSysAdmin),
		arch:        runtime.GOARCH,
	}
}

// found is where a program is; "": nowhere.
func found(program string) string {
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin/", "/sbin/"} { // not in every user's PATH
		if _, err := os.Stat(dir + program); err == nil {
			return dir + program
		}
	}
	return ""
}

// isDebian reads os-release: Debian, or what is made of it.
func isDebian(release []byte) bool {
	for s := bufio.NewScanner(bytes.NewReader(release)); s.Scan(); {
		key, value, _ := strings.Cut(s.Text(), "=")
		if key == "ID" || key == "ID_LIKE" {
			if slices.Contains(strings.Fields(strings.Trim(value, `"'`)), "debian") {
				return true
			}
		}
	}
	return false
}

const (
	capSysAdmin    = 21
	capSysResource = 24
)

// hasCapability reads the bounding set in /proc/PID/status.
func hasCapability(status []byte, number uint) bool {
	for s := bufio.NewScanner(bytes.NewReader(status)); s.Scan(); {
		if set, ok := strings.CutPrefix(s.Text(), "CapBnd:"); ok {
			bits, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
			return err != nil || bits&(1<<number) != 0
		}
	}
	return true
}

// space is what is free for this user below a folder, or below the nearest one above
// it that exists, and which filesystem that is.
func space(dir string) (free int64, device uint64, err error) {
	for {
		var at syscall.Stat_t
		err = syscall.Stat(dir, &at)
		if err == nil {
			var fs syscall.Statfs_t
			if err := syscall.Statfs(dir, &fs); err != nil {
				return 0, 0, err
			}
			return int64(fs.Bavail) * fs.Bsize, at.Dev, nil //nolint:gosec // no disk has 2^63 bytes
		}
		up := parent(dir)
		if !errors.Is(err, os.ErrNotExist) || up == dir {
			return 0, 0, err
		}
		dir = up
	}
}

func parent(dir string) string {
	if i := strings.LastIndexByte(strings.TrimRight(dir, "/"), '/'); i > 0 {
		return dir[:i]
	}
	return "/"
}
