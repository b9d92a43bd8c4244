package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/cluster"
)

// What cannot be found out is inconclusive, and a mistake on the command line is usage.
func TestClusterWithoutAnEngine(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "no.sock"))
	for _, verb := range []string{"up", "down", "status"} {
		if code := execute(t.Context(), []string{"cluster", verb, "--state", t.TempDir()}); code != exitInconclusive {
			t.Errorf("%s: exit code %d, want %d", verb, code, exitInconclusive)
		}
		if code := execute(t.Context(), []string{"cluster", verb, "rebound"}); code != exitUsage {
			t.Errorf("%s with an argument: exit code %d, want %d", verb, code, exitUsage)
		}
	}
}

func TestWriteStatus(t *testing.T) {
	nodes := []cluster.NodeStatus{{Name: "rebound-worker", Role: "worker", Zone: "a", Ready: true}}
	for _, tc := range []struct {
		name string
		st   cluster.Status
		want []string
	}{
		{"none", cluster.Status{Name: "rebound"}, []string{"there is none"}},
		{"up", cluster.Status{Name: "rebound", Up: true, Nodes: nodes, Age: time.Minute, Kubeconfig: "/k"}, []string{"up, 1m0s old", "kubeconfig: /k", "rebound-worker  worker  a     true"}},
		{"not up", cluster.Status{Name: "rebound", Nodes: nodes, Problem: "the node x is exited"}, []string{"not up: the node x is exited"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := writeStatus(&out, tc.st); err != nil {
				t.Fatal(err)
			}
			for _, want := range tc.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("it does not say %q:\n%s", want, out.String())
				}
			}
		})
	}
}
