package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/cluster"
	"github.com/rebound-chaos/rebound/fixtures/host"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/platform"
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/scenarios"
)

// lent is a scripted system as a platform has started it.
type lent struct {
	*suttest.Scripted
	closed int
}

func (*lent) Entry() string                                            { return "http://127.0.0.1:1" }
func (*lent) Capabilities(context.Context) ([]platform.Offered, error) { return nil, nil }
func (l *lent) Close(context.Context) error                            { l.closed++; return nil }

// quick is how long things take where nothing happens.
func quick() Within {
	return Within{Start: time.Minute, Ready: time.Second, Confirm: time.Second, Revert: time.Second, Close: time.Second, Residue: 100 * time.Millisecond}
}

func TestPlatformsSayWhatTheyHave(t *testing.T) {
	for name, arms := range map[string][]sut.Arm{
		"process":         {sut.ArmRebound, sut.ArmOff},
		"containers":      {sut.ArmRebound, sut.ArmNative, sut.ArmOff},
		"kind":            {sut.ArmRebound, sut.ArmNative, sut.ArmOff},
		"current-context": {sut.ArmRebound, sut.ArmNative, sut.ArmOff},
	} {
		p, err := PlatformNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, arm := range []sut.Arm{sut.ArmRebound, sut.ArmNative, sut.ArmOff} {
			err := p.arm(arm)
			var missing *sut.Missing
			if slices.Contains(arms, arm) != (err == nil) || err != nil && (!errors.As(err, &missing) || missing.Reason == "" || missing.WayOut == "") {
				t.Errorf("%s, %s: %v", name, arm, err)
			}
		}
		if err := p.arm("nobody"); err == nil || errors.As(err, new(*sut.Missing)) {
			t.Errorf("%s: an arm that there is not: %v", name, err)
		}
		if p.About == "" || p.Start == nil || p.Capabilities == nil || slices.Contains([]time.Duration{
			p.Within.Start, p.Within.Ready, p.Within.Confirm, p.Within.Revert, p.Within.Close, p.Within.Residue,
		}, 0) {
			t.Errorf("%s lacks something: %+v", name, p)
		}
	}
	if _, err := PlatformNamed("moon"); !errors.Is(err, ErrPlatform) || !strings.Contains(err.Error(), "containers") {
		t.Errorf("got %v", err)
	}
	if p, err := PlatformNamed(""); err != nil || p.Name != PlatformProcess {
		t.Errorf("the default is %s, %v", p.Name, err)
	}
}

