package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// inputsLabel is where an image keeps the hash of what it was made of.
const inputsLabel = "rebound.inputs"

// A recipe is what something is made of: files and folders below ci/provision, and
// whatever else it depends on, as text.
type recipe struct {
	files []string
	also  []string
}

// hash is the same for the same content: names, modes and bytes. Tests are no part.
func (p *provision) hash(r recipe) (string, error) {
	h := sha256.New()
	for _, text := range r.also {
		fmt.Fprintf(h, "text %d\n%s\n", len(text), text)
	}
	for _, f := range r.files {
		root := p.path(f)
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			fmt.Fprintf(h, "file %s %t %d\n", filepath.Join(f, rel), info.Mode()&0o100 != 0, len(content))
			_, err = h.Write(content)
			return err
		})
		if err != nil {
			return "", fmt.Errorf("hash %s: %w", f, err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// path is that of a file of this command.
func (p *provision) path(name ...string) string {
	return filepath.Join(append([]string{p.repo, "ci", "provision"}, name...)...)
}

// short is enough of a hash for a tag.
func short(hash string) string { return hash[:min(12, len(hash))] }

// required is the version that a go.mod requires of a module.
func required(mod, module string) (string, error) {
	content, err := os.ReadFile(mod)
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`(?m)^(?:require)?\s+` + regexp.QuoteMeta(module) + `\s+(v\S+)`).FindSubmatch(content)
	if m == nil {
		return "", fmt.Errorf("%s does not require %s", mod, module)
	}
	return string(m[1]), nil
}

// goEnv is how everything is compiled: the same in every checkout and on every machine.
func goEnv(arch string) []string {
	return []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch, "GOWORK=off", "GOFLAGS=-buildvcs=false"}
}
