package probe

import (
	"context"
	"sync"
	"time"
)

// pool is a bounded number of workers. One is begun when all others are busy, and
// lives as long as the loop: a goroutine belongs to no probe and no look.
type pool struct {
	most  int
	begun int
	busy  int
	now   func() time.Duration
	work  chan *look // never full
	done  chan *look // never full
	spare []*look
	freed time.Duration // when a worker came free, after all had been busy
}

func newPool(most int, now func() time.Duration) *pool {
	return &pool{most: most, now: now, work: make(chan *look, most), done: make(chan *look, most)}
}

func (p *pool) full() bool { return p.busy == p.most }

// take returns a look to be filled in and given.
func (p *pool) take() *look {
	last := len(p.spare) - 1
	if last < 0 {
		return &look{}
	}
	k := p.spare[last]
	p.spare = p.spare[:last]
	return k
}

// give hands a look to a worker; the pool must not be full.
func (p *pool) give(ctx context.Context, workers *sync.WaitGroup, k *look) {
	if p.busy == p.begun {
		p.begun++
		workers.Go(func() { p.serve(ctx) })
	}
	p.busy++
	k.free = p.freed
	p.work <- k
}

func (p *pool) serve(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case k := <-p.work:
			k.run(ctx, p.now)
			p.done <- k
		}
	}
}

// back notes that a look came out of done: its worker is free.
func (p *pool) back(k *look) {
	if p.full() {
		p.freed = k.ended
	}
	p.busy--
}

// put keeps a look for another use, once its answer was taken.
func (p *pool) put(k *look) {
	k.drop()
	if !k.spent {
		k.renew()
		p.spare = append(p.spare, k)
	}
}

// close hangs up where a look was that nobody took. The workers have ended.
func (p *pool) close() {
	for {
		select {
		case k := <-p.done:
			k.drop()
		case k := <-p.work:
			k.drop()
		default:
			return
		}
	}
}
