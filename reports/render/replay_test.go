package render

import (
	"bytes"
	"encoding/xml"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// spiked is a day with a slow noon, a sudden evening, and an hour of a metric that is
// missing.
func spiked() Replay {
	r := Replay{
		Title: "shop.yaml over 24 h", Lead: "3 to 20 replicas, 160.5 replica-hours, too few ready for 21 min (1.5 % of the time)",
		From: time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC), Length: day, Min: 3, Max: 20,
		Metrics: []string{"cpu, 70 % of 500m", "requests_per_second, 100 each"}, Tolerated: 1.1,
	}
	n := 3
	for at := time.Duration(0); at < day; at += time.Minute {
		h := at.Hours()
		need := 2.2 + 6*max(0, math.Sin((h-6)/12*math.Pi))
		if h >= 20 && h < 20.75 {
			need = 27
		}
		wanted := max(int(math.Ceil(need)), 1)
		ready := n
		n = min(max(wanted, n-1, 3), 2*n, 20)
		s := ReplayStep{At: at, Replicas: n, Ready: min(ready, n), Wanted: wanted, Loads: []float64{need / float64(min(ready, n)), 0.8 * need / float64(min(ready, n))}}
		if h >= 3 && h < 4 {
			s.Loads[1] = math.NaN()
		}
		if s.Loads[0] > 1.1 {
			if k := len(r.Short); k > 0 && r.Short[k-1].Until == at {
				r.Short[k-1].Until += time.Minute
			} else {
				r.Short = append(r.Short, ReplaySpan{at, at + time.Minute})
			}
		}
		r.Steps = append(r.Steps, s)
	}
	return r
}

// replays are what both pictures must be able to show.
func replays() map[string]Replay {
	minute := func(n int) time.Duration { return time.Duration(n) * time.Minute }
	week := Replay{
		Title: evil, Lead: evil, From: time.Date(2026, 3, 28, 17, 31, 7, 0, time.FixedZone("", 7200)), Length: 9 * day, Min: 1, Max: 1000,
		Metrics: []string{evil, evil, evil, evil, evil}, Short: []ReplaySpan{{0, time.Second}, {minute(1), 8 * day}},
	}
	for i := range 5000 {
		week.Steps = append(week.Steps, ReplayStep{
			At: minute(2 * i), Replicas: 1 + i%7*40, Ready: i % 7, Wanted: i * 3,
			Loads: []float64{math.Inf(1), math.NaN(), float64(i), 0, 1},
		})
	}
	month := Replay{
		Title: "month.yaml", Lead: "up and down", From: time.Date(2026, 2, 27, 9, 0, 0, 0, time.UTC), Length: 30 * day, Min: 2, Max: 100,
		Metrics: []string{"cpu, 70 % of 500m", "memory, 1Gi each", "requests_per_second, 100 each", "queue_depth, 30 each", "jobs, 4 each"},
	}
	for i := range 30 * 1440 {
		n := 8 + int(5*math.Sin(float64(i)/230)) + i*31%97/90*6
		s := ReplayStep{At: minute(i), Replicas: n, Ready: n, Wanted: n - i%2}
		for m := range month.Metrics {
			s.Loads = append(s.Loads, 0.5+0.1*float64(m)+0.2*math.Sin(float64(i)/230))
		}
		month.Steps = append(month.Steps, s)
	}
	return map[string]Replay{
		"spiked":  spiked(),
		"nothing": {},
		"moment":  {Relative: true, From: time.Unix(0, 0).UTC(), Length: 15 * time.Second, Min: 1, Max: 3, Steps: []ReplayStep{{Replicas: 1, Ready: 1, Wanted: 1}}},
		"week":    week,
		"month":   month,
		"zero": {Title: "queue.yaml", Lead: "0 to 2 replicas", Relative: true, From: time.Unix(0, 0).UTC(), Length: minute(30), Max: 2, Metrics: []string{"queue, 5 each"}, Steps: []ReplayStep{
			{Loads: []float64{0}},
			{At: minute(10), Replicas: 2, Wanted: 9, Loads: []float64{math.Inf(1)}},
			{At: minute(11), Replicas: 2, Ready: 2, Wanted: 9, Loads: []float64{4.5}},
			{At: minute(20), Loads: []float64{math.NaN()}},
		}, Short: []ReplaySpan{{minute(10), minute(20)}}},
	}
}

func drawn(t *testing.T, r Replay, columns int) (picture, text string) {
	t.Helper()
	var a, b bytes.Buffer
	if err := ReplaySVG(&a, r); err != nil {
		t.Fatal(err)
	}
	if err := ReplayText(&b, r, columns); err != nil {
		t.Fatal(err)
	}
	return a.String(), b.String()
}

