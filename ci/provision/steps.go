package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A step is something to get. Steps that do not wait for each other run at once.
type step struct {
	name string
	// after are the steps that must have been done.
	after []string
	// there tells whether it is there already, and of what kind; nil: never.
	there func(context.Context) (what string, ok bool, err error)
	// do gets it, and says what it did. What its commands write goes to the log.
	do func(context.Context, *stepLog) (what string, err error)
}

// heartbeatEvery is how often a long step says that it is still at it.
const heartbeatEvery = 30 * time.Second

// do runs steps in the order that they ask for. One that fails stops those that wait
// for it and no other: what the others get is kept.
func (p *provision) do(ctx context.Context, steps []step) error {
	var wg sync.WaitGroup
	done := map[string]chan struct{}{}
	failed := make([]error, len(steps))
	index := map[string]int{}
	for i, s := range steps {
		done[s.name], index[s.name] = make(chan struct{}), i
	}
	for _, s := range steps {
		for _, a := range s.after {
			if done[a] == nil {
				return fmt.Errorf("step %s waits for %s, which nobody does", s.name, a)
			}
		}
	}
	for i, s := range steps {
		wg.Go(func() {
			defer close(done[s.name])
			for _, a := range s.after {
				select {
				case <-done[a]:
				case <-ctx.Done():
					failed[i] = ctx.Err()
					return
				}
				if failed[index[a]] != nil { // written before done[a] was closed
					failed[i] = errNotTried
					p.tell.done(s.name, "not tried, for want of "+a, 0)
					return
				}
			}
			failed[i] = p.one(ctx, s)
		})
	}
	wg.Wait()
	var errs []error
	for _, err := range failed {
		if err != nil && !errors.Is(err, errNotTried) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

var errNotTried = errors.New("not tried")

// one runs a step and tells it.
func (p *provision) one(ctx context.Context, s step) error {
	start := time.Now()
	if s.there != nil {
		what, ok, err := s.there(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if ok {
			p.tell.done(s.name, strings.TrimSuffix(alreadyThere+", "+what, ", "), time.Since(start))
			return nil
		}
	}
	log, err := p.log(s.name)
	if err != nil {
		return err
	}
	beating, quiet := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { p.tell.heartbeat(beating, s.name, heartbeatEvery, log.last) })
	p.tell.say(s.name, "…")
	what, err := s.do(ctx, log)
	quiet()
	wg.Wait()
	if err := errors.Join(err, log.file.Close()); err != nil {
		p.tell.done(s.name, "failed", time.Since(start))
		if cannotHave(err) {
			return err
		}
		return fmt.Errorf("%s: %w\n%s\nall it said: %s", s.name, err, log.tail(), log.file.Name())
	}
	p.tell.done(s.name, what, time.Since(start))
	return nil
}

// A stepLog is where the commands of a step write.
type stepLog struct {
	file *os.File

	mu    sync.Mutex
	lines []string // the last ones; guarded by mu
	part  string   // of a line; guarded by mu
}

// tailLines is how many lines an error shows.
const tailLines = 12

func (p *provision) log(name string) (*stepLog, error) {
	dir := filepath.Join(p.cache, "log")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(filepath.Join(dir, strings.NewReplacer("/", "-", ":", "-", " ", "-").Replace(name)+".log"))
	if err != nil {
		return nil, err
	}
	return &stepLog{file: f}, nil
}

// Write implements [io.Writer].
func (l *stepLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.part += string(b)
	for {
		line, rest, ok := strings.Cut(l.part, "\n")
		if !ok {
			break
		}
		l.part = rest
		if line = strings.TrimSpace(line); line != "" {
			l.lines = append(l.lines, line)
		}
		if len(l.lines) > tailLines {
			l.lines = l.lines[1:]
		}
	}
	return l.file.Write(b)
}

func (l *stepLog) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func (l *stepLog) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == 0 {
		return ""
	}
	return l.lines[len(l.lines)-1]
}
