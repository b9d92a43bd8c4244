package control_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/control"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func finding(seq uint64) healers.Record {
	return healers.Record{Seq: seq, Kind: healers.RecordFinding, Finding: &healers.Finding{Kind: healers.FindingExited, Target: sut.Target{ID: "orders/1"}}}
}

// of are records, and then an error if there is one.
func of(records []healers.Record, err error) func(context.Context) iter.Seq2[healers.Record, error] {
	return func(context.Context) iter.Seq2[healers.Record, error] {
		return func(yield func(healers.Record, error) bool) {
			for _, r := range records {
				if !yield(r, nil) {
					return
				}
			}
			if err != nil {
				yield(healers.Record{}, err)
			}
		}
	}
}

// start serves an engine of a run below state, until stop or the end of the test.
func start(t *testing.T, state, run string, s *control.Server) (stop func()) {
	t.Helper()
	ln, err := control.Listen(t.Context(), control.Path(state, run))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := s.Serve(ctx, ln); err != nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); serving.Wait() }
	t.Cleanup(stop)
	return stop
}

// obey is an engine that records every command, and refuses some.
func obey(t *testing.T, s *control.Server, refused func(healers.Command) string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var engine sync.WaitGroup
	engine.Go(func() {
		for seq := uint64(1); ; seq++ {
			select {
			case c := <-s.Commands():
				s.Recorded(finding(seq)) // which is nobody's answer
				own := c
				own.By = "the engine itself"
				s.Recorded(healers.Record{Seq: seq, Kind: healers.RecordCommand, Command: &own})
				s.Recorded(healers.Record{Seq: seq, Kind: healers.RecordCommand, Command: &c, Text: refused(c)})
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		engine.Wait()
	})
}

func only(t *testing.T, state string) *control.Client {
	t.Helper()
	live, err := control.Live(t.Context(), state)
	if err != nil || len(live) != 1 {
		t.Fatalf("%d engines are live: %v", len(live), err)
	}
	return live[0]
}

func TestAsk(t *testing.T) {
	// Far more than the kernel takes for the path of a socket.
	state := filepath.Join(t.TempDir(), strings.Repeat("deep/", 40))
	info := control.Info{Run: "3f9a", Policy: "shop", Journal: "/out/journal.db"}
	want := []healers.Record{finding(1), finding(2)}
	stop := start(t, state, info.Run, control.NewServer(info, of(want, nil)))
	socket, err := os.Stat(control.Path(state, info.Run))
	if err != nil || socket.Mode() != os.ModeSocket|0o600 {
		t.Fatalf("the socket: %v %v", socket.Mode(), err)
	}
	c := only(t, state)
	if c.Info != info {
		t.Errorf("it is %+v", c.Info)
	}
	got, err := c.Records(t.Context())
	if err != nil || len(got) != 2 || healers.Text(got[1]) != healers.Text(want[1]) || got[1].Seq != 2 {
		t.Errorf("%+v %v", got, err)
	}
	stop()
	if live, err := control.Live(t.Context(), state); err != nil || len(live) > 0 {
		t.Errorf("%d are live after the end: %v", len(live), err)
	}
	if left, err := os.ReadDir(filepath.Dir(control.Path(state, ""))); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if _, err := c.Records(t.Context()); err == nil {
		t.Error("an engine that has ended answers")
	}
}

// Half an answer is none.
func TestRecordsThatFail(t *testing.T) {
	broken := errors.New("the disk is gone")
	for name, records := range map[string][]healers.Record{"at once": nil, "half way": slices.Repeat([]healers.Record{finding(1)}, 5000)} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			start(t, state, "r", control.NewServer(control.Info{Run: "r"}, of(records, broken)))
			got, err := only(t, state).Records(t.Context())
			if err == nil || got != nil {
				t.Fatalf("%d records, %v", len(got), err)
			}
			if records == nil && !strings.Contains(err.Error(), broken.Error()) {
				t.Errorf("it does not say why: %v", err)
			}
		})
	}
}

