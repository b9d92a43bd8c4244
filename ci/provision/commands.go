package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// commands are programs of one Go module, compiled together.
type commands struct {
	step   string
	module string // its folder below ci/provision
	build  []string
	// flags are linker flags beside those that leave debugging out.
	flags  string
	inputs string
}

// kubernetesStep and corednsStep are what compiles what a node runs.
const (
	kubernetesStep = "kubernetes commands"
	corednsStep    = "coredns command"
)

// kubernetes is all that stands on the libraries of Kubernetes.
func (p *provision) kubernetes() commands {
	version := strings.TrimPrefix(p.version, "v")
	minor := strings.Split(version, ".")[1]
	var flags strings.Builder
	for _, in := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		fmt.Fprintf(&flags, " -X %[1]s.gitVersion=v%[2]s -X %[1]s.gitMajor=1 -X %[1]s.gitMinor=%[3]s -X %[1]s.gitTreeState=clean -X %[1]s.gitCommit=%040[4]d",
			in, version, minor, 0)
	}
	return commands{step: kubernetesStep, module: "nodeimage", build: []string{"tool", "./..."}, flags: flags.String(), inputs: p.inputs.kubernetes}
}

func (p *provision) coredns() commands {
	return commands{step: corednsStep, module: "coredns", build: []string{"."}, inputs: p.inputs.coredns}
}

// folder is where compiled commands are kept.
func (p *provision) folder(inputs string) string {
	return filepath.Join(p.cache, "bin-"+short(inputs))
}

// compile is the step that makes them, unless the cache has them.
func (p *provision) compile(c commands, after ...string) step {
	return step{
		name: c.step, after: after,
		there: func(context.Context) (string, bool, error) {
			_, err := os.Stat(p.folder(c.inputs))
			return "in the cache", err == nil, nil
		},
		do: func(ctx context.Context, log *stepLog) (string, error) {
			part := p.folder(c.inputs) + ".part"
			if err := os.RemoveAll(part); err != nil {
				return "", err
			}
			args := append([]string{"go", "build", "-v", "-trimpath", "-ldflags", "-s -w" + c.flags, "-o", part + "/"}, c.build...)
			if err := os.MkdirAll(part, 0o755); err != nil {
				return "", err
			}
			if err := (command{args: args, dir: p.path(c.module), env: goEnv(p.engine.arch), log: log}).run(ctx); err != nil {
				return "", err
			}
			made, err := os.ReadDir(part)
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("compiled, %d of them", len(made)), os.Rename(part, p.folder(c.inputs))
		},
	}
}

// own compiles a command of this module that goes into the node image.
func (p *provision) own(ctx context.Context, name, to string, log *stepLog) error {
	return command{
		args: []string{"go", "build", "-trimpath", "-ldflags", "-s -w", "-o", to, "./ci/provision/" + name},
		dir:  p.repo, env: goEnv(p.engine.arch), log: log,
	}.run(ctx)
}

// parseImages reads `kubeadm config images list`: the full name of each image by its
// last part without the tag.
func parseImages(list string) (map[string]string, error) {
	names := map[string]string{}
	for s := bufio.NewScanner(strings.NewReader(list)); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if line == "" {
			continue
		}
		base, tag, ok := strings.Cut(path.Base(line), ":")
		if !ok || tag == "" || !strings.Contains(line, "/") {
			return nil, fmt.Errorf("kubeadm lists %q, which is no name of an image", line)
		}
		names[base] = line
	}
	for _, part := range parts {
		if names[part.name] == "" {
			return nil, fmt.Errorf("kubeadm lists no image of %s", part.name)
		}
	}
	return names, nil
}
