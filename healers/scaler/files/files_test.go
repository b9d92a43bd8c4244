package files_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers/scaler"
	"github.com/rebound-chaos/rebound/healers/scaler/files"
)

const whole = `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, labels: {app: web}, creationTimestamp: null}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 10
status: {currentReplicas: 3}
`

// named is the document with other metadata.
func named(metadata string) string {
	return strings.Replace(whole, "name: web, labels: {app: web}, creationTimestamp: null", metadata, 1)
}

func TestHPA(t *testing.T) {
	for name, text := range map[string]string{
		"whole":      whole,
		"lean":       "maxReplicas: 10",
		"json":       `{"maxReplicas": 10}`,
		"spec alone": "spec: {maxReplicas: 10}",
		"as kubectl writes it": named(`name: web, namespace: shop, uid: 9f0e, resourceVersion: "7", generation: 2, creationTimestamp: "2026-01-31T08:00:00Z",
  labels: {app: web}, annotations: {Owner.example.com/Team: A b!}, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: 9f0e}],
  managedFields: [{manager: kubectl, operation: Update, apiVersion: autoscaling/v2, time: "2026-01-31T08:00:00Z", fieldsType: FieldsV1, fieldsV1: {"f:spec": {"f:maxReplicas": {}}}}]`),
		"a core kind":  strings.Replace(whole, "apiVersion: apps/v1, kind: Deployment", "apiVersion: v1, kind: ReplicationController", 1),
		"without name": "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nspec: {maxReplicas: 10}",
	} {
		t.Run(name, func(t *testing.T) {
			spec, err := files.HPA("hpa.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if *spec.MinReplicas != 1 || spec.MaxReplicas != 10 || *spec.Metrics[0].Resource.Target.AverageUtilization != 80 {
				t.Errorf("expected upstream's defaults, got %+v", spec)
			}
		})
	}
}

// What kubectl apply refuses, under the path that it names.
func TestHPAIsRefused(t *testing.T) {
	for _, row := range []struct{ name, text, says string }{
		{"a name that is a number", named("name: 123"), "metadata.name: expected a text"},
		{"a number for a name, and no target", "metadata: {name: 123}\nspec: {maxReplicas: 10}", "spec.scaleTargetRef.kind: Required value"},
		{"a name that is misspelled", named("nome: web"), "metadata.nome: unknown field; did you mean name?"},
		{"a name that is no subdomain", named("name: A_B"), `metadata.name: Invalid value: "A_B": a lowercase RFC 1123 subdomain`},
		{"a prefix that is none", named("generateName: A_B"), "metadata.generateName: Invalid value"},
		{"a prefix, and no target", "metadata: {generateName: web-}\nspec: {maxReplicas: 10}", "spec.scaleTargetRef.kind: Required value"},
		{"a label that is none", named(`name: web, labels: {"a b!": x}`), "metadata.labels: Invalid value"},
		{"a label that is a number", named("name: web, labels: {a: 1}"), "metadata.labels.a: expected a text"},
		{"an annotation that is none", named(`name: web, annotations: {"a b!": x}`), "metadata.annotations: Invalid value"},
		{"a namespace that is none", named("name: web, namespace: A_B"), "metadata.namespace: Invalid value"},
		{"an owner without a name", named("name: web, ownerReferences: [{apiVersion: v1, kind: Pod, uid: x}]"), "metadata.ownerReferences[0].name: Required value"},
		{"metadata that is a text", strings.Replace(whole, "{name: web, labels: {app: web}, creationTimestamp: null}", "web", 1), "metadata: expected fields"},
		{"no maximum", "minReplicas: 2", "maxReplicas: Invalid value: 0: must be greater than 0"},
		{"a maximum below the minimum", "spec: {minReplicas: 3, maxReplicas: 2}", "spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`"},
		{"no target", strings.Replace(whole, "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n", "", 1), "spec.scaleTargetRef.kind: Required value"},
		{"a core kind that cannot be scaled", strings.Replace(whole, "apiVersion: apps/v1, kind: Deployment", "apiVersion: v1, kind: Pod", 1), "spec.scaleTargetRef.apiVersion: Invalid value"},
		{"an unknown field", "maxReplicas: 2\nmetric: []", "unknown field; did you mean metrics?"},
		{"another version", strings.Replace(whole, "autoscaling/v2", "autoscaling/v1", 1), "apiVersion: expected autoscaling/v2"},
		{"another kind", strings.Replace(whole, "HorizontalPodAutoscaler", "Deployment", 1), "kind: expected HorizontalPodAutoscaler"},
		{"a period of nothing", "{maxReplicas: 5, behavior: {scaleUp: {policies: [{type: Pods, value: 1, periodSeconds: 0}]}}}", "behavior.scaleUp.policies[0].periodSeconds: Invalid value: 0"},
		{"no source", "{maxReplicas: 5, metrics: [{type: Resource}]}", "metrics[0].resource: Required value"},
		{"zero without a shared metric", "{minReplicas: 0, maxReplicas: 5}", "metrics: Forbidden"},
		{"a quantity that is none", "{maxReplicas: 5, metrics: [{type: Pods, pods: {metric: {name: q}, target: {type: AverageValue, averageValue: many}}}]}", "averageValue: expected a quantity"},
		{"a quantity without end", "{maxReplicas: 5, metrics: [{type: Pods, pods: {metric: {name: q}, target: {type: AverageValue, averageValue: '1e-2147483647'}}}]}", "averageValue: expected a quantity"},
		{"a number that is none", "{maxReplicas: .nan}", "maxReplicas"},
		{"a fallback of too many", "{maxReplicas: 5, fallback: {after: 1m, replicas: 6}}", "fallback.replicas"},
		{"two documents", "maxReplicas: 2\n---\nmaxReplicas: 3", "expected one document"},
		{"nothing", "", "empty file"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := files.HPA("hpa.yaml", []byte(row.text)); err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("expected %q, got %v", row.says, err)
			}
		})
	}
}

