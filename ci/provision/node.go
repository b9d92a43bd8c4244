package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// A part is an image of the control plane or of every node: one command.
type part struct {
	// name is that of its image, without registry and tag.
	name string
	// command is its binary; own: it is a command of this module.
	command string
	own     bool
	// entrypoint is where the manifest of kubeadm, or kubelet, expects it; "": by PATH.
	entrypoint string
}

// parts are the images that kubeadm's manifests name.
var parts = []part{
	{name: "kube-apiserver", command: "kube-apiserver"},
	{name: "kube-controller-manager", command: "kube-controller-manager"},
	{name: "kube-scheduler", command: "kube-scheduler"},
	{name: "kube-proxy", command: "kube-proxy"},
	{name: "etcd", command: "etcd"},
	{name: "coredns", command: "coredns"},
	{name: "pause", command: "pause", own: true, entrypoint: "/pause"},
}

// metricsManifest is that of metrics-server, seen from here. It is kept where it is
// given to nodes that were pulled, since nothing may import this command.
const metricsManifest = "../../fixtures/cluster/metrics-server.yaml"

// binaries is where everything in a node or in an image on it comes from.
type binaries map[string]string

// nodeRoot is the step that installs a node's packages.
func (p *provision) nodeRoot() step {
	return step{
		name: "node packages", after: []string{"debian base"},
		there: func(ctx context.Context) (string, bool, error) {
			have, err := p.inspect(ctx, p.rootImage())
			return suite, have[p.rootImage()].ID != "", err
		},
		do: func(ctx context.Context, log *stepLog) (string, error) {
			return "installed", p.build(ctx, build{dir: p.path("node"), name: p.rootImage(), inputs: p.inputs.root, args: map[string]string{"BASE": p.baseImage()}}, log)
		},
	}
}

func (p *provision) rootImage() string { return "rebound/node-packages:" + short(p.inputs.root) }

// node is the step that puts the node image together.
func (p *provision) node(i image) step {
	return step{
		name: i.name, after: []string{"node packages", kubernetesStep, corednsStep},
		do: func(ctx context.Context, log *stepLog) (string, error) { return "built", p.assemble(ctx, i, log) },
	}
}

func (p *provision) assemble(ctx context.Context, i image, log *stepLog) error {
	dir := filepath.Join(p.work, "node")
	bin, err := p.gather(ctx, dir, log)
	if err != nil {
		return err
	}
	names, err := p.imageNames(ctx, bin["kubeadm"])
	if err != nil {
		return err
	}
	if err := p.nodeFiles(dir, bin, names["pause"]); err != nil {
		return err
	}
	archive := filepath.Join(dir, "images.tar")
	if err := p.nodeImages(ctx, dir, archive, bin, names, log); err != nil {
		return err
	}
	dockerfile := "ARG BASE\nFROM ${BASE}\nCOPY files/ /\nRUN systemctl enable kubelet.service containerd.service undo-mount-hacks.service podnetwork.service\n"
	files, image := "rebound/node-files:"+short(i.inputs), filepath.Join(dir, "context")
	if err := os.WriteFile(filepath.Join(image, "Dockerfile"), []byte(dockerfile), 0o644); err != nil {
		return err
	}
	if err := p.build(ctx, build{dir: image, name: files, inputs: i.inputs, args: map[string]string{"BASE": p.rootImage()}}, log); err != nil {
		return err
	}
	loaded := "rebound/node-loaded:" + short(i.inputs)
	if err := p.loadImages(ctx, files, loaded, archive, log); err != nil {
		return err
	}
	// What a commit cannot set. systemd ends on that signal.
	last := fmt.Sprintf("FROM %s\nENV container=docker\nSTOPSIGNAL SIGRTMIN+3\nENTRYPOINT [\"/usr/local/bin/entrypoint\", \"/sbin/init\"]\n", loaded)
	if err := p.build(ctx, build{file: last, name: i.name, inputs: i.inputs}, log); err != nil {
		return err
	}
	return p.docker("image", "rm", files, loaded).run(ctx) // their layers are the node image's
}

// gather compiles what is ours, and tells where all commands are.
func (p *provision) gather(ctx context.Context, dir string, log *stepLog) (binaries, error) {
	if err := os.MkdirAll(filepath.Join(dir, "own"), 0o755); err != nil {
		return nil, err
	}
	bin := binaries{}
	for _, name := range []string{"pause", "podnetwork"} {
		bin[name] = filepath.Join(dir, "own", name)
		if err := p.own(ctx, name, bin[name], log); err != nil {
			return nil, err
		}
	}
	for _, folder := range []string{p.folder(p.inputs.kubernetes), p.folder(p.inputs.coredns)} {
		made, err := os.ReadDir(folder)
		if err != nil {
			return nil, err
		}
		for _, m := range made {
			bin[m.Name()] = filepath.Join(folder, m.Name())
		}
	}
	return bin, nil
}

// imageNames asks kubeadm for the names of its images.
func (p *provision) imageNames(ctx context.Context, kubeadm string) (map[string]string, error) {
	list, err := command{args: []string{kubeadm, "config", "images", "list", "--kubernetes-version", p.version}}.output(ctx)
	if err != nil {
		return nil, err
	}
	return parseImages(list)
}

