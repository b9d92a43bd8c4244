package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/reports/recovery"
	"github.com/rebound-chaos/rebound/reports/timeline"
)

// style is how a part of a line looks; its number is that of the terminal.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	green  style = "32"
	red    style = "31"
	yellow style = "33"
	cyan   style = "36"
)

// span is a part of a line in one style, line a row of the terminal.
type (
	span struct {
		words string
		as    style
	}
	line []span
)

// paint writes the line, no more than width columns of it.
func (n line) paint(width int, colour bool) string {
	var b strings.Builder
	for _, s := range n {
		words := []rune(s.words)
		if len(words) > width {
			words = append(words[:max(width-1, 0)], '…')
		}
		width -= len(words)
		if colour && s.as != plain {
			b.WriteString("\x1b[" + string(s.as) + "m" + string(words) + "\x1b[0m")
		} else {
			b.WriteString(string(words))
		}
		if width <= 0 {
			break
		}
	}
	return b.String()
}

// draw is the run's part of the block, in at most rows rows.
func (r *liveRun) draw(now time.Time, rows int) []line {
	clock := max(now.Sub(r.zero), r.at)
	head := line{
		{fmt.Sprintf("%-22s ", cut(r.name, 22)), bold},
		{fmt.Sprintf("%-9s", r.phase), cyan},
		{fmt.Sprintf("%6.1f s   run %6.1f s   seed %d", (clock - r.phaseAt).Seconds(), clock.Seconds(), r.header.Seed), dim},
	}
	recovery := r.clock(clock)
	if r.stopReason != "" {
		recovery = line{{"  stopped   ", dim}, {r.stopReason, red}}
	}
	if rows == 1 {
		return []line{append(line{head[0], head[1]}, recovery...)}
	}
	load, spark := r.drawLoad(now)
	faults := r.drawFaults(clock)
	heal := r.drawHealing()
	// What matters least goes first when rows are few.
	want := []struct {
		part []line
		need int // how important; the head and the clock always stay
	}{{[]line{head}, 9}, {load, 7}, {spark, 4}, {faults, 6}, {r.drawReplicas(), 3}, {heal, 5}, {[]line{recovery}, 9}, {[]line{nil}, 1}}
	total := 0
	for _, p := range want {
		total += len(p.part)
	}
	for need := 1; total > rows && need < 9; need++ {
		for i := range want {
			for want[i].need == need && total > rows && len(want[i].part) > 0 {
				// Of acts the newest stay, of the rest the first.
				if need == 5 {
					if want[i].part = want[i].part[1:]; len(want[i].part) > 0 {
						want[i].part[0][0].words = healingLabel
					}
				} else {
					want[i].part = want[i].part[:len(want[i].part)-1]
				}
				total--
			}
		}
	}
	var out []line
	for _, p := range want {
		out = append(out, p.part...)
	}
	return out
}

// clock is the recovery clock: it runs from the confirmed injection until users
// are served again for long enough, and then shows when that began.
func (r *liveRun) clock(now time.Duration) line {
	name := span{"  RECOVERY  ", bold}
	switch {
	case r.recovered:
		return line{name, {fmt.Sprintf("%6.1f s ", r.recovery.TTM.Seconds()), green}, {fmt.Sprintf("✓ users served again, held for %d s", r.hold()), green}}
	case r.gaveUp:
		return line{name, {"       – ", red}, {"✗ not while the fault lasted", red}}
	case !r.confirmed:
		return line{name, {"       –  starts when the fault is confirmed", dim}}
	case r.row > 0:
		return line{name, {fmt.Sprintf("%6.1f s ", max(r.since-r.confirmAt, 0).Seconds()), yellow}, {fmt.Sprintf("… good for %d of %d seconds", r.row, r.hold()), yellow}}
	default:
		return line{name, {fmt.Sprintf("%6.1f s ", (now - r.confirmAt).Seconds()), red}, {"▸ running since the fault was confirmed", plain}}
	}
}

var blocks = []rune("▁▂▃▄▅▆▇█")