// What is not ours must be named, and only there can something be named.
func TestClustersOfOthersMustBeNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(`{"apiVersion": "v1", "kind": "Config", "clusters": [{"name": "c", "cluster": {"server": "https://192.0.2.1"}}],
		"users": [{"name": "u", "user": {}}], "contexts": [{"name": "staging", "context": {"cluster": "c", "user": "u"}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KUBECONFIG", file)
	for _, row := range []struct {
		platform string
		options  cluster.Options
		ok       bool
	}{
		{PlatformProcess, cluster.Options{}, true},
		{PlatformKind, cluster.Options{State: "x", KubeSystem: true}, true},
		{PlatformKind, cluster.Options{Context: "staging"}, false},
		{PlatformContainers, cluster.Options{Kubeconfig: "x"}, false},
		{PlatformCurrent, cluster.Options{}, false},
		{PlatformCurrent, cluster.Options{Context: "staging"}, true},
		{PlatformCurrent, cluster.Options{Context: "stagign"}, false},
		{PlatformCurrent, cluster.Options{Context: "staging", Kubeconfig: file + ".yaml"}, false},
	} {
		p, err := PlatformNamed(row.platform)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Check(row.options); (err == nil) != row.ok || err != nil && !errors.Is(err, ErrPlatform) {
			t.Errorf("%s, %+v: %v", row.platform, row.options, err)
		}
		if err := (Batch{Config: Config{Platform: row.platform, Cluster: row.options}}).Check(); (err == nil) != row.ok {
			t.Errorf("a batch on %s, %+v: %v", row.platform, row.options, err)
		}
	}
}

func TestUndoRefusesWhatIsNobodys(t *testing.T) {
	if err := Undo(t.Context(), harm.Op{Kind: "moon.drop"}); !errors.Is(err, host.ErrRefused) {
		t.Errorf("got %v", err)
	}
}

func TestResidueIsThatOfHostAndPlatform(t *testing.T) {
	run := newRunID()
	asked := ""
	p := Platform{Name: "lent", Residue: func(_ context.Context, id string, o cluster.Options) ([]string, error) {
		asked = id + " in " + o.State
		return []string{"container rebound-x"}, errors.New("the engine does not answer")
	}}
	got := p.residue(t.Context(), run, cluster.Options{State: "s"}, false)
	if d := cmp.Diff([]string{"container rebound-x", "it is not known what is left on lent: the engine does not answer"}, got); d != "" {
		t.Error(d)
	}
	if asked != run+" in s" {
		t.Errorf("asked for %s", asked)
	}
	if left := (Platform{}).residue(t.Context(), run, cluster.Options{}, true); len(left) > 0 {
		t.Errorf("nothing is left, and yet: %v", left)
	}
	// An engine that is not there has nothing, unless it was there before.
	p.Residue = func(context.Context, string, cluster.Options) ([]string, error) {
		return nil, fmt.Errorf("look: %w", &sut.Missing{Reason: "it does not answer"})
	}
	for _, started := range []bool{false, true} {
		if left := p.residue(t.Context(), run, cluster.Options{}, started); (len(left) > 0) != started {
			t.Errorf("started %t: %v", started, left)
		}
	}
}

// What just ends is given its moment, and what a look cut short says does not
// replace what was seen.
func TestResidueIsWaitedFor(t *testing.T) {
	looks := 0
	s := &session{id: newRunID(), platform: Platform{Within: Within{Residue: time.Minute}, Residue: func(context.Context, string, cluster.Options) ([]string, error) {
		if looks++; looks < 3 {
			return []string{"a pod"}, nil
		}
		return nil, nil
	}}}
	if left := s.residue(t.Context()); left != nil || looks != 3 {
		t.Errorf("%v after %d looks", left, looks)
	}
	s.platform.Within.Residue = 200 * time.Millisecond
	s.platform.Residue = func(ctx context.Context, _ string, _ cluster.Options) ([]string, error) {
		if looks++; looks < 6 {
			return []string{"a pod"}, nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if d := cmp.Diff([]string{"a pod"}, s.residue(t.Context())); d != "" {
		t.Error(d)
	}
}

func sessionOn(p Platform, plan faults.Schedule) *session {
	return &session{
		id: "r", platform: p, plan: plan, scratch: "/scratch", system: &manifest.System{}, rec: newRecord(&bytes.Buffer{}, time.Now()),
		cfg: Config{Healers: sut.ArmNative, Binary: "/rebound", Out: "/out", State: "/state", Cluster: cluster.Options{Context: "staging"}},
	}
}

func TestStartTellsThePlatformEverything(t *testing.T) {
	l := &lent{Scripted: suttest.New(sut.Delta{})}
	var got platform.Config
	var options cluster.Options
	s := sessionOn(Platform{Name: "lent", Within: quick(), Start: func(_ context.Context, c platform.Config, o cluster.Options) (platform.System, error) {
		got, options = c, o
		c.Progress("nodes Ready 3/4")
		c.Connections("orders/1>store/0", 8, time.Second)
		return l, nil
	}}, faults.Schedule{Items: []faults.Item{{ID: "1", Fault: "node-stop", Target: "node:@orders/1"}}})
	var waits []string
	s.cfg.Progress = func(words string) { waits = append(waits, words) }
	if err := s.startSystem(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got.System != s.system || got.Run != "r" || got.Binary != "/rebound" || got.Dir != "/scratch/system" || got.Logs != "/out/logs" || got.Arm != sut.ArmNative || got.Lease == nil {
		t.Errorf("started with %+v", got)
	}
	if options.Context != "staging" || options.State != "/state" || !options.Exclusive {
		t.Errorf("options %+v", options)
	}
	if d := cmp.Diff([]string{"lent: nodes Ready 3/4"}, waits); d != "" {
		t.Error(d)
	}
	if c := s.rec.all()[0].Connection; c == nil || c.From != "orders/1" || c.To != "store/0" || c.Opened != 8 || c.Over != time.Second {
		t.Errorf("recorded %+v", s.rec.all())
	}
	s.plan = faults.Schedule{Items: []faults.Item{{ID: "1", Fault: "kill", Target: "orders/1"}}}
	if s.options().Exclusive {
		t.Error("who breaks no node needs no cluster to itself")
	}
	if err := s.undo(t.Context()); err != nil || l.closed != 1 {
		t.Errorf("closed %d times, %v", l.closed, err)
	}
}

func TestStartHasItsOwnTime(t *testing.T) {
	p := Platform{Name: "lent", Within: Within{Start: time.Millisecond, Close: time.Second}, Start: func(ctx context.Context, _ platform.Config, _ cluster.Options) (platform.System, error) {
		<-ctx.Done()
		return nil, fmt.Errorf("pods ready 2/7: %w", ctx.Err())
	}}
	s := sessionOn(p, faults.Schedule{})
	err := s.startSystem(t.Context())
	if err == nil || !strings.Contains(err.Error(), "on lent: not within 1ms: pods ready 2/7") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.startSystem(ctx); err == nil || strings.Contains(err.Error(), "not within") {
		t.Errorf("interrupted: %v", err)
	}
	if len(s.cleanups) > 0 {
		t.Error("what was not started is to be closed")
	}
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A control goes on beside its run, but where it would be broken by it.
func TestWhoNeedsThePlaceToItself(t *testing.T) {
	attached := crash(t)
	attached.Spec.System = writeFile(t, "system.yaml", `
apiVersion: rebound.dev/v1
kind: System
metadata: {name: shop}
spec:
  entry: {workload: orders, port: http}
  kubernetes: {namespace: shop}
  workloads:
    - {name: orders, replicas: 3, image: orders:1, command: [orders], ports: [{name: http, number: 8080}]}
`)
	nodes := crash(t)
	nodes.Spec.Faults = []scenarios.Fault{{Fault: "node-stop", Target: faults.Selector{Workload: "orders"}}}
	own := crash(t)
	own.Spec.Control.Healers = sut.ArmRebound
	for name, row := range map[string]struct {
		s       *scenarios.Scenario
		edit    func(*scenarios.Scenario)
		alone   bool
		control sut.Arm
	}{
		"a replica":                       {crash(t), nil, false, sut.ArmOff},
		"a node":                          {nodes, nil, true, sut.ArmOff},
		"a system that is there already":  {attached, func(s *scenarios.Scenario) { s.Spec.Control.Healers = "" }, true, sut.ArmNative},
		"and its scenario says otherwise": {attached, func(s *scenarios.Scenario) { s.Spec.Control.Healers = sut.ArmRebound }, true, sut.ArmRebound},
		"a control of its own":            {own, nil, false, sut.ArmRebound},
	} {
		if row.edit != nil {
			row.edit(row.s)
		}
		b := Batch{Control: ControlOwn, Config: Config{Platform: PlatformKind}}
		if got := b.alone(row.s); got != row.alone {
			t.Errorf("%s: alone %t", name, got)
		}
		if got := b.control(row.s); got != row.control {
			t.Errorf("%s: control %s, want %s", name, got, row.control)
		}
	}
	var order []int
	both := turns{alone: true}
	for n := range 3 {
		both.Go(func() { order = append(order, n) })
	}
	if both.Wait(); !slices.Equal(order, []int{0, 1, 2}) {
		t.Errorf("one after another: %v", order)
	}
}

func TestAloneIsWhatIsMissingAndNothingElse(t *testing.T) {
	missing := &sut.Missing{Capability: "x", Target: "y"}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{missing, true},
		{fmt.Errorf("start: %w", missing), true},
		{errors.Join(fmt.Errorf("start: %w", errors.Join(missing, nil)), nil), true},
		{errors.Join(missing, errors.New("a container is still there")), false},
		{fmt.Errorf("start: %w, and %w", missing, errors.New("the disk is still there")), false},
		{errors.New("nothing of that kind"), false},
	} {
		if got := alone(c.err); got != c.want {
			t.Errorf("%v: got %t", c.err, got)
		}
	}
}
