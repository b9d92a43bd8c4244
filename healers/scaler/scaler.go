package scaler

import (
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
)

// Options are what upstream has as flags of its controller, and the mode.
type Options struct {
	// Compat reproduces the integers of kube-controller-manager v1.34.4, with its known
	// defects. Without it the differences of the package's documentation hold.
	Compat bool
	// Without are differences to leave out; Compat leaves out all. For those who want to
	// know which of them made one.
	Without Difference
	// The zero value of each means upstream's default.
	DownWindow     time.Duration // of stabilization, where the spec has none
	CPUInitPeriod  time.Duration
	ReadinessDelay time.Duration
	Tolerance      float64
}

// Scaler decides by one spec. It has no state, and may be used by several at once.
type Scaler struct {
	spec       *Spec
	options    Options
	arithmetic arithmetic
	metrics    []metric
	min, max   int32
	up, down   rules
	flapWithin time.Duration
	flapTurns  int32
}

// rules are the behavior in one direction.
type rules struct {
	up        bool
	tolerance float64
	window    time.Duration
	policies  []autoscalingv2.HPAScalingPolicy
	narrow    bool // the policy that changes least holds
	disabled  bool
	longest   time.Duration // period
}

// New is a scaler for a spec that [Spec.Validate] finds no fault with.
func New(spec *Spec, options Options) *Scaler {
	s := &Scaler{spec: spec.Defaulted(), options: options}
	s.arithmetic = arithmetic{exact: s.does(ExactRatio), saturating: s.does(NoOverflow)}
	o := &s.options
	if o.DownWindow <= 0 {
		o.DownWindow = DefaultDownWindow
	}
	if o.CPUInitPeriod <= 0 {
		o.CPUInitPeriod = DefaultCPUInitPeriod
	}
	if o.ReadinessDelay <= 0 {
		o.ReadinessDelay = DefaultReadinessDelay
	}
	if o.Tolerance <= 0 {
		o.Tolerance = DefaultTolerance
	}
	s.min, s.max = *s.spec.MinReplicas, s.spec.MaxReplicas
	for i := range s.spec.Metrics {
		s.metrics = append(s.metrics, s.compile(&s.spec.Metrics[i]))
	}
	s.up, s.down = rules{up: true, tolerance: o.Tolerance}, rules{tolerance: o.Tolerance, window: o.DownWindow}
	if b := s.spec.Behavior; b != nil {
		s.up.take(b.ScaleUp)
		s.down.take(b.ScaleDown)
	}
	if s.does(FlapLimit) {
		s.flapTurns, s.flapWithin = defaultFlapTurns, defaultFlapWithin
		if f := s.spec.FlapBudget; f != nil {
			s.flapTurns, s.flapWithin = f.Turns, f.Within.Duration
		}
	}
	return s
}

// does: the difference is made.
func (s *Scaler) does(d Difference) bool { return !s.options.Compat && s.options.Without&d == 0 }

func (r *rules) take(from *autoscalingv2.HPAScalingRules) {
	if from.StabilizationWindowSeconds != nil {
		r.window = time.Duration(*from.StabilizationWindowSeconds) * time.Second
	}
	if from.Tolerance != nil {
		r.tolerance = from.Tolerance.AsApproximateFloat64()
	}
	r.policies = from.Policies
	r.narrow = *from.SelectPolicy == autoscalingv2.MinChangePolicySelect
	r.disabled = *from.SelectPolicy == autoscalingv2.DisabledPolicySelect
	for i := range r.policies {
		r.longest = max(r.longest, time.Duration(r.policies[i].PeriodSeconds)*time.Second)
	}
}

