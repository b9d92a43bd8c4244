package faults

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// Stall makes an instance begin its answers over HTTP and never end them: status and
// header come, the body does not. No place outside of a program can do that to it, so
// it is told to, at an endpoint of its own that takes
//
//	{"stall": "/healthz/live", "stallFor": "10s"}
//
// as the shop's does: it stalls what is asked for at that path or below it, until the
// time is over or another is told, and at "" nothing. The time is short and told again
// while the fault lasts, so that a harness that dies leaves nothing behind.
type Stall struct {
	// Path is what is stalled, with all below it. Empty: /, which is everything but
	// the endpoint.
	Path string `json:"path,omitempty"`
	// Port is the name of the port that serves both. Empty: http.
	Port string `json:"port,omitempty"`
	// Switch is the path of the endpoint. Empty: /admin/misbehave.
	Switch string `json:"switch,omitempty"`
}

const (
	// stallHead is how long the head of an answer may take.
	stallHead = 2 * time.Second
	// stallBody is how long a body must be missing behind its head: whoever sends one
	// sends both at once.
	stallBody = 300 * time.Millisecond
	// stallAgain is how long after it was not heard it is told again.
	stallAgain = 100 * time.Millisecond
	stallKept  = 200 // bytes of an answer that are quoted
)

func (s Stall) filled() Stall {
	return Stall{Path: cmp.Or(s.Path, "/"), Port: cmp.Or(s.Port, "http"), Switch: cmp.Or(s.Switch, "/admin/misbehave")}
}

// Validate checks the arguments.
func (s Stall) Validate() error {
	s = s.filled()
	for name, path := range map[string]string{"path": s.Path, "switch": s.Switch} {
		if !strings.HasPrefix(path, "/") {
			return fmt.Errorf("%s: %q does not begin with /", name, path)
		}
	}
	return nil
}

// Inject implements [Fault].
func (s Stall) Inject(ctx context.Context, env Env) (Injection, error) {
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArgs, err)
	}
	dialer, err := sut.Find[sut.Dialer](env, sut.CanDial, env.Target)
	if err != nil {
		return nil, fmt.Errorf("stall %s: %w", env.Target, err)
	}
	i := &stalled{Stall: s.filled(), dialer: dialer, env: env}
	if err := i.tell(ctx, i.Path, renewFor); err != nil {
		_ = i.tell(ctx, "", 0) // it may have heard, and not been able to say so
		return nil, fmt.Errorf("stall %s: %w", env.Target, err)
	}
	return i, nil
}

type stalled struct {
	Stall

	dialer sut.Dialer
	env    Env
	until  time.Time // when it ends by itself at the latest
}

// client asks this life and no other, each time over a new connection.
func (s *stalled) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return s.dialer.Dial(ctx, s.env.Target, s.Port)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (s *stalled) ask(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://instance"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	return s.client().Do(r)
}

// tell is the switch. To stall it is told for a second at least, for 0 is without end.
// Once it is sent nothing calls it off: what nobody waits for could be heard after what
// is told next.
func (s *stalled) tell(ctx context.Context, path string, last time.Duration) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stallHead)
	defer cancel()
	if path != "" {
		last = max(last, time.Second)
	}
	body, err := json.Marshal(struct {
		Stall    string            `json:"stall"`
		StallFor manifest.Duration `json:"stallFor"`
	}{path, manifest.Duration(last)})
	if err != nil {
		return err
	}
	answer, err := s.ask(ctx, http.MethodPost, s.Switch, body)
	if path != "" {
		s.until = time.Now().Add(last)
	}
	if err != nil {
		return fmt.Errorf("tell it at %s: %w", s.Switch, err)
	}
	said, err := io.ReadAll(io.LimitReader(answer.Body, stallKept))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return fmt.Errorf("tell it at %s: %w", s.Switch, err)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("tell it at %s: status %d: %s", s.Switch, answer.StatusCode, bytes.TrimSpace(said))
	}
	return nil
}

// Active asks as a user does, and does not believe the switch.
func (s *stalled) Active(ctx context.Context) (Evidence, error) {
	ctx, cancel := context.WithTimeout(ctx, stallHead)
	defer cancel()
	answer, err := s.ask(ctx, http.MethodGet, s.Path, nil)
	switch {
	case errors.Is(err, sut.ErrGone):
		return Evidence{Gone: true, Proof: s.env.Target.String() + " is gone"}, nil
	case err != nil:
		return Evidence{}, fmt.Errorf("ask %s: %w", s.env.Target, err)
	}
	defer func() { _ = answer.Body.Close() }() // what else it says is nothing to us
	what := fmt.Sprintf("GET %s of %s: status %d", s.Path, s.env.Target.ID, answer.StatusCode)
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, answer.Body)
		ended <- err
	}()
	missing := time.NewTimer(stallBody)
	defer missing.Stop()
	select {
	case err := <-ended:
		if err != nil {
			return Evidence{}, fmt.Errorf("%s: %w", what, err)
		}
		return Evidence{Proof: what + " and a whole body"}, nil
	case <-missing.C:
	}
	cancel() // which ends the reading
	if err := <-ended; err == nil {
		return Evidence{Proof: what + " and a whole body, late"}, nil
	}
	return Evidence{Observed: true, Proof: fmt.Sprintf("%s, and no end of its body within %s", what, stallBody)}, nil
}

// Renew tells it again.
func (s *stalled) Renew(ctx context.Context, until time.Time) error {
	late := time.Now().Add(time.Second)
	err := s.insist(ctx, late, func() error { return s.tell(ctx, s.Path, time.Until(until)) })
	if err != nil {
		return fmt.Errorf("stall %s for longer: %w", s.env.Target, err)
	}
	return nil
}

// Revert tells it to go on, and looks that it does. What it cannot be told it does by
// itself.
func (s *stalled) Revert(ctx context.Context) error {
	deaf := false
	err := s.insist(ctx, s.until, func() error {
		err := s.tell(ctx, "", 0)
		if deaf = err != nil; deaf {
			return err
		}
		e, err := s.Active(ctx)
		if err == nil && e.Observed {
			err = errors.New(e.Proof)
		}
		return err
	})
	if err != nil && (!deaf || ctx.Err() != nil) {
		return fmt.Errorf("let %s go on: %w", s.env.Target, err)
	}
	return nil
}

// insist tries until it succeeds, the life is over, or it is late.
func (s *stalled) insist(ctx context.Context, late time.Time, try func() error) error {
	for {
		err := try()
		if err == nil || errors.Is(err, sut.ErrGone) || s.ended() {
			return nil
		}
		if ctx.Err() != nil || time.Now().After(late) {
			return err
		}
		again := time.NewTimer(stallAgain)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
		}
	}
}

// ended: the system tells that the life is over.
func (s *stalled) ended() bool {
	if s.env.Look == nil {
		return false
	}
	in, ok := s.env.Look(s.env.Target.ID)
	return !ok || in.Incarnation != s.env.Target.Incarnation || in.Phase == sut.PhaseExited
}
