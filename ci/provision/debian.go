package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// suite is the Debian of all images: the last with PostgreSQL 15, Redis 7 and a
// containerd that Kubernetes 1.34 runs on both versions of control groups.
const suite = "bookworm"

// mirrors are where a suite's packages come from, by release.
type mirrors map[string]string

// readMirrors takes what this machine's own apt uses, line by line "SITE RELEASE
// COMPONENT", and Debian's own names for the rest.
func readMirrors(targets string) mirrors {
	m := mirrors{
		suite:               "http://deb.debian.org/debian",
		suite + "-updates":  "http://deb.debian.org/debian",
		suite + "-security": "http://deb.debian.org/debian-security",
	}
	for line := range strings.Lines(targets) {
		f := strings.Fields(line)
		if len(f) == 3 && f[2] == "main" && m[f[1]] != "" && strings.HasPrefix(f[0], "http") {
			m[f[1]] = f[0]
		}
	}
	return m
}

// sources is a sources.list.
func (m mirrors) sources() string {
	var b strings.Builder
	for _, release := range []string{suite, suite + "-updates", suite + "-security"} {
		fmt.Fprintf(&b, "deb %s %s main\n", m[release], release)
	}
	return b.String()
}

// base is the step that makes the image that all others start from.
func (p *provision) base() step {
	return step{
		name: "debian base",
		there: func(ctx context.Context) (string, bool, error) {
			have, err := p.inspect(ctx, p.baseImage())
			return suite, have[p.baseImage()].ID != "", err
		},
		do: func(ctx context.Context, log *stepLog) (string, error) {
			archive := p.baseArchive()
			did := "imported from the cache"
			if _, err := os.Stat(archive); errors.Is(err, os.ErrNotExist) {
				if err := p.debootstrap(ctx, archive, log); err != nil {
					return "", err
				}
				did = "debootstrap " + suite
			} else if err != nil {
				return "", err
			}
			f, err := os.Open(archive)
			if err != nil {
				return "", err
			}
			defer func() { _ = f.Close() }() // of what was read
			c := p.docker("import", "--change", "ENV PATH="+searchPath, "--change", "LABEL "+inputsLabel+"="+p.inputs.base, "-", p.baseImage())
			c.in, c.log = f, log
			return did, c.run(ctx)
		},
	}
}

const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

func (p *provision) baseImage() string { return "rebound/debian:" + short(p.inputs.base) }

// baseArchive is where the cache keeps the base.
func (p *provision) baseArchive() string {
	return filepath.Join(p.cache, "debian-"+short(p.inputs.base)+".tar")
}

// debootstrap makes the base's root and archives it.
func (p *provision) debootstrap(ctx context.Context, archive string, log *stepLog) error {
	if found("debootstrap") == "" {
		if err := p.install(ctx, log, "debootstrap", "debian-archive-keyring"); err != nil {
			return couldNot("this machine got no debootstrap to build images", err, log, "install debootstrap, and run this again")
		}
	}
	targets, err := command{args: []string{"apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages"}}.output(ctx)
	if err != nil {
		fmt.Fprintf(log, "mirrors of this machine: %v\n", err) // Debian's own will do
	}
	from := readMirrors(targets)
	root := filepath.Join(p.work, "debian")
	// debootstrap is for administrators, whose folders may not be in PATH.
	env := []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin"}
	c := command{args: []string{"sh", p.path("debian", "make-root.sh"), root, suite, from[suite]}, env: env, log: log, alone: p.host.sysAdmin}
	if err := c.run(ctx); err != nil {
		return couldNot("debootstrap made no root of "+suite, err, log, "see that this machine reaches a mirror of Debian, and run this again")
	}
	if err := os.WriteFile(filepath.Join(root, "etc/apt/sources.list"), []byte(from.sources()), 0o644); err != nil {
		return err
	}
	return p.pack(ctx, root, archive, log)
}

// pack archives a root, without what is mounted into every container.
func (p *provision) pack(ctx context.Context, root, archive string, log io.Writer) error {
	part := archive + ".part"
	c := command{args: []string{"tar", "-C", root, "--numeric-owner", "--exclude=./proc/*", "--exclude=./sys/*", "--exclude=./dev/*", "-cf", part, "."}, log: log}
	if err := c.run(ctx); err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	return os.Rename(part, archive)
}
