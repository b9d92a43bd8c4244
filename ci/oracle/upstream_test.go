package oracle

import (
	"context"
	"errors"
	"fmt"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	autoscalingclient "k8s.io/client-go/kubernetes/typed/autoscaling/v2"
	corelisters "k8s.io/client-go/listers/core/v1"
	scaleclient "k8s.io/client-go/scale"
	podautoscaler "k8s.io/kubernetes/pkg/controller/podautoscaler"
	metricsclient "k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
	metricsapi "k8s.io/metrics/pkg/apis/metrics/v1beta1"
	resourceclient "k8s.io/metrics/pkg/client/clientset/versioned/typed/metrics/v1beta1"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

const key = "default/shop"

// world is a cluster of one workload, as upstream's controller sees it through its clients.
type world struct {
	metricsclient.MetricsClient // upstream's own, over the metrics API; what is not of resources is below

	controller *podautoscaler.HorizontalController
	o          *scaler.Observation
	pods       []*corev1.Pod
	scaled     *int32
	status     *autoscalingv2.HorizontalPodAutoscalerStatus
}

func newWorld() *world {
	w := &world{}
	w.MetricsClient = metricsclient.NewRESTMetricsClient(podMetrics{w: w}, nil, nil)
	w.controller = podautoscaler.Exported(scales{w}, hpas{w}, mapper{}, w, lister{w},
		scaler.DefaultDownWindow, scaler.DefaultTolerance, scaler.DefaultCPUInitPeriod, scaler.DefaultReadinessDelay)
	return w
}

// outcome is what a decision was.
type outcome struct {
	desired    int32
	conditions map[string]string
}

// decide is upstream's decision, and what it remembers afterwards.
func (w *world) decide(spec *scaler.Spec, o *scaler.Observation, h *scaler.History) (outcome, *scaler.History) {
	w.o, w.scaled, w.status = o, nil, nil
	w.pods = w.pods[:0]
	for i := range o.Pods {
		w.pods = append(w.pods, object(&o.Pods[i]))
	}
	var recommendations []podautoscaler.Recommendation
	for _, r := range h.Recommendations {
		recommendations = append(recommendations, podautoscaler.Recommendation{At: r.At, Replicas: r.Replicas})
	}
	w.controller.Remember(key, recommendations, there(h.ScaleUps), there(h.ScaleDowns))
	hpa := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "shop"}, Spec: spec.HorizontalPodAutoscalerSpec}
	_ = w.controller.Reconcile(context.Background(), hpa, key) // what failed is in the conditions
	out := outcome{desired: o.SpecReplicas, conditions: map[string]string{}}
	if w.scaled != nil {
		out.desired = *w.scaled
	}
	if w.status != nil {
		for _, c := range w.status.Conditions {
			out.conditions[string(c.Type)] = string(c.Status) + " " + c.Reason
		}
	}
	after := &scaler.History{}
	r, ups, downs := w.controller.Remembered(key)
	for _, x := range r {
		after.Recommendations = append(after.Recommendations, scaler.Recommendation{At: x.At, Replicas: x.Replicas})
	}
	after.ScaleUps, after.ScaleDowns = here(ups), here(downs)
	return out, after
}

func there(in []scaler.Change) (out []podautoscaler.Change) {
	for _, c := range in {
		out = append(out, podautoscaler.Change(c))
	}
	return out
}

func here(in []podautoscaler.Change) (out []scaler.Change) {
	for _, c := range in {
		out = append(out, scaler.Change(c))
	}
	return out
}

func object(p *scaler.Pod) *corev1.Pod {
	out := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: p.Name, Labels: map[string]string{"app": "shop"}}}
	out.Status.Phase = p.Phase
	if !p.Start.IsZero() {
		out.Status.StartTime = &metav1.Time{Time: p.Start}
	}
	if p.Ready != "" {
		out.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: p.Ready, LastTransitionTime: metav1.Time{Time: p.ReadyTransition}}}
	}
	if p.Deleting {
		out.DeletionTimestamp = &metav1.Time{Time: time.Now()}
	}
	for _, c := range p.Containers {
		in := corev1.Container{Name: c.Name}
		for _, a := range c.Requests {
			if in.Resources.Requests == nil {
				in.Resources.Requests = corev1.ResourceList{}
			}
			in.Resources.Requests[a.Resource] = *resource.NewMilliQuantity(a.Milli, resource.DecimalSI)
		}
		if c.Name == sidecar {
			in.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
			out.Spec.InitContainers = append(out.Spec.InitContainers, in)
			continue
		}
		out.Spec.Containers = append(out.Spec.Containers, in)
	}
	if len(p.Requests) > 0 {
		out.Spec.Resources = &corev1.ResourceRequirements{Requests: corev1.ResourceList{}}
		for _, a := range p.Requests {
			out.Spec.Resources.Requests[a.Resource] = *resource.NewMilliQuantity(a.Milli, resource.DecimalSI)
		}
	}
	return out
}

// sidecar is the container that is one to upstream, a restartable init container, and any
// other to us.
const sidecar = "c"

// podMetrics is the metrics API: a pod that was not measured at all is not there.
type podMetrics struct {
	resourceclient.PodMetricsInterface
	w *world
}

func (p podMetrics) PodMetricses(string) resourceclient.PodMetricsInterface { return p }

