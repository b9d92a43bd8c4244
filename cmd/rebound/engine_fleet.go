package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/rebound-chaos/rebound/healers/coordinator"
	"github.com/rebound-chaos/rebound/healers/policy"
	"github.com/rebound-chaos/rebound/healers/probe"
)

// breakers are those of the policy, as the engine serves them. nil: it serves none.
type breakers struct {
	*coordinator.Coordinator

	at string
}

// coordinate makes what is served at an address; none where that is empty.
func coordinate(p *policy.Policy, at string) (*breakers, error) {
	if at == "" {
		return nil, nil
	}
	at, err := coordinator.Address(at)
	if err != nil {
		return nil, fmt.Errorf("--fleet: %w", err)
	}
	c, err := coordinator.New(p)
	if err != nil {
		return nil, fmt.Errorf("--fleet %s: policy %s: %w", at, p.Name, err)
	}
	return &breakers{c, at}, nil
}

// run serves until ctx ends. Clients that find nobody try alone, which is slower and does
// no harm: an engine that cannot listen heals all the same.
func (b *breakers) run(ctx context.Context) {
	ln, err := coordinator.Listen(ctx, b.at)
	if err == nil {
		slog.InfoContext(ctx, "clients share the trials of their breakers", "at", "http://"+ln.Addr().String())
		err = b.Run(ctx, ln)
	}
	if err != nil {
		slog.WarnContext(ctx, "clients do not share the trials of their breakers", "error", err)
	}
}

// answered is what the prober tells; nil: nobody wants to know.
func (b *breakers) answered() func(probe.Answer) {
	if b == nil {
		return nil
	}
	return b.Answered
}
