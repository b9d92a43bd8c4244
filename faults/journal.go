package faults

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// journalFile is the undo journal's name in the directory of its lease.
const journalFile = "journal.jsonl"

// entry is one line of the undo journal; exactly one of the numbers is set.
type entry struct {
	Arm    int      `json:"arm,omitempty"` // Op was armed under this number
	Op     *harm.Op `json:"op,omitempty"`
	Disarm int      `json:"disarm,omitempty"` // the harness released it
	Undone int      `json:"undone,omitempty"` // a guardian undid it
	Failed int      `json:"failed,omitempty"` // a guardian could not undo it, yet
	Error  string   `json:"error,omitempty"`
}

// armed is an operation that nobody has undone.
type armed struct {
	n       int
	op      harm.Op
	problem string // what undoing it met last
}

// undoJournal appends to a journal. An entry is durable when append returns.
type undoJournal struct{ f *os.File }

// openJournal opens the journal in dir for appending, and makes it if there is
// none. A torn last line is cut off, since a line after it would be lost with it.
func openJournal(dir string) (*undoJournal, error) {
	path := filepath.Join(dir, journalFile)
	_, good, err := readJournal(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open undo journal: %w", err)
	}
	if err := f.Truncate(good); err != nil {
		return nil, errors.Join(fmt.Errorf("cut the torn end off the undo journal: %w", err), f.Close())
	}
	return &undoJournal{f}, nil
}

func (j *undoJournal) append(e entry) error {
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("write undo journal: %w", err)
	}
	if _, err := j.f.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write undo journal: %w", err)
	}
	if err := j.f.Sync(); err != nil {
		return fmt.Errorf("sync undo journal: %w", err)
	}
	return nil
}

func (j *undoJournal) close() error { return j.f.Close() }

// readJournal returns what is armed, in the order of arming, and the length of
// the part that is whole. A last line that was torn by a crash was never
// answered, so nobody acted on it: it is passed over.
func readJournal(dir string) (ops []armed, good int64, err error) {
	b, err := os.ReadFile(filepath.Join(dir, journalFile))
	if err != nil {
		return nil, 0, fmt.Errorf("read undo journal: %w", err)
	}
	for line := 1; ; line++ {
		text, rest, whole := bytes.Cut(b, []byte{'\n'})
		if !whole {
			return ops, good, nil
		}
		var e entry
		if err := json.Unmarshal(text, &e); err != nil {
			return ops, good, fmt.Errorf("read undo journal %s: line %d: %w", dir, line, err)
		}
		ops = e.apply(ops)
		good += int64(len(text)) + 1
		b = rest
	}
}

func (e entry) apply(ops []armed) []armed {
	if e.Arm != 0 && e.Op != nil {
		return append(ops, armed{n: e.Arm, op: *e.Op})
	}
	kept := ops[:0]
	for _, a := range ops {
		if a.n == e.Failed {
			a.problem = e.Error
		}
		if a.n != e.Disarm && a.n != e.Undone {
			kept = append(kept, a)
		}
	}
	return kept
}
