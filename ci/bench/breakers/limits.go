package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
)

// What ours has to keep to.
const (
	mostNs    = 10
	mostBytes = 256
	timesFast = 14 // as gobreaker v2's Execute
)

// judge says of each limit whether it was kept, and fails if one was not. A time that is
// limited is the least of all rounds: what the machine does beside only adds to it. Ratios
// are medians.
//
// What a call costs on all cores is the wall's time over the calls, as in the figures that
// the limit was set beside: it means that all cores together get no less done than one
// goroutine alone. It is kept, too, by calls that only take turns, each as many times slower
// as there are cores. What would show that is the time that a core itself spends on a call,
// which is told beside the limit and not judged.
func judge(to io.Writer, r *results) error {
	missed, n := 0, 0
	limit := func(kept bool, what, found string) {
		verdict := "kept  "
		if !kept {
			verdict, missed = "MISSED", missed+1
		}
		n++
		fmt.Fprintf(to, "%s  %-98s  %s\n", verdict, what, found)
	}
	fmt.Fprintf(to, "\nlimits of %s\n", ours)
	for _, s := range []state{closedSuccess, open} {
		x := r.calls[cell{ours, s, false}]
		least := slices.Min(each(x, nanoseconds))
		limit(least <= mostNs, fmt.Sprintf("%s, one goroutine: at most %d ns in the best round", s, mostNs), digits(least)+" ns")
		most := slices.Max(each(x, func(x sample) int64 { return x.Allocs }))
		limit(most == 0, fmt.Sprintf("%s, one goroutine: no allocation in any round", s), fmt.Sprint(most))
	}
	one, all := r.calls[cell{ours, closedSuccess, false}], r.calls[cell{ours, closedSuccess, true}]
	slower := median(ratios(all, one))
	limit(slower <= 1, fmt.Sprintf("%s, all cores: no slower a call than one goroutine (median ratio)", closedSuccess),
		fmt.Sprintf("%.2f, and of a core's own time %.2f", slower, slower*float64(runtime.GOMAXPROCS(0))))
	for _, p := range []*peer{&sliding, &fixed} {
		fast := median(ratios(r.calls[cell{p.name, closedSuccess, false}], one))
		limit(fast >= timesFast, fmt.Sprintf("%s, one goroutine: %d times as fast as Execute of %s (median ratio)", closedSuccess, timesFast, p.name), fmt.Sprintf("%.1f", fast))
	}
	w := r.weights[ours]
	limit(w.Closed <= mostBytes, fmt.Sprintf("a breaker with its window: at most %d bytes", mostBytes), fmt.Sprint(w.Closed))
	limit(w.Running <= 0 && w.RunningOpen <= 0, fmt.Sprintf("%d breakers, closed and open: no goroutine", w.Of), fmt.Sprintf("%d, %d", w.Running, w.RunningOpen))
	if missed > 0 {
		return fmt.Errorf("%d of %d limits missed", missed, n)
	}
	return nil
}
