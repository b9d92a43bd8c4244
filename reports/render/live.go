package render

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// Live shows runs while they go on. The zero value is ready for use, and safe
// for concurrent use. Several runs at once are told apart by giving each its own
// reader with [Live.Follow].
type Live struct {
	// Height is how many rows the terminal has. nil or 0 from it: as the terminal
	// says, or 24 where it says nothing.
	Height func() int

	mu    sync.Mutex
	runs  []*liveRun // guarded by mu
	alone *liveRun   // the run that Observe follows; guarded by mu
	lines []string   // plain lines not yet written; guarded by mu
	above []line     // what goes above the block for good; guarded by mu
	deaf  bool       // Run has returned: nothing is kept; guarded by mu
	wake  chan struct{}
}

// redraw is how often a terminal is drawn anew: often enough for a clock with
// tenths of a second to run.
const redraw = 100 * time.Millisecond

// Observe follows one run, or several one after another: a header begins the
// next. It only notes the event and never waits for the terminal.
func (l *Live) Observe(e timeline.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.alone == nil || e.Kind == timeline.KindHeader {
		l.alone = l.join()
	}
	l.observe(l.alone, e)
}

// Follow returns readers for one more run, which may go on at the same time as
// others: of its events, and of words on what a long setup waits for.
func (l *Live) Follow() (events func(timeline.Event), progress func(string)) {
	var r *liveRun
	events = func(e timeline.Event) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if r == nil {
			r = l.join()
		}
		l.observe(r, e)
	}
	progress = func(words string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if r == nil {
			return // a run begins with its header
		}
		now := time.Now()
		if said := r.waits(words, now); said != "" {
			l.say(r, now.Sub(r.zero), said)
		}
	}
	return events, progress
}

func (l *Live) join() *liveRun {
	r := &liveRun{}
	l.runs = append(l.runs, r)
	return r
}

func (l *Live) observe(r *liveRun, e timeline.Event) {
	if e.Kind == timeline.KindHeader && e.Header != nil {
		r.name = l.nameFor(e.Header)
	}
	l.say(r, e.At, r.observe(e, time.Now())...)
	if e.Kind == timeline.KindEnd && !l.deaf {
		l.above = append(l.above, r.summary())
	}
}

// say keeps plain lines to be written. It must be called with mu held.
func (l *Live) say(r *liveRun, at time.Duration, said ...string) {
	if l.deaf || len(said) == 0 {
		return
	}
	for _, words := range said {
		l.lines = append(l.lines, fmt.Sprintf("%-18s %7.1fs  %s", r.name, at.Seconds(), words))
	}
	select {
	case l.signal() <- struct{}{}:
	default:
	}
}

// nameFor is SCENARIO/ARM, with a number where that is taken.
func (l *Live) nameFor(h *timeline.Header) string {
	name := oneLine(h.Scenario + "/" + h.Healers)
	same := 1
	for _, r := range l.runs {
		if r.base == name {
			same++
		}
	}
	if same > 1 {
		return fmt.Sprintf("%s#%d", name, same)
	}
	return name
}

// signal must be called with mu held.
func (l *Live) signal() chan struct{} {
	if l.wake == nil {
		l.wake = make(chan struct{}, 1)
	}
	return l.wake
}

// Run shows what was observed until ctx ends, and then once more. On a terminal
// (tty) a block is redrawn in place, width columns wide; else each change is a
// plain line. Colour is left out where NO_COLOR is set. It returns nil when ctx
// ends, or the first error of w.
func (l *Live) Run(ctx context.Context, w io.Writer, tty bool, width func() int) error {
	l.mu.Lock()
	wake := l.signal()
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.deaf, l.lines = true, nil
		l.mu.Unlock()
	}()
	if !tty {
		return l.print(ctx, w, wake)
	}
	return l.redraw(ctx, w, width)
}

// print writes plain lines as they come.
func (l *Live) print(ctx context.Context, w io.Writer, wake <-chan struct{}) error {
	for {
		last := done(ctx)
		l.mu.Lock()
		lines := l.lines
		l.lines = nil
		l.mu.Unlock()
		if len(lines) > 0 {
			if _, err := io.WriteString(w, strings.Join(lines, "\n")+"\n"); err != nil {
				return fmt.Errorf("write progress: %w", err)
			}
		}
		if last {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-wake:
		}
	}
}

const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	clearLine  = "\x1b[2K"
	clearBelow = "\x1b[J"
)

// redraw keeps one block at the foot of the terminal up to date.
func (l *Live) redraw(ctx context.Context, w io.Writer, width func() int) (err error) {
	colour := os.Getenv("NO_COLOR") == ""
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	defer func() {
		if _, werr := io.WriteString(w, showCursor); err == nil && werr != nil {
			err = fmt.Errorf("draw progress: %w", werr)
		}
	}()
	height := 0 // of the block that stands on the screen
	for {
		last := done(ctx)
		columns := 80
		if width != nil {
			columns = max(width(), 20)
		}
		above, block := l.frame(time.Now(), l.rows(w), last)
		var b strings.Builder
		b.WriteString(hideCursor + "\r")
		if height > 0 {
			fmt.Fprintf(&b, "\x1b[%dA", height)
		}
		for _, part := range [][]line{above, block} {
			for _, n := range part {
				b.WriteString(clearLine + n.paint(columns-1, colour) + "\n")
			}
		}
		b.WriteString(clearBelow)
		height = len(block)
		if _, werr := io.WriteString(w, b.String()); werr != nil {
			return fmt.Errorf("draw progress: %w", werr)
		}
		if last {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// rows is how many rows the terminal has.
func (l *Live) rows(w io.Writer) int {
	if l.Height != nil {
		if h := l.Height(); h > 0 {
			return h
		}
	}
	if f, ok := w.(*os.File); ok {
		if _, h, err := term.GetSize(int(f.Fd())); err == nil && h > 0 {
			return h
		}
	}
	return 24
}

// frame is what to draw: lines that stay, and the block.
func (l *Live) frame(now time.Time, rows int, last bool) (above, block []line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	above, l.above = l.above, nil
	l.lines = nil // they are for where there is no terminal
	var open []*liveRun
	for _, r := range l.runs {
		if !r.ended && r.name != "" {
			open = append(open, r)
		}
	}
	if len(open) == 0 {
		return above, nil
	}
	// The block must fit the screen, or moving up would leave torn copies behind.
	budget := max((rows-2)/len(open), 1)
	if last {
		for _, r := range open {
			block = append(block, r.summary())
		}
		return above, block
	}
	for _, r := range open {
		block = append(block, r.draw(now, budget)...)
		if len(block) >= rows-1 {
			block = block[:rows-1]
			break
		}
	}
	return above, block
}

// done tells whether ctx has ended, which for a view is no error.
func done(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	default:
		return false
	}
}
