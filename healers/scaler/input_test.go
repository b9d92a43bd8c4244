package scaler_test

import (
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

// Later additions to the API: requests of a pod as a whole (KEP-2837) come before those of
// its containers, which need have none then. Upstream has it on by default since 1.34.
func TestRequestsOfThePod(t *testing.T) {
	of := func(name corev1.ResourceName, percent int32) *scaler.Spec {
		s := utilization(percent)
		s.Metrics[0].Resource.Name = name
		return s
	}
	app := utilization(50)
	app.Metrics[0] = autoscalingv2.MetricSpec{Type: autoscalingv2.ContainerResourceMetricSourceType, ContainerResource: &autoscalingv2.ContainerResourceMetricSource{
		Name: "cpu", Container: "app", Target: app.Metrics[0].Resource.Target,
	}}
	const gpu = corev1.ResourceName("example.com/gpu")
	for _, row := range []struct {
		name       string
		spec       *scaler.Spec
		pod        []scaler.Amount
		containers [2][]scaler.Amount
		want       int32  // each of two pods uses 500m in app, and as much in side
		says       string // or it fails
	}{
		{"those of the pod", utilization(50), []scaler.Amount{{Resource: "cpu", Milli: 1000}}, [2][]scaler.Amount{{{Resource: "cpu", Milli: 4000}}, nil}, 4, ""},
		{"a container has none", utilization(50), nil, [2][]scaler.Amount{{{Resource: "cpu", Milli: 4000}}, nil}, 0, "missing request for cpu in p0/side"},
		{"of one container", app, []scaler.Amount{{Resource: "cpu", Milli: 1}}, [2][]scaler.Amount{{{Resource: "cpu", Milli: 500}}, nil}, 4, ""},
		{"the pod says another resource", of("memory", 50), []scaler.Amount{{Resource: "cpu", Milli: 1}}, [2][]scaler.Amount{{{Resource: "memory", Milli: 1000}}, nil}, 4, ""},
		{"nobody says it", of("memory", 50), []scaler.Amount{{Resource: "cpu", Milli: 1}}, [2][]scaler.Amount{}, 0, "missing request for memory in p0"},
		{"huge pages", of("hugepages-2Mi", 50), []scaler.Amount{{Resource: "hugepages-2Mi", Milli: 1000}}, [2][]scaler.Amount{}, 4, ""},
		{"what a pod cannot ask for does not count", of(gpu, 50), []scaler.Amount{{Resource: gpu, Milli: 1}}, [2][]scaler.Amount{{{Resource: gpu, Milli: 500}}, {{Resource: gpu, Milli: 500}}}, 4, ""},
		{"nor beside what it can", of(gpu, 50), []scaler.Amount{{Resource: gpu, Milli: 1}, {Resource: "cpu", Milli: 1}}, [2][]scaler.Amount{{{Resource: gpu, Milli: 1000}}, nil}, 4, ""},
		{"nor does it make up for a container", utilization(50), []scaler.Amount{{Resource: gpu, Milli: 1}}, [2][]scaler.Amount{{{Resource: "cpu", Milli: 500}}, nil}, 0, "missing request for cpu in p0/side"},
	} {
		t.Run(row.name, func(t *testing.T) {
			pods := cpu(0, 0, 0)
			for i := range pods {
				pods[i].Requests, pods[i].Containers = row.pod, nil
				for j, name := range []string{"app", "side"} {
					c := scaler.Container{Name: name, Requests: row.containers[j]}
					for _, r := range []string{"cpu", "memory", "hugepages-2Mi", string(gpu)} {
						c.Usage = append(c.Usage, scaler.Sample{Metric: r, Milli: 500, At: noon})
					}
					pods[i].Containers = append(pods[i].Containers, c)
				}
			}
			for _, compat := range []bool{true, false} {
				m := decide(row.spec, compat, &scaler.Observation{SpecReplicas: 2, Pods: pods}, nil).Metrics[0]
				if row.says != "" {
					if m.Proposal != nil || !strings.Contains(m.Error, row.says) {
						t.Errorf("compat %v: expected %q, got %v, %q", compat, row.says, value(m.Proposal), m.Error)
					}
					continue
				}
				if m.Proposal == nil || *m.Proposal != row.want {
					t.Errorf("compat %v: expected %d, got %v (%s)", compat, row.want, value(m.Proposal), m.Error)
				}
			}
		})
	}
}

// A selector says which series of an External metric are meant; one that is none is a metric
// that cannot be had. The API server refuses none of these.
func TestSelectorOfAMetric(t *testing.T) {
	in := func(operator metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "queue", Operator: operator, Values: values}}}
	}
	for _, row := range []struct {
		name     string
		selector *metav1.LabelSelector
		there    string
		want     any
	}{
		{"none", nil, "", int32(7)},
		{"an empty one is none", &metav1.LabelSelector{}, "", int32(7)},
		{"labels", &metav1.LabelSelector{MatchLabels: map[string]string{"queue": "mail"}}, "queue=mail", int32(7)},
		{"series of any selector", in(metav1.LabelSelectorOpExists), "", int32(7)},
		{"one of several", in(metav1.LabelSelectorOpIn, "sms", "mail"), "queue in (mail,sms)", int32(7)},
		{"any", in(metav1.LabelSelectorOpExists), "queue", int32(7)},
		{"another", in(metav1.LabelSelectorOpNotIn, "mail"), "queue in (mail)", nil},
		{"none, and there are those of one", nil, "queue=mail", nil},
		{"an operator that is none", in("Like", "mail"), "", nil},
		{"one of nothing", in(metav1.LabelSelectorOpIn), "", nil},
		{"a label that is none", in(metav1.LabelSelectorOpIn, "a b"), "", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			spec := bounded(external(average("1")))
			spec.Metrics[0].External.Metric.Selector = row.selector
			for _, compat := range []bool{true, false} {
				d := decide(spec, compat, &scaler.Observation{SpecReplicas: 5, External: []scaler.ExternalValues{{Metric: "jobs", Selector: row.there, Milli: []int64{7000}}}}, nil)
				if got := value(d.Metrics[0].Proposal); got != row.want {
					t.Errorf("compat %v: expected %v, got %v (%s)", compat, row.want, got, d.Metrics[0].Error)
				}
				if row.want == nil && (d.Desired != 5 || d.Conditions[1].Reason != "FailedGetExternalMetric") {
					t.Errorf("compat %v: %+v", compat, d)
				}
			}
		})
	}
}
