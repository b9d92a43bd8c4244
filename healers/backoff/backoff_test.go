package backoff_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/healers/backoff"
)

// crashes plays something that ends life after each start and gives the delays.
func crashes(c backoff.Config, n int, life time.Duration) []time.Duration {
	var (
		e      backoff.Entry
		now    time.Duration
		delays []time.Duration
	)
	for range n {
		ended := now + life
		now = c.Until(e, ended)
		delays = append(delays, now-ended)
		e = c.Next(e, ended, now)
	}
	return delays
}

func TestDelays(t *testing.T) {
	const s = time.Second
	for _, row := range []struct {
		name   string
		config backoff.Config
		life   time.Duration
		want   []time.Duration
	}{
		{"HAPPY kubelet's sequence", backoff.Config{}, s, []time.Duration{0, 10 * s, 20 * s, 40 * s, 80 * s, 160 * s, 300 * s, 300 * s}},
		{"HAPPY 10m01s of life is forgiven", backoff.Config{}, 601 * s, []time.Duration{0, 0, 0, 0}},
		{"SAD exactly ten minutes is not", backoff.Config{}, 600 * s, []time.Duration{0, 10 * s, 20 * s}},
		{"HAPPY own values", backoff.Config{Initial: s, Max: 3 * s, Reset: time.Minute}, s, []time.Duration{0, s, 2 * s, 3 * s, 3 * s}},
		{"HAPPY a maximum below the initial delay lowers it", backoff.Config{Initial: 10 * s, Max: 4 * s}, s, []time.Duration{0, 4 * s, 4 * s}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := crashes(row.config, len(row.want), row.life); !slices.Equal(got, row.want) {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

func TestDelayStaysWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := backoff.Config{
			Initial: time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "initial")),
			Max:     time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "max")),
		}
		life := time.Duration(rapid.Int64Range(0, int64(20*time.Minute)).Draw(t, "life"))
		for i, d := range crashes(c, 20, life) {
			if d < 0 || d > c.Max || i == 0 && d != 0 {
				t.Fatalf("delay %d is %v with %+v", i, d, c)
			}
		}
	})
}
