package timeline_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

func note(text string) timeline.Event {
	return timeline.Event{Kind: timeline.KindNote, Actor: timeline.ActorRunner, Note: &timeline.Note{Text: text}}
}

func TestRecorderNumbersAndDates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		var seen []timeline.Event
		r := timeline.NewRecorder(&out, time.Now(), func(e timeline.Event) { seen = append(seen, e) })
		h := timelinetest.Header()
		r.Append(timeline.Event{Kind: timeline.KindHeader, Actor: timeline.ActorRunner, Header: &h})
		<-time.After(3 * time.Second)
		r.Append(note("dated by the recorder"))
		late := note("dated before the one ahead of it")
		late.At = time.Second
		r.Append(late)
		early := note("dated later than now")
		early.At = 5 * time.Second
		if n := r.Append(early); n != 4 {
			t.Errorf("the fourth event got number %d", n)
		}
		r.Append(note("the clock never goes back"))
		if got := r.Now(); got != 3*time.Second {
			t.Errorf("now is %s", got)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		for i, at := range []time.Duration{0, 3 * time.Second, 3 * time.Second, 5 * time.Second, 5 * time.Second} {
			if seen[i].Seq != uint64(i+1) || seen[i].At != at {
				t.Errorf("event %d: seq %d at %s, want at %s", i+1, seen[i].Seq, seen[i].At, at)
			}
		}
		back, err := timeline.ReadAll(&out)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(seen, back); d != "" {
			t.Errorf("the readers saw -, the file holds +:\n%s", d)
		}
	})
}

func TestRecorderIsConcurrent(t *testing.T) {
	var out bytes.Buffer
	var seqs []uint64
	r := timeline.NewRecorder(&out, time.Now(), func(e timeline.Event) { seqs = append(seqs, e.Seq) })
	h := timelinetest.Header()
	r.Append(timeline.Event{Kind: timeline.KindHeader, Header: &h})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				r.Append(note("one of many"))
			}
		})
	}
	wg.Wait()
	back, err := timeline.ReadAll(&out)
	if err != nil || len(back) != 801 || len(seqs) != 801 {
		t.Fatalf("%d written, %d seen, %v", len(back), len(seqs), err)
	}
	for i := range back {
		if back[i].Seq != uint64(i+1) || seqs[i] != uint64(i+1) || (i > 0 && back[i].At < back[i-1].At) {
			t.Fatalf("event %d has number %d (seen as %d) at %s", i+1, back[i].Seq, seqs[i], back[i].At)
		}
	}
}

// broken takes n writes and then none.
type broken struct{ n int }

var errDisk = errors.New("no space left")

func (b *broken) Write(p []byte) (int, error) {
	if b.n--; b.n < 0 {
		return 0, errDisk
	}
	return len(p), nil
}

func TestRecorderKeepsTheFirstError(t *testing.T) {
	var seen int
	r := timeline.NewRecorder(&broken{n: 1}, time.Now(), func(timeline.Event) { seen++ })
	r.Append(note("written"))
	r.Append(note("not written"))
	r.Append(note("not even tried"))
	for range 2 {
		if err := r.Close(); !errors.Is(err, errDisk) || !strings.Contains(err.Error(), "write event 2") {
			t.Errorf("closed with %v", err)
		}
	}
	if seen != 3 {
		t.Errorf("the readers saw %d of 3: they must not depend on the disk", seen)
	}
}

func TestRecorderAfterClose(t *testing.T) {
	var out bytes.Buffer
	var seen int
	r := timeline.NewRecorder(&out, time.Now(), func(timeline.Event) { seen++ })
	r.Append(note("kept"))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r.Append(note("dropped"))
	if seen != 1 || strings.Contains(out.String(), "dropped") {
		t.Errorf("%d seen, written: %s", seen, out.String())
	}
}
