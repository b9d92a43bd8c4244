package main

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A content is an image to write: one binary on an empty root, and what it needs.
type content struct {
	names      []string
	entrypoint []string
	labels     map[string]string
	// files are the sources by their path in the image; all are executable.
	files map[string]string
	// beside is a tar of more, below the root; "": nothing.
	beside string
}

// writeArchive writes images in the form that `docker save` has, which docker and
// containerd both load. Equal contents make equal archives.
func writeArchive(file, arch, scratch string, images []content) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := tar.NewWriter(f)
	type entry struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	var manifest []entry
	for i, image := range images {
		layer := filepath.Join(scratch, fmt.Sprintf("layer-%d.tar", i))
		digest, err := writeLayer(layer, image)
		if err != nil {
			return fmt.Errorf("layer of %s: %w", image.names[0], err)
		}
		config, err := json.Marshal(map[string]any{
			"architecture": arch, "os": "linux", "created": time.Unix(0, 0).UTC(),
			"config": map[string]any{"Entrypoint": image.entrypoint, "Env": []string{"PATH=" + searchPath}, "Labels": image.labels},
			"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest}},
		})
		if err != nil {
			return err
		}
		sum := sha256.Sum256(config)
		e := entry{Config: hex.EncodeToString(sum[:]) + ".json", RepoTags: image.names, Layers: []string{digest + "/layer.tar"}}
		if err := errors.Join(addBytes(out, e.Config, config), addFile(out, e.Layers[0], layer, 0o644), os.Remove(layer)); err != nil {
			return err
		}
		manifest = append(manifest, e)
	}
	list, err := json.Marshal(manifest)
	if err != nil {
		return err
	}
	return errors.Join(addBytes(out, "manifest.json", list), out.Close())
}

// writeLayer writes the root of an image, and returns its digest.
func writeLayer(file string, c content) (digest string, err error) {
	f, err := os.Create(file)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	out := tar.NewWriter(io.MultiWriter(f, h))
	for _, dir := range []struct {
		name string
		mode int64
	}{{"etc/", 0o755}, {"run/", 0o755}, {"tmp/", 0o1777}, {"usr/", 0o755}, {"usr/local/", 0o755}, {"usr/local/bin/", 0o755}} {
		if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir.name, Mode: dir.mode}); err != nil {
			return "", err
		}
	}
	if c.beside != "" {
		if err := addTar(out, c.beside); err != nil {
			return "", err
		}
	}
	paths := make([]string, 0, len(c.files))
	for path := range c.files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		if err := addFile(out, path, c.files[path], 0o755); err != nil {
			return "", err
		}
	}
	if err := out.Close(); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// addTar copies the members of an archive.
func addTar(out *tar.Writer, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // of what was read
	for in := tar.NewReader(f); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil { //nolint:gosec // an archive that was made here
			return err
		}
	}
}

func addFile(out *tar.Writer, name, file string, mode int64) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // of what was read
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(out, f)
	return err
}

func addBytes(out *tar.Writer, name string, content []byte) error {
	if err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := out.Write(content)
	return err
}
