package main

import (
	"os"
	"path/filepath"
	"testing"
)

// checkout is a repository with these files below ci/provision.
func checkout(t *testing.T, files map[string]string) *provision {
	t.Helper()
	p := &provision{repo: t.TempDir()}
	for name, content := range files {
		put(t, p.path(name), content)
	}
	return p
}

func put(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestHashFollowsTheRecipe(t *testing.T) {
	files := map[string]string{"a/Dockerfile": "FROM x", "a/run.sh": "true", "b.go": "package b"}
	r := recipe{files: []string{"a", "b.go"}, also: []string{"amd64"}}
	hash := func(p *provision, r recipe) string {
		t.Helper()
		h, err := p.hash(r)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	p := checkout(t, files)
	before := hash(p, r)
	if again := hash(checkout(t, files), r); again != before {
		t.Error("the same files in another checkout have another hash")
	}
	put(t, p.path("a/run_test.go"), "package a")
	if hash(p, r) != before {
		t.Error("a test changes the hash")
	}
	for name, change := range map[string]func(p *provision) recipe{
		"content":  func(p *provision) recipe { put(t, p.path("a/Dockerfile"), "FROM y"); return r },
		"new file": func(p *provision) recipe { put(t, p.path("a/more"), ""); return r },
		"moved": func(p *provision) recipe {
			if err := os.Rename(p.path("a/run.sh"), p.path("a/other.sh")); err != nil {
				t.Fatal(err)
			}
			return r
		},
		"executable": func(p *provision) recipe {
			if err := os.Chmod(p.path("a/run.sh"), 0o755); err != nil {
				t.Fatal(err)
			}
			return r
		},
		"text": func(*provision) recipe { return recipe{files: r.files, also: []string{"arm64"}} },
	} {
		t.Run(name, func(t *testing.T) {
			p := checkout(t, files)
			if hash(p, change(p)) == before {
				t.Error("the hash is the same")
			}
		})
	}
	if _, err := p.hash(recipe{files: []string{"not-there"}}); err == nil {
		t.Error("a file that is not there has a hash")
	}
}

func TestRequiredVersion(t *testing.T) {
	file := filepath.Join(t.TempDir(), "go.mod")
	put(t, file, "module m\n\nrequire (\n\tk8s.io/kubernetes v1.34.4\n\tk8s.io/kubernetes-more v9.9.9 // indirect\n)\n\nrequire one.example/x v0.1.0\n")
	for module, want := range map[string]string{"k8s.io/kubernetes": "v1.34.4", "one.example/x": "v0.1.0"} {
		if got, err := required(file, module); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", module, got, err, want)
		}
	}
	if got, err := required(file, "k8s.io/kubern"); err == nil {
		t.Errorf("a module that is not required has version %q", got)
	}
}
