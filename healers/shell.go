package healers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// shell is one Run. Only the goroutine of the loop touches it, but for the inbox.
type shell struct {
	live    *Live
	engine  *Engine
	inbox   *inbox
	epoch   uint64
	base    time.Duration // the engine's time at begin
	begin   time.Time
	cancel  map[ActID]context.CancelFunc
	drop    map[ActID]context.CancelFunc // of those that have not begun, or it does nothing
	acts    sync.WaitGroup
	workers chan struct{}
	records int // since the last checkpoint
	tape    io.Writer
}

// now goes on where the last record stopped: the time in which no engine ran
// does not count.
func (s *shell) now() time.Duration { return s.base + time.Since(s.begin) }

func (s *shell) restore(ctx context.Context) error {
	c, records, err := s.live.Journal.Load(ctx)
	if err != nil {
		return fmt.Errorf("restore engine: %w", err)
	}
	s.engine = New(s.live.Seed, c)
	s.epoch = s.live.Epoch
	var last uint64
	for r, err := range records {
		if err != nil {
			return fmt.Errorf("restore engine: %w", err)
		}
		s.engine.Apply(r)
		last = r.Epoch
		s.records++
	}
	if s.epoch == 0 {
		s.epoch = last + 1
	}
	// An empty append fences whoever was here before.
	if err := s.live.Journal.Append(ctx, s.epoch, nil); err != nil {
		return fmt.Errorf("restore engine: %w", err)
	}
	_, s.base = s.engine.Last()
	s.begin = time.Now()
	n := s.live.MaxActs
	if n <= 0 {
		n = defaultMaxActs
	}
	s.workers = make(chan struct{}, n)
	return nil
}

// watch keeps news of the system coming; while there are none the engine knows
// that it is blind.
func (s *shell) watch(ctx context.Context) {
	pause := rewatchFirst
	for {
		err := s.live.System.Watch(ctx, func(d sut.Delta) error {
			pause = rewatchFirst
			s.inbox.system(d)
			return nil
		})
		if ctx.Err() != nil {
			return
		}
		lost := "the watch ended"
		if err != nil {
			lost = err.Error()
		}
		s.inbox.system(sut.Delta{Lost: lost})
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		pause = min(2*pause, rewatchMost)
	}
}

func (s *shell) loop(ctx context.Context, failed <-chan error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	in := Input{Policy: s.live.Policy, Trial: s.live.Trial}
	for {
		next, err := s.step(ctx, in, s.start)
		if err != nil {
			return err
		}
		timer.Stop()
		if next > 0 {
			timer.Reset(max(next-s.now(), notSooner))
		}
		var commands []Command
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case c := <-s.live.Commands:
			commands = append(commands, c)
		case <-s.inbox.more:
		case <-timer.C:
		}
		in = s.inbox.take()
		in.Commands = commands
	}
}

// step gives the engine what is new, and begins its acts once they are on record.
func (s *shell) step(ctx context.Context, in Input, begin func(context.Context, Act, Grant)) (time.Duration, error) {
	in.Now, in.Wall, in.Epoch = s.now(), time.Now(), s.epoch
	for _, d := range in.Done {
		if cancel, ok := s.cancel[d.ID]; ok {
			cancel()
			delete(s.cancel, d.ID)
			delete(s.drop, d.ID)
		}
	}
	s.record(&in)
	keeper, keeps := s.live.Journal.(Checkpointer)
	var before Checkpoint
	keeps = keeps && s.records >= checkpointEvery
	if keeps {
		// Of before this step, so that at least one record comes after it.
		before = s.engine.Checkpoint()
	}
	out := s.engine.Step(&in)
	if len(out.Records) > 0 {
		keeping, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepWithin)
		defer cancel()
		if err := s.live.Journal.Append(keeping, s.epoch, out.Records); err != nil {
			return 0, fmt.Errorf("keep records: %w", err)
		}
		s.records += len(out.Records)
		if s.live.Sink != nil {
			for _, r := range out.Records {
				s.live.Sink(r)
			}
		}
		if keeps {
			if err := keeper.Save(keeping, s.epoch, before); err != nil {
				return 0, fmt.Errorf("keep checkpoint: %w", err)
			}
			s.records = len(out.Records)
		}
	}
	for _, id := range out.Cancel {
		if drop, ok := s.drop[id]; ok {
			drop()
		}
	}
	for i, a := range out.Acts {
		begin(ctx, a, out.Grant(i))
	}
	return out.Next, nil
}

// record puts what the engine is about to be told on the tape.
func (s *shell) record(in *Input) {
	if s.tape == nil {
		return
	}
	b, err := json.Marshal(in)
	if err == nil {
		_, err = s.tape.Write(append(b, '\n'))
	}
	if err != nil {
		s.tape = nil
	}
}

// start begins an act. It goes on after ctx has ended, for the grace at most:
// finish sees to that.
func (s *shell) start(ctx context.Context, a Act, g Grant) {
	ctx = context.WithoutCancel(ctx)
	var cancel context.CancelFunc
	if a.Deadline > 0 {
		ctx, cancel = context.WithTimeout(ctx, a.Deadline-s.now())
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	queued, drop := context.WithCancel(ctx)
	s.cancel[a.ID], s.drop[a.ID] = cancel, drop
	s.acts.Go(func() {
		defer drop()
		select {
		case s.workers <- struct{}{}:
			defer func() { <-s.workers }()
		case <-queued.Done():
		}
		switch {
		case ctx.Err() != nil:
			s.inbox.done(Done{ID: a.ID, Result: ResultCancelled, Detail: "it was never begun: too many acts are under way"})
		case queued.Err() != nil:
			s.inbox.done(Done{ID: a.ID, Result: ResultCancelled, Detail: "it was never begun: the engine was stopped"})
		default:
			s.inbox.done(s.do(ctx, a, g))
		}
	})
}

func (s *shell) do(ctx context.Context, a Act, g Grant) Done {
	done := Done{ID: a.ID, Result: ResultOK}
	switch {
	case a.Verb != VerbNotify && a.Verb != VerbPage:
		done = s.live.Actuator.Do(ctx, g, a)
		done.ID = a.ID
		if done.Result == "" {
			done.Result = ResultUnknown
		}
	case !g.Allows(a):
		done.Result, done.Detail = ResultRefused, "the guard has not granted this act"
	case s.live.Notify == nil:
		done.Result, done.Detail = ResultRefused, "nobody is there to be told"
	default:
		var m Message
		if err := json.Unmarshal(a.Args, &m); err != nil {
			done.Result, done.Detail = ResultFailed, fmt.Sprintf("read message: %v", err)
			break
		}
		s.live.Notify(m, a.Verb == VerbPage)
	}
	return done
}

// finish waits for the acts under way, and cancels those that take longer than
// the grace.
func (s *shell) finish() {
	ended := make(chan struct{})
	var waiting sync.WaitGroup
	defer waiting.Wait()
	waiting.Go(func() {
		s.acts.Wait()
		close(ended)
	})
	grace := s.live.Grace
	if grace <= 0 {
		grace = defaultGrace
	}
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-ended:
	case <-t.C:
	}
	for _, cancel := range s.cancel {
		cancel()
	}
	<-ended
}

// last puts the outcomes of the acts that ended late on record. What the engine
// still wants is not begun any more.
func (s *shell) last(ctx context.Context) error {
	in := s.inbox.take()
	if len(in.Done) == 0 {
		return nil
	}
	_, err := s.step(ctx, Input{Done: in.Done, Ending: true}, s.start)
	return err
}
