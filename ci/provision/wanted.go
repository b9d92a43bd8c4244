package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// wanted are the images, with the hashes of their recipes.
func (p *provision) wanted(ctx context.Context) ([]image, error) {
	if err := p.read(ctx); err != nil {
		return nil, err
	}
	for _, r := range []struct {
		to     *string
		recipe func() recipe
	}{
		{&p.inputs.base, func() recipe {
			return recipe{files: []string{"debian"}, also: []string{suite, p.engine.arch}}
		}},
		{&p.inputs.postgres, func() recipe { return recipe{files: []string{"postgres"}, also: []string{p.inputs.base}} }},
		{&p.inputs.redis, func() recipe { return recipe{files: []string{"redis"}, also: []string{p.inputs.base}} }},
		{&p.inputs.root, func() recipe { return recipe{files: []string{"node/Dockerfile"}, also: []string{p.inputs.base}} }},
		{&p.inputs.kubernetes, func() recipe { return recipe{files: []string{"nodeimage"}, also: []string{p.engine.arch}} }},
		{&p.inputs.coredns, func() recipe { return recipe{files: []string{"coredns"}, also: []string{p.engine.arch}} }},
		{&p.inputs.metrics, func() recipe { return recipe{files: []string{"archive.go"}, also: []string{p.inputs.kubernetes}} }},
		{&p.inputs.node, func() recipe {
			return recipe{
				files: []string{"node", "node.go", "files.go", "archive.go", "commands.go", "pause", "podnetwork", metricsManifest},
				also:  []string{p.inputs.root, p.inputs.kubernetes, p.inputs.coredns, filepath.Base(p.kind)},
			}
		}},
	} {
		var err error
		if *r.to, err = p.hash(r.recipe()); err != nil {
			return nil, err
		}
	}
	return []image{
		{name: postgresImage, inputs: p.inputs.postgres, room: 420 * mebi},
		{name: redisImage, inputs: p.inputs.redis, room: 160 * mebi},
		{name: p.nodeRepository + ":" + p.version, inputs: p.inputs.node, room: 1300 * mebi},
		{name: p.metricsImage(), from: p.registry + "/metrics-server/metrics-server:" + p.metricsVersion, inputs: p.inputs.metrics, room: 100 * mebi},
	}, nil
}

func (p *provision) metricsImage() string { return "rebound/metrics-server:" + p.metricsVersion }

// read reads versions and kind's defaults.
func (p *provision) read(ctx context.Context) error {
	var err error
	if p.version, err = required(p.path("nodeimage", "go.mod"), "k8s.io/kubernetes"); err != nil {
		return err
	}
	if p.metricsVersion, err = required(p.path("nodeimage", "go.mod"), "sigs.k8s.io/metrics-server"); err != nil {
		return err
	}
	out, err := command{args: []string{"go", "mod", "download", "-json", "sigs.k8s.io/kind"}, dir: p.repo}.output(ctx)
	var module struct{ Dir, Error string }
	if bad := json.Unmarshal([]byte(out), &module); bad != nil {
		return errors.Join(err, fmt.Errorf("read go mod download: %w", bad))
	}
	if module.Error != "" {
		return cannot("this machine got no module of kind: "+module.Error, "see that it reaches a Go module proxy (GOPROXY), and run this again", orElse)
	}
	if err != nil {
		return err
	}
	p.kind = module.Dir
	defaults, err := os.ReadFile(filepath.Join(p.kind, "pkg", "apis", "config", "defaults", "image.go"))
	if err != nil {
		return err
	}
	if p.nodeRepository, err = repositoryOf(string(defaults)); err != nil {
		return err
	}
	config, err := os.ReadFile(filepath.Join(p.kind, "images", "base", "files", "etc", "containerd", "config.toml"))
	if err != nil {
		return err
	}
	p.registry, err = registryOf(string(config))
	return err
}

// registryOf reads where kind's containerd has the sandbox image from: all images of
// Kubernetes are there.
func registryOf(config string) (string, error) {
	m := regexp.MustCompile(`(?m)^\s*sandbox_image = "([^"]+)/pause:[^"/]*"`).FindStringSubmatch(config)
	if m == nil {
		return "", errors.New("kind's containerd configuration names no sandbox image: kind has changed it")
	}
	return m[1], nil
}

// repositoryOf reads the repository of kind's default node image.
func repositoryOf(defaults string) (string, error) {
	m := regexp.MustCompile(`(?m)^const Image = "([^"@]+):[^":@]+(?:@[^"]*)?"`).FindStringSubmatch(defaults)
	if m == nil {
		return "", errors.New("kind's defaults have no constant Image: kind has changed it")
	}
	return m[1], nil
}
