package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
)

// results are what all rounds found, in their order.
type results struct {
	calls   map[cell][]sample
	weights map[string]weight
}

func (r *results) print(to io.Writer, o options) {
	cores := runtime.GOMAXPROCS(0)
	fmt.Fprintf(to, "Circuit breakers: %d failures in %v, the same work; doc.go says what differs.\n", failures, within)
	fmt.Fprintf(to, "%s, %s/%s, %d cores. %d rounds of %v each, in turns: ns/op is their median,\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, cores, o.rounds, o.each)
	fmt.Fprintf(to, "x ours the median of the ratios to %s within a round; below 1 is faster than ours.\n%s\n", ours, strings.Join(versions(), "\n"))
	for _, s := range states {
		many := fmt.Sprintf("%d goroutines", cores)
		if s == halfOpen {
			many = fmt.Sprintf("%d goroutines", cores*crowd)
		}
		half := fmt.Sprintf(" %8s %16s %8s %6s %5s", "ns/op", "(least..most)", "x ours", "allocs", "B")
		fmt.Fprintf(to, "\n%-24s %-47s   %s\n%-24s%s  %s\n", s, "    one goroutine", "    all cores: "+many, "", half, half)
		for i := range peers {
			p := &peers[i]
			fmt.Fprintf(to, "%-24s%s  %s\n", p.name, r.half(p, s, false), r.half(p, s, true))
		}
	}
	r.printWeights(to)
}

// half is a line's, of one goroutine or of all cores.
func (r *results) half(p *peer, s state, all bool) string {
	x := r.calls[cell{p.name, s, all}]
	times := each(x, nanoseconds)
	ratio := digits(median(ratios(x, r.calls[cell{ours, s, all}])))
	if s == halfOpen && p.admits {
		ratio = "admits"
	}
	return fmt.Sprintf(" %8s %16s %8s %6d %5d", digits(median(times)), "("+digits(slices.Min(times))+".."+digits(slices.Max(times))+")", ratio,
		median(each(x, func(x sample) int64 { return x.Allocs })), median(each(x, func(x sample) int64 { return x.Bytes })))
}

func (r *results) printWeights(to io.Writer) {
	fmt.Fprintf(to, "\n%-24s %10s %23s %23s\n%-24s %10s %11s %11s %11s %11s\n", "memory of a breaker", "", fmt.Sprintf("closed, %d failures in it", failures-1), "open",
		"", "breakers", "bytes each", "goroutines", "bytes each", "goroutines")
	for i := range peers {
		if w, ok := r.weights[peers[i].name]; ok {
			fmt.Fprintf(to, "%-24s %10d %11d %11d %11d %11d\n", peers[i].name, w.Of, w.Closed, w.Running, w.Open, w.RunningOpen)
		}
	}
}

// versions are those of the modules that are compared.
func versions() []string {
	found := map[string]string{}
	for _, p := range peers {
		found[p.module] = ""
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if _, ok := found[m.Path]; !ok {
				continue
			}
			found[m.Path] = m.Version
			if m.Replace != nil {
				found[m.Path] = "of this tree"
			}
		}
	}
	var lines []string
	for _, path := range slices.Sorted(maps.Keys(found)) {
		lines = append(lines, fmt.Sprintf("  %s %s", path, found[path]))
	}
	return lines
}

// digits are a number's, three of them where it has a fraction.
func digits(x float64) string {
	switch {
	case x < 10:
		return fmt.Sprintf("%.2f", x)
	case x < 100:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

func nanoseconds(x sample) float64 { return x.Ns }

func each[T any](all []sample, of func(sample) T) []T {
	values := make([]T, len(all))
	for i, x := range all {
		values[i] = of(x)
	}
	return values
}

// ratios are those of the samples of the same rounds.
func ratios(of, to []sample) []float64 {
	all := make([]float64, len(of))
	for i := range of {
		all[i] = of[i].Ns / to[i].Ns
	}
	return all
}

func median[T cmp.Ordered](all []T) T {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
