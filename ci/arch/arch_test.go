package arch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/rebound-chaos/rebound"

// pkg is what the go command tells of a package.
type pkg struct {
	ImportPath   string
	Dir          string
	Name         string
	Doc          string
	Standard     bool
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
}

// rel is the path below the module.
func (p pkg) rel() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

// list returns the packages of the module by their path below it.
func list(t *testing.T) map[string]pkg {
	t.Helper()
	all, err := listed()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages; the rules would be empty", len(all))
	}
	return all
}

// listed asks the go command once for all tests: with the clients of clusters in the
// module it takes seconds.
var listed = sync.OnceValues(func() (map[string]pkg, error) {
	cmd := exec.CommandContext(context.Background(), "go", "list", "-json", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w\n%s", err, exit.Stderr)
		}
		return nil, fmt.Errorf("go list: %w", err)
	}
	all := map[string]pkg{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("decode go list: %w", err)
		}
		all[p.rel()] = p
	}
})

// in tells whether a path below the module is one of the trees: "faults" names
// the package alone, "faults/..." it and all below.
func in(path string, trees ...string) bool {
	for _, tree := range trees {
		if root, ok := strings.CutSuffix(tree, "/..."); ok {
			if path == root || strings.HasPrefix(path, root+"/") {
				return true
			}
		} else if path == tree {
			return true
		}
	}
	return false
}

// ours is a path below the module, if the import is of it.
func ours(path string) (string, bool) {
	if path == module {
		return "", true
	}
	return strings.CutPrefix(path, module+"/")
}

// A ban says what some packages must not import, directly or through others.
type ban struct {
	from    []string // trees of ours
	to      []string // trees of ours
	unless  []string // trees of to that all may
	through bool     // also not through other packages
	why     string
}

var bans = []ban{
	{from: []string{"faults/..."}, to: []string{"healers/...", "fixtures/sut/repair"}, through: true, why: "faults and healers never meet"},
	{from: []string{"healers/..."}, to: []string{"faults/...", "fixtures/sut/harm", "fixtures/host"}, through: true, why: "a healer that can name or undo the fault is cheating"},
	{from: []string{"healers/..."}, to: []string{"reports/..."}, through: true, why: "healers do not read the timeline: a client's view is knowledge that no operator's engine has"},
	{from: []string{"assertions/...", "reports/..."}, to: []string{"faults/...", "healers/...", "fixtures/..."}, through: true, why: "judgement sees the timeline alone"},
	{from: []string{"fixtures/shop", "fixtures/fleet"}, to: []string{"healers/..."}, unless: []string{"healers/breaker/...", "healers/backoff"}, why: "the demo system uses of healers only breaker and backoff"},
	{from: []string{"faults/...", "healers/...", "fixtures/...", "assertions/...", "reports/...", "scenarios/..."}, to: []string{"ci/...", "cmd/...", "scenarios/suites/..."}, why: "nothing imports ci, cmd or suites"},
	{from: []string{"faults/...", "healers/...", "fixtures/...", "assertions/...", "reports/..."}, to: []string{"scenarios/..."}, why: "scenarios stand on top"},
	{from: []string{"fixtures/process"}, to: []string{"fixtures/containers", "fixtures/cluster", "fixtures/fleet", "fixtures/remote"}, through: true, why: "no platform imports another"},
	{from: []string{"fixtures/containers"}, to: []string{"fixtures/process", "fixtures/cluster", "fixtures/fleet", "fixtures/remote"}, through: true, why: "no platform imports another"},
	{from: []string{"fixtures/cluster"}, to: []string{"fixtures/process", "fixtures/containers", "fixtures/fleet", "fixtures/remote"}, through: true, why: "no platform imports another"},
	{from: []string{"fixtures/remote"}, to: []string{"fixtures/process", "fixtures/containers", "fixtures/cluster", "fixtures/fleet"}, through: true, why: "no platform imports another"},
	{from: []string{"fixtures/host"}, to: []string{"fixtures/platform", "fixtures/process", "fixtures/containers", "fixtures/cluster"}, through: true, why: "the host knows mechanisms and no platform"},
	{from: []string{"fixtures/docker"}, to: []string{"fixtures/platform", "fixtures/process", "fixtures/containers", "fixtures/cluster"}, through: true, why: "the engine is a mechanism, as the host is"},
	{from: []string{"fixtures/process", "fixtures/containers", "fixtures/cluster"}, to: []string{"fixtures/shop", "fixtures/load"}, through: true, why: "a platform runs any System, and knows none"},
}

