package render

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

// play shows runs as they would go on, in the time of the bubble, and returns
// what was written.
func play(t *testing.T, tty bool, width int, runs ...*timelinetest.Builder) string {
	t.Helper()
	var out bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		var l Live
		ctx, cancel := context.WithCancel(t.Context())
		var going sync.WaitGroup
		for i, b := range runs {
			f, _ := l.Follow()
			going.Go(func() {
				begin := time.Now().Add(time.Duration(i)) // one order, run after run
				for _, e := range b.Events() {
					<-time.After(time.Until(begin.Add(e.At)))
					f(e)
				}
			})
		}
		go func() {
			going.Wait()
			cancel()
		}()
		if err := l.Run(ctx, &out, tty, func() int { return width }); err != nil {
			t.Error(err)
		}
	})
	return out.String()
}

func TestLivePlainLines(t *testing.T) {
	t.Parallel()
	got := play(t, false, 0, timelinetest.Healed(), timelinetest.Missed())
	golden(t, "live.txt", got)
	for _, want := range []string{"hang/rebound ", "hang/off ", "phase     observe", "hang orders/1 active: state T", "restart orders/1: ok", "served again after 1.75 s", "not within 24.8 s"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if n := strings.Count(got, "\n"); n > 60 {
		t.Errorf("%d lines for two runs of 35 s are noise", n)
	}
}

func TestLiveOnATerminal(t *testing.T) {
	t.Setenv("NO_COLOR", "")
	coloured := play(t, true, 90, timelinetest.Healed(), timelinetest.Missed())
	if !strings.Contains(coloured, "\x1b[32m") {
		t.Error("there is no colour")
	}
	t.Setenv("NO_COLOR", "1")
	got := play(t, true, 90, timelinetest.Healed(), timelinetest.Missed())
	if strings.Contains(got, "\x1b[32m") || strings.Contains(got, "\x1b[1m") {
		t.Error("NO_COLOR was not respected")
	}
	for _, want := range []string{"RECOVERY", "running since the fault was confirmed", "good for 3 of 10 seconds", "✓ users served again", "✗ not while the fault lasted", "▅", "orders 2/3"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q was never on the screen", want)
		}
	}
	if !strings.HasSuffix(got, showCursor) {
		t.Error("the cursor stays hidden")
	}
	for l := range strings.SplitSeq(got, "\n") {
		if i := strings.LastIndex(l, clearLine); i >= 0 && utf8.RuneCountInString(l[i+len(clearLine):]) > 89 {
			t.Errorf("a line is too wide for its terminal: %q", l)
		}
	}
}

// However many runs and however few rows: a block higher than the screen would
// leave torn copies behind.
func TestLiveFitsTheScreen(t *testing.T) {
	t.Parallel()
	events := storm(false).Events()[:150]
	for n := 1; n < 9; n++ {
		var l Live
		for range n {
			f, _ := l.Follow()
			for _, e := range events {
				f(e)
			}
		}
		for rows := 3; rows < 40; rows++ {
			if _, block := l.frame(time.Now(), rows, false); len(block) > rows-1 || len(block) == 0 {
				t.Fatalf("%d runs on %d rows: the block has %d", n, rows, len(block))
			}
		}
	}
}

func TestLiveShowsTextAsText(t *testing.T) {
	t.Parallel()
	got := play(t, false, 0, storm(false))
	if strings.ContainsAny(got, "\x1b\x00") {
		t.Error("text of a timeline can steer the terminal")
	}
	var l Live
	for _, e := range storm(false).Events()[:150] {
		l.Observe(e)
	}
	_, block := l.frame(time.Now(), 24, false)
	for _, n := range block {
		if s := n.paint(100, false); strings.ContainsAny(s, "\x1b\x00\n") {
			t.Errorf("text of a timeline can steer the terminal: %q", s)
		}
	}
}

// What a long setup waits for is said once, however often the platform says it, and
// stands on the screen with its clock until the setup is over.
func TestLiveSaysWhatASetupWaitsFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l Live
		events, progress := l.Follow()
		progress("too early")
		built := timelinetest.Begin(timeline.Header{Platform: "kind"}).Events()
		events(built[0])
		events(built[1]) // setup
		for range 3 {
			progress("kind: nodes Ready\x1b 3/4")
		}
		<-time.After(21 * time.Second)
		_, block := l.frame(time.Now(), 24, false)
		var screen strings.Builder
		for _, n := range block {
			screen.WriteString(n.paint(100, false) + "\n")
		}
		if want := "waits     kind: nodes Ready 3/4 (21 s)"; !strings.Contains(screen.String(), want) {
			t.Errorf("%q is not on the screen:\n%s", want, &screen)
		}
		progress("kind: pods ready 0/7")
		events(built[len(built)-1]) // baseline
		if _, block = l.frame(time.Now(), 24, false); strings.Contains(block[1].paint(100, false), "waits") {
			t.Error("it waits although the setup is over")
		}

		var plain Live
		events, progress = plain.Follow()
		events(built[0])
		for range 3 {
			progress("kind: nodes Ready 3/4")
		}
		var out bytes.Buffer
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := plain.Run(ctx, &out, false, nil); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "waits     kind: nodes Ready 3/4"); n != 1 {
			t.Errorf("it was said %d times:\n%s", n, &out)
		}
	})
}

// Observe alone follows runs one after another, and never blocks, whether or
// not anything is shown.
func TestLiveObserveAlone(t *testing.T) {
	t.Parallel()
	var l Live
	for _, b := range []*timelinetest.Builder{timelinetest.Healed(), timelinetest.Healed()} {
		for _, e := range b.Events() {
			l.Observe(e)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if err := l.Run(ctx, &out, false, nil); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "hang/rebound#2 ") {
		t.Error("the second run has no name of its own")
	}
	l.Observe(timeline.Event{Kind: timeline.KindNote, Note: &timeline.Note{Text: "late"}})
}

func TestLiveReturnsTheWritersError(t *testing.T) {
	t.Parallel()
	for _, tty := range []bool{false, true} {
		var l Live
		for _, e := range timelinetest.Healed().Events() {
			l.Observe(e)
		}
		r, w := io.Pipe()
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if err := l.Run(t.Context(), w, tty, nil); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("tty %v: %v", tty, err)
		}
	}
}
