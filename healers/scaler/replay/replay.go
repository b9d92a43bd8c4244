package replay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/healers/scaler"
)

// DefaultReadyAfter is how long a new replica takes to become ready.
const DefaultReadyAfter = 30 * time.Second

// What a replay may take, so that a mistake in the input is told and not waited for.
const (
	maxDecisions = 1_000_000   // half a year of them
	maxReplicas  = 100_000     // at once
	maxLooks     = 200_000_000 // at one replica: a day with 35,000 of them
)

// ErrInterrupted says that a replay was given up before its end.
var ErrInterrupted = errors.New("the replay was interrupted")

// restless is how many decisions are made before it is asked whether to go on: of a large
// fleet they take a tenth of a second.
const restless = 64

// Options are what neither the spec nor the recording says.
type Options struct {
	// Start is how many replicas there are at the beginning. 0: as many as the first
	// values ask for, within the bounds.
	Start int32
	// ReadyAfter is how long a new replica takes to become ready. 0: DefaultReadyAfter;
	// below: it is ready at once.
	ReadyAfter time.Duration
	// Requests are what one replica asks for: cpu in cores, memory in bytes. A target that
	// is a share of it needs it.
	Requests corev1.ResourceList
	// Interval is between two decisions. 0: [scaler.DefaultInterval].
	Interval time.Duration
	// Compat decides as kube-controller-manager does, with its known defects.
	Compat bool
}

// player is a replay while it goes on.
type player struct {
	cursor
	gauges  []gauge
	scaler  *scaler.Scaler
	fleet   *fleet
	history scaler.History
	seen    scaler.Observation
	values  []float64 // by gauge
	todo    []int64   // by column
	bar     float64   // the ratio from which too few are ready
	loads   []Load    // what is left of those of all steps
	looks   int
	account
	Result
}

// Run plays the spec over the recording. A spec that [scaler.Spec.Validate] finds fault
// with must not come here. Its error is all that is wrong with the input, or
// [ErrInterrupted].
func Run(ctx context.Context, spec *scaler.Spec, rec Recording, o Options) (Result, error) {
	p, err := prepare(spec, rec, o)
	if err != nil {
		return Result{}, err
	}
	for now := p.From; now.Before(p.Until); now = now.Add(p.Interval) {
		if len(p.Steps)%restless == 0 && ctx.Err() != nil {
			return Result{}, fmt.Errorf("%w: %s of %s were played", ErrInterrupted, span(now.Sub(p.From)), span(p.Until.Sub(p.From)))
		}
		p.observe(now)
		d := p.scaler.Decide(&p.seen, &p.history)
		if err := p.room(now, d.Desired); err != nil {
			return Result{}, err
		}
		if d.Desired != d.Current {
			p.fleet.scale(now, int(d.Desired))
			p.scaler.Scaled(&p.history, now, d.Current, d.Desired)
		}
		p.note(now, &d)
	}
	p.finish()
	return p.Result, nil
}

