package main

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
)

// crowd is how many goroutines a core contend for the trial.
const crowd = 32

// sample is what one measurement found.
type sample struct {
	Ns     float64 // a call
	Allocs int64
	Bytes  int64
}

func measure(p *peer, s state, all bool) (sample, error) {
	call, err := p.ready(s)
	if err != nil {
		return sample{}, err
	}
	goroutines := 1
	if all {
		goroutines = runtime.GOMAXPROCS(0)
		if s == halfOpen {
			goroutines *= crowd
		}
	}
	var wrong error
	r := testing.Benchmark(func(b *testing.B) { //nolint:thelper // it is the benchmark
		b.ReportAllocs()
		if got, want := spread(call, b.N, goroutines), p.want(s, b.N); got != want {
			wrong = fmt.Errorf("of %d calls %+v", b.N, got)
			b.Fail()
		}
	})
	if wrong != nil {
		return sample{}, wrong
	}
	if r.N == 0 {
		return sample{}, errors.New("the benchmark failed")
	}
	return sample{Ns: float64(r.T.Nanoseconds()) / float64(r.N), Allocs: r.AllocsPerOp(), Bytes: r.AllocedBytesPerOp()}, nil
}

// portions is how often a goroutine takes calls to make: so seldom that the taking costs
// nothing, and so often that all end together.
const portions = 64

// spread makes n calls, of so many goroutines.
func spread(call calls, n, goroutines int) tally {
	if goroutines == 1 {
		return call(n)
	}
	grain := max(1, int64(n)/int64(portions*goroutines))
	var left atomic.Int64
	left.Store(int64(n))
	got := make([]tally, goroutines)
	var running sync.WaitGroup
	for i := range goroutines {
		running.Go(func() {
			var sum tally
			for {
				rest := left.Add(-grain) + grain
				if rest <= 0 {
					break
				}
				sum = sum.plus(call(int(min(rest, grain))))
			}
			got[i] = sum
		})
	}
	running.Wait()
	var sum tally
	for _, t := range got {
		sum = sum.plus(t)
	}
	return sum
}

func (t tally) plus(o tally) tally {
	return tally{t.ok + o.ok, t.failed + o.failed, t.refused + o.refused}
}
