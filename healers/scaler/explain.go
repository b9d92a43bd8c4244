package scaler

import (
	"cmp"
	"fmt"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
)

// Explanation is a decision as `rebound scale explain -o json` prints it.
type Explanation struct {
	DesiredReplicas int32             `json:"desiredReplicas"`
	CurrentReplicas int32             `json:"-"` // which was given
	Reason          string            `json:"reason"`
	Conditions      []Condition       `json:"conditions"`
	Metrics         []MetricStatement `json:"metrics"`
	// Bound says which rule bound, and its numbers; where none did, why the metric that decides
	// holds the number that there is, by the tolerance for one. Empty: the ratio alone decides.
	Bound string `json:"bound"`
}

// MetricStatement is what one metric said. Usage and target are quantities; of a share of
// what is requested, utilization is the percentage.
type MetricStatement struct {
	Type              autoscalingv2.MetricSourceType `json:"type"`
	Name              string                         `json:"name"`
	Container         string                         `json:"container,omitempty"`
	Object            string                         `json:"object,omitempty"`
	Selector          string                         `json:"selector,omitempty"`
	Proposal          *int32                         `json:"proposal"` // null: it failed
	Usage             *string                        `json:"usage"`    // null: it could not be had
	Target            string                         `json:"target,omitempty"`
	Utilization       *int32                         `json:"utilization,omitempty"`
	TargetUtilization *int32                         `json:"targetUtilization,omitempty"`
	Ratio             *float64                       `json:"ratio"` // null: there is none
	// FilledRatio is the ratio with what is missing or unready filled in.
	FilledRatio *float64 `json:"filledRatio,omitempty"`
	Ready       int      `json:"ready"`
	Unready     int      `json:"unready"`
	Missing     int      `json:"missing"`
	Ignored     int      `json:"ignored"`
	Fallback    bool     `json:"fallback,omitempty"`
	Error       string   `json:"error,omitempty"`
}

// Explain is the decision for people and programs to read.
func (d *Decision) Explain() Explanation {
	e := Explanation{
		DesiredReplicas: d.Desired, CurrentReplicas: d.Current, Reason: d.because(),
		Conditions: d.Conditions, Metrics: []MetricStatement{}, Bound: d.bound(),
	}
	for i := range d.Metrics {
		e.Metrics = append(e.Metrics, d.Metrics[i].statement())
	}
	return e
}

func (r *MetricResult) statement() MetricStatement {
	m := MetricStatement{
		Type: r.Type, Name: r.Name, Container: r.Container, Object: r.Object, Selector: r.Selector, Proposal: r.Proposal,
		Ready: r.Ready, Unready: r.Unready, Missing: r.Missing, Ignored: r.Ignored, Fallback: r.Fallback, Error: r.Error,
	}
	if r.Target != 0 {
		m.Target = quantity(r.Target)
	}
	if r.TargetUtilization != 0 {
		m.TargetUtilization = &r.TargetUtilization
	}
	if r.Error != "" {
		return m
	}
	m.Usage, m.Ratio = new(quantity(r.Usage)), finite(r.Ratio)
	if r.TargetUtilization != 0 {
		m.Utilization = &r.Utilization
	}
	if r.Filled != 0 {
		m.FilledRatio = finite(r.Filled)
	}
	return m
}

func quantity(milli int64) string {
	return resource.NewMilliQuantity(milli, resource.DecimalSI).String()
}

// because is the reason of a change, or of there being none.
func (d *Decision) because() string {
	if d.Desired != d.Current {
		return d.Reason
	}
	if d.failed != "" && d.Bound == BoundMetric {
		return d.failed
	}
	limited, able := "", ""
	for _, c := range d.Conditions {
		switch {
		case c.Type == ScalingActive && c.Status == "False":
			return c.Reason
		case c.Type == ScalingLimited:
			limited = c.Reason
		case c.Type == AbleToScale:
			able = c.Reason
		}
	}
	if strings.HasSuffix(able, "Stabilized") && limited == "DesiredWithinRange" {
		return able
	}
	return limited
}

// bound is a sentence about the rule that bound, with its numbers.
func (d *Decision) bound() string {
	switch d.Bound {
	case BoundNone:
		return d.holds()
	case BoundPaused:
		return "paused: replicas is 0, which a person set; any other number starts it again"
	case BoundMetric:
		if d.Have == d.Limit {
			return fmt.Sprintf("metricFailed: none of %d metrics could be had, so the %d replicas stay", d.Limit, d.Current)
		}
		return fmt.Sprintf("metricFailed: %d of %d metrics could not be had, and the others would scale down to %d, so the %d replicas stay", d.Have, d.Limit, d.others, d.Current)
	case BoundMin, BoundMax, BoundDouble, BoundCost:
		return fmt.Sprintf("%s: %d were wanted, and the limit is %d", d.Bound, d.Have, d.Limit)
	case BoundUpRate, BoundDownRate:
		return fmt.Sprintf("%s: %d were wanted, and %s allows %d", d.Bound, d.Have, d.policy(), d.Limit)
	case BoundUpWindow, BoundDownWindow:
		return fmt.Sprintf("%s: %d are wanted now, and what was wanted in the stabilization window keeps %d", d.Bound, d.Have, d.Limit)
	case BoundFlaps:
		return fmt.Sprintf("flapBudget: the direction turned %d times, and may %d times, so the %d replicas stay", d.Have, d.Limit, d.Current)
	}
	return string(d.Bound)
}

