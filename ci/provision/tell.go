package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode"
)

// alreadyThere is what a row says of a step that had nothing to do.
const alreadyThere = "already there"

// A teller tells progress with the time since the start, and the table at the end.
type teller struct {
	out   io.Writer
	start time.Time

	mu   sync.Mutex
	rows []row // guarded by mu
}

// row is a line of the table.
type row struct {
	step, what string
	took       time.Duration
}

func newTeller(out io.Writer, start time.Time) *teller { return &teller{out: out, start: start} }

// say tells something of a step as it happens.
func (t *teller) say(step, format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "%7.1fs  %-20s  %s\n", time.Since(t.start).Seconds(), step, fmt.Sprintf(format, args...))
}

// done adds a row. What was already there is not told before.
func (t *teller) done(step, what string, took time.Duration) {
	t.mu.Lock()
	t.rows = append(t.rows, row{step: step, what: what, took: took})
	t.mu.Unlock()
	if !strings.HasPrefix(what, alreadyThere) {
		t.say(step, "%s (%.1f s)", what, took.Seconds())
	}
}

// table writes what was done.
func (t *teller) table() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.rows) == 0 {
		return
	}
	width, wide := len("STEP"), len("WHAT WAS DONE")
	for _, r := range t.rows {
		width, wide = max(width, len(r.step)), max(wide, len(r.what))
	}
	fmt.Fprintf(t.out, "\n%-*s  %-*s  SECONDS\n", width, "STEP", wide, "WHAT WAS DONE")
	for _, r := range t.rows {
		fmt.Fprintf(t.out, "%-*s  %-*s  %7.1f\n", width, r.step, wide, r.what, r.took.Seconds())
	}
	fmt.Fprintf(t.out, "%-*s  %-*s  %7.1f\n", width, "all", wide, "", time.Since(t.start).Seconds())
}

// heartbeat tells, until ctx ends, that a step is still at it and what it said last.
func (t *teller) heartbeat(ctx context.Context, step string, every time.Duration, last func() string) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			t.say(step, "… %s", shortened(last(), 90))
		}
	}
}

// shortened is a line as a terminal can show it: without colours, and not too long.
func shortened(line string, limit int) string {
	shown := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, colour.ReplaceAllString(line, "")))
	if len(shown) > limit {
		shown = append(shown[:limit-1], '…')
	}
	return string(shown)
}

// colour is what switches colours on and off.
var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")
