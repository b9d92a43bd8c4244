package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// canBuild tells whether images can be built here.
func (p *provision) canBuild(want []image) error {
	all := strings.Join(names(want), ", ")
	switch {
	case p.engine.arch != p.host.arch:
		return cannot(fmt.Sprintf("no registry has %s, and they cannot be built here: the engine is %s, this machine %s", all, p.engine.arch, p.host.arch),
			"load them into the engine, or use one of this architecture", orElse)
	case !p.host.root:
		return cannot("no registry has "+all+", and only root can build them (debootstrap)", "run this once as root: "+asRoot, orElse)
	case !p.host.debian && found("debootstrap") == "":
		return cannot("no registry has "+all+", and there is no debootstrap to build them", "install debootstrap with your distribution's packages", orElse)
	}
	return nil
}

// steps are what builds images.
func (p *provision) steps(want []image) []step {
	wanted := func(name string) bool { return slices.Contains(names(want), name) }
	var steps []step
	if slices.ContainsFunc(want, func(i image) bool { return i.name != p.metricsImage() }) {
		steps = append(steps, p.base())
	}
	for _, i := range want {
		switch i.name {
		case postgresImage, redisImage:
			steps = append(steps, p.fixture(i))
		case p.metricsImage():
			steps = append(steps, p.loadMetrics(i))
		default:
			steps = append(steps, fetching(p.nodeRoot(), noPackages), p.compiling(p.coredns()), p.node(i))
		}
	}
	if wanted(p.metricsImage()) || wanted(p.nodeRepository+":"+p.version) {
		steps = append(steps, p.compiling(p.kubernetes()))
	}
	return steps
}

// fixture is the step that builds a store.
func (p *provision) fixture(i image) step {
	dir, _, _ := strings.Cut(i.name, ":")
	return fetching(step{
		name: i.name, after: []string{"debian base"},
		do: func(ctx context.Context, log *stepLog) (string, error) {
			return "built", p.build(ctx, build{dir: p.path(dir), name: i.name, inputs: i.inputs, args: map[string]string{"BASE": p.baseImage()}}, log)
		},
	}, noPackages)
}

// loadMetrics is the step that makes the image of metrics-server.
func (p *provision) loadMetrics(i image) step {
	return step{
		name: i.name, after: []string{kubernetesStep},
		do: func(ctx context.Context, log *stepLog) (string, error) {
			dir := filepath.Join(p.work, "metrics")
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return "", err
			}
			archive := filepath.Join(dir, "image.tar")
			binary := filepath.Join(p.folder(p.inputs.kubernetes), "metrics-server")
			if err := writeArchive(archive, p.engine.arch, dir, []content{p.metrics(binary)}); err != nil {
				return "", err
			}
			c := p.docker("load", "--input", archive)
			c.log = log
			return "built", c.run(ctx)
		},
	}
}
