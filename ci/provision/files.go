package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// copyTree copies files over what is there. Scripts and programs are executable, the
// rest is not: what Go's module cache has is neither writable nor executable.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if filepath.Base(filepath.Dir(rel)) == "bin" {
			mode = 0o755
		}
		return copyFile(file, filepath.Join(to, rel), mode)
	})
}

func copyFile(from, to string, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, mode)
}

// change rewrites a text file.
func change(file string, edit func(string) (string, error)) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	changed, err := edit(string(content))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, []byte(changed), 0o644)
}