// Decide is one decision (upstream's reconcileAutoscaler without its API). What was asked
// for is remembered in h; a change is when it has been made, by [Scaler.Scaled].
func (s *Scaler) Decide(o *Observation, h *History) Decision {
	current := o.SpecReplicas
	d := Decision{Current: current, Desired: current, Min: s.min, Max: s.max}
	d.low, d.high = s.tolerated()
	d.is(AbleToScale, true, "SucceededGetScale", "the HPA controller was able to get the target's current scale")
	wall := o.Wall
	if wall.IsZero() {
		wall = o.Now
	}
	s.spend(wall, current, h)
	if current == 0 && s.min != 0 || current > s.max || current < s.min {
		h.Failures = nil // nobody asks the metrics
	}
	switch {
	case current == 0 && (s.min != 0 || s.paused(h)):
		d.is(ScalingActive, false, "ScalingDisabled", "scaling is disabled since the replica count of the target is zero")
		d.bind(BoundPaused, int64(current), 0)
		return d
	case current > s.max:
		d.Desired, d.Reason = s.max, "Current number of replicas above Spec.MaxReplicas"
		d.bind(BoundMax, int64(current), int64(s.max))
	case current < s.min:
		d.Desired, d.Reason = s.min, "Current number of replicas below Spec.MinReplicas"
		d.bind(BoundMin, int64(current), int64(s.min))
	default:
		s.byMetrics(&d, o, h)
	}
	s.cost(&d, wall, h)
	if d.Desired == 0 && !s.options.Compat {
		d.is(ScaledToZero, true, "ScaledToZero", "the HPA controller scaled the target to zero")
	}
	return d
}

// paused: it was a person who set replicas: 0, although the scaler may (KEP-2021).
func (s *Scaler) paused(h *History) bool {
	return s.does(PersonsPause) && h.ScaledToZero != nil && !*h.ScaledToZero
}

// byMetrics is upstream's computeReplicasForMetrics and what it makes of the result.
func (s *Scaler) byMetrics(d *Decision, o *Observation, h *History) {
	var wanted int32
	var says string
	var bad int
	var first *MetricResult
	d.Metrics = make([]MetricResult, len(s.metrics))
	for i := range s.metrics {
		m, r := &s.metrics[i], &d.Metrics[i]
		*r = s.propose(m, o)
		s.fallback(m, r, o.Now, h)
		if r.Proposal == nil {
			if bad++; bad == 1 {
				first = r
				d.failed = m.reason
			}
			continue
		}
		if wanted == 0 || *r.Proposal > wanted {
			wanted, says = *r.Proposal, r.says
		}
	}
	d.Bad = bad
	if bad >= len(s.metrics) || bad > 0 && wanted < d.Current {
		d.is(ScalingActive, false, d.failed, "the HPA was unable to compute the replica count: "+first.Error)
		d.Wanted, d.others = d.Current, max(wanted, 0)
		d.bind(BoundMetric, int64(bad), int64(len(s.metrics)))
		return
	}
	d.is(ScalingActive, true, "ValidMetricFound", "the HPA was able to successfully calculate a replica count from "+says)
	wanted = max(wanted, 0) // what overflowed may be below
	d.Wanted = wanted
	switch {
	case wanted > d.Current:
		d.Reason = says + " above target"
	case wanted < d.Current:
		d.Reason = "All metrics below target"
	}
	stable := s.stabilize(d, o.Now, h)
	s.limit(d, stable, o.Now, h)
	s.flaps(d, o.Now, h)
	if d.Reason == "" && d.Desired != d.Current && !s.options.Compat {
		d.Reason = "recent recommendations differ" // upstream says nothing here (H7)
	}
}

