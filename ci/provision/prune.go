package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// keepFor is how long the cache keeps what the recipes of today do not make: another
// branch may.
const keepFor = 14 * 24 * time.Hour

// prune removes what was built here and has been replaced: images that lost their
// name, bases of other recipes, old files of the cache. An image that a container
// still runs stays.
func (p *provision) prune(ctx context.Context, before map[string]inspected, now time.Time) error {
	for name, old := range before {
		if _, ours := old.Config.Labels[inputsLabel]; ours && len(old.RepoTags) == 1 {
			p.forget(ctx, name, old.ID)
		}
	}
	for _, current := range []string{p.baseImage(), p.rootImage()} {
		repository, _, _ := strings.Cut(current, ":")
		out, err := p.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository).output(ctx)
		if err != nil {
			return err
		}
		for name := range strings.FieldsSeq(out) {
			if name != current {
				p.forget(ctx, name, name)
			}
		}
	}
	return pruneCache(p.cache, []string{filepath.Base(p.folder(p.inputs.kubernetes)), filepath.Base(p.folder(p.inputs.coredns)), filepath.Base(p.baseArchive())}, now)
}

// forget removes an image, unless something still needs it.
func (p *provision) forget(ctx context.Context, name, id string) {
	if err := p.docker("image", "rm", id).run(ctx); err != nil {
		p.tell.say(name, "the one of before stays: %v", err)
	}
}

// pruneCache removes old entries that none of the recipes of today makes.
func pruneCache(dir string, keep []string, now time.Time) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		made := strings.HasPrefix(e.Name(), "bin-") || strings.HasPrefix(e.Name(), "debian-")
		if !made || slices.Contains(keep, e.Name()) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if now.Sub(info.ModTime()) > keepFor {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
