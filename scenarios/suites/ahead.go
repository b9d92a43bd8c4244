package suites

import (
	"context"
	"sync"

	"github.com/onsi/ginkgo/v2"
	"golang.org/x/sync/semaphore"

	"github.com/rebound-chaos/rebound/scenarios/run"
)

// atOnce is how many cases are played at a time on two cores. A case waits most of its
// time, for users to be served and for limits to pass, and leaves the cores to others;
// but while a system starts on kind its nodes fill both.
func atOnce(platform string) int64 {
	if platform == run.PlatformKind {
		return 1
	}
	return 2
}

// ahead plays cases in their order, each as soon as there is place, while specs look at
// those that are over.
type ahead struct {
	play   func(context.Context, Case) (*Played, error)
	atOnce int64
	cases  []*aheadCase

	begin sync.Once
	ctx   context.Context //nolint:containedctx // that of all plays, which outlive the spec that began them
	stop  context.CancelFunc
}

// aheadCase is one of them; over is closed when played and err tell how it went.
type aheadCase struct {
	Case
	begun  bool
	cut    chan struct{} // closed when nobody waits for it any more
	over   chan struct{}
	played *Played
	err    error
}

// add has a case played behind those before it.
func (a *ahead) add(c Case) *aheadCase {
	n := &aheadCase{Case: c, cut: make(chan struct{}), over: make(chan struct{})}
	a.cases = append(a.cases, n)
	return n
}

// wait is what the case has left, when that is over. The first that is waited for has
// all of those played that chosen names, in their order; others are played when they
// are waited for. When ctx ends meanwhile the case is cut short, and undoes what it did.
func (a *ahead) wait(ctx context.Context, n *aheadCase, chosen func(Case) bool) (*Played, error) {
	a.begin.Do(func() {
		all, stop := context.WithCancel(context.WithoutCancel(ctx))
		a.ctx, a.stop = all, stop
		var named []*aheadCase
		for _, n := range a.cases {
			if chosen(n.Case) {
				n.begun = true
				named = append(named, n)
			}
		}
		go a.run(a.ctx, named) //nolint:contextcheck // as said above
	})
	if !n.begun {
		n.begun = true
		a.run(a.ctx, []*aheadCase{n}) //nolint:contextcheck // as said above
	}
	defer context.AfterFunc(ctx, sync.OnceFunc(func() { close(n.cut) }))()
	<-n.over
	return n.played, n.err
}

// end cuts short what is still under way, and waits until that has undone what it did.
func (a *ahead) end() {
	if a.stop != nil {
		a.stop()
	}
	for _, n := range a.cases {
		if n.begun {
			<-n.over
		}
	}
}

func (a *ahead) run(ctx context.Context, cases []*aheadCase) {
	places := semaphore.NewWeighted(a.atOnce)
	for _, n := range cases {
		takes := int64(1)
		if n.busy() {
			takes = a.atOnce
		}
		if n.err = places.Acquire(ctx, takes); n.err != nil {
			n.played = &Played{}
			close(n.over)
			continue
		}
		go func() {
			defer places.Release(takes)
			defer close(n.over)
			ctx, cancel := context.WithTimeout(ctx, n.Within())
			defer cancel()
			go func() {
				select {
				case <-n.cut:
					cancel()
				case <-ctx.Done():
				}
			}()
			n.played, n.err = a.play(ctx, n.Case)
		}()
	}
}

// chosen tells whether ginkgo runs the specs of a case, as far as can be told before:
// of those that are chosen by their text none is.
func chosen(c Case) bool {
	suite, _ := ginkgo.GinkgoConfiguration()
	byText := len(suite.FocusStrings)+len(suite.SkipStrings)+len(suite.FocusFiles)+len(suite.SkipFiles) > 0
	return !byText && ginkgo.Label(c.Labels()...).MatchesLabelFilter(suite.LabelFilter)
}
