package main

import (
	"strings"
	"testing"
)

func TestWhichImagesWillDo(t *testing.T) {
	built := func(inputs string) inspected {
		i := inspected{ID: "sha256:1", Architecture: "amd64"}
		i.Config.Labels = map[string]string{inputsLabel: inputs}
		return i
	}
	for _, c := range []struct {
		name string
		have inspected
		want bool
		says string
	}{
		{"missing", inspected{}, false, "missing"},
		{"pulled", inspected{ID: "sha256:1", Architecture: "amd64"}, true, "pulled"},
		{"pulled for another machine", inspected{ID: "sha256:1", Architecture: "arm64"}, false, "it is for arm64, the engine is amd64"},
		{"built", built("new"), true, "built here"},
		{"built from an older recipe", built("old"), false, "recipe has changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			what, ok := image{name: "x", inputs: "new"}.state(c.have, "amd64")
			if ok != c.want || !strings.Contains(what, c.says) {
				t.Errorf("will do %t (%s), want %t (%s)", ok, what, c.want, c.says)
			}
		})
	}
}

func TestParseKubeadmsList(t *testing.T) {
	list := "reg.example/kube-apiserver:v1\nreg.example/kube-controller-manager:v1\nreg.example/kube-scheduler:v1\nreg.example/kube-proxy:v1\n" +
		"reg.example/coredns/coredns:v2\nreg.example/pause:3\nreg.example/etcd:4-0\n"
	names, err := parseImages(list)
	if err != nil {
		t.Fatal(err)
	}
	if names["coredns"] != "reg.example/coredns/coredns:v2" || names["etcd"] != "reg.example/etcd:4-0" {
		t.Errorf("read %v", names)
	}
	for _, c := range []struct{ name, list, says string }{
		{"one is missing", strings.ReplaceAll(list, "reg.example/etcd:4-0\n", ""), "no image of etcd"},
		{"a warning among them", list + "could not fetch the version\n", "which is no name of an image"},
		{"no tag", list + "reg.example:5000/pause\n", "which is no name of an image"},
	} {
		if _, err := parseImages(c.list); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.says)
		}
	}
}

func TestKindsDefaults(t *testing.T) {
	for source, want := range map[string]string{
		`const Image = "some/node:v1.37.0@sha256:a1ed"`: "some/node",
		`const Image = "some/node:v1.37.0"`:             "some/node",
	} {
		if got, err := repositoryOf("// Image is\n" + source + "\n"); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", source, got, err, want)
		}
	}
	if got, err := repositoryOf("package defaults"); err == nil {
		t.Errorf("no constant, and the repository is %q", got)
	}
	config := "[plugins]\n  sandbox_image = \"reg.example/pause:3.10\"\n  base_runtime_spec = \"/etc/x\"\n  restrict_oom_score_adj = false\n"
	if got, err := registryOf(config); err != nil || got != "reg.example" {
		t.Errorf("registry %q, %v", got, err)
	}
	changed, err := containerdConfig(config, "reg.example/pause:9")
	if err != nil {
		t.Fatal(err)
	}
	if want := "[plugins]\n  sandbox_image = \"reg.example/pause:9\"\n  restrict_oom_score_adj = true\n"; changed != want {
		t.Errorf("configuration\n%s\nwant\n%s", changed, want)
	}
	if _, err := containerdConfig("[plugins]\n", "p"); err == nil {
		t.Error("a configuration that kind has changed is taken as it is")
	}
}

func TestMirrorsOfThisMachine(t *testing.T) {
	m := readMirrors("http://mirror.example/debian bookworm main\nhttp://mirror.example/debian bookworm contrib\nhttps://other.example trixie main\ncdrom:[x] bookworm main\n")
	want := "deb http://mirror.example/debian bookworm main\ndeb http://deb.debian.org/debian bookworm-updates main\ndeb http://deb.debian.org/debian-security bookworm-security main\n"
	if got := m.sources(); got != want {
		t.Errorf("sources\n%s\nwant\n%s", got, want)
	}
}