func TestObservation(t *testing.T) {
	o, h, err := files.Observation("now.json", []byte(`{
		"now": "2026-01-31T12:00:00Z", "specReplicas": 4, "statusReplicas": 3,
		"pods": [
			{"name": "a", "phase": "Running", "ready": true, "readyTransition": "2026-01-31T11:00:00Z", "startTime": "2026-01-31T10:00:00Z", "owned": false,
			 "containers": [{"name": "app", "requests": {"cpu": "500m"}, "usage": {"cpu": {"value": "0.3", "timestamp": "2026-01-31T11:59:30Z", "window": "30s"}}}],
			 "custom": {"queue_depth": {"value": "7"}}},
			{"name": "b", "ready": "Unknown", "deleting": true, "containers": [{"name": "app"}]}],
		"object": [{"metric": "qps", "object": {"kind": "Ingress", "name": "web"}, "value": "2k"}, {"metric": "gone", "object": {"kind": "Ingress", "name": "web"}}],
		"external": [{"metric": "jobs", "selector": "queue=mail", "values": ["30", 12]}, {"metric": "jobs", "selector": {"matchLabels": {"queue": "sms"}}, "values": []}],
		"errors": {"lag": "no answer"},
		"history": {"recommendations": [{"at": "2026-01-31T11:58:00Z", "replicas": 5}],
		            "scaleUps": [{"at": "2026-01-31T11:58:00Z", "change": 2}, {"at": "2026-01-31T11:50:00Z", "change": 1}], "scaleDowns": []},
		"lastScaleTime": "2026-01-31T11:58:00Z"}`), true)
	if err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	a := o.Pods[0]
	if !o.Now.Equal(noon) || o.SpecReplicas != 4 || o.StatusReplicas != 3 || len(o.Pods) != 2 || !a.Foreign || a.Ready != "True" || !a.Start.Equal(noon.Add(-2*time.Hour)) {
		t.Errorf("got %+v", o)
	}
	if u := a.Containers[0].Usage[0]; u.Milli != 300 || !u.At.Equal(noon.Add(-30*time.Second)) || u.Window != 30*time.Second || a.Containers[0].Requests[0].Milli != 500 {
		t.Errorf("got %+v", a.Containers[0])
	}
	if c := a.Custom[0]; c.Milli != 7000 || !c.At.Equal(noon) {
		t.Errorf("a sample without a time is of now, got %+v", c)
	}
	if b := o.Pods[1]; b.Ready != "Unknown" || !b.Deleting || b.Phase != "" || !b.Start.IsZero() {
		t.Errorf("got %+v", b)
	}
	if len(o.Objects) != 1 || o.Objects[0].Milli != 2_000_000 {
		t.Errorf("an object without a value could not be had, got %+v", o.Objects)
	}
	if e := o.External; e[0].Selector != "queue=mail" || !slices.Equal(e[0].Milli, []int64{30_000, 12_000}) || e[1].Selector != "queue=sms" || len(e[1].Milli) != 0 {
		t.Errorf("got %+v", e)
	}
	if h.Recommendations[0].Replicas != 5 || h.ScaleUps[0].Change != 1 || h.ScaleUps[1].Change != 2 {
		t.Errorf("changes are by time, got %+v", h)
	}
}