// allowedFixtures is all that faults may see of fixtures.
var allowedFixtures = []string{"fixtures/sut", "fixtures/sut/harm", "fixtures/seed", "fixtures/manifest"}

func TestBans(t *testing.T) {
	all := list(t)
	for _, b := range bans {
		found := false
		for path, p := range all {
			if !in(path, b.from...) {
				continue
			}
			found = true
			seen := p.Imports
			if b.through {
				seen = p.Deps
			}
			for _, imp := range seen {
				if to, ok := ours(imp); ok && in(to, b.to...) && !in(to, b.unless...) {
					t.Errorf("%s imports %s: %s", path, to, b.why)
				}
			}
		}
		if !found {
			t.Errorf("the rule %q names no package that exists: %v", b.why, b.from)
		}
	}
}

func TestFaultsSeeNounsAndHarmAlone(t *testing.T) {
	for path, p := range list(t) {
		if !in(path, "faults/...") {
			continue
		}
		for _, imp := range p.Imports {
			if to, ok := ours(imp); ok && in(to, "fixtures/...") && !slices.Contains(allowedFixtures, to) {
				t.Errorf("%s imports %s: faults import of fixtures only %v", path, to, allowedFixtures)
			}
		}
	}
}

// shared is all of ours that what the platforms share may see: no mechanism of the
// host and no platform, so that the observer can use it in any arm and on any.
var shared = []string{"fixtures/manifest", "fixtures/sut", "fixtures/sut/harm"}

func TestWhatPlatformsShareKnowsNone(t *testing.T) {
	p, ok := list(t)["fixtures/platform"]
	if !ok {
		t.Fatal("the rule names fixtures/platform, which does not exist")
	}
	for _, imp := range p.Imports {
		if to, isOurs := ours(imp); isOurs && !slices.Contains(shared, to) {
			t.Errorf("fixtures/platform imports %s: it may see %v", to, shared)
		}
	}
}

// leaves import the standard library and what is named: packages of ours, and others by
// their host.
var leaves = map[string][]string{
	"fixtures/sut":                nil,
	"fixtures/sut/harm":           {"fixtures/sut"},
	"fixtures/sut/repair":         {"fixtures/sut"},
	"fixtures/seed":               nil,
	"reports/timeline":            nil,
	"healers/backoff":             nil,
	"healers/breaker":             nil,
	"healers/scaler":              {"k8s.io"}, // the types and quantities of Kubernetes
	"healers/breaker/degraded":    nil,
	"healers/breaker/fleet":       {"healers/breaker"},
	"healers/breaker/httpbreaker": {"healers/breaker", "healers/breaker/degraded"},
	"healers/breaker/settings":    {"healers/breaker", "fixtures/manifest"},
	"healers/breaker/resilience":  {"healers/breaker", "healers/breaker/degraded", "github.com"}, // failsafe-go
}

func TestLeaves(t *testing.T) {
	all := list(t)
	for leaf, may := range leaves {
		p, ok := all[leaf]
		if !ok {
			t.Errorf("the rule names %s, which does not exist", leaf)
			continue
		}
		for _, imp := range p.Imports {
			first, _, _ := strings.Cut(imp, "/")
			to, isOurs := ours(imp)
			if isOurs && !slices.Contains(may, to) || !isOurs && strings.Contains(first, ".") && !slices.Contains(may, first) {
				t.Errorf("%s imports %s: a leaf imports the standard library and %v", leaf, imp, may)
			}
		}
	}
}

