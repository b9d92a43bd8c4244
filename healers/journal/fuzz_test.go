package journal_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"testing"

	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/journal"
)

// all are the records of a sequence, until an error ends it.
func all(seq iter.Seq2[healers.Record, error]) (records []healers.Record, err error) {
	for r, err := range seq {
		if err != nil {
			return records, err
		}
		records = append(records, r)
	}
	return records, nil
}

// FuzzRecord: whatever is in the place of a record, it is one or an error, the same for
// its engine and for a reader, and an engine can take it in.
func FuzzRecord(f *testing.F) {
	ctx := context.Background()
	path := filepath.Join(f.TempDir(), "journal.db")
	j, err := journal.Open(ctx, path)
	if err != nil {
		f.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _, _ = db.Close(), j.Close() })
	for _, r := range []healers.Record{finding(1), intent(1), {Seq: 1, Kind: healers.RecordState, State: json.RawMessage(`{"settled":{"id":1}}`)}} {
		body, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
		f.Add(body[:len(body)/2])
	}
	for _, body := range []string{"", "null", "[]", "1", "{}{}", "\x00", "\xff", `{"at":1e99}`, `{"kind":1}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := db.ExecContext(ctx, "INSERT OR REPLACE INTO record (seq, epoch, body) VALUES (1, 1, ?)", string(body)); err != nil {
			t.Fatal(err)
		}
		read, errRead := all(journal.Read(ctx, path))
		c, seq, err := j.Load(ctx)
		if err != nil {
			t.Fatal(err)
		}
		loaded, errLoad := all(seq)
		if (errRead == nil) != (errLoad == nil) || len(read) != len(loaded) || (errRead == nil) != (len(read) == 1) {
			t.Fatalf("%d records read, %v; %d loaded, %v", len(read), errRead, len(loaded), errLoad)
		}
		e := healers.New(1, c)
		for _, r := range loaded {
			e.Apply(r)
		}
		if len(e.Checkpoint().State) == 0 {
			t.Fatal("it cannot be kept")
		}
	})
}

// FuzzFile: whatever is in the place of a journal, it is read or refused, and nothing is
// left beside it.
func FuzzFile(f *testing.F) {
	ctx := context.Background()
	path := filepath.Join(f.TempDir(), "journal.db")
	j, err := journal.Open(ctx, path)
	if err == nil {
		err = j.Append(ctx, 1, []healers.Record{finding(1), intent(2)})
	}
	if err == nil {
		err = j.Save(ctx, 1, healers.Checkpoint{Seq: 1, State: json.RawMessage(`{"seq":1}`)})
	}
	if err == nil {
		err = j.Close()
	}
	if err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("SQLite format 3\x00"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "journal.db")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		_, _ = all(journal.Read(ctx, path))
		if left := names(t, dir); len(left) != 1 {
			t.Fatalf("beside it are %v", left)
		}
		j, err := journal.Open(ctx, path)
		if err != nil {
			return
		}
		if c, seq, err := j.Load(ctx); err == nil {
			e := healers.New(1, c)
			records, _ := all(seq)
			for _, r := range records {
				e.Apply(r)
			}
		}
		if err := j.Close(); err != nil {
			t.Logf("close: %v", err) // of what is no journal
		}
	})
}
