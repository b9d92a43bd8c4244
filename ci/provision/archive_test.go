package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// members are the contents of an archive by name.
func members(t *testing.T, r io.Reader) map[string][]byte {
	t.Helper()
	contents := map[string][]byte{}
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return contents
		} else if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		contents[h.Name] = content
	}
}

func TestArchiveIsWhatEnginesLoad(t *testing.T) {
	dir := t.TempDir()
	binary, beside := filepath.Join(dir, "binary"), filepath.Join(dir, "beside.tar")
	put(t, binary, "ELF")
	var more bytes.Buffer
	w := tar.NewWriter(&more)
	if err := errors.Join(addBytes(w, "lib/libc.so", []byte("libc")), w.Close()); err != nil {
		t.Fatal(err)
	}
	put(t, beside, more.String())
	images := []content{
		{names: []string{"reg.example/proxy:v1", "alias:v1"}, entrypoint: []string{"/usr/local/bin/proxy"}, files: map[string]string{"usr/local/bin/proxy": binary}, beside: beside, labels: map[string]string{"a": "b"}},
		{names: []string{"reg.example/pause:1"}, entrypoint: []string{"/pause"}, files: map[string]string{"pause": binary}},
	}
	write := func(name string) []byte {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := writeArchive(file, "amd64", dir, images); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	first := write("one.tar")
	if !bytes.Equal(first, write("two.tar")) {
		t.Error("the same images make another archive")
	}
	files := members(t, bytes.NewReader(first))
	var manifest []struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	if err := json.Unmarshal(files["manifest.json"], &manifest); err != nil {
		t.Fatal(err)
	}
	if len(manifest) != 2 || !slices.Equal(manifest[0].RepoTags, images[0].names) {
		t.Fatalf("manifest %+v", manifest)
	}
	var config struct {
		Architecture string `json:"architecture"`
		Config       struct {
			Entrypoint []string
			Labels     map[string]string
		} `json:"config"`
		Rootfs struct {
			Diffs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if err := json.Unmarshal(files[manifest[0].Config], &config); err != nil {
		t.Fatal(err)
	}
	if config.Architecture != "amd64" || !slices.Equal(config.Config.Entrypoint, images[0].entrypoint) || config.Config.Labels["a"] != "b" {
		t.Errorf("configuration %+v", config)
	}
	layer := files[manifest[0].Layers[0]]
	if want := []string{"sha256:" + filepath.Dir(manifest[0].Layers[0])}; !slices.Equal(config.Rootfs.Diffs, want) {
		t.Errorf("layers %v, want %v", config.Rootfs.Diffs, want)
	}
	root := members(t, bytes.NewReader(layer))
	if string(root["usr/local/bin/proxy"]) != "ELF" || string(root["lib/libc.so"]) != "libc" {
		t.Errorf("root %v", root)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "layer-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestArchiveOfWhatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	err := writeArchive(filepath.Join(dir, "x.tar"), "amd64", dir, []content{{names: []string{"x"}, files: map[string]string{"x": filepath.Join(dir, "not-there")}}})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that the file is not there", err)
	}
}
