package healers

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/suttest"
	"github.com/rebound-chaos/rebound/healers/policy"
)

func TestMessagesGoToPeople(t *testing.T) {
	var told []string
	s := &shell{live: &Live{Notify: func(m Message, page bool) {
		if page {
			m.Text = "page: " + m.Text
		}
		told = append(told, m.Text)
	}}}
	deaf := &shell{live: &Live{}}
	for _, c := range []struct {
		name  string
		shell *shell
		act   Act
		grant bool
		want  Result
	}{
		{"notify", s, Act{ID: 1, Verb: VerbNotify, Args: []byte(`{"text":"cleaned"}`)}, true, ResultOK},
		{"page", s, Act{ID: 2, Verb: VerbPage, Args: []byte(`{"text":"full"}`)}, true, ResultOK},
		{"not granted", s, Act{ID: 3, Verb: VerbPage, Args: []byte(`{"text":"x"}`)}, false, ResultRefused},
		{"no text", s, Act{ID: 4, Verb: VerbPage, Args: []byte(`x`)}, true, ResultFailed},
		{"nobody there", deaf, Act{ID: 5, Verb: VerbPage, Args: []byte(`{"text":"x"}`)}, true, ResultRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			var g Grant
			if c.grant {
				g = Grant{act: &c.act}
			}
			if got := c.shell.do(t.Context(), c.act, g); got.ID != c.act.ID || got.Result != c.want {
				t.Errorf("got %+v, want %s", got, c.want)
			}
		})
	}
	if len(told) != 2 || told[0] != "cleaned" || told[1] != "page: full" {
		t.Errorf("told %q", told)
	}
}

// slow is an actuator whose acts take until their context ends.
type slow struct {
	mu        sync.Mutex
	now, most int // guarded by mu
}

func (s *slow) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now += n
	s.most = max(s.most, s.now)
}

func (s *slow) Do(ctx context.Context, _ Grant, _ Act) Done {
	s.add(1)
	<-ctx.Done()
	s.add(-1)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return Done{Result: ResultUnknown}
	}
	return Done{Result: ResultCancelled}
}

func TestActsAreBoundedAndEachHasOneOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &slow{}
		s := &shell{live: &Live{Actuator: a}, inbox: newInbox(), cancel: map[ActID]context.CancelFunc{}, drop: map[ActID]context.CancelFunc{}, begin: time.Now(), workers: make(chan struct{}, 2)}
		for id := range ActID(5) {
			deadline := 3 * time.Second
			if id == 0 {
				deadline = 0 // none: it is cancelled
			}
			s.start(t.Context(), Act{ID: id, Verb: "restart", Deadline: deadline}, Grant{})
			synctest.Wait()
		}
		<-time.After(10 * time.Second)
		s.cancel[0]()
		synctest.Wait()
		got := map[ActID]Result{}
		for _, d := range s.inbox.take().Done {
			if _, twice := got[d.ID]; twice {
				t.Errorf("act %d ended twice", d.ID)
			}
			got[d.ID] = d.Result
		}
		if a.most != 2 || len(got) != 5 || got[0] != ResultCancelled || got[1] != ResultUnknown {
			t.Errorf("%d at once; %v", a.most, got)
		}
		s.finish()
	})
}

// history is a journal with many records that keeps checkpoints.
type history struct {
	records int
	kept    []Checkpoint
	after   int // records that came after the newest checkpoint
}

func (h *history) Append(_ context.Context, _ uint64, r []Record) error {
	h.after += len(r)
	return nil
}

func (h *history) Save(_ context.Context, _ uint64, c Checkpoint) error {
	h.kept = append(h.kept, c)
	return nil
}

func (h *history) Load(context.Context) (Checkpoint, iter.Seq2[Record, error], error) {
	return Checkpoint{}, func(yield func(Record, error) bool) {
		for i := range h.records {
			if !yield(Record{Seq: uint64(i + 1), At: time.Duration(i), Epoch: 3, Kind: RecordState, State: []byte(`{}`)}, nil) {
				return
			}
		}
	}, nil
}

func TestALongHistoryIsCutShort(t *testing.T) {
	for records, want := range map[int]int{10: 0, checkpointEvery: 1} {
		synctest.Test(t, func(t *testing.T) {
			h := &history{records: records}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			l := &Live{System: suttest.New(sut.Delta{}), Policy: &policy.Policy{Name: "p", Digest: "1"}, Trial: true, Journal: h}
			if err := l.Run(ctx); err != nil {
				t.Fatal(err)
			}
			if len(h.kept) != want {
				t.Fatalf("%d checkpoints after %d records, want %d", len(h.kept), records, want)
			}
			if want > 0 && (h.kept[0].Seq != uint64(records) || h.after == 0) {
				// The engine's clock goes on from a record, so one must follow.
				t.Errorf("checkpoint at %d, %d records after it", h.kept[0].Seq, h.after)
			}
		})
	}
}
