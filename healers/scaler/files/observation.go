package files

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/healers/scaler"
)

// observations is OBSERVATIONS.json as people write it. What is left out is what upstream
// has where nothing is said: no Ready condition, no start, no phase.
type observations struct {
	Now            *metav1.Time      `json:"now,omitempty"`            // default: this moment
	SpecReplicas   *int32            `json:"specReplicas,omitempty"`   // default: 1
	StatusReplicas *int32            `json:"statusReplicas,omitempty"` // default: specReplicas
	Pods           []pod             `json:"pods,omitempty"`
	Object         []object          `json:"object,omitempty"`
	External       []external        `json:"external,omitempty"`
	Errors         map[string]string `json:"errors,omitempty"`
	History        history           `json:"history,omitzero"`
	LastScaleTime  *metav1.Time      `json:"lastScaleTime,omitempty"` // of no influence, as upstream
}

type pod struct {
	Name            string             `json:"name"`
	Phase           string             `json:"phase,omitempty"`
	Ready           *status            `json:"ready,omitempty"`
	ReadyTransition *metav1.Time       `json:"readyTransition,omitempty"`
	StartTime       *metav1.Time       `json:"startTime,omitempty"`
	Deleting        bool               `json:"deleting,omitempty"`
	Owned           *bool              `json:"owned,omitempty"` // default: true
	Requests        quantities         `json:"requests,omitempty"`
	Containers      []container        `json:"containers,omitempty"`
	Custom          map[string]*sample `json:"custom,omitempty"`
}

type container struct {
	Name     string             `json:"name"`
	Requests quantities         `json:"requests,omitempty"`
	Usage    map[string]*sample `json:"usage,omitempty"`
}

// quantities are by resource. One that is null is left out, as a sample that is null is
// missing: it is not zero.
type quantities map[string]*resource.Quantity

type object struct {
	Metric string             `json:"metric"`
	Object reference          `json:"object"`
	Value  *resource.Quantity `json:"value,omitempty"` // nil: it could not be had
}

type reference struct {
	APIVersion string `json:"apiVersion,omitempty"` // not compared
	Kind       string `json:"kind"`
	Name       string `json:"name"`
}

type external struct {
	Metric   string               `json:"metric"`
	Selector selector             `json:"selector,omitempty"`
	Values   []*resource.Quantity `json:"values,omitempty"`
}

// status is true, false or "Unknown".
type status corev1.ConditionStatus

func (s *status) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true", `"True"`, `"true"`:
		*s = status(corev1.ConditionTrue)
	case "false", `"False"`, `"false"`:
		*s = status(corev1.ConditionFalse)
	case `"Unknown"`:
		*s = status(corev1.ConditionUnknown)
	default:
		return fmt.Errorf("expected true, false or Unknown, got %s", b)
	}
	return nil
}

// sample is {value, timestamp, window}, or the value alone.
type sample struct {
	value     resource.Quantity
	timestamp *time.Time
	window    time.Duration
}

func (s *sample) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte("{")) {
		var long struct {
			Value     json.RawMessage `json:"value"`
			Timestamp *metav1.Time    `json:"timestamp"`
			Window    metav1.Duration `json:"window"`
		}
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(&long); err != nil {
			return fmt.Errorf("expected value, timestamp and window: %w", err)
		}
		if len(long.Value) == 0 || string(long.Value) == "null" {
			return errors.New("expected a value; a sample that is missing is left out as a whole")
		}
		if long.Timestamp != nil {
			s.timestamp = &long.Timestamp.Time
		}
		b, s.window = long.Value, long.Window.Duration
	}
	var err error
	if s.value, err = manifest.Quantity(strings.Trim(string(b), `"`)); err != nil {
		return fmt.Errorf("expected a quantity, like 500m, or value, timestamp and window; got %.60s", b)
	}
	return nil
}

// selector is a label selector, written out or as text; empty: none.
type selector string

