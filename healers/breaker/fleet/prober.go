package fleet

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// Fleet is what a prober tells: a [Coordinator].
type Fleet interface {
	// Waiting is how many members wait for the dependency.
	Waiting(dependency string) int
	// Probed says what was found.
	Probed(dependency string, o breaker.Outcome)
}

// Prober asks a dependency on behalf of all members, so that no request of a user has to be
// the trial. It asks while a breaker is open, and nothing otherwise.
type Prober struct {
	Fleet      Fleet
	Dependency string

	// Ask asks the dependency. An error, or none within Timeout, is a failure. See [Get].
	Ask func(context.Context) error

	// Every is how often, and Timeout how long one may take. 0 means 1 s.
	Every, Timeout time.Duration
}

// Run asks until ctx ends.
func (p *Prober) Run(ctx context.Context) error {
	tick := time.NewTicker(or(p.Every, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if p.Fleet.Waiting(p.Dependency) == 0 {
			continue
		}
		o := p.ask(ctx)
		if ctx.Err() != nil {
			return nil // it was cut off, which says nothing
		}
		p.Fleet.Probed(p.Dependency, o)
	}
}

func (p *Prober) ask(ctx context.Context) breaker.Outcome {
	ctx, cancel := context.WithTimeout(ctx, or(p.Timeout, time.Second))
	defer cancel()
	if err := p.Ask(ctx); err != nil || ctx.Err() != nil {
		return breaker.Failure
	}
	return breaker.OK
}

// Get asks by an HTTP GET of the URL, whose status must be below 400. A nil client means
// [http.DefaultClient].
func Get(client *http.Client, url string) func(context.Context) error {
	if client == nil {
		client = http.DefaultClient
	}
	return func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		if err := answer.Body.Close(); err != nil {
			return err
		}
		if answer.StatusCode >= http.StatusBadRequest {
			return fmt.Errorf("get %s: %s", url, answer.Status)
		}
		return nil
	}
}