func (p podMetrics) List(context.Context, metav1.ListOptions) (*metricsapi.PodMetricsList, error) {
	list := &metricsapi.PodMetricsList{}
	for i := range p.w.o.Pods {
		pod := &p.w.o.Pods[i]
		m := metricsapi.PodMetrics{ObjectMeta: metav1.ObjectMeta{Name: pod.Name}}
		some := false
		for _, c := range pod.Containers {
			one := metricsapi.ContainerMetrics{Name: c.Name, Usage: corev1.ResourceList{}}
			for _, u := range c.Usage {
				some = true
				m.Timestamp, m.Window = metav1.Time{Time: u.At}, metav1.Duration{Duration: u.Window}
				one.Usage[corev1.ResourceName(u.Metric)] = *resource.NewMilliQuantity(u.Milli, resource.DecimalSI)
			}
			m.Containers = append(m.Containers, one)
		}
		if some {
			list.Items = append(list.Items, m)
		}
	}
	return list, nil
}

var errNone = errors.New("no metrics returned")

// fetch fails where the observation says so.
func (w *world) fetch(name string) error {
	if text, failed := w.o.Errors[name]; failed {
		return errors.New(text)
	}
	return nil
}

func (w *world) GetResourceMetric(ctx context.Context, name corev1.ResourceName, namespace string, selector labels.Selector, container string) (metricsclient.PodMetricsInfo, time.Time, error) {
	if err := w.fetch(string(name)); err != nil {
		return nil, time.Time{}, err
	}
	return w.MetricsClient.GetResourceMetric(ctx, name, namespace, selector, container)
}

func (w *world) GetRawMetric(name, _ string, _, _ labels.Selector) (metricsclient.PodMetricsInfo, time.Time, error) {
	if err := w.fetch(name); err != nil {
		return nil, time.Time{}, err
	}
	info := metricsclient.PodMetricsInfo{}
	for i := range w.o.Pods {
		for _, s := range w.o.Pods[i].Custom {
			if s.Metric == name {
				info[w.o.Pods[i].Name] = metricsclient.PodMetric{Value: s.Milli, Timestamp: s.At, Window: s.Window}
			}
		}
	}
	if len(info) == 0 {
		return nil, time.Time{}, errNone
	}
	return info, w.o.Now, nil
}

func (w *world) GetObjectMetric(name, _ string, _ *autoscalingv2.CrossVersionObjectReference, _ labels.Selector) (int64, time.Time, error) {
	if err := w.fetch(name); err != nil {
		return 0, time.Time{}, err
	}
	for _, v := range w.o.Objects {
		if v.Metric == name {
			return v.Milli, w.o.Now, nil
		}
	}
	return 0, time.Time{}, errNone
}

func (w *world) GetExternalMetric(name, _ string, selector labels.Selector) ([]int64, time.Time, error) {
	if err := w.fetch(name); err != nil {
		return nil, time.Time{}, err
	}
	for _, v := range w.o.External {
		if v.Metric == name && len(v.Milli) > 0 && selector.String() == v.Selector {
			return v.Milli, w.o.Now, nil
		}
	}
	return nil, time.Time{}, errNone
}

type lister struct{ w *world }

func (l lister) List(labels.Selector) ([]*corev1.Pod, error) { return l.w.pods, nil }
func (l lister) Pods(string) corelisters.PodNamespaceLister  { return namespaced{l} }

type namespaced struct{ lister }

func (namespaced) Get(name string) (*corev1.Pod, error) { return nil, fmt.Errorf("no %s", name) }

type scales struct{ w *world }

func (s scales) Scales(string) scaleclient.ScaleInterface { return scale{w: s.w} }

type scale struct {
	scaleclient.ScaleInterface
	w *world
}

func (s scale) Get(context.Context, schema.GroupResource, string, metav1.GetOptions) (*autoscalingv1.Scale, error) {
	return &autoscalingv1.Scale{
		Spec:   autoscalingv1.ScaleSpec{Replicas: s.w.o.SpecReplicas},
		Status: autoscalingv1.ScaleStatus{Replicas: s.w.o.StatusReplicas, Selector: "app=shop"},
	}, nil
}

func (s scale) Update(_ context.Context, _ schema.GroupResource, to *autoscalingv1.Scale, _ metav1.UpdateOptions) (*autoscalingv1.Scale, error) {
	s.w.scaled = new(to.Spec.Replicas)
	return to, nil
}

type hpas struct{ w *world }

func (h hpas) HorizontalPodAutoscalers(string) autoscalingclient.HorizontalPodAutoscalerInterface {
	return status{w: h.w}
}

type status struct {
	autoscalingclient.HorizontalPodAutoscalerInterface
	w *world
}

func (s status) UpdateStatus(_ context.Context, hpa *autoscalingv2.HorizontalPodAutoscaler, _ metav1.UpdateOptions) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	s.w.status = &hpa.Status
	return hpa, nil
}

type mapper struct{ apimeta.RESTMapper }

func (mapper) RESTMappings(gk schema.GroupKind, _ ...string) ([]*apimeta.RESTMapping, error) {
	return []*apimeta.RESTMapping{{Resource: schema.GroupVersionResource{Group: gk.Group, Resource: "deployments"}}}, nil
}
