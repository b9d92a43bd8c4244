package scaler

import (
	"fmt"
	"math"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// The conditions of a decision, as upstream names them.
const (
	AbleToScale    = autoscalingv2.AbleToScale
	ScalingActive  = autoscalingv2.ScalingActive
	ScalingLimited = autoscalingv2.ScalingLimited
	ScaledToZero   = autoscalingv2.HorizontalPodAutoscalerConditionType("ScaledToZero") // since 1.37
)

// Bound is the rule that bound a decision.
type Bound string

// The rules, and what the two numbers of a decision say then.
const (
	BoundNone       Bound = ""              // the metrics alone
	BoundPaused     Bound = "paused"        // replicas: 0
	BoundMetric     Bound = "metricFailed"  // how many metrics failed; of how many
	BoundMin        Bound = "minReplicas"   // what was wanted; the limit
	BoundMax        Bound = "maxReplicas"   // as above
	BoundDouble     Bound = "doubling"      // as above: max(2 * current, 4)
	BoundUpRate     Bound = "scaleUp"       // as above, by the policy
	BoundDownRate   Bound = "scaleDown"     // as above
	BoundUpWindow   Bound = "scaleUpWindow" // what is wanted; what was wanted lately
	BoundDownWindow Bound = "scaleDownWindow"
	BoundFlaps      Bound = "flapBudget" // turns; how many may be
	BoundCost       Bound = "replicaHoursPerDay"
)

// Decision is what a scaler wants, and why.
type Decision struct {
	Current, Desired int32
	// Wanted is what the metrics ask for, before any limit.
	Wanted   int32
	Min, Max int32
	// Reason is upstream's, of the event of a change; empty: nothing is changed.
	Reason     string
	Conditions []Condition
	Metrics    []MetricResult
	Bad        int // metrics that failed
	// Bound is the rule that bound last, with its numbers; Policy is which, of a rate.
	Bound       Bound
	Have, Limit int64
	Policy      *autoscalingv2.HPAScalingPolicy

	failed    string
	others    int32   // what the metrics that did not fail ask for, where that is not done
	low, high float64 // the ratios that the tolerance leaves alone
}

// Condition is one of the conditions of autoscaling/v2.
type Condition struct {
	Type    autoscalingv2.HorizontalPodAutoscalerConditionType `json:"type"`
	Status  string                                             `json:"status"`
	Reason  string                                             `json:"reason"`
	Message string                                             `json:"message"`
}

// MetricResult is what one metric asks for. Usage and Target are in thousandths.
type MetricResult struct {
	Type                             autoscalingv2.MetricSourceType
	Name, Container, Object          string
	Selector                         string
	Proposal                         *int32 // nil: it failed
	Usage, Target                    int64
	Utilization, TargetUtilization   int32 // percent; 0: it has none
	Ratio                            float64
	Filled                           float64 // the ratio with what is missing or unready filled in; 0: nothing was
	Ready, Unready, Missing, Ignored int
	Error                            string
	Fallback                         bool

	says string
	held held
}

// held is why a metric proposes the number that there is. It is a number, since most
// decisions are never explained.
type held int8

const (
	heldNot       held = iota
	heldWithin         // the ratio is within the tolerance
	heldFilled         // with what is missing or unready filled in it is
	heldTurned         // with that filled in it is on the other side of 1
	heldDirection      // more pods than replicas were counted, or fewer, and would turn it
)

// hold is a proposal of the number that there is.
func (r MetricResult) hold(why held, n int32) MetricResult {
	r.held = why
	return r.propose(n)
}

func (r MetricResult) fail(format string, args ...any) MetricResult {
	r.Error = fmt.Sprintf(format, args...)
	return r
}

func (r MetricResult) propose(n int32) MetricResult {
	r.Proposal = &n
	return r
}

func (d *Decision) is(t autoscalingv2.HorizontalPodAutoscalerConditionType, status bool, reason, message string) {
	c := Condition{Type: t, Status: "False", Reason: reason, Message: message}
	if status {
		c.Status = "True"
	}
	for i := range d.Conditions {
		if d.Conditions[i].Type == t {
			d.Conditions[i] = c
			return
		}
	}
	d.Conditions = append(d.Conditions, c)
}

func (d *Decision) limited(to int32, reason, message string) {
	d.Desired = to
	d.is(ScalingLimited, true, reason, message)
}

func (d *Decision) bind(b Bound, have, limit int64) {
	d.Bound, d.Have, d.Limit, d.Policy = b, have, limit, nil
}

func (d *Decision) bindPolicy(b Bound, p *autoscalingv2.HPAScalingPolicy, have, limit int64) {
	d.bind(b, have, limit)
	d.Policy = p
}

// finite is a ratio that JSON can hold.
func finite(f float64) *float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}