// nodeFiles lays out what is added to the packages: kind's files, ours, the commands
// that run on the node itself.
func (p *provision) nodeFiles(dir string, bin binaries, pause string) error {
	files := filepath.Join(dir, "context", "files")
	for _, from := range []string{filepath.Join(p.kind, "images", "base", "files"), p.path("node", "files")} {
		if err := copyTree(from, files); err != nil {
			return err
		}
	}
	for _, name := range []string{"kubelet", "kubeadm", "kubectl"} {
		if err := copyFile(bin[name], filepath.Join(files, "usr/bin", name), 0o755); err != nil {
			return err
		}
	}
	if err := copyFile(bin["podnetwork"], filepath.Join(files, "usr/local/bin/podnetwork"), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(files, "kind", "version"), []byte(p.version), 0o644); err != nil {
		return err
	}
	manifest := filepath.Join(files, "kind", "manifests", "metrics-server.yaml")
	if err := copyFile(p.path(metricsManifest), manifest, 0o644); err != nil {
		return err
	}
	if err := change(manifest, func(text string) (string, error) {
		return strings.ReplaceAll(text, "${METRICS_SERVER}", p.metricsImage()), nil
	}); err != nil {
		return err
	}
	return change(filepath.Join(files, "etc", "containerd", "config.toml"), func(text string) (string, error) {
		return containerdConfig(text, pause)
	})
}

// containerdConfig is kind's for this node: its pause image, no specification of its
// own for every container (kind makes it from a newer containerd), and scores of the
// out-of-memory killer that a host without CAP_SYS_RESOURCE allows.
func containerdConfig(kinds, pause string) (string, error) {
	out := kinds
	for _, r := range []struct{ old, now string }{
		{`(?m)^(\s*sandbox_image = ).*$`, `${1}"` + pause + `"`},
		{`(?m)^\s*base_runtime_spec = .*\n`, ``},
		{`(?m)^(\s*restrict_oom_score_adj = ).*$`, `${1}true`},
	} {
		re := regexp.MustCompile(r.old)
		if !re.MatchString(out) {
			return "", fmt.Errorf("nothing in it matches %s: kind has changed it", r.old)
		}
		out = re.ReplaceAllString(out, r.now)
	}
	return out, nil
}

// nodeImages archives the images that a node runs. Metrics-server has two names: ours,
// and the one that its own manifests have in the registry of the others.
func (p *provision) nodeImages(ctx context.Context, dir, archive string, bin binaries, names map[string]string, log *stepLog) error {
	proxy := filepath.Join(dir, "proxy.tar")
	if err := p.proxyFiles(ctx, proxy, log); err != nil {
		return err
	}
	var images []content
	for _, part := range parts {
		entrypoint := part.entrypoint
		if entrypoint == "" {
			entrypoint = "/usr/local/bin/" + part.command
		}
		c := content{names: []string{names[part.name]}, entrypoint: []string{entrypoint}, files: map[string]string{strings.TrimPrefix(entrypoint, "/"): bin[part.command]}}
		if part.name == "kube-proxy" {
			c.beside = proxy
		}
		images = append(images, c)
	}
	m := p.metrics(bin["metrics-server"])
	m.names = append(m.names, path.Join(path.Dir(names["pause"]), "metrics-server", path.Base(m.names[0])))
	return writeArchive(archive, p.engine.arch, dir, append(images, m))
}

// proxyFiles has the node's packages tell what of them kube-proxy needs.
func (p *provision) proxyFiles(ctx context.Context, to string, log *stepLog) error {
	script, err := os.ReadFile(p.path("node", "proxy-files.sh"))
	if err != nil {
		return err
	}
	c := p.docker("run", "--rm", "--name", buildPrefix+"proxy", "--network", "none", p.rootImage(), "sh", "-c", string(script))
	c.log = log
	out, err := c.output(ctx)
	if err != nil {
		return err
	}
	return os.WriteFile(to, []byte(out), 0o644)
}

// loadImages has a containerd in the image import the archive, and keeps the result.
func (p *provision) loadImages(ctx context.Context, from, to, archive string, log *stepLog) (err error) {
	script, err := os.ReadFile(p.path("node", "load-images.sh"))
	if err != nil {
		return err
	}
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // of what was read
	name := buildPrefix + "node"
	defer func() {
		err = errors.Join(err, p.docker("rm", "-f", "-v", name).run(context.WithoutCancel(ctx)))
	}()
	c := p.docker("run", "-i", "--name", name, "--network", "none", "--tmpfs", "/run", "--tmpfs", "/tmp",
		"--security-opt", "seccomp=unconfined", "--entrypoint", "sh", from, "-c", string(script))
	c.in, c.log = f, log
	if err := c.run(ctx); err != nil {
		return err
	}
	return p.docker("commit", name, to).run(ctx)
}

// metrics is the image of metrics-server.
func (p *provision) metrics(binary string) content {
	return content{
		names: []string{p.metricsImage()}, entrypoint: []string{"/metrics-server"},
		labels: map[string]string{inputsLabel: p.inputs.metrics},
		files:  map[string]string{"metrics-server": binary},
	}
}