// stabilize is the recommendation within what was asked for lately, and remembers it.
func (s *Scaler) stabilize(d *Decision, now time.Time, h *History) int32 {
	down := now.Add(-s.down.window)
	var stable int32
	if s.spec.Behavior == nil {
		// Upstream has two of these, which differ for what is exactly as old as the window.
		stable = h.highest(func(at time.Time) bool { return !at.Before(down) }, d.Wanted)
		h.record(now, d.Wanted, func(at time.Time) bool { return at.Before(down) })
	} else {
		up := now.Add(-s.up.window)
		stable = max(d.Current, h.lowest(func(at time.Time) bool { return at.After(up) }, d.Wanted))
		stable = min(stable, h.highest(func(at time.Time) bool { return at.After(down) }, d.Wanted))
		h.record(now, d.Wanted, func(at time.Time) bool { return at.Before(up) && at.Before(down) })
	}
	switch {
	case stable == d.Wanted:
		d.is(AbleToScale, true, "ReadyForNewScale", "recommended size matches current size")
	case s.spec.Behavior != nil && d.Wanted >= d.Current:
		d.is(AbleToScale, true, "ScaleUpStabilized", "recent recommendations were lower than current one, applying the lowest recent recommendation")
		d.bind(BoundUpWindow, int64(d.Wanted), int64(stable))
	default:
		d.is(AbleToScale, true, "ScaleDownStabilized", "recent recommendations were higher than current one, applying the highest recent recommendation")
		d.bind(BoundDownWindow, int64(d.Wanted), int64(stable))
	}
	return stable
}

// limit is the stable recommendation within the bounds and the rates.
func (s *Scaler) limit(d *Decision, stable int32, now time.Time, h *History) {
	d.Desired = stable
	switch {
	case s.spec.Behavior == nil:
		s.plainly(d, stable)
	case stable > d.Current:
		rate, policy := s.up.limit(h, now, d.Current, s.arithmetic)
		rate = max(rate, d.Current)
		switch {
		case stable <= min(s.max, rate):
		case s.max > rate:
			d.limited(rate, "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
			d.bindPolicy(BoundUpRate, policy, int64(stable), int64(rate))
		default:
			d.limited(s.max, "TooManyReplicas", "the desired replica count is more than the maximum replica count")
			d.bind(BoundMax, int64(stable), int64(s.max))
		}
	case stable < d.Current:
		rate, policy := s.down.limit(h, now, d.Current, s.arithmetic)
		rate = min(rate, d.Current)
		switch {
		case stable >= max(s.min, rate):
		case s.min < rate:
			d.limited(rate, "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate")
			d.bindPolicy(BoundDownRate, policy, int64(stable), int64(rate))
		default:
			d.limited(s.min, "TooFewReplicas", "the desired replica count is less than the minimum replica count")
			d.bind(BoundMin, int64(stable), int64(s.min))
		}
	}
	if d.Desired == stable {
		d.is(ScalingLimited, false, "DesiredWithinRange", "the desired count is within the acceptable range")
	}
}

// plainly is the limit of a spec without behavior: at most max(2 * current, 4).
func (s *Scaler) plainly(d *Decision, stable int32) {
	rate := s.arithmetic.doubled(d.Current)
	switch {
	case stable < s.min:
		d.limited(s.min, "TooFewReplicas", "the desired replica count is less than the minimum replica count")
		d.bind(BoundMin, int64(stable), int64(s.min))
	case stable > min(s.max, rate) && s.max > rate:
		d.limited(rate, "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
		d.bind(BoundDouble, int64(stable), int64(rate))
	case stable > s.max:
		d.limited(s.max, "TooManyReplicas", "the desired replica count is more than the maximum replica count")
		d.bind(BoundMax, int64(stable), int64(s.max))
	}
}

// flaps keeps from scaling down what has turned too often (H9: the policies bound the net
// change, not the churn).
func (s *Scaler) flaps(d *Decision, now time.Time, h *History) {
	if s.flapTurns <= 0 || d.Desired >= d.Current {
		return
	}
	if turns := h.turns(now.Add(-s.flapWithin)); turns >= s.flapTurns {
		d.limited(d.Current, "FlapBudget", "the direction turned too often, and nothing is scaled down")
		d.bind(BoundFlaps, int64(turns), int64(s.flapTurns))
	}
}
