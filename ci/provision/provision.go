package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// The platforms that need an engine.
const (
	platformContainers = "containers"
	platformKind       = "kind"
)

const (
	postgresImage = "postgres:15"
	redisImage    = "redis:7"
	// buildPrefix begins the names of containers that build; one that is left over is
	// removed. No label says it: images inherit labels, and their containers would.
	buildPrefix = "rebound-provision-"
)

// provision is one run of this command.
type provision struct {
	tell  *teller
	repo  string
	cache string // what is kept
	work  string // what is not
	// turns is the name that the run whose turn it is has on this machine.
	turns string

	host   host
	engine engine
	// daemonLog is where an engine writes that is started here.
	daemonLog string

	// platforms are those that the images are for.
	platforms []string

	// version is that of Kubernetes, metricsVersion that of metrics-server.
	version, metricsVersion string
	// kind is the folder of kind's module, nodeRepository where its node images are
	// pulled from, registry where Kubernetes' are.
	kind, nodeRepository, registry string

	inputs inputs
}

// inputs are hashes of all that is made here.
type inputs struct{ base, root, kubernetes, coredns, postgres, redis, metrics, node string }

func (p *provision) all(ctx context.Context) error {
	if !slices.Contains(p.platforms, platformContainers) && !slices.Contains(p.platforms, platformKind) {
		return nil // processes need nothing
	}
	unlock, err := p.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if err := p.haveEngine(ctx); err != nil {
		return err
	}
	if err := p.haveTools(ctx); err != nil {
		return err
	}
	want, err := p.wanted(ctx)
	if err != nil {
		return err
	}
	want = p.asked(want)
	missing, err := p.missing(ctx, want)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		if err := p.get(ctx, missing); err != nil {
			return err
		}
	}
	return p.tryPrivileged(ctx, len(missing) > 0)
}

// asked are the images that the platforms need: nodes are for kind alone.
func (p *provision) asked(want []image) []image {
	if slices.Contains(p.platforms, platformKind) {
		return want
	}
	return slices.DeleteFunc(slices.Clone(want), func(i image) bool { return i.name != postgresImage && i.name != redisImage })
}

// haveEngine has an engine run here.
func (p *provision) haveEngine(ctx context.Context) error {
	start := time.Now()
	p.engine = lookAtEngine(ctx, p.host)
	do, err := decide(p.host, p.engine)
	if err != nil {
		return err
	}
	if do == useEngine {
		p.tell.done("docker", alreadyThere+", "+p.engine.String(), time.Since(start))
		return nil
	}
	return p.one(ctx, p.engineStep(do))
}

// engineStep is the step that gets an engine. A container without privileges lets none
// start, and a machine without a network none be installed: it cannot have one.
func (p *provision) engineStep(do action) step {
	return step{name: "docker", do: func(ctx context.Context, log *stepLog) (string, error) {
		what, err := p.getEngine(ctx, do, log)
		return what, couldNot("this machine got no Docker engine", err, log,
			"in a container: give it the engine of its host (mount "+defaultSocket+" into it), or start it with --privileged",
			"elsewhere: mend what is said above, and run this again: "+asRoot)
	}}
}

// haveTools installs what makes the disks of volumes. Without it their faults are
// missing on this machine, and say so: that stops nothing here.
func (p *provision) haveTools(ctx context.Context) error {
	const name = "disk tools"
	start := time.Now()
	if found("mkfs.ext4") != "" && found("e2fsck") != "" && found("resize2fs") != "" {
		p.tell.done(name, alreadyThere, time.Since(start))
		return nil
	}
	if !p.host.root || !p.host.debian {
		p.tell.done(name, "missing, and with them faults of disks: install e2fsprogs", time.Since(start))
		return nil
	}
	return p.one(ctx, p.tools(name))
}

func (p *provision) tools(name string) step {
	return step{name: name, do: func(ctx context.Context, log *stepLog) (string, error) {
		err := p.install(ctx, log, "e2fsprogs")
		return "installed e2fsprogs", couldNot("this machine got no disk tools", err, log, "install e2fsprogs, and run this again")
	}}
}

// get pulls what is missing, and builds what nobody has.
func (p *provision) get(ctx context.Context, missing []image) error {
	if err := checkRoom(p.roomToPull(missing), space); err != nil {
		return err
	}
	rest, err := p.pullAll(ctx, missing)
	if err != nil || len(rest) == 0 {
		return err
	}
	claims, err := p.roomToBuild(ctx, rest)
	if err != nil {
		return err
	}
	if err := errors.Join(p.canBuild(rest), checkRoom(claims, space)); err != nil {
		return err
	}
	if err := p.sweep(ctx); err != nil {
		return err
	}
	p.work = filepath.Join(p.cache, "work")
	if err := errors.Join(os.RemoveAll(p.work), os.MkdirAll(p.work, 0o755)); err != nil {
		return err
	}
	before, err := p.inspect(ctx, names(rest)...)
	if err != nil {
		return err
	}
	if err := errors.Join(p.do(ctx, p.steps(rest)), os.RemoveAll(p.work)); err != nil {
		return err
	}
	return p.prune(ctx, before, time.Now())
}

// sweep removes what a build left that was killed.
func (p *provision) sweep(ctx context.Context) error {
	out, err := p.docker("ps", "--all", "--quiet", "--filter", "name=^/?"+buildPrefix).output(ctx)
	if err != nil {
		return err
	}
	for _, id := range regexp.MustCompile(`\S+`).FindAllString(out, -1) {
		if err := p.docker("rm", "--force", "--volumes", id).run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// plainRuntime is what containers get from an engine that was told of no other.
const plainRuntime = "runc"

// tryPrivileged starts a privileged container where that may not go: a node is one.
// Where nothing was done, an engine with another runtime than runc has been tried.
// Nothing else is privileged: a helper of the containers has the capabilities it needs.
func (p *provision) tryPrivileged(ctx context.Context, changed bool) error {
	if p.host.sysResource || !p.engine.local || !slices.Contains(p.platforms, platformKind) {
		return nil
	}
	start := time.Now()
	if !changed && p.engine.runtime != plainRuntime {
		p.tell.done("runtime filter", alreadyThere+", containers get the runtime "+p.engine.runtime, time.Since(start))
		return nil
	}
	if err := p.docker("run", "--rm", "--privileged", "--network", "none", "--name", buildPrefix+"privileged", "--entrypoint", "true", redisImage).run(ctx); err != nil {
		return cannot(fmt.Sprintf("this host lacks CAP_SYS_RESOURCE, and this engine starts no privileged container, which a kind node is: %v", err),
			"start the engine with ci/provision/runcfilter as its default runtime (stop it and run this as root: it is started so), or use a host that has the capability", orElse)
	}
	p.tell.done("runtime filter", alreadyThere+", a privileged container starts without CAP_SYS_RESOURCE", time.Since(start))
	return nil
}