// holds says why the metric that decides proposes the number that there is; empty: it does
// not, or comes to it by its ratio.
func (d *Decision) holds() string {
	for i := range d.Metrics {
		r := &d.Metrics[i]
		if d.Desired != d.Current || r.Proposal == nil || *r.Proposal != d.Current {
			continue
		}
		switch r.held {
		case heldWithin:
			return fmt.Sprintf("tolerance: the ratio %.4g of %s is within %.4g to %.4g", r.Ratio, r.Name, d.low, d.high)
		case heldFilled:
			return fmt.Sprintf("filledRatio: the ratio %.4g of %s is %.4g with what is missing or unready filled in, which is within %.4g to %.4g", r.Ratio, r.Name, r.Filled, d.low, d.high)
		case heldTurned:
			return fmt.Sprintf("filledRatio: the ratio %.4g of %s is %.4g with what is missing or unready filled in, which is the other direction", r.Ratio, r.Name, r.Filled)
		case heldDirection:
			return fmt.Sprintf("direction: the ratio %.4g of %s over the pods that count would scale the other way", cmp.Or(r.Filled, r.Ratio), r.Name)
		case heldNot:
		}
	}
	return ""
}

func (d *Decision) policy() string {
	if d.Policy == nil {
		return "selectPolicy Disabled"
	}
	unit := map[autoscalingv2.HPAScalingPolicyType]string{autoscalingv2.PodsScalingPolicy: "pods", autoscalingv2.PercentScalingPolicy: "%"}[d.Policy.Type]
	return fmt.Sprintf("the policy of %d %s in %d s", d.Policy.Value, unit, d.Policy.PeriodSeconds)
}

// Text is the explanation for a terminal.
func (e *Explanation) Text() string {
	var b strings.Builder
	switch {
	case e.DesiredReplicas > e.CurrentReplicas:
		fmt.Fprintf(&b, "scale up from %d to %d: %s\n", e.CurrentReplicas, e.DesiredReplicas, e.Reason)
	case e.DesiredReplicas < e.CurrentReplicas:
		fmt.Fprintf(&b, "scale down from %d to %d: %s\n", e.CurrentReplicas, e.DesiredReplicas, e.Reason)
	default:
		fmt.Fprintf(&b, "stay at %d: %s\n", e.CurrentReplicas, e.Reason)
	}
	if e.Bound != "" {
		fmt.Fprintf(&b, "bound by %s\n", e.Bound)
	}
	for i := range e.Metrics {
		e.Metrics[i].text(&b)
	}
	b.WriteString("\n")
	for _, c := range e.Conditions {
		fmt.Fprintf(&b, "%-15s %-6s %-20s %s\n", c.Type, c.Status, c.Reason, c.Message)
	}
	return b.String()
}

func (m *MetricStatement) text(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s %s", m.Type, m.Name)
	for _, x := range []string{m.Container, m.Object, m.Selector} {
		if x != "" {
			fmt.Fprintf(b, " %s", x)
		}
	}
	b.WriteString("\n")
	if m.Error != "" {
		fmt.Fprintf(b, "  failed: %s\n", m.Error)
	} else {
		usage, target := *m.Usage, m.Target
		if m.TargetUtilization != nil {
			usage, target = fmt.Sprintf("%d %% (%s each)", *m.Utilization, usage), fmt.Sprintf("%d %%", *m.TargetUtilization)
		}
		fmt.Fprintf(b, "  usage %s, target %s", usage, target)
		if m.Ratio != nil {
			fmt.Fprintf(b, ", ratio %.4g", *m.Ratio)
		}
		if m.FilledRatio != nil {
			fmt.Fprintf(b, ", with what is missing or unready filled in %.4g", *m.FilledRatio)
		}
		b.WriteString("\n")
	}
	if m.Ready+m.Unready+m.Missing+m.Ignored > 0 {
		fmt.Fprintf(b, "  pods: %d ready, %d unready, %d missing, %d ignored\n", m.Ready, m.Unready, m.Missing, m.Ignored)
	}
	switch {
	case m.Proposal != nil && m.Fallback:
		fmt.Fprintf(b, "  proposes %d, its fallback\n", *m.Proposal)
	case m.Proposal != nil:
		fmt.Fprintf(b, "  proposes %d\n", *m.Proposal)
	}
}
