package policy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

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

// Every field of core/v1 Probe has its place in the compiled form.
func TestProbesAreThoseOfKubernetes(t *testing.T) {
	edit := func(old, with string) string {
		text := shopYAML(t)
		if !strings.Contains(text, old) {
			t.Fatalf("not in testdata: %s", old)
		}
		return strings.Replace(text, old, with, 1)
	}
	tcp := "{tcpSocket: {port: http}, periodSeconds: 1, failureThreshold: 3}"
	numbers := corev1.Probe{TimeoutSeconds: 1, PeriodSeconds: 10, SuccessThreshold: 1, FailureThreshold: 3}
	protocol, mode, service, grace := corev1.HTTPProtocolHTTP2, corev1.GRPCProbeModeTLS, "shop", int64(60)
	none := ""
	for _, c := range []struct {
		name, probe string
		want        func(*corev1.Probe)
	}{
		{"exec", "{exec: {command: [test, -f, /ready]}}", func(p *corev1.Probe) {
			p.Exec = &corev1.ExecAction{Command: []string{"test", "-f", "/ready"}}
		}},
		{"grpc", "{grpc: {port: 9000, service: shop, mode: TLS}}", func(p *corev1.Probe) {
			p.GRPC = &corev1.GRPCAction{Port: 9000, Service: &service, Mode: &mode}
		}},
		{"grpc of no service", "{grpc: {port: 9000}}", func(p *corev1.Probe) {
			p.GRPC = &corev1.GRPCAction{Port: 9000, Service: &none}
		}},
		{"http", "{httpGet: {port: http, protocol: HTTP2, path: '/live?a=b', httpHeaders: [{name: X-A, value: a}]}}", func(p *corev1.Probe) {
			p.HTTPGet = &corev1.HTTPGetAction{
				Port: intstr.FromString("http"), Protocol: &protocol, Path: "/live?a=b", Scheme: corev1.URISchemeHTTP,
				HTTPHeaders: []corev1.HTTPHeader{{Name: "X-A", Value: "a"}},
			}
		}},
		{"numbers", "{tcpSocket: {port: http}, initialDelaySeconds: 3, timeoutSeconds: 4, periodSeconds: 5, successThreshold: 1, failureThreshold: 6, terminationGracePeriodSeconds: 60}", func(p *corev1.Probe) {
			p.TCPSocket = &corev1.TCPSocketAction{Port: intstr.FromString("http")}
			p.InitialDelaySeconds, p.TimeoutSeconds, p.PeriodSeconds, p.FailureThreshold, p.TerminationGracePeriodSeconds = 3, 4, 5, 6, &grace
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := policy.Load("shop.yaml", []byte(edit(tcp, c.probe)))
			if err != nil {
				t.Fatal(err)
			}
			want := numbers
			c.want(&want)
			if diff := cmp.Diff(&want, p.Workloads[1].Liveness); diff != "" {
				t.Error(diff)
			}
			if grace := p.Workloads[1].ProbeGrace(false); (grace > 0) != (want.TerminationGracePeriodSeconds != nil) {
				t.Errorf("grace %v", grace)
			}
		})
	}
	p, err := policy.Load("shop.yaml", []byte(edit("rotate: false", "probing: {keepConnections: true}")))
	if err != nil || !p.Workloads[2].Probing.KeepConnections || p.Workloads[0].Probing.KeepConnections {
		t.Errorf("%v %+v", err, p)
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
		{"remembered", replace("maxActionsPerHour: 20,", "maxActionsPerHour: 20, recurrence: {count: 33, within: 200h},"), []string{
			"spec.guardrails.recurrence.count: 33 is more than the 32 that are remembered",
			"spec.guardrails.recurrence.within: 200h0m0s is longer than the 168h0m0s for which it is remembered",
		}},
		{"long soak", replace("soak: 1s", "soak: 2h"), []string{"restart.stagger.soak: 2h0m0s is longer than the 1h0m0s for which it is remembered who is back"}},
		{"long back-off", replace("max: 5m, reset: 10m", "max: 25h, reset: 26h"), []string{
			"restart.backoff.max: 25h0m0s is longer than the 24h0m0s for which a restart is remembered", "restart.backoff.reset: 26h0m0s is longer",
		}},
		{"no unit", replace("replaceAfter: 4s", "replaceAfter: 4"), []string{"spec.workloads[0].replaceAfter: expected a duration with a unit"}},
		{"trust", replace("runbooks: [disk-full]", "runbooks: [disk-full]\n  trust: {startAt: alertOnly}"), []string{"spec.trust: trust levels are not there yet"}},
		{"scaling without a limit", replace("replaceAfter: 4s", "autoscaling: {minReplicas: 1}"), []string{
			"spec.workloads[0].autoscaling.maxReplicas: Invalid value: 0: must be greater than 0",
			"spec.workloads[0].autoscaling.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
		}},
		{"scaling by what is no metric", replace("replaceAfter: 4s", "autoscaling: {maxReplicas: 3, metrics: [{type: Resource}]}"), []string{"spec.workloads[0].autoscaling.metrics[0].resource: Required value"}},
		{"a field that scaling has not", replace("replaceAfter: 4s", "autoscaling: {maxReplica: 3}"), []string{
			"spec.workloads[0].autoscaling.maxReplica: unknown field; did you mean maxReplicas?",
			"spec.workloads[0].autoscaling.maxReplicas: Invalid value", "spec.workloads[0].autoscaling.maxReplicas: Invalid value",
		}},
		{"a metric without a source", replace("replaceAfter: 4s", "autoscaling: {maxReplicas: 3, metrics: [{type: External, external: {metric: {name: q}, target: {type: Value, value: 1}}}]}"), []string{"spec.workloads[0].autoscaling.metrics[0].external.metric.name: q has no source"}},
		{"a source that is none", replace("replaceAfter: 4s", "autoscaling: {maxReplicas: 3, sources: [{metric: q}]}"), []string{"spec.workloads[0].autoscaling.sources[0]"}},
		{"scaling to zero by what needs an instance", replace("replaceAfter: 4s", "autoscaling: {minReplicas: 0, maxReplicas: 3}"), []string{
			"spec.workloads[0].autoscaling.minReplicas: the disruptionBudget keeps 2 available whatever is asked for", "spec.workloads[0].autoscaling.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
		}},
		{"compat of another version", replace("replaceAfter: 4s", "autoscaling: {maxReplicas: 3, compat: v1}"), []string{`spec.workloads[0].autoscaling.compat: expected v2, got "v1"`}},
		{"exec without a command", replace("{tcpSocket: {port: http}", "{exec: {command: []}"), []string{"livenessProbe.exec.command: expected a program"}},
		{"grpc port", replace("{tcpSocket: {port: http}", "{grpc: {port: 0, service: shop}"), []string{"livenessProbe.grpc.port: expected the number that the System declares for a port, 1 to 65535, got 0"}},
		{"grpc mode", replace("{tcpSocket: {port: http}", "{grpc: {port: 1, mode: tls}"), []string{`livenessProbe.grpc.mode: expected Plaintext or TLS, got "tls"`}},
		{"protocol", replace("{tcpSocket: {port: http}", "{httpGet: {port: http, protocol: HTTP3}"), []string{`livenessProbe.httpGet.protocol: expected HTTP1 or HTTP2, got "HTTP3"`}},
		{"HTTP2 over TLS", replace("{tcpSocket: {port: http}", "{httpGet: {port: http, protocol: HTTP2, scheme: HTTPS}"), []string{"livenessProbe.httpGet.protocol: HTTP2 is spoken in the clear alone"}},
		{"header name", replace("{name: Host, value", "{name: 'Ho st', value"), []string{`readinessProbe.httpGet.httpHeaders[0].name: expected the name of a header, got "Ho st"`}},
		{"header value", replace("value: shop.example", `value: "a\r\nb"`), []string{`readinessProbe.httpGet.httpHeaders[0].value: expected one line, got "a\r\nb"`}},
		{"http host", replace("{tcpSocket: {port: http}", "{httpGet: {port: http, host: h}"), []string{"livenessProbe.httpGet.host: a probe asks the instance itself"}},
		{"tcp host", replace("{tcpSocket: {port: http}", "{tcpSocket: {port: http, host: h}"), []string{"livenessProbe.tcpSocket.host: a probe asks the instance itself"}},
		{"scheme", replace("{tcpSocket: {port: http}", "{httpGet: {port: http, scheme: FTP}"), []string{`livenessProbe.httpGet.scheme: expected HTTP or HTTPS, got "FTP"`}},
		{"path", replace("{tcpSocket: {port: http}", "{httpGet: {port: http, path: live}"), []string{`livenessProbe.httpGet.path: expected a path that begins with /, got "live"`}},
		{"two handlers", replace("{tcpSocket: {port: http}", "{tcpSocket: {port: http}, httpGet: {port: http}"), []string{"expected one of httpGet, tcpSocket, exec and grpc, got 2 handlers"}},
		{"no handler", replace("{tcpSocket: {port: http}, periodSeconds: 1", "{periodSeconds: 1"), []string{"livenessProbe: expected httpGet, tcpSocket, exec or grpc"}},
		{"all that is wrong with one probe", replace("{tcpSocket: {port: http}, periodSeconds: 1", "{exec: {}, grpc: {port: 70000}, periodSeconds: -1, terminationGracePeriodSeconds: 0"), []string{
			"periodSeconds: expected", "terminationGracePeriodSeconds: expected a number above 0, got 0", "exec.command: expected", "grpc.port: expected", "got 2 handlers",
		}},
		{"keeps nothing", replace("livenessProbe:  {tcpSocket: {port: http}", "probing: {keepConnections: true}\n      livenessProbe:  {tcpSocket: {port: http}"), []string{"spec.workloads[1].probing.keepConnections: needs an httpGet probe over HTTP1"}},
		{"keeps no HTTP2", replace("livenessProbe:  {tcpSocket: {port: http}", "probing: {keepConnections: true}\n      livenessProbe:  {httpGet: {port: http, protocol: HTTP2}"), []string{"spec.workloads[1].probing.keepConnections: needs an httpGet probe over HTTP1"}},
		{"no option", replace("rotate: false", "probing: {keepConnection: true}"), []string{"spec.workloads[2].probing.keepConnection: unknown field; did you mean keepConnections?"}},
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

func TestAutoscaling(t *testing.T) {
	p, err := policy.Load("shop.yaml", []byte(`
apiVersion: rebound.dev/v1
kind: HealingPolicy
metadata: {name: shop}
spec:
  workloads:
    - selector: {workload: orders}
      autoscaling: {maxReplicas: 9, every: 5s, fallback: {after: 1m, replicas: 4}, behavior: {scaleDown: {stabilizationWindowSeconds: 60}}}
    - selector: {workload: store}
`))
	if err != nil {
		t.Fatal(err)
	}
	if from := p.Sources(); len(from) != 1 || !from[0].Usage || from[0].Every != 5*time.Second {
		t.Errorf("cpu is metered, got %+v", from)
	}
	s := p.Workloads[0].Scaling
	if s.Spec.MaxReplicas != 9 || *s.Spec.MinReplicas != 1 || s.Every != 5*time.Second || s.Compat || s.Spec.Fallback.Replicas != 4 ||
		*s.Spec.Metrics[0].Resource.Target.AverageUtilization != 80 || len(s.Spec.Behavior.ScaleUp.Policies) != 2 {
		t.Errorf("got %+v", s)
	}
	if p.Workloads[1].Scaling != nil {
		t.Error("what does not say so is not scaled")
	}
	const apart = "apiVersion: rebound.dev/v1\nkind: HealingPolicy\nmetadata: {name: shop}\nspec:\n  workloads:\n    - selector: {workload: orders}\n" +
		"      autoscaling: {maxReplicas: 9, metrics: [{type: ContainerResource, containerResource: {name: %s, container: main, target: {type: Utilization, averageUtilization: 50}}}]}\n"
	if p, err := policy.Load("shop.yaml", fmt.Appendf(nil, apart, "cpu")); err != nil || len(p.Sources()) != 1 || !p.Sources()[0].Containers {
		t.Errorf("of one container: %v", err)
	}
	if _, err := policy.Load("shop.yaml", fmt.Appendf(nil, apart, "ephemeral-storage")); err == nil || !strings.Contains(err.Error(), "metrics[0].containerResource.name: cpu and memory are metered, and ephemeral-storage is not") {
		t.Errorf("got %v", err)
	}
	const idle = `
apiVersion: rebound.dev/v1
kind: HealingPolicy
metadata: {name: shop}
spec:
  workloads:
    - selector: {workload: orders}
      disruptionBudget: {%s}
      autoscaling:
        minReplicas: 0
        maxReplicas: 9
        metrics: [{type: External, external: {metric: {name: jobs}, target: {type: AverageValue, averageValue: 10}}}]
        sources: [{metric: jobs, http: {url: "http://127.0.0.1:8080/stats", field: jobs}}]
`
	for _, row := range []struct{ budget, want string }{
		{"minAvailable: 50%", ""},
		{"maxUnavailable: 1", ""},
		{"minAvailable: 0", ""},
		{"minAvailable: 1", "spec.workloads[0].autoscaling.minReplicas: the disruptionBudget keeps 1 available whatever is asked for"},
	} {
		p, err := policy.Load("shop.yaml", fmt.Appendf(nil, idle, row.budget))
		if row.want == "" && (err != nil || *p.Workloads[0].Scaling.Spec.MinReplicas != 0) || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: expected %q, got %v", row.budget, row.want, err)
		}
	}
	_, err = policy.Load("shop.yaml", []byte("apiVersion: rebound.dev/v1\nkind: HealingPolicy\nmetadata: {name: shop}\nspec:\n  workloads:\n    - selector: {labels: {a: b}}\n      autoscaling: {maxReplicas: 9}\n"))
	if err == nil || !strings.Contains(err.Error(), "spec.workloads[0].selector.workload: expected the workload that is scaled") {
		t.Errorf("got %v", err)
	}
}