func TestObservationIsRefused(t *testing.T) {
	for _, row := range []struct{ name, text, says string }{
		{"an unknown field", `{"pod": []}`, "did you mean pods?"},
		{"twice", `{"pods": [{"name": "a"}, {"name": "a"}]}`, "pods[1].name: there are two pods named a"},
		{"a phase that is none", `{"pods": [{"name": "a", "phase": "Walking"}]}`, "pods[0].phase: expected Pending"},
		{"a sample that is none", `{"pods": [{"name": "a", "custom": {"q": "many"}}]}`, "pods[0].custom.q: expected a quantity"},
		{"a quantity without end", `{"pods": [{"name": "a", "custom": {"q": "1e-2147483647"}}]}`, "pods[0].custom.q: expected a quantity"},
		{"a value without end", `{"pods": [{"name": "a", "custom": {"q": {"value": "1e-2147483647"}}}]}`, "pods[0].custom.q: expected a quantity"},
		{"an object without end", `{"object": [{"metric": "q", "object": {"kind": "A", "name": "b"}, "value": "1e-2147483647"}]}`, "expected a quantity"},
		{"a sample without a value", `{"pods": [{"name": "a", "custom": {"q": {"window": "3s"}}}]}`, "expected a value"},
		{"not a number", `{"object": [{"metric": "q", "object": {"kind": "A", "name": "b"}, "value": "NaN"}]}`, "expected a quantity"},
		{"a time that is none", `{"now": "yesterday"}`, "now: expected a time"},
		{"fewer than none", `{"specReplicas": -1}`, "specReplicas: expected a number of replicas"},
		{"more than there can be", `{"specReplicas": 99999999999}`, "specReplicas"},
		{"a change of nothing", `{"history": {"scaleUps": [{"at": "2026-01-31T11:58:00Z", "change": 0}]}}`, "history.scaleUps[0].change"},
		{"a failure of nothing", `{"history": {"failures": [{"since": "2026-01-31T11:58:00Z"}]}}`, "history.failures[0].metric"},
		{"less than nothing spent", `{"history": {"spent": {"hours": -1}}}`, "history.spent.hours: expected replica-hours"},
		{"no pod", `{"pods": [null]}`, "pods[0].name: expected a name"},
		{"a pod without a name", `{"pods": [{"name": ""}]}`, "pods[0].name: expected a name"},
		{"no container", `{"pods": [{"name": "a", "containers": [null]}]}`, "pods[0].containers[0].name: expected a name"},
		{"no series", `{"external": [null]}`, "external[0].metric: expected a name"},
		{"no object", `{"object": [null]}`, "object[0].metric: expected a name"},
		{"a value of nothing", `{"external": [{"metric": "q", "values": ["1", null]}]}`, "external[0].values[1]: expected a quantity"},
		{"labels without matchLabels", `{"external": [{"metric": "q", "selector": {"queue": "mail"}}]}`, "external[0].selector: expected a label selector, with matchLabels or matchExpressions"},
		{"a selector that is none", `{"external": [{"metric": "q", "selector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}}]}`, "external[0].selector: expected a label selector"},
		{"text that is no selector", `{"external": [{"metric": "q", "selector": "a in"}]}`, "external[0].selector: expected a label selector"},
		{"a request below nothing", `{"pods": [{"name": "a", "containers": [{"name": "x", "requests": {"cpu": "-1"}}]}]}`, "requests.cpu"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, _, err := files.Observation("now.json", []byte(row.text), false); err == nil || !strings.Contains(err.Error(), row.says) {
				t.Errorf("expected %q, got %v", row.says, err)
			}
		})
	}
}