// prepare checks the input and sets the scene.
func prepare(spec *scaler.Spec, rec Recording, o Options) (*player, error) {
	spec = spec.Defaulted()
	if err := rec.Validate(); err != nil {
		return nil, err
	}
	if o.Interval <= 0 {
		o.Interval = scaler.DefaultInterval
	}
	if o.ReadyAfter == 0 {
		o.ReadyAfter = DefaultReadyAfter
	}
	of, err := gauges(spec, &rec, o.Requests)
	if o.Start < 0 {
		err = errors.Join(err, fmt.Errorf("expected a number of replicas to start with, got %d", o.Start))
	}
	step := rec.step()
	if step == 0 {
		step = o.Interval // of a single row
	}
	p := &player{
		cursor: cursor{Recording: &rec, hold: holds * step},
		gauges: of, scaler: scaler.New(spec, scaler.Options{Compat: o.Compat}),
		fleet:  newFleet(of, max(o.ReadyAfter, 0)),
		values: make([]float64, len(of)), todo: make([]int64, len(rec.Columns)),
		bar: 1 + scaler.DefaultTolerance,
		Result: Result{
			From: rec.Times[0], Until: rec.Times[len(rec.Times)-1].Add(step), Relative: rec.Relative,
			Interval: o.Interval, Min: *spec.MinReplicas, Max: spec.MaxReplicas,
		},
	}
	decisions := (p.Until.Sub(p.From)-1)/o.Interval + 1
	if decisions > maxDecisions {
		err = errors.Join(err, fmt.Errorf("the recording is too long: it takes %d decisions, one each %s, and %d are the most", decisions, o.Interval, maxDecisions))
	}
	if err != nil {
		return nil, err
	}
	if b := spec.Behavior; b != nil && b.ScaleUp.Tolerance != nil {
		p.bar = 1 + b.ScaleUp.Tolerance.AsApproximateFloat64()
	}
	for i := range of {
		p.Metrics = append(p.Metrics, of[i].Metric)
	}
	p.Tolerated = p.bar
	p.Warnings = warnings(of, &rec)
	if step > coarse*o.Interval {
		p.Warnings = append(p.Warnings, fmt.Sprintf("the recording has a row each %s: shorter peaks are not in it", span(step)))
	}
	p.Steps = make([]Step, 0, decisions)
	p.loads = make([]Load, int(decisions)*len(of))
	return p, p.begin(o.Start)
}

// coarse is how many intervals a step of the recording may last without a warning.
const coarse = 4

// begin sets up the replicas of the beginning, which have been ready for long. The scaler
// sees them first now, and takes their number as asked for, as upstream does.
func (p *player) begin(n int32) error {
	p.to(p.From)
	if n == 0 {
		for i := range p.gauges {
			p.values[i] = p.value(p.gauges[i].column)
		}
		n = settled(p.gauges, p.values, p.Min, p.Max)
	}
	if err := p.room(p.From, n); err != nil {
		return err
	}
	for range n {
		p.fleet.add(p.From.Add(-longAgo), p.From.Add(-longAgo))
	}
	p.history.Seed(p.From, n)
	return nil
}

// room: so many replicas can be played from now on.
func (p *player) room(now time.Time, n int32) error {
	if p.looks += int(n); n > maxReplicas || p.looks > maxLooks {
		return fmt.Errorf("the replay is too large: after %s there would be %d replicas; make the recording shorter or maxReplicas less", span(now.Sub(p.From)), n)
	}
	return nil
}

// observe is what the scaler sees now.
func (p *player) observe(now time.Time) {
	p.to(now)
	p.fleet.age(now)
	o := &p.seen
	n := int32(len(p.fleet.pods))
	*o = scaler.Observation{Now: now, SpecReplicas: n, StatusReplicas: n, Pods: p.fleet.pods, Objects: o.Objects[:0], External: o.External[:0]}
	for i := range p.gauges {
		g := &p.gauges[i]
		v := p.value(g.column)
		p.values[i] = v
		if math.IsNaN(v) {
			if o.Errors == nil {
				o.Errors = map[string]string{}
			}
			o.Errors[g.Name] = "nothing is recorded of it at this time"
			continue
		}
		m := milli(v)
		p.todo[g.column] = m
		switch g.Type {
		case autoscalingv2.ObjectMetricSourceType:
			o.Objects = append(o.Objects, scaler.ObjectValue{Metric: g.Name, Kind: g.object.Kind, Name: g.object.Name, Milli: m})
		case autoscalingv2.ExternalMetricSourceType:
			o.External = append(o.External, scaler.ExternalValues{Metric: g.Name, Milli: []int64{m}})
		case autoscalingv2.ResourceMetricSourceType, autoscalingv2.ContainerResourceMetricSourceType, autoscalingv2.PodsMetricSourceType:
			// The replicas bear it.
		}
	}
	p.fleet.bear(now, p.todo)
}
