package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	// daemonLog is where an engine writes that was started here, but for tests.
	daemonLog = "/var/log/dockerd.log"
	// filterPath is where the runtime filter stays that such an engine calls.
	filterPath = "/usr/local/lib/rebound/runcfilter"
	filterName = "rebound-runcfilter"
	// daemonConfig is the engine's own configuration.
	daemonConfig = "/etc/docker/daemon.json"
)

// install installs Debian packages that are not there yet.
func (p *provision) install(ctx context.Context, log io.Writer, packages ...string) error {
	env := []string{"DEBIAN_FRONTEND=noninteractive"}
	if err := (command{args: []string{"apt-get", "update"}, env: env, log: log}).run(ctx); err != nil {
		return err
	}
	args := append([]string{"apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"}, packages...)
	return command{args: args, env: env, log: log}.run(ctx)
}

// getEngine does what decide decided, and looks again.
func (p *provision) getEngine(ctx context.Context, do action, log *stepLog) (string, error) {
	var did []string
	if do == installEngine || do == installClient {
		// Recommended, and needed: what mounts cgroups where no init does.
		packages := []string{"docker.io", "ca-certificates", "iptables"}
		if !cgroupsMounted() {
			packages = append(packages, "cgroupfs-mount")
		}
		if err := p.install(ctx, log, packages...); err != nil {
			return "", err
		}
		if p.host = lookAtHost(); p.host.docker == "" { // newer Debians have it apart
			if err := p.install(ctx, log, "docker-cli"); err != nil {
				return "", err
			}
			p.host = lookAtHost()
		}
		did = append(did, "installed docker.io")
	}
	p.engine = lookAtEngine(ctx, p.host)
	if do == installEngine && p.engine.unreachable == nil && !p.host.sysResource {
		// Its package has started it, and without the filter.
		if err := (command{args: []string{"service", "docker", "stop"}, log: log}).run(ctx); err != nil {
			return "", err
		}
		p.engine = lookAtEngine(ctx, p.host)
	}
	if p.engine.unreachable != nil {
		how, err := p.startEngine(ctx, log)
		if err != nil {
			return "", err
		}
		did = append(did, how)
	}
	return strings.Join(did, ", ") + " (" + p.engine.String() + ")", nil
}

// startEngine starts the engine so that it outlives this process.
func (p *provision) startEngine(ctx context.Context, log *stepLog) (string, error) {
	flags, how := daemonFlags(p.host), "started dockerd, log in "+p.daemonLog
	if len(flags) > 0 {
		if err := p.putFilter(ctx, log); err != nil {
			return "", err
		}
		how += ", with the runtime filter (no CAP_SYS_RESOURCE here)"
	}
	if p.host.systemd {
		return "started the unit docker", p.startUnit(ctx, flags, log)
	}
	if !cgroupsMounted() {
		if err := (command{args: []string{"cgroupfs-mount"}, log: log}).run(ctx); err != nil {
			return "", fmt.Errorf("mount the control groups: %w", err)
		}
	}
	ended, err := p.startDaemon(flags)
	if err != nil {
		return "", err
	}
	return how, p.awaitEngine(ctx, ended)
}

// daemonFlags are what an engine is started with: the runtime filter, and that only
// where the host lacks the capability that it takes away.
func daemonFlags(h host) []string {
	if h.sysResource {
		return nil
	}
	return []string{"--add-runtime", filterName + "=" + filterPath, "--default-runtime", filterName}
}

// startDaemon starts dockerd in a session of its own. The channel is closed when it
// ends while this process runs.
func (p *provision) startDaemon(flags []string) (<-chan struct{}, error) {
	out, err := os.OpenFile(p.daemonLog, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }() // the daemon has its own
	// Not of any context: it outlives this process.
	cmd := exec.Command(p.host.dockerd, flags...) //nolint:noctx // see above
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start dockerd: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // its log says why
	}()
	return ended, nil
}

// startUnit has systemd start the engine. Flags go to its configuration.
func (p *provision) startUnit(ctx context.Context, flags []string, log *stepLog) error {
	if len(flags) > 0 {
		if err := configureFilter(daemonConfig); err != nil {
			return err
		}
	}
	for _, verb := range []string{"enable", "restart"} {
		if err := (command{args: []string{"systemctl", verb, "docker"}, log: log}).run(ctx); err != nil {
			return err
		}
	}
	return p.awaitEngine(ctx, nil)
}

// filterConfig is what of the engine's configuration has it call the runtime filter.
type filterConfig struct {
	Default  string                   `json:"default-runtime"`
	Runtimes map[string]filterRuntime `json:"runtimes"`
}

type filterRuntime struct {
	Path string `json:"path"`
}

// configureFilter writes that configuration where there is none. One that is there must
// say it already, since what a user wrote is not ours to change.
func configureFilter(file string) error {
	runtime := filterRuntime{Path: filterPath}
	config, err := json.MarshalIndent(filterConfig{Default: filterName, Runtimes: map[string]filterRuntime{filterName: runtime}}, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.Write(append(config, '\n'))
		return errors.Join(err, f.Close())
	}
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	there, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var has filterConfig // one that is no JSON has nothing
	if json.Unmarshal(there, &has) == nil && has.Default == filterName && has.Runtimes[filterName] == runtime {
		return nil
	}
	return cannot("this host lacks CAP_SYS_RESOURCE, and privileged containers start with a runtime filter only", "merge this into "+file+", and run this again:", string(config))
}

// awaitEngine returns when the engine answers.
func (p *provision) awaitEngine(ctx context.Context, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	for tick := time.NewTicker(250 * time.Millisecond); ; {
		if p.engine = lookAtEngine(ctx, p.host); p.engine.unreachable == nil {
			tick.Stop()
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("dockerd ended:\n%s", p.daemonSaid())
		case <-ctx.Done():
			return fmt.Errorf("the engine does not answer (%w):\n%s", p.engine.unreachable, p.daemonSaid())
		case <-tick.C:
		}
	}
}

// daemonSaid is the end of what the engine said that was started here.
func (p *provision) daemonSaid() string {
	if p.host.systemd {
		return "its log: journalctl --unit docker"
	}
	return tailOf(p.daemonLog)
}

// putFilter builds the runtime filter to where it stays.
func (p *provision) putFilter(ctx context.Context, log *stepLog) error {
	if err := os.MkdirAll(filepath.Dir(filterPath), 0o755); err != nil {
		return err
	}
	err := command{
		args: []string{"go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filterPath, "./ci/provision/runcfilter"},
		dir:  p.repo, env: goEnv(p.host.arch), log: log,
	}.run(ctx)
	if err != nil {
		return fmt.Errorf("build the runtime filter: %w: %w", errOurs, err)
	}
	return nil
}

// cgroupsMounted tells whether an init mounted them.
func cgroupsMounted() bool {
	mounts, err := os.ReadFile("/proc/mounts")
	return err != nil || bytes.Contains(mounts, []byte(" cgroup"))
}

// tailOf is the end of a log.
func tailOf(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-tailLines):], "\n")
}

// socketAnswers tells whether something listens there.
func socketAnswers(ctx context.Context, path string) error {
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", path)
	if err != nil {
		return err
	}
	return conn.Close()
}
