package render

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The geometry of the picture in a terminal.
const (
	leastColumns = 40
	replicaRows  = 15 // or a little fewer, so that each mark is on a row
	textMargin   = 5  // of the words at its left
	shortMark    = '!'
)

var (
	bars  = []rune(" ▁▂▃▄▅▆▇█") // by eighths
	tally = '░'                 // between the least and the most of one column
)

// ReplayText draws a replay with characters, no wider than columns: the replicas as bars,
// with what was wanted beyond them, the stretches in which too few were ready, and the load
// of each metric.
func ReplayText(w io.Writer, r Replay, columns int) error {
	p := &replayPage{Replay: &r, columns: max(columns, leastColumns)}
	p.wide = p.columns - textMargin - 2
	p.slots = r.slots(p.wide)
	p.add(cut(oneLine(r.Title), p.columns))
	p.wrap(strings.Fields(oneLine(r.Lead)), " ")
	p.add("")
	p.replicas()
	p.axis()
	p.add("")
	p.legend()
	p.loads()
	if _, err := io.WriteString(w, p.b.String()); err != nil {
		return fmt.Errorf("write picture: %w", err)
	}
	return nil
}

// slot is what one column of characters shows.
type slot struct {
	low, high, wanted int // replicas; low is less only where they went up and down again
	short             bool
	loads             []float64 // the most; NaN: nobody knows
}

// slots shares the time among n columns.
func (r *Replay) slots(n int) []slot {
	all := make([]slot, n)
	length := max(r.Length, 1)
	first, short := 0, 0
	for i := range all {
		s := &all[i]
		from := time.Duration(float64(length) / float64(n) * float64(i))
		until := time.Duration(float64(length) / float64(n) * float64(i+1))
		for first+1 < len(r.Steps) && r.Steps[first+1].At <= from {
			first++
		}
		s.loads = make([]float64, len(r.Metrics))
		for m := range s.loads {
			s.loads[m] = math.NaN()
		}
		var was int
		var up, down bool
		for j := first; j < len(r.Steps) && (j == first || r.Steps[j].At < until); j++ {
			step := &r.Steps[j]
			if j == first {
				s.low, s.high, was = step.Replicas, step.Replicas, step.Replicas
			}
			up, down = up || step.Replicas > was, down || step.Replicas < was
			was = step.Replicas
			s.low, s.high, s.wanted = min(s.low, was), max(s.high, was), max(s.wanted, step.Wanted)
			for m, l := range step.Loads {
				if math.IsNaN(s.loads[m]) || l > s.loads[m] {
					s.loads[m] = l
				}
			}
		}
		if !up || !down {
			s.low = s.high // the flank of a slope, as the columns beside it show
		}
		for short < len(r.Short) && r.Short[short].Until <= from {
			short++
		}
		s.short = short < len(r.Short) && r.Short[short].From < until
	}
	return all
}

// replayPage is a picture in characters while it is drawn.
type replayPage struct {
	*Replay
	b       strings.Builder
	columns int
	wide    int // columns of the picture itself
	slots   []slot
}

func (p *replayPage) add(line string) { p.b.WriteString(strings.TrimRight(line, " ") + "\n") }

// wrap writes words, as many on a line as fit.
func (p *replayPage) wrap(words []string, between string) {
	line := ""
	for _, word := range words {
		if line != "" && utf8.RuneCountInString(line+between+word) > p.columns {
			p.add(line)
			line = ""
		}
		if line != "" {
			line += between
		}
		line += cut(word, p.columns-utf8.RuneCountInString(line))
	}
	p.add(line)
}

// replicas draws the bars, from the top down.
func (p *replayPage) replicas() {
	end, every := wholeMarks(p.replicasScale().top, 5)
	marks := int(math.Round(end / every))
	each := max(replicaRows/marks, 1) // rows from mark to mark
	unit := every / float64(each)
	line := int(math.Ceil(float64(p.Max)/unit)) - 1 // the row that maxReplicas is the top of
	for row := marks*each - 1; row >= 0; row-- {
		head := strings.Repeat(" ", textMargin) + " │"
		if (row+1)%each == 0 {
			head = padLeft(num(every*float64((row+1)/each)), textMargin) + " ┤"
		}
		cells := make([]rune, p.wide)
		for i := range cells {
			cells[i] = p.slots[i].cell(float64(row)*unit, unit)
			if cells[i] == ' ' && row == line {
				cells[i] = '╌'
			}
		}
		p.add(head + string(cells))
	}
}

// cell is what a row that begins at a number of replicas shows of the slot.
func (s *slot) cell(from, unit float64) rune {
	full := bars[eighths((float64(s.low)-from)/unit)]
	switch {
	case full == bars[8]:
		return full
	case s.high > s.low && float64(s.high) > from:
		return tally
	case full != ' ':
		return full
	case s.wanted > s.high && float64(s.wanted) > from && float64(s.wanted) <= from+unit:
		return '·'
	}
	return ' '
}

// eighths is a share in eighths; what is not nothing is at least one of them.
func eighths(share float64) int {
	if math.IsNaN(share) || share <= 0 {
		return 0
	}
	return int(max(1, min(math.Round(share*8), 8)))
}

// axis draws the time, and below it where too few were ready.
func (p *replayPage) axis() {
	line := []rune(strings.Repeat("─", p.wide))
	labels := []rune(strings.Repeat(" ", p.columns))
	free := 0
	for _, m := range p.clockMarks(max(p.wide/9, 2)) {
		x := min(int(float64(m.at)/float64(max(p.Length, 1))*float64(p.wide)), p.wide-1)
		line[x] = '┬'
		n := utf8.RuneCountInString(m.label)
		at := max(textMargin+2+x-n/2, free)
		if at+n > p.columns {
			continue
		}
		copy(labels[at:], []rune(m.label))
		free = at + n + 1
	}
	p.add(padLeft("0", textMargin) + " ┼" + string(line))
	if len(p.Short) > 0 {
		cells := []rune(strings.Repeat(" ", p.wide))
		for i := range cells {
			if p.slots[i].short {
				cells[i] = shortMark
			}
		}
		p.add(padLeft("short", textMargin) + "  " + string(cells))
	}
	p.add(string(labels))
}

func (p *replayPage) legend() {
	words := []string{"█ replicas", string(tally) + " up and down", "· wanted", "╌ maxReplicas " + strconv.Itoa(p.Max)}
	if float64(p.Max) > p.replicasScale().top {
		words[3] = "maxReplicas " + strconv.Itoa(p.Max) + " is above"
	}
	if len(p.Short) > 0 {
		words = append(words, string(shortMark)+" too few ready")
	}
	p.wrap(append(words, "time: "+p.clockName()), "   ")
}

// loads draws one line for each metric. All have the same scale.
func (p *replayPage) loads() {
	top := p.loadScale().top
	for m, name := range p.Metrics {
		cells := make([]rune, p.wide)
		high := math.Inf(-1)
		for i := range cells {
			l := p.slots[i].loads[m]
			cells[i] = bars[eighths(l/top)]
			if math.IsNaN(l) {
				cells[i] = '?'
			} else {
				high = max(high, l)
			}
		}
		words := "nothing is known"
		switch {
		case math.IsInf(high, 1):
			words = "without end where none was ready"
		case high >= 0:
			words = "at most " + num(math.Round(high*100)) + " % of target"
		}
		words += " (█ is " + num(math.Round(top*100)) + " %)"
		p.add("")
		p.add(cut(oneLine(name)+": "+words, p.columns))
		p.add(padLeft("load", textMargin) + "  " + string(cells))
	}
}