// soleImporters says who alone may import a package from outside, or of ours.
var soleImporters = map[string][]string{
	"github.com/tsenart/vegeta/v12/...":       {"fixtures/load"},
	"github.com/google/nftables/...":          {"fixtures/host"},
	"github.com/vishvananda/netlink/...":      {"fixtures/host"},
	"github.com/vishvananda/netns/...":        {"fixtures/host"},
	"github.com/testcontainers/...":           {"fixtures/containers"},
	"github.com/docker/...":                   {"fixtures/containers", "fixtures/cluster"},
	"github.com/moby/moby/...":                {"fixtures/docker", "fixtures/containers", "fixtures/cluster"},
	"sigs.k8s.io/kind/...":                    {"fixtures/cluster"},
	"k8s.io/client-go/...":                    {"fixtures/cluster", "healers/journal"},
	"github.com/jackc/pgx/v5/...":             {"fixtures/shop"},
	"github.com/redis/go-redis/v9/...":        {"fixtures/shop"},
	"github.com/prometheus/...":               {"fixtures/shop", "scenarios/run", "healers/metric", "healers/breaker/prombreaker", "healers/breaker/sidecar"},
	"go.opentelemetry.io/...":                 {"healers/breaker/otelbreaker"},
	"google.golang.org/grpc/...":              {"healers/breaker/grpcbreaker"},
	"github.com/Shopify/toxiproxy/v2/...":     {"fixtures/process"},
	"modernc.org/sqlite/...":                  {"healers/journal", "reports/history"},
	"cel.dev/cel-go/...":                      {"healers/runbook"},
	"github.com/failsafe-go/failsafe-go/...":  {"healers/breaker/resilience"},
	"github.com/spf13/cobra/...":              {"cmd/rebound"},
	module + "/fixtures/sut/repair":           {"healers/act", "fixtures/process", "fixtures/remote", "fixtures/containers", "fixtures/cluster", "fixtures/fleet", "fixtures/sut/suttest"},
	module + "/fixtures/containers":           {"scenarios/run", "scenarios/suites", "cmd/rebound"},
	module + "/fixtures/cluster":              {"scenarios/run", "scenarios/suites", "cmd/rebound"},
	"github.com/onsi/gomega/...":              {"assertions/matchers", "scenarios/suites"},
	"github.com/onsi/ginkgo/v2/...":           {"scenarios/suites"},
	"pgregory.net/rapid/...":                  {},
	"go.uber.org/goleak/...":                  {},
	"testing/...":                             {"scenarios/suites", "fixtures/sut/suttest", "faults/faulttest", "healers/healerstest"},
	module + "/fixtures/host":                 {"fixtures/process", "fixtures/containers", "fixtures/cluster", "scenarios/run", "scenarios/suites", "cmd/rebound"},
	module + "/healers/act":                   {"cmd/rebound"},
	module + "/reports/timeline/timelinetest": {},
}

// foreign are packages from outside that must not come in through others either:
// what breaks, mends and judges is linked without an engine for containers and
// without a client for clusters.
var foreign = []string{"github.com/testcontainers/...", "github.com/moby/moby/...", "sigs.k8s.io/kind/...", "k8s.io/client-go/...", "github.com/google/nftables/..."}

func TestHalvesAndJudgementAreLinkedWithoutPlatforms(t *testing.T) {
	for path, p := range list(t) {
		if !in(path, "faults", "healers/...", "assertions/...", "reports/...", "fixtures/platform", "fixtures/shop", "fixtures/sut/...", "fixtures/manifest") {
			continue
		}
		for _, dep := range p.Deps {
			if in(dep, foreign...) && path != "healers/journal" {
				t.Errorf("%s depends on %s", path, dep)
			}
		}
	}
}

func TestSoleImporters(t *testing.T) {
	for path, p := range list(t) {
		for _, imp := range p.Imports {
			for lib, may := range soleImporters {
				if in(imp, lib) && !slices.Contains(may, path) {
					t.Errorf("%s imports %s: only %v may, outside of tests", path, imp, may)
				}
			}
		}
	}
}

func TestOnlyTheTopSeesBothHalves(t *testing.T) {
	for path, p := range list(t) {
		if in(path, "scenarios/...", "cmd/...", "ci/...") {
			continue
		}
		var faults, healers bool
		for _, imp := range p.Imports {
			if to, ok := ours(imp); ok {
				faults = faults || in(to, "faults/...", "fixtures/sut/harm")
				healers = healers || in(to, "healers/...")
			}
		}
		if faults && healers {
			t.Errorf("%s imports both faults and healers; only scenarios and cmd may", path)
		}
	}
}