func TestCommand(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	s := control.NewServer(control.Info{Run: "r"}, of(nil, nil))
	obey(t, s, func(c healers.Command) string {
		if c.Verb == "abort" {
			return "it is not known"
		}
		return ""
	})
	start(t, state, "r", s)
	c := only(t, state)
	for _, row := range []struct{ verb, refused string }{{"pause", ""}, {"abort", "it is not known"}, {"resume", ""}} {
		// Who says it is what the kernel knows, and not what is claimed.
		r, err := c.Command(t.Context(), healers.Command{Verb: row.verb, By: "somebody else", Text: "because"})
		want := healers.Command{Verb: row.verb, By: me.Username, Text: "because"}
		if err != nil || r.Command == nil || *r.Command != want || r.Text != row.refused {
			t.Errorf("%s: %+v %v", row.verb, r, err)
		}
	}
	for _, bad := range []healers.Command{{}, {Verb: "pause", Text: strings.Repeat("long ", 10_000)}} {
		if r, err := c.Command(t.Context(), bad); err == nil {
			t.Errorf("%.20s was taken: %+v", bad.Text, r)
		}
	}
}

func TestCommandsAtOnceGetTheirOwnAnswers(t *testing.T) {
	state := t.TempDir()
	s := control.NewServer(control.Info{Run: "r"}, of(nil, nil))
	obey(t, s, func(c healers.Command) string { return "no " + c.Text })
	start(t, state, "r", s)
	c := only(t, state)
	var people sync.WaitGroup
	for n := range 20 {
		people.Go(func() {
			text := fmt.Sprint(n)
			if r, err := c.Command(t.Context(), healers.Command{Verb: "pause", Text: text}); err != nil || r.Text != "no "+text {
				t.Errorf("%d: %+v %v", n, r, err)
			}
		})
	}
	people.Wait()
}

// Who waits for an engine that ends is told so.
func TestEngineThatEndsMeanwhile(t *testing.T) {
	for name, takes := range map[string]bool{"before it took the command": false, "before it was on record": true} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			s := control.NewServer(control.Info{Run: "r"}, of(nil, nil))
			stop := start(t, state, "r", s)
			c := only(t, state)
			said := make(chan error, 1)
			go func() {
				_, err := c.Command(t.Context(), healers.Command{Verb: "pause"})
				said <- err
			}()
			if takes {
				<-s.Commands()
			}
			stop()
			if err := <-said; err == nil {
				t.Error("it was answered as if it were on record")
			}
		})
	}
}

// kill leaves a socket as a killed engine does.
func kill(t *testing.T, state, run string, age time.Duration) string {
	t.Helper()
	path := control.Path(state, run)
	ln, err := control.Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	aside := path + ".aside"
	if err := errors.Join(os.Link(path, aside), ln.Close(), os.Rename(aside, path)); err != nil {
		t.Fatal(err)
	}
	then := time.Now().Add(-age)
	if err := os.Chtimes(path, then, then); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSocketsOfTheDead(t *testing.T) {
	state := t.TempDir()
	if live, err := control.Live(t.Context(), state); err != nil || len(live) > 0 {
		t.Fatalf("where no engine ever was: %v %v", live, err)
	}
	old, young := kill(t, state, "old", time.Minute), kill(t, state, "young", 0)
	start(t, state, "b", control.NewServer(control.Info{Run: "b"}, of(nil, nil)))
	start(t, state, "a", control.NewServer(control.Info{Run: "a"}, of(nil, nil)))
	if err := os.WriteFile(filepath.Join(filepath.Dir(old), "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	live, err := control.Live(t.Context(), state)
	if err != nil || len(live) != 2 || live[0].Info.Run != "a" || live[1].Info.Run != "b" {
		t.Errorf("%v %v", live, err)
	}
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket of a dead engine is still there: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("one at which somebody may be about to listen is gone: %v", err)
	}
	// The engine that is started again takes its place.
	start(t, state, "young", control.NewServer(control.Info{Run: "young"}, of(nil, nil)))
	if live, err := control.Live(t.Context(), state); err != nil || len(live) != 3 {
		t.Errorf("%v %v", live, err)
	}
}

// What listens there and is no engine is told of, and left.
func TestForeignSocket(t *testing.T) {
	state := t.TempDir()
	start(t, state, "a", control.NewServer(control.Info{Run: "a"}, of(nil, nil)))
	path := control.Path(state, "b")
	ln, err := control.Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := ln.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				_, _ = conn.Write([]byte("220 mail\r\n"))
				_ = conn.Close()
			}
		}
	})
	defer serving.Wait()
	defer func() { _ = ln.Close() }()
	live, err := control.Live(t.Context(), state)
	if len(live) != 1 || err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v %v", live, err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