func TestReplayGolden(t *testing.T) {
	t.Parallel()
	all := replays()
	for _, name := range []string{"spiked", "zero"} {
		picture, text := drawn(t, all[name], 80)
		golden(t, "replay-"+name+".svg", picture)
		golden(t, "replay-"+name+".txt", text)
	}
}

// Whatever is drawn is strict XML that needs nothing else, and text that fits.
func TestReplayPicturesAreSound(t *testing.T) {
	t.Parallel()
	for name, r := range replays() {
		for _, columns := range []int{0, 40, 80, 133} {
			picture, text := drawn(t, r, columns)
			if err := xml.Unmarshal([]byte(picture), new(struct{})); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if strings.Contains(picture, `NaN`) || strings.Contains(picture, "Inf") {
				t.Errorf("%s: a coordinate is no number", name)
			}
			if m := outside.FindString(strings.ReplaceAll(picture, "http://www.w3.org/2000/svg", "")); m != "" {
				t.Errorf("%s: the picture refers to something outside itself: %q", name, m)
			}
			if len(picture) > 250_000 {
				t.Errorf("%s: the picture has %d bytes", name, len(picture))
			}
			for i, l := range strings.Split(text, "\n") {
				if n := utf8.RuneCountInString(l); n > max(columns, leastColumns) {
					t.Errorf("%s: line %d is %d columns wide, not %d: %s", name, i+1, n, columns, l)
				}
				if strings.ContainsAny(l, "\x1b\x00") {
					t.Errorf("%s: line %d could steer the terminal: %q", name, i+1, l)
				}
			}
		}
	}
}

func TestReplayReportsAFullDisk(t *testing.T) {
	t.Parallel()
	if err := ReplaySVG(&smallDisk{n: 5}, spiked()); err == nil {
		t.Error("the picture swallowed the error of its writer")
	}
	if err := ReplayText(&smallDisk{n: 5}, spiked(), 80); err == nil {
		t.Error("the text swallowed the error of its writer")
	}
}

// A scale ends where it is good to read, and holds what it must.
func TestRoundUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		top        float64
		marks      int
		end, every float64
	}{
		{1, 5, 1, 0.2}, {3, 5, 3, 1}, {18, 5, 20, 5}, {20, 5, 20, 5}, {21, 5, 25, 5}, {99, 5, 100, 20}, {150, 4, 150, 50}, {1000, 6, 1000, 200},
	} {
		if end, every := roundUp(c.top, c.marks); math.Abs(end-c.end) > 1e-9 || math.Abs(every-c.every) > 1e-9 {
			t.Errorf("%v in %d: %v by %v, want %v by %v", c.top, c.marks, end, every, c.end, c.every)
		}
	}
}

// Marks of time are at round times, in order, and few.
func TestClockMarks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		zone := time.FixedZone("", 900*rapid.IntRange(-48, 56).Draw(t, "zone"))
		r := Replay{
			From:     time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "from"), 0).In(zone),
			Length:   time.Duration(rapid.Int64Range(1, 400*int64(day)).Draw(t, "length")),
			Relative: rapid.Bool().Draw(t, "relative"),
		}
		n := rapid.IntRange(2, 20).Draw(t, "marks")
		marks := r.clockMarks(n)
		if len(marks) > n+1 {
			t.Fatalf("%d marks, not %d: %v", len(marks), n, marks)
		}
		for i, m := range marks {
			if m.at < 0 || m.at > r.Length || m.label == "" || i > 0 && m.at <= marks[i-1].at {
				t.Fatalf("mark %d: %v", i, marks)
			}
			if at := r.From.Add(m.at); !r.Relative && at.Second()%5 != 0 && r.Length > 30*time.Second {
				t.Fatalf("mark at %v", at)
			}
		}
	})
}

// What is drawn in one pixel spans all that was in it.
func TestTrailKeepsPeaks(t *testing.T) {
	t.Parallel()
	r := Replay{Length: day}
	for i := range 24 * 3600 {
		s := ReplayStep{At: time.Duration(i) * time.Second, Replicas: 2}
		if i == 43210 {
			s.Replicas = 9
		}
		r.Steps = append(r.Steps, s)
	}
	c := &replayCanvas{Replay: &r}
	path := c.trail(func(i int) float64 { return float64(r.Steps[i].Replicas) }, func(n float64) float64 { return 100 - n })
	if !strings.Contains(path, "V91") {
		t.Errorf("the peak is lost: %s", path)
	}
	if len(path) > 100 {
		t.Errorf("what is level is drawn with %d bytes", len(path))
	}
	if s := r.slots(80); s[40].high != 9 || s[40].low != 2 || s[39].high != 2 {
		t.Errorf("the peak is lost: %+v", s[38:42])
	}
}
