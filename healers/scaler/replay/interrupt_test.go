package replay_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers/scaler/replay"
)

// patient is a context that is asked some times before it is done.
type patient struct {
	context.Context
	left int
}

func (p *patient) Err() error {
	if p.left--; p.left < 0 {
		return context.Canceled
	}
	return nil
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	spec := hpa(t, "{maxReplicas: 9, metrics: [%s]}", podsTen)
	rec := recording(t, "time,rps\n0,10\n43200,10\n") // a day, with the second half
	for _, row := range []struct {
		left int
		says string // empty: it is played to its end
	}{
		{0, "the replay was interrupted: 0 s of 24 h were played"},
		{1, "the replay was interrupted: 16 min of 24 h were played"}, // 64 decisions
		{89, "the replay was interrupted: 23 h 44 min of 24 h were played"},
		{90, ""},
	} {
		r, err := replay.Run(&patient{t.Context(), row.left}, spec, rec, replay.Options{})
		if row.says == "" {
			if err != nil || r.Summary.Decisions != 5760 {
				t.Errorf("it was not played to its end: %d decisions, %v", r.Summary.Decisions, err)
			}
			continue
		}
		if !errors.Is(err, replay.ErrInterrupted) || !strings.Contains(err.Error(), row.says) || r.Steps != nil {
			t.Errorf("expected %q, got %v", row.says, err)
		}
	}
}

// How often is decided is the model's: with a longer interval a peak is seen later, and the
// rates are the same.
func TestInterval(t *testing.T) {
	t.Parallel()
	spec := hpa(t, "{maxReplicas: 9, metrics: [%s], behavior: {scaleUp: {policies: [{type: Pods, value: 2, periodSeconds: 60}]}}}", podsTen)
	rec := recording(t, rows("rps", 10, 90, 90, 90, 90, 90))
	for _, row := range []struct {
		interval  time.Duration
		decisions int
		desired   []int32 // at the beginning of each minute
	}{
		{0, 24, []int32{1, 3, 5, 7, 9, 9}}, // 15 s
		{15 * time.Second, 24, []int32{1, 3, 5, 7, 9, 9}},
		{5 * time.Second, 72, []int32{1, 3, 5, 7, 9, 9}},
		{2 * time.Minute, 3, []int32{1, 3, 5}},
		{time.Hour, 1, []int32{1}},
	} {
		r := run(t, spec, rec, replay.Options{Interval: row.interval, ReadyAfter: -1})
		if row.interval == 0 {
			row.interval = 15 * time.Second
		}
		if r.Summary.Decisions != row.decisions || len(r.Steps) != row.decisions || r.Interval != row.interval {
			t.Errorf("%s: expected %d decisions, got %d each %s", row.interval, row.decisions, r.Summary.Decisions, r.Interval)
		}
		i := 0
		for _, s := range r.Steps {
			if s.At%max(row.interval, time.Minute) != 0 {
				continue
			}
			if s.Desired != row.desired[i] {
				t.Errorf("%s: at %s expected %d, got %d", row.interval, s.At, row.desired[i], s.Desired)
			}
			i++
		}
		if last := r.Steps[len(r.Steps)-1]; r.Summary.Played != 6*time.Minute || last.At >= r.Summary.Played {
			t.Errorf("%s: played %s, last at %s", row.interval, r.Summary.Played, last.At)
		}
	}
}
