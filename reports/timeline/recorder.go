package timeline

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// Recorder writes the events of one run: it numbers them, dates them and hands
// them to its readers, in one order. It is safe for concurrent use.
type Recorder struct {
	began time.Time

	mu      sync.Mutex
	w       io.Writer // guarded by mu
	seq     uint64    // guarded by mu
	last    time.Duration
	readers []func(Event)
	err     error // the first that writing met
	closed  bool
}

// NewRecorder writes to w, one line an event, unbuffered: what was recorded
// survives a kill. began is the zero of the run's clock and must carry a
// monotonic reading, as time.Now returns it. readers see every event, in order,
// while the recorder is locked: they must be quick and must not record.
func NewRecorder(w io.Writer, began time.Time, readers ...func(Event)) *Recorder {
	return &Recorder{w: w, began: began, readers: readers}
}

// Now is the time on the run's clock.
func (r *Recorder) Now() time.Duration { return time.Since(r.began) }

// Append records an event and returns its number. Seq is set here, and so is At
// where it is zero; an At before that of the event before it is moved up to it.
// After Close, or when a write has failed, it still numbers but writes nothing.
func (r *Recorder) Append(e Event) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return r.seq
	}
	if e.At == 0 {
		e.At = r.Now()
	}
	e.At = max(e.At, r.last)
	r.last = e.At
	r.seq++
	e.Seq = r.seq
	if r.err == nil {
		b, err := json.Marshal(e)
		if err == nil {
			_, err = r.w.Write(append(b, '\n'))
		}
		if err != nil {
			r.err = fmt.Errorf("write event %d: %w", e.Seq, err)
		}
	}
	for _, f := range r.readers {
		f(e)
	}
	return e.Seq
}

// Close ends the record and returns the first error that writing met. Events
// that come later are dropped. It may be called twice.
func (r *Recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return r.err
}

// ErrNotTimeline is returned by Read for what does not begin with a header of a
// version that this package knows.
var ErrNotTimeline = errors.New("not a timeline")

// Read reads a timeline and hands each event to f, the header first, until the
// input ends or f fails. A last line that was cut off, as a killed run leaves
// it, is passed over.
func Read(r io.Reader, f func(Event) error) error {
	br := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		line, err := br.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			if n == 1 {
				return fmt.Errorf("%w: it is empty", ErrNotTimeline)
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("read timeline: %w", err)
		}
		var e Event
		if err := json.Unmarshal(line, &e); err != nil {
			if n == 1 {
				return fmt.Errorf("%w: line 1: %w", ErrNotTimeline, err)
			}
			return fmt.Errorf("read timeline: line %d: %w", n, err)
		}
		if n == 1 {
			if e.Kind != KindHeader || e.Header == nil {
				return fmt.Errorf("%w: line 1 is no header", ErrNotTimeline)
			}
			if e.Header.SchemaVersion < 1 || e.Header.SchemaVersion > SchemaVersion {
				return fmt.Errorf("%w: schema version %d; this program reads 1 to %d", ErrNotTimeline, e.Header.SchemaVersion, SchemaVersion)
			}
		}
		if err := f(e); err != nil {
			return err
		}
	}
}

// ReadAll reads a whole timeline into memory.
func ReadAll(r io.Reader) ([]Event, error) {
	var all []Event
	err := Read(r, func(e Event) error { all = append(all, e); return nil })
	return all, err
}
