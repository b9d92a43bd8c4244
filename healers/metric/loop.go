package metric

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/seed"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// soon is the span over which the first rounds of the sources are spread.
const soon = 100 * time.Millisecond

// asker asks in one way. It holds what is the same for every instance, and is used by many
// looks at once.
type asker interface {
	// ask looks once, until ctx ends, at an instance or at what has none. Metric, Series,
	// Value, At and Window of the samples are its to set. Its error says why there is
	// nothing at all; a Failure, why there is no value of a series.
	ask(ctx context.Context, f *followed) ([]Sample, []Failure, error)
}

// followed is an incarnation that is asked again and again. One look at a time has it.
type followed struct {
	sut.Target
	base *page // what its counters were; nil: nobody has seen them
}

// loop is one source, asked round after round. Only its goroutine touches it.
type loop struct {
	source  Source // complete
	index   int
	seed    uint64
	workers int
	seen    *instances
	asker   asker
	follows map[sut.ID]*followed
}

func (r *Reader) loop(i int, seen *instances, client *http.Client) *loop {
	l := &loop{source: r.Sources[i].Complete(), index: i, seed: r.Seed, workers: r.Workers, seen: seen, follows: map[sut.ID]*followed{}}
	if l.workers <= 0 {
		l.workers = defaultWorkers
	}
	l.asker = l.source.asker(r.System, client)
	return l
}

// run asks in every period. A period that passes while a round is still under way is left
// out.
func (l *loop) run(ctx context.Context, tell func(Batch)) {
	due := time.Now().Add(l.offset("", soon))
	for wait(ctx, time.Until(due)) {
		tell(l.round(ctx))
		late := max(time.Since(due), 0)
		due = due.Add(late - late%l.source.Every + l.source.Every)
	}
}

// offset is where in a span something is asked: the same in every run of one seed.
func (l *loop) offset(id sut.ID, span time.Duration) time.Duration {
	return time.Duration(seed.Hash(l.seed, "metric", strconv.Itoa(l.index), string(id)) % uint64(span))
}

// look is one question and its answer.
type look struct {
	*followed
	after   time.Duration // the beginning of the round
	samples []Sample
	failed  []Failure
	err     error
}

// round asks once all that there is to ask.
func (l *loop) round(ctx context.Context) Batch {
	looks, err := l.looks()
	began := time.Now()
	turns := make(chan struct{}, l.workers)
	var asking sync.WaitGroup
	for _, k := range looks {
		if !wait(ctx, time.Until(began.Add(k.after))) {
			break
		}
		turns <- struct{}{} // all looks end with ctx
		asking.Go(func() {
			defer func() { <-turns }()
			l.ask(ctx, k)
		})
	}
	asking.Wait()
	b := Batch{Source: l.index, At: time.Now()}
	if err != nil {
		b.Err = err.Error()
		return b
	}
	l.gather(&b, looks)
	return b
}

// looks is what this round asks, in its order.
func (l *loop) looks() ([]*look, error) {
	if !l.source.ofInstances() {
		return []*look{{followed: &followed{}}}, nil
	}
	targets, err := l.seen.list(l.source.Workload)
	if err != nil {
		return nil, err
	}
	follows := make(map[sut.ID]*followed, len(targets))
	looks := make([]*look, 0, len(targets))
	for _, t := range targets {
		f := l.follows[t.ID]
		if f == nil || f.Target != t {
			f = &followed{Target: t} // its counters begin anew
		}
		follows[t.ID] = f
		looks = append(looks, &look{followed: f, after: l.offset(t.ID, l.source.Every/2)})
	}
	l.follows = follows
	slices.SortStableFunc(looks, func(a, b *look) int { return cmp.Compare(a.after, b.after) })
	return looks, nil
}

func (l *loop) ask(ctx context.Context, k *look) {
	if l.over(k) || ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, l.source.Timeout)
	defer cancel()
	k.samples, k.failed, k.err = l.asker.ask(ctx, k.followed)
	if k.err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		k.err = fmt.Errorf("no answer within %s", l.source.Timeout)
	}
}

// over: there is nobody any more of whom the look could tell.
func (l *loop) over(k *look) bool { return k.ID != "" && !l.seen.runs(k.Target) }

// gather makes one batch of the looks of a round.
func (l *loop) gather(b *Batch, looks []*look) {
	slices.SortFunc(looks, func(x, y *look) int { return cmp.Compare(x.ID, y.ID) })
	whole := "" // why a source that asks no instances gave nothing
	for _, k := range looks {
		if l.over(k) {
			continue
		}
		if k.err != nil && k.ID == "" {
			whole = cutOff(k.err.Error())
			continue
		}
		if k.err != nil {
			b.Failed = append(b.Failed, Failure{Instance: k.ID, Incarnation: k.Incarnation, Reason: cutOff(k.err.Error())})
		}
		for _, f := range k.failed {
			f.Instance, f.Incarnation = k.ID, k.Incarnation
			b.Failed = append(b.Failed, f)
		}
		for _, s := range k.samples {
			s.Workload, s.Instance, s.Incarnation = l.source.Workload, k.ID, k.Incarnation
			s, err := judge(s, b.At, l.source.MaxAge)
			if err != nil {
				b.Failed = append(b.Failed, Failure{
					Instance: k.ID, Incarnation: k.Incarnation, Series: s.Series, Metric: s.Metric, Reason: err.Error(),
				})
				continue
			}
			b.Samples = append(b.Samples, s)
		}
	}
	switch {
	case whole != "":
		b.Err = whole
	case len(b.Samples) == 0 && len(b.Failed) > 0:
		b.Err = nothing(b.Failed)
	}
}

// nothing says why a source gave nothing that was asked in several.
func nothing(failed []Failure) string {
	f := &failed[0]
	name := string(f.Instance)
	if name == "" {
		name = f.Series
	}
	if name != "" {
		name += ": "
	}
	if len(failed) == 1 {
		return name + f.Reason
	}
	return fmt.Sprintf("none of %d gave a value; %s%s", len(failed), name, f.Reason)
}
