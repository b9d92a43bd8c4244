package main

import (
	"runtime"
	"time"
)

// weight is what one of many breakers takes: with a window that is as full as it can be
// while it is closed, and when one failure more has opened it.
type weight struct {
	Of, Closed, Open int // breakers; bytes each
	Running          int // goroutines, of all, while they are closed
	RunningOpen      int // and open
}

func weigh(p *peer) weight {
	w := weight{Of: p.many}
	if w.Of == 0 {
		w.Of = 100_000
	}
	all := make([]any, w.Of)
	before, goroutines := memory(), runtime.NumGoroutine()
	for i := range all {
		all[i] = p.made()
		for range failures - 1 {
			p.fail(all[i])
		}
	}
	w.Closed, w.Running = (memory()-before)/w.Of, runtime.NumGoroutine()-goroutines
	for _, b := range all {
		p.fail(b)
	}
	w.Open, w.RunningOpen = (memory()-before)/w.Of, runtime.NumGoroutine()-goroutines
	runtime.KeepAlive(all)
	return w
}

// memory is what is in use, once what still runs has come to rest.
func memory() int {
	<-time.After(200 * time.Millisecond)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc + m.StackInuse)
}
