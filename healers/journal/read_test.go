package journal_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/journal"
)

// readerOf makes the test binary a child that reads the journal named in it.
const readerOf = "REBOUND_JOURNAL_TEST_READER"

// readOnce prints how many records there are.
func readOnce(ctx context.Context, path string) error {
	n := 0
	for r, err := range journal.Read(ctx, path) {
		if err != nil {
			return err
		}
		if n++; r.Seq != uint64(n) {
			return fmt.Errorf("record %d comes as number %d", r.Seq, n)
		}
	}
	_, err := fmt.Println(n)
	return err
}

func read(t *testing.T, path string) (records []healers.Record) {
	t.Helper()
	for r, err := range journal.Read(t.Context(), path) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// abandoned copies the files of an open journal with 40 records: as its engine would
// leave them if it were killed now. which are their endings.
func abandoned(t *testing.T, which ...string) (path string) {
	t.Helper()
	from := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, from)
	for seq := uint64(1); seq <= 40; seq++ {
		if err := j.Append(t.Context(), 1, []healers.Record{intent(seq)}); err != nil {
			t.Fatal(err)
		}
	}
	if len(which) == 0 { // one that ended in order
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		which = []string{""}
	}
	path = filepath.Join(t.TempDir(), "journal.db")
	for _, ending := range which {
		data, err := os.ReadFile(from + ending)
		if err == nil {
			err = os.WriteFile(path+ending, data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// Whatever an engine left, all of it is read, and nothing is left beside it; also in a
// folder that the reader may not write to.
func TestReadWhatIsLeft(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, which := range map[string][]string{
		"an engine that ended":                   {},
		"an engine that was killed":              {"", "-wal", "-shm"},
		"a copy without the file that is shared": {"", "-wal"},
	} {
		t.Run(name, func(t *testing.T) {
			path := abandoned(t, which...)
			before := names(t, filepath.Dir(path))
			if got := read(t, path); len(got) != 40 || got[0].Seq != 1 || got[39].Seq != 40 {
				t.Errorf("%d records", len(got))
			}
			if after := names(t, filepath.Dir(path)); !slices.Equal(before, after) {
				t.Errorf("%v became %v", before, after)
			}

			path = abandoned(t, which...)
			dir := filepath.Dir(path)
			for mode, d := range map[os.FileMode]string{0o555: dir, 0o755: filepath.Dir(dir)} {
				if err := os.Chmod(d, mode); err != nil {
					t.Fatal(err)
				}
			}
			t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
			child := exec.CommandContext(t.Context(), self)
			child.Env = append(os.Environ(), readerOf+"="+path)
			if os.Geteuid() == 0 { // whom no mode keeps from writing
				child.Path = "/proc/self/exe" // the test binary is in a folder of root's
				child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			}
			out, err := child.CombinedOutput()
			if err != nil || strings.TrimSpace(string(out)) != "40" {
				t.Errorf("read-only: %v: %s", err, out)
			}
			if after := names(t, dir); !slices.Equal(before, after) {
				t.Errorf("read-only: %v became %v", before, after)
			}
		})
	}
}

// Who reads holds up nobody who appends, and sees a history without a gap.
func TestReadBesideAnEngine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	j := open(t, path)
	const last = 3000 // enough for the log to be begun anew in between
	var engine sync.WaitGroup
	engine.Go(func() {
		for seq := uint64(1); seq <= last; seq++ {
			if err := j.Append(t.Context(), 1, []healers.Record{finding(seq)}); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for n := 0; n < last && !t.Failed(); {
		got := read(t, path)
		for i, r := range got {
			if r.Seq != uint64(i)+1 {
				t.Fatalf("record %d comes as number %d", r.Seq, i+1)
			}
		}
		if len(got) < n {
			t.Fatalf("%d records, and there were %d", len(got), n)
		}
		n = len(got)
	}
	engine.Wait()
	for _, err := range journal.Read(t.Context(), path) { // who wants no more is not held to it
		if err != nil {
			t.Error(err)
		}
		break
	}
	if err := j.Append(t.Context(), 1, []healers.Record{finding(last + 1)}); err != nil {
		t.Error(err)
	}
}

func TestReadWhatIsNoJournal(t *testing.T) {
	dir := t.TempDir()
	odd := filepath.Join(dir, "odd.db")
	if err := os.WriteFile(odd, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "none.db"), odd, dir} {
		var last error
		n := 0
		for _, err := range journal.Read(t.Context(), path) {
			last = err
			n++
		}
		if n != 1 || last == nil || !strings.Contains(last.Error(), path) {
			t.Errorf("%s: %d records, %v", path, n, last)
		}
		if strings.HasSuffix(path, "none.db") && !errors.Is(last, fs.ErrNotExist) {
			t.Errorf("%s: %v", path, last)
		}
	}
	if left := names(t, dir); !slices.Equal(left, []string{"odd.db"}) {
		t.Errorf("left behind: %v", left)
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	path := abandoned(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range journal.Read(ctx, path) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}