// drawLoad is the last second in numbers, and the last minute as a picture of
// the share of good answers.
func (r *liveRun) drawLoad(now time.Time) (numbers, picture []line) {
	curve := r.recovery.Curve
	if len(curve) == 0 && r.waiting != "" {
		return []line{{{"  waits     ", dim}, {r.waiting, plain}, {fmt.Sprintf(" (%.0f s)", now.Sub(r.waitsAt).Seconds()), dim}}}, nil
	}
	if len(curve) == 0 {
		return []line{{{"  users     ", dim}, {"no load yet", dim}}}, nil
	}
	last := curve[len(curve)-1]
	bad := last.Offered - last.Good
	as := plain
	if bad > 0 {
		as = red
	}
	numbers = []line{{
		{"  users     ", dim},
		{fmt.Sprintf("%5d offered %5d good ", last.Offered, last.Good), plain},
		{fmt.Sprintf("%5d failed", bad), as},
		{fmt.Sprintf("   p99 %s", seconds(last.P99)), dim},
	}}
	row := line{{"  good      ", dim}}
	for _, p := range curve[max(len(curve)-60, 0):] {
		share := 0.0
		if p.Offered > 0 {
			share = float64(p.Good) / float64(p.Offered)
		}
		as := red
		if p.Quality == recovery.Good {
			as = green
		}
		// Full only when all were good: one bad answer in a thousand shows.
		row = append(row, span{string(blocks[min(int(share*float64(len(blocks)-1)), len(blocks)-1)]), as})
	}
	return numbers, []line{row}
}

func (r *liveRun) drawFaults(now time.Duration) []line {
	var out []line
	for i, f := range r.faults {
		if i == 3 && len(r.faults) > 4 {
			return append(out, line{{"            ", dim}, {fmt.Sprintf("and %d more faults", len(r.faults)-3), dim}})
		}
		name := "  fault     "
		if i > 0 {
			name = "            "
		}
		state, as := string(f.State), plain
		switch f.State {
		case timeline.FaultActive, timeline.FaultReapplied:
			state = fmt.Sprintf("%s for %.1f s", f.State, (now - r.faultAt[i]).Seconds())
			as = red
		case timeline.FaultUnseen, timeline.FaultFailed, timeline.FaultStuck:
			as = yellow
		case timeline.FaultInjecting, timeline.FaultOvertaken, timeline.FaultReverted:
		default:
		}
		proof := f.Proof
		if does := r.does(f); does != "" {
			proof = strings.TrimSuffix(does+": "+proof, ": ")
		}
		out = append(out, line{{name, dim}, {broken(f.Fault, r.targets[i]) + "  ", plain}, {state, as}, {"  " + proof, dim}})
	}
	if len(out) == 0 && len(r.header.Faults) > 0 {
		p := r.header.Faults[0]
		out = append(out, line{{"  fault     ", dim}, {fmt.Sprintf("%s comes %s after the baseline", broken(p.Fault, p.Target), seconds(p.At)), dim}})
	}
	return out
}

func (r *liveRun) drawReplicas() []line {
	row := line{{"  ready     ", dim}}
	for i, w := range r.header.Workloads {
		n := 0
		for id, ok := range r.ready {
			if ok && strings.HasPrefix(id, w.Name+"/") {
				n++
			}
		}
		as, want := plain, w.Replicas
		if s := r.sized.of[w.Name]; s != nil {
			want = s.now()
		}
		if n < want {
			as = red
		}
		if i > 0 {
			row = append(row, span{"   ", plain})
		}
		row = append(row, span{fmt.Sprintf("%s %d/%d", oneLine(w.Name), n, want), as})
	}
	return []line{row}
}

const healingLabel = "  healing   "

func (r *liveRun) drawHealing() []line {
	if len(r.recent) == 0 {
		if r.header.Healers == "off" {
			return []line{{{healingLabel, dim}, {"off, in this arm nothing heals", dim}}}
		}
		return []line{{{healingLabel, dim}, {"nothing to do yet", dim}}}
	}
	var out []line
	for i, words := range r.recent {
		name := "            "
		if i == 0 {
			name = healingLabel
		}
		out = append(out, line{{name, dim}, {words, plain}})
	}
	return out
}

// summary is the run in one line, for good.
func (r *liveRun) summary() line {
	mark, as := "?", yellow
	switch {
	case r.stopReason != "":
		mark, as = "!", red
	case r.header.Control:
		mark, as = "·", dim // whether it missed what it must miss is for the judge
	case r.recovered:
		mark, as = "✓", green
	case r.confirmed:
		mark, as = "✗", red
	}
	return line{{mark + " ", as}, {fmt.Sprintf("%-22s ", cut(r.name, 22)), bold}, {r.result(), plain}}
}
