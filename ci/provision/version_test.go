package main

import (
	"os"
	"regexp"
	"testing"
)

// The cluster that the suites make asks for the node image that is built here.
func TestTheClusterRunsTheVersionThatIsBuilt(t *testing.T) {
	p := &provision{repo: "../.."}
	version, err := required(p.path("nodeimage", "go.mod"), "k8s.io/kubernetes")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("../../fixtures/cluster/cluster.go")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^const NodeVersion = "([^"]+)"`).FindSubmatch(source)
	if m == nil {
		t.Fatal("fixtures/cluster has no constant NodeVersion; is this test still right?")
	}
	if string(m[1]) != version {
		t.Errorf("fixtures/cluster asks for %s, and ci/provision builds %s", m[1], version)
	}
}
