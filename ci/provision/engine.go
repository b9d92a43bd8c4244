package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// engine is a Docker engine, or why there is none.
type engine struct {
	// endpoint is where it is sought; local: it is the socket of this machine that an
	// engine started here listens on; chosen: the user named another.
	endpoint      string
	local, chosen bool
	// unreachable is why it cannot be reached; nil: it can.
	unreachable error
	// What it says of itself; folder is where it keeps images.
	version, arch, folder string
	runtime               string // the one that containers get
	rootless              bool
}

// defaultSocket is where an engine listens that nobody told otherwise.
const defaultSocket = "/var/run/docker.sock"

// lookAtEngine asks the engine that the docker client of this user would ask.
func lookAtEngine(ctx context.Context, h host) engine {
	e := engine{endpoint: "unix://" + defaultSocket}
	switch chosen := os.Getenv("DOCKER_HOST"); {
	case chosen != "":
		e.endpoint = chosen
	case h.docker != "":
		if out, err := (command{args: []string{h.docker, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"}}).output(ctx); err == nil && strings.TrimSpace(out) != "" {
			e.endpoint = strings.TrimSpace(out)
		}
	}
	path, isSocket := strings.CutPrefix(e.endpoint, "unix://")
	e.local, e.chosen = isSocket, e.endpoint != "unix://"+defaultSocket
	if isSocket {
		if e.unreachable = socketAnswers(ctx, path); e.unreachable != nil {
			return e
		}
	}
	if h.docker == "" {
		return e
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	out, err := command{args: []string{h.docker, "info", "--format", "{{json .}}"}}.output(ctx)
	e.unreachable = e.read(out, err)
	return e
}

// read takes in what docker info wrote. Old clients write errors and exit with 0.
func (e *engine) read(out string, err error) error {
	var info struct {
		ServerVersion   string
		Architecture    string
		DockerRootDir   string
		DriverStatus    [][]string
		Containerd      struct{ Address string }
		DefaultRuntime  string
		SecurityOptions []string
		ServerErrors    []string
	}
	if bad := json.Unmarshal([]byte(out), &info); bad != nil {
		return errors.Join(err, fmt.Errorf("read docker info: %w", bad))
	}
	if len(info.ServerErrors) > 0 {
		return errors.New(strings.Join(info.ServerErrors, "; "))
	}
	switch {
	case info.ServerVersion != "":
	case err != nil:
		return err
	default:
		return errors.New("the engine does not say its version")
	}
	e.version, e.arch, e.folder = info.ServerVersion, goArch(info.Architecture), imageStore(info.DockerRootDir, info.DriverStatus, info.Containerd.Address, containerdFile)
	e.runtime = info.DefaultRuntime
	e.rootless = slices.ContainsFunc(info.SecurityOptions, func(o string) bool { return strings.Contains(o, "name=rootless") })
	return nil
}

// goArch is Go's name of an architecture that uname names.
func goArch(uname string) string {
	switch uname {
	case "x86_64":
		return "amd64"
	case "aarch64", "armv8l":
		return "arm64"
	}
	return uname
}

// String says which engine it is.
func (e engine) String() string {
	s := e.version + ", " + e.arch
	if e.rootless {
		s += ", rootless"
	}
	if e.chosen {
		s += ", " + redacted(e.endpoint)
	}
	return s
}

// redacted is an address without the password that it may have.
func redacted(endpoint string) string {
	if u, err := url.Parse(endpoint); err == nil {
		return u.Redacted()
	}
	return endpoint
}

// An action is what is to be done about the engine.
type action int

const (
	useEngine action = iota + 1
	startEngine
	installEngine
	installClient
)

// orElse is the last way out.
const orElse = "or go on without: `make test` skips by name what needs it"

// asRoot is how root does all this: sudo has a PATH of its own, mostly one without Go.
const asRoot = `sudo env "PATH=$PATH" make provision`

// decide says what is to be done to have an engine here; the error is a *cannotError.
func decide(h host, e engine) (action, error) {
	switch {
	case e.unreachable == nil && h.docker != "":
		return useEngine, nil
	case e.unreachable == nil: // kind, too, calls the client
		if h.root && h.debian {
			return installClient, nil
		}
		return 0, cannot("a Docker engine listens on "+e.endpoint+", and the docker client is not installed", "install it (Debian: apt-get install docker.io)", orElse)
	case errors.Is(e.unreachable, fs.ErrPermission):
		return 0, cannot("the Docker engine is there, but this user may not talk to it ("+e.endpoint+": permission denied)",
			"join the group: sudo usermod -aG docker $USER, and log in again", "or run this as root: "+asRoot, orElse)
	case e.chosen:
		return 0, cannot(fmt.Sprintf("the Docker engine that DOCKER_HOST or the docker context names, %s, cannot be reached: %v", redacted(e.endpoint), e.unreachable),
			"start it, or choose another (unset DOCKER_HOST; docker context use default)", orElse)
	case h.root && h.dockerd != "" && h.docker != "":
		return startEngine, nil
	case h.root && h.debian:
		return installEngine, nil
	case h.root:
		return 0, cannot("Docker is not installed, and this is no Debian, where it would be", "install Docker Engine and its client with your distribution's packages, and run this again", orElse)
	case h.dockerd != "":
		return 0, cannot(fmt.Sprintf("no Docker engine runs (%v), and only root can start it", e.unreachable),
			"start it: sudo systemctl start docker", "or run this as root: "+asRoot, orElse)
	case h.debian:
		return 0, cannot("Docker is not installed, and only root can install it", "install it: sudo apt-get install docker.io", "or run this as root: "+asRoot, orElse)
	default:
		return 0, cannot("Docker is not installed, and only root can install it", "install Docker Engine and its client with your distribution's packages, and run this again", orElse)
	}
}