// What is null is left out: a sample is missing, and a request not said. Neither is zero.
func TestNullIsNotZero(t *testing.T) {
	o, _, err := files.Observation("now.json", []byte(`{"now": null, "specReplicas": null, "errors": null, "history": null, "object": null,
		"pods": [{"name": "a", "phase": null, "ready": null, "startTime": null, "requests": {"cpu": null}, "custom": {"q": null, "r": "1"},
		          "containers": [{"name": "app", "requests": {"cpu": null, "memory": "1"}, "usage": {"cpu": null}}]}],
		"external": [{"metric": "jobs", "selector": null, "values": null}, {"metric": "jobs", "selector": {}, "values": ["1"]}, {"metric": "jobs", "selector": "", "values": []}]}`), false)
	if err != nil {
		t.Fatal(err)
	}
	p := o.Pods[0]
	if c := p.Containers[0]; len(p.Requests) != 0 || len(p.Custom) != 1 || p.Custom[0].Metric != "r" || len(c.Usage) != 0 || len(c.Requests) != 1 || c.Requests[0].Resource != "memory" {
		t.Errorf("got %+v", p)
	}
	if o.SpecReplicas != 1 || o.Now.IsZero() || p.Ready != "" {
		t.Errorf("got %+v", o)
	}
	for _, e := range o.External {
		if e.Selector != "" {
			t.Errorf("an empty selector is none, got %q", e.Selector)
		}
	}
}

// A fleet of thousands is read: the bound is on aliases.
func TestManyPods(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"pods": [`)
	for i := range 3000 {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(`{"name": "p` + strings.Repeat("x", i%7) + time.Duration(i).String() + `", "containers": [{"name": "a", "requests": {"cpu": "1", "memory": "1Gi"}, "usage": {"cpu": {"value": "1"}, "memory": {"value": "1"}}}]}`)
	}
	b.WriteString("]}")
	o, _, err := files.Observation("now.json", []byte(b.String()), false)
	if err != nil || len(o.Pods) != 3000 {
		t.Fatal(err)
	}
}

func FuzzHPA(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("{maxReplicas: 5, fallback: {after: 1m, replicas: 6}, behavior: {scaleDown: {policies: []}}}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		spec, err := files.HPA("hpa.yaml", data)
		if err != nil {
			return
		}
		for _, compat := range []bool{true, false} {
			o := &scaler.Observation{Now: time.Unix(0, 0), SpecReplicas: spec.MaxReplicas}
			if d := scaler.New(spec, scaler.Options{Compat: compat}).Decide(o, &scaler.History{}); d.Desired != spec.MaxReplicas {
				t.Fatalf("of nothing known came %d", d.Desired)
			}
		}
	})
}

func FuzzObservation(f *testing.F) {
	f.Add([]byte(`{"specReplicas": 3, "pods": [{"name": "a", "ready": true, "containers": [{"name": "app", "requests": {"cpu": "1"}, "usage": {"cpu": "1"}}]}]}`))
	f.Add([]byte(`{"external": [{"metric": "cpu", "selector": "a in (b)", "values": ["1e30", "-1"]}]}`))
	spec, err := files.HPA("hpa.yaml", []byte("maxReplicas: 100"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, compat := range []bool{true, false} {
			o, h, err := files.Observation("now.json", data, compat)
			if err != nil {
				return
			}
			if d := scaler.New(spec, scaler.Options{Compat: compat}).Decide(o, h); d.Desired != o.SpecReplicas && (d.Desired < 1 || d.Desired > 100) {
				t.Fatalf("%d", d.Desired)
			}
		}
	})
}