func (s *selector) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte(`"`)) {
		var text string
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
		parsed, err := metav1.ParseToLabelSelector(text)
		if err != nil {
			return fmt.Errorf("expected a label selector, like app=shop: %w", err)
		}
		*s = selector(scaler.Selector(parsed))
		return nil
	}
	var written metav1.LabelSelector
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&written); err != nil {
		return fmt.Errorf("expected a label selector, with matchLabels or matchExpressions: %w", err)
	}
	if _, err := metav1.LabelSelectorAsSelector(&written); err != nil {
		return fmt.Errorf("expected a label selector: %w", err)
	}
	*s = selector(scaler.Selector(&written))
	return nil
}

// Observation reads what one decision is made from, and the history before it. Quantities
// that are too large are taken as the mode takes them ([scaler.Milli]). Its error is
// [manifest.Problems].
func Observation(file string, data []byte, compat bool) (*scaler.Observation, *scaler.History, error) {
	var in observations
	doc, err := manifest.Decode(file, data, &in)
	if !doc.Read() {
		return nil, nil, err
	}
	if err := manifest.Join(err, in.check(doc)...); err != nil {
		return nil, nil, err
	}
	milli := func(q resource.Quantity) int64 { return scaler.Milli(q, compat) }
	o := &scaler.Observation{Now: time.Now(), SpecReplicas: 1, Errors: in.Errors}
	if in.Now != nil {
		o.Now = in.Now.Time
	}
	if in.SpecReplicas != nil {
		o.SpecReplicas = *in.SpecReplicas
	}
	o.StatusReplicas = o.SpecReplicas
	if in.StatusReplicas != nil {
		o.StatusReplicas = *in.StatusReplicas
	}
	for i := range in.Pods {
		o.Pods = append(o.Pods, in.Pods[i].read(o.Now, milli))
	}
	for _, v := range in.Object {
		if v.Value != nil {
			o.Objects = append(o.Objects, scaler.ObjectValue{Metric: v.Metric, Kind: v.Object.Kind, Name: v.Object.Name, Milli: milli(*v.Value)})
		}
	}
	for _, v := range in.External {
		e := scaler.ExternalValues{Metric: v.Metric, Selector: string(v.Selector)}
		for _, q := range v.Values {
			e.Milli = append(e.Milli, milli(*q))
		}
		o.External = append(o.External, e)
	}
	return o, in.History.read(o.Now), nil
}

func (p *pod) read(now time.Time, milli func(resource.Quantity) int64) scaler.Pod {
	out := scaler.Pod{
		Name: p.Name, Phase: corev1.PodPhase(p.Phase), Deleting: p.Deleting,
		Foreign: p.Owned != nil && !*p.Owned, Requests: amounts(p.Requests, milli), Custom: samples(p.Custom, now, milli),
	}
	if p.Ready != nil {
		out.Ready = corev1.ConditionStatus(*p.Ready)
	}
	if p.ReadyTransition != nil {
		out.ReadyTransition = p.ReadyTransition.Time
	}
	if p.StartTime != nil {
		out.Start = p.StartTime.Time
	}
	for _, c := range p.Containers {
		out.Containers = append(out.Containers, scaler.Container{Name: c.Name, Requests: amounts(c.Requests, milli), Usage: samples(c.Usage, now, milli)})
	}
	return out
}

func amounts(of quantities, milli func(resource.Quantity) int64) (out []scaler.Amount) {
	for name, q := range of {
		if q != nil {
			out = append(out, scaler.Amount{Resource: corev1.ResourceName(name), Milli: milli(*q)})
		}
	}
	return out
}

// samples without a time are of now.
func samples(of map[string]*sample, now time.Time, milli func(resource.Quantity) int64) (out []scaler.Sample) {
	for name, s := range of {
		if s == nil {
			continue
		}
		at := now
		if s.timestamp != nil {
			at = *s.timestamp
		}
		out = append(out, scaler.Sample{Metric: name, Milli: milli(s.value), At: at, Window: s.window})
	}
	return out
}
