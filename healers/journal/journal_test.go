package journal_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/journal"
)

func open(t *testing.T, path string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
	return j
}

func load(t *testing.T, j *journal.Journal) (healers.Checkpoint, []healers.Record) {
	t.Helper()
	c, seq, err := j.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []healers.Record
	for r, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return c, all
}

func finding(seq uint64) healers.Record {
	return healers.Record{
		Seq: seq, Epoch: 1, At: time.Duration(seq) * time.Second, Kind: healers.RecordFinding,
		Finding: &healers.Finding{Kind: healers.FindingExited, Target: sut.Target{ID: "orders/2", Incarnation: "7"}, Since: time.Second},
	}
}

func intent(seq uint64) healers.Record {
	return healers.Record{
		Seq: seq, Cause: 1, Epoch: 1, Work: 1, Kind: healers.RecordIntent,
		Act: &healers.Act{ID: healers.ActID(seq), Verb: "restart", Target: sut.Target{ID: "orders/2", Incarnation: "7"}, Args: []byte(`{"grace":1}`)},
	}
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a journal?x=%41.db") // a name must not be read as options
	j := open(t, path)
	if c, all := load(t, j); c.Seq != 0 || c.State != nil || all != nil {
		t.Fatalf("a new journal holds %+v %+v", c, all)
	}
	want := []healers.Record{finding(1), finding(2), intent(3), {Seq: 4, Epoch: 1, Kind: healers.RecordOutcome, Done: &healers.Done{ID: 3, Result: healers.ResultOK}}}
	for _, batch := range [][]healers.Record{want[:1], want[1:3], nil, want[3:]} {
		if err := j.Append(t.Context(), 1, batch); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(t.Context(), 1, []healers.Record{finding(5)}); err == nil {
		t.Error("a closed journal took a record")
	}
	again := open(t, path)
	if _, got := load(t, again); cmp.Diff(want, got) != "" {
		t.Error(cmp.Diff(want, got))
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "a journal?x=%41.db*"))
	if err != nil || len(files) == 0 {
		t.Errorf("the file has another name: %v %v", files, err)
	}
}

func TestAppendIsAllOrNone(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "j"))
	if err := j.Append(t.Context(), 1, []healers.Record{finding(1), finding(2)}); err != nil {
		t.Fatal(err)
	}
	err := j.Append(t.Context(), 1, []healers.Record{finding(3), finding(2)})
	if !errors.Is(err, healers.ErrFenced) {
		t.Errorf("a number twice: %v", err)
	}
	if _, got := load(t, j); len(got) != 2 {
		t.Errorf("%d records", len(got))
	}
	if err := j.Append(t.Context(), 1, []healers.Record{finding(3)}); err != nil {
		t.Errorf("after a refusal: %v", err)
	}
}

func TestOldEpochIsFenced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	old, young := open(t, path), open(t, path)
	first, err := old.Claim(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Append(t.Context(), first, []healers.Record{finding(1)}); err != nil {
		t.Fatal(err)
	}
	second, err := young.Claim(t.Context())
	if err != nil || second <= first {
		t.Fatalf("claimed %d after %d: %v", second, first, err)
	}
	if err := old.Append(t.Context(), first, []healers.Record{finding(2)}); !errors.Is(err, healers.ErrFenced) {
		t.Errorf("the old epoch: %v", err)
	}
	if err := old.Append(t.Context(), first, nil); !errors.Is(err, healers.ErrFenced) {
		t.Errorf("the old epoch, without records: %v", err)
	}
	if err := old.Save(t.Context(), first, healers.Checkpoint{Seq: 9}); !errors.Is(err, healers.ErrFenced) {
		t.Errorf("a checkpoint of the old epoch: %v", err)
	}
	if err := young.Append(t.Context(), second+1, []healers.Record{finding(2)}); err != nil {
		t.Fatal(err)
	}
	if err := young.Append(t.Context(), second, []healers.Record{finding(3)}); !errors.Is(err, healers.ErrFenced) {
		t.Errorf("an append did not raise the epoch: %v", err)
	}
	if c, all := load(t, young); len(all) != 2 || c.Seq != 0 {
		t.Errorf("%+v, %d records", c, len(all))
	}
}

func TestCheckpointShortensTheHistory(t *testing.T) {
	j := open(t, filepath.Join(t.TempDir(), "j"))
	if err := j.Append(t.Context(), 1, []healers.Record{finding(1), finding(2), finding(3)}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []healers.Checkpoint{{Seq: 1, State: []byte(`{"a":1}`)}, {Seq: 2, State: []byte(`{"a":2}`)}} {
		if err := j.Save(t.Context(), 1, c); err != nil {
			t.Fatal(err)
		}
	}
	c, all := load(t, j)
	if c.Seq != 2 || string(c.State) != `{"a":2}` || len(all) != 1 || all[0].Seq != 3 {
		t.Errorf("%+v %+v", c, all)
	}
}

// Whatever is appended in whatever portions, by whoever reopens it: what comes
// back is what was taken.
func TestHistoryModel(t *testing.T) {
	dir, n := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		path := filepath.Join(dir, rapid.StringMatching(`[a-z]{8}`).Draw(rt, "name")+time.Duration(n).String())
		j, err := journal.Open(t.Context(), path)
		if err != nil {
			rt.Fatal(err)
		}
		defer func() { _ = j.Close() }()
		var want []healers.Record
		epoch := uint64(1)
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"append", "append", "reopen", "claim", "stale"}).Draw(rt, "step") {
			case "append":
				var batch []healers.Record
				for i := range rapid.IntRange(0, 3).Draw(rt, "records") {
					r := finding(uint64(len(want) + i + 1))
					if rapid.Bool().Draw(rt, "urgent") {
						r = intent(r.Seq)
					}
					batch = append(batch, r)
				}
				if err := j.Append(t.Context(), epoch, batch); err != nil {
					rt.Fatal(err)
				}
				want = append(want, batch...)
			case "reopen":
				if err := j.Close(); err != nil {
					rt.Fatal(err)
				}
				if j, err = journal.Open(t.Context(), path); err != nil {
					rt.Fatal(err)
				}
			case "claim":
				e, err := j.Claim(t.Context())
				if err != nil || e <= epoch-1 {
					rt.Fatal(e, err)
				}
				epoch = e
			case "stale":
				if epoch == 1 {
					continue
				}
				if err := j.Append(t.Context(), epoch-1, []healers.Record{finding(999)}); !errors.Is(err, healers.ErrFenced) {
					// No record has raised the epoch yet: only a claim did.
					rt.Fatal("an old epoch was taken", err)
				}
			}
		}
		_, seq, err := j.Load(t.Context())
		if err != nil {
			rt.Fatal(err)
		}
		var got []healers.Record
		for r, err := range seq {
			if err != nil {
				rt.Fatal(err)
			}
			got = append(got, r)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func BenchmarkAppendIntent(b *testing.B) {
	j, err := journal.Open(b.Context(), filepath.Join(b.TempDir(), "j"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	var seq uint64
	for b.Loop() {
		seq++
		if err := j.Append(b.Context(), 1, []healers.Record{intent(seq)}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendFinding(b *testing.B) {
	j, err := journal.Open(b.Context(), filepath.Join(b.TempDir(), "j"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = j.Close() }()
	var seq uint64
	for b.Loop() {
		seq++
		if err := j.Append(b.Context(), 1, []healers.Record{finding(seq)}); err != nil {
			b.Fatal(err)
		}
	}
}
