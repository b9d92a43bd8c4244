package policy_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/repair"
	"github.com/rebound-chaos/rebound/healers/policy"
)

func shopYAML(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("testdata/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestShopPolicyIsComplete(t *testing.T) {
	p, err := policy.Load("shop.yaml", []byte(shopYAML(t)))
	if err != nil {
		t.Fatal(err)
	}
	orders, ok := p.For(sut.Instance{Workload: "orders"})
	if !ok {
		t.Fatal("orders is not covered")
	}
	want := policy.Restart{Initial: 10 * time.Second, Max: 5 * time.Minute, Reset: 10 * time.Minute, AtOnce: "1", Soak: time.Second}
	if diff := cmp.Diff(want, orders.Restart); diff != "" {
		t.Errorf("restart (-want +got):\n%s", diff)
	}
	if !orders.Rotate || orders.ReplaceAfter != 4*time.Second || orders.MinAvailable != "2" || orders.MaxUnavailable != "" {
		t.Errorf("orders: %+v", orders)
	}
	if l := orders.Liveness; l.TimeoutSeconds != 1 || l.PeriodSeconds != 1 || l.SuccessThreshold != 1 || l.FailureThreshold != 3 ||
		l.HTTPGet.Scheme != corev1.URISchemeHTTP {
		t.Errorf("liveness has not every default of Kubernetes: %+v", l)
	}
	store, ok := p.For(sut.Instance{Workload: "store", Labels: map[string]string{"env": "demo"}})
	if !ok || store.Rotate || store.Readiness != nil || store.MaxUnavailable != "1" || store.Restart.AtOnce != "25%" {
		t.Errorf("store: %+v", store)
	}
	if _, ok := p.For(sut.Instance{Workload: "store"}); ok {
		t.Error("store without its label is covered")
	}
	edge, ok := p.For(sut.Instance{Workload: "gateway", Labels: map[string]string{"tier": "edge"}})
	if !ok || edge.Rotate || edge.MaxUnavailable != "50%" || edge.Readiness.PeriodSeconds != 10 || edge.Readiness.HTTPGet.Path != "/" {
		t.Errorf("edge: %+v", edge)
	}
	if p.Guard.MaxActionsPerHour != 20 || p.Guard.MaxPerTargetPerHour != 10 || len(p.Guard.Never) != 1 || p.Guard.Approval[0] != "scale" {
		t.Errorf("guardrails: %+v", p.Guard)
	}
	if len(p.Digest) != 64 {
		t.Errorf("digest %q", p.Digest)
	}
}

// The arguments of a runbook's verbs are read by fixtures/sut/repair.
func TestRunbookArgumentsAreThoseOfTheVerbs(t *testing.T) {
	p, err := policy.Load("shop.yaml", []byte(shopYAML(t)))
	if err != nil {
		t.Fatal(err)
	}
	steps := p.Runbooks[0].Steps
	verbs := make([]string, len(steps))
	for i, s := range steps {
		verbs[i] = s.Verb
	}
	if diff := cmp.Diff([]string{"cleanTemp", "cleanLogs", "expand", "page"}, verbs); diff != "" {
		t.Fatal(diff)
	}
	var none repair.None
	var logs repair.CleanLogs
	var expand repair.Expand
	for i, into := range []any{&none, &logs, &expand} {
		d := json.NewDecoder(strings.NewReader(string(steps[i].Args)))
		d.DisallowUnknownFields()
		if err := d.Decode(into); err != nil {
			t.Errorf("%s: %v", steps[i].Verb, err)
		}
	}
	if logs.OlderThan != 168*time.Hour || expand.ByPercent != 50 {
		t.Errorf("logs %+v, expand %+v", logs, expand)
	}
	if steps[0].Within != 5*time.Second || steps[2].Within != 10*time.Second || steps[3].Within != 0 {
		t.Errorf("within: %+v", steps)
	}
}

func TestDigestTellsPoliciesApart(t *testing.T) {
	text := shopYAML(t)
	load := func(s string) string {
		p, err := policy.Load("f", []byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return p.Digest
	}
	if load(text) != load(text+"\n# a comment\n") {
		t.Error("a comment changes the digest")
	}
	if load(text) == load(strings.Replace(text, "minAvailable: 2", "minAvailable: 1", 1)) {
		t.Error("another budget has the same digest")
	}
}

func TestRunbooksMayHaveFilesOfTheirOwn(t *testing.T) {
	head, book, _ := strings.Cut(shopYAML(t), "---\n")
	p, err := policy.LoadAll(policy.Source{File: "shop.yaml", Data: []byte(head)}, policy.Source{File: "disk-full.yaml", Data: []byte(book)})
	if err != nil || len(p.Runbooks) != 1 {
		t.Fatalf("%v, %+v", err, p)
	}
	unused := strings.Replace(head, "runbooks: [disk-full]", "", 1)
	p, err = policy.LoadAll(policy.Source{File: "shop.yaml", Data: []byte(unused)}, policy.Source{File: "disk-full.yaml", Data: []byte(book)})
	if err != nil || len(p.Runbooks) != 0 {
		t.Fatalf("a runbook that is not named: %v, %+v", err, p)
	}
}

func TestProblems(t *testing.T) {
	const orders = "selector: {workload: orders}"
	replace := func(old, with string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				panic("not in testdata: " + old)
			}
			return strings.Replace(s, old, with, 1)
		}
	}
	for _, c := range []struct {
		name string
		edit func(string) string
		want []string // each must be a part of the error, and the error has as many lines
	}{
		{"unknown field", replace("replaceAfter: 4s", "replacAfter: 4s"), []string{"shop.yaml:10:7: spec.workloads[0].replacAfter: unknown field; did you mean replaceAfter?"}},
		{"no unit", replace("replaceAfter: 4s", "replaceAfter: 4"), []string{"spec.workloads[0].replaceAfter: expected a duration with a unit"}},
		{"breakers", replace("runbooks: [disk-full]", "runbooks: [disk-full]\n  breakers: [{dependency: store}]"), []string{"spec.breakers: circuit breakers are not there yet; leave it out"}},
		{"trust", replace("runbooks: [disk-full]", "runbooks: [disk-full]\n  trust: {startAt: alertOnly}"), []string{"spec.trust: trust levels are not there yet"}},
		{"autoscaling", replace("replaceAfter: 4s", "autoscaling: {minReplicas: 3}"), []string{"spec.workloads[0].autoscaling: autoscaling is not there yet"}},
		{"exec", replace("{tcpSocket: {port: http}", "{exec: {command: [ls]}"), []string{"livenessProbe.exec: commands inside an instance are not there yet"}},
		{"grpc", replace("{tcpSocket: {port: http}", "{grpc: {port: 1, service: shop}"), []string{"livenessProbe.grpc: gRPC probes are not there yet"}},
		{"two handlers", replace("{tcpSocket: {port: http}", "{tcpSocket: {port: http}, httpGet: {port: http}"), []string{"expected one of httpGet and tcpSocket, got 2 handlers"}},
		{"no handler", replace("{tcpSocket: {port: http}, periodSeconds: 1", "{periodSeconds: 1"), []string{"livenessProbe: expected httpGet or tcpSocket"}},
		{"port number", replace("{tcpSocket: {port: http}", "{tcpSocket: {port: 80}"), []string{"tcpSocket.port: expected the name of a port"}},
		{"liveness success threshold", replace("periodSeconds: 1, failureThreshold: 3}", "successThreshold: 2}"), []string{"successThreshold: must be 1 in a livenessProbe, got 2"}},
		{"readiness grace", replace("initialDelaySeconds: 1", "terminationGracePeriodSeconds: 1"), []string{"terminationGracePeriodSeconds: must not be set in a readinessProbe"}},
		{"negative", replace("initialDelaySeconds: 1", "initialDelaySeconds: -1"), []string{"initialDelaySeconds: expected a number that is not negative, got -1"}},
		{"empty selector", replace(orders, "selector: {}"), []string{"spec.workloads[0].selector: expected workload or labels"}},
		{"shadowed", replace("selector: {labels: {tier: edge}}", "selector: {workload: orders, labels: {a: b}}"), []string{"spec.workloads[2].selector: never matches: spec.workloads[0] comes first"}},
		{"budget twice", replace("{minAvailable: 2}", "{minAvailable: 2, maxUnavailable: 1}"), []string{"expected minAvailable or maxUnavailable, got both"}},
		{"budget percent", replace("maxUnavailable: 50%", "maxUnavailable: 500%"), []string{`expected a number or a percentage like 25%, got "500%"`}},
		{"at once none", replace("atOnce: 1", "atOnce: 0"), []string{"expected at least one"}},
		{"backoff", replace("max: 5m", "max: 5s"), []string{"backoff.initial: 10s is more than max, which is 5s"}},
		{"rotate blind", replace("    - selector: {labels", "    - {selector: {workload: a}, rotate: true}\n    - selector: {labels"), []string{"rotate: needs a readinessProbe"}},
		{"runbook not there", replace("runbooks: [disk-full]", "runbooks: [disk-ful]"), []string{`spec.runbooks[0]: there is no runbook named "disk-ful"`}},
		{"approval", replace("approval: [scale]", "approval: [drain]"), []string{`"drain" is no verb that is there`}},
		{"two verbs", replace("{cleanTemp: {},", "{cleanTemp: {}, expand: {},"), []string{"spec.steps[0]: expected one of cleanTemp, cleanLogs, expand, notify, page, got cleanTemp and expand"}},
		{"no verb", replace("{cleanTemp: {},", "{"), []string{"spec.steps[0]: expected one of"}},
		{"within alone", replace("- page:", "- within: 3s\n      page:"), []string{"spec.steps[3].within: needs until"}},
		{"no trigger", replace("trigger: volume.usedPercent >= 90", "trigger:"), []string{"spec.trigger: required"}},
		{"two policies", func(s string) string { return s + "---\n" + s[:strings.Index(s, "---")] }, []string{"this is another"}},
		{"no policy", func(s string) string { return s[strings.Index(s, "---"):] }, []string{"expected one HealingPolicy, got none"}},
		{"other kind", func(s string) string { return s + "---\nkind: Machine\n" }, []string{`kind: expected HealingPolicy or Runbook, got "Machine"`}},
		{"all at once", func(s string) string {
			return replace("minAvailable: 2", "minAvailable: -2")(replace("replaceAfter: 4s", "replaceAfter: x")(replace("olderThan: 168h", "olderThan: 7")(s)))
		}, []string{"replaceAfter: expected", "minAvailable: expected", "olderThan: expected"}},
		{"bad condition", replace("trigger: volume.usedPercent >= 90", "trigger: volume.usedPercent >="), []string{"spec.trigger: "}},
		{"unknown name in condition", replace("trigger: volume.usedPercent >= 90", "trigger: volume.usedPct >= 90"), []string{"spec.trigger: "}},
		{"no condition", replace("trigger: volume.usedPercent >= 90", "trigger: volume.usedPercent"), []string{"spec.trigger: "}},
		{"bad text", replace("${volume.usedPercent}", "${volume.usedPercent +}"), []string{"spec.steps[3].page.text: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := policy.Load("shop.yaml", []byte(c.edit(shopYAML(t))))
			if err == nil {
				t.Fatalf("was accepted: %+v", p)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("want %q in:\n%v", want, err)
				}
			}
			if lines := strings.Split(err.Error(), "\n"); len(lines) != len(c.want) {
				t.Errorf("want %d problems, got %d:\n%v", len(c.want), len(lines), err)
			}
		})
	}
}
