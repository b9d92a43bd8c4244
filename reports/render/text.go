package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// textColumns is the widest line that Text writes: what fits terminals and CI logs.
const textColumns = 100

// Text writes what a person reads at the end of a run: for each scenario the
// verdict, the numbers of the run and its control side by side, the checks with
// what was measured and the limit, and where the report is. No line is wider
// than 100 columns.
func Text(w io.Writer, r Report) error {
	t := &textWriter{w: bufio.NewWriter(w)}
	for i, u := range r.Runs {
		if i > 0 {
			t.line("")
		}
		t.run(u, r.Path == "")
	}
	if len(r.Runs) != 1 {
		t.line("")
		t.summary(r)
	}
	if r.Path != "" {
		t.line("")
		t.wrap("Report: ", r.Path)
	}
	if err := t.w.Flush(); err != nil {
		return fmt.Errorf("write text: %w", err)
	}
	return nil
}

// textWriter keeps lines within the columns. Errors are bufio's to remember.
type textWriter struct{ w *bufio.Writer }

func (t *textWriter) line(s string) {
	_, _ = t.w.WriteString(strings.TrimRight(s, " ") + "\n")
}

// wrap writes words behind a label, the following lines indented below them.
func (t *textWriter) wrap(label, words string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(label))
	line := label
	empty := true
	for word := range strings.FieldsSeq(words) {
		for !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > textColumns ||
			empty && utf8.RuneCountInString(line)+utf8.RuneCountInString(word) > textColumns {
			if empty { // a word longer than a line is cut in pieces, none of it lost
				room := max(textColumns-utf8.RuneCountInString(line), 1)
				rest := []rune(word)
				line += string(rest[:min(room, len(rest))])
				word = string(rest[min(room, len(rest)):])
			}
			t.line(line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	t.line(line)
}

func (t *textWriter) run(u Run, withPath bool) {
	v, aborted := u.Verdict(), u.Judgement.Aborted
	t.wrap(verdictSign(v, aborted)+" "+headline(v, aborted)+"  ", oneLine(u.Header.Scenario)+"  ("+u.sketchOf()+")")
	t.wrap("  ", u.lead())
	t.line("")
	const name, value = 28, 24
	head := pad("", name) + pad(cut(u.arm(), value-2), value)
	if u.Control != nil {
		head += u.Control.arm()
	}
	t.line("  " + cut(head, textColumns-2))
	for _, n := range u.numbers() {
		label := n.Name
		if n.Short != "" {
			label += " (" + n.Short + ")"
		}
		row := pad(cut(label, name-1), name) + pad(n.Healed, value)
		if u.Control != nil {
			row += n.Control
		}
		t.line("  " + cut(row, textColumns-2))
	}
	t.line("")
	const id, measured = 26, 28
	t.line("  " + pad("  check", id) + pad("measured", measured) + "limit")
	for _, c := range u.checkRows() {
		if c.Gate && c.Word == timeline.Pass.String() {
			continue // a gate is news only when it is shut
		}
		row := "  " + pad(c.Sign+" "+cut(c.ID, id-3), id)
		limit := textColumns - utf8.RuneCountInString(row) - measured
		if utf8.RuneCountInString(c.Measured) < measured-1 && utf8.RuneCountInString(c.Limit) <= limit {
			t.line(row + pad(c.Measured, measured) + c.Limit)
		} else {
			t.wrap(row, c.Measured)
			t.wrap("  "+pad("", id)+"limit: ", c.Limit)
		}
		if c.Word != timeline.Pass.String() {
			t.wrap("      ", c.Reason)
		}
	}
	t.acts(u)
	t.line("")
	for _, w := range u.warnings() {
		t.wrap("  warning  ", w)
	}
	for _, e := range u.settings() {
		t.wrap("  settings ", e)
	}
	if u.Control != nil && len(u.Control.Header.Differs) > 0 {
		for _, e := range u.Control.settings() {
			t.wrap("  control  ", e)
		}
	}
	if withPath {
		t.wrap("  report   ", u.file("report.html"))
	}
	t.wrap("  again    ", u.commands()[0])
}

// maxTextActs is how many acts are worth a line each.
const maxTextActs = 8

func (t *textWriter) acts(u Run) {
	if len(u.story.acts) == 0 {
		return
	}
	t.line("")
	for i, a := range u.story.acts {
		if i == maxTextActs {
			t.line(fmt.Sprintf("  and %d more, in the report", len(u.story.acts)-i))
			return
		}
		t.wrap("  "+padLeft(offset(u.story.since(a.at)), 9)+"  ", a.line())
	}
}

func (t *textWriter) summary(r Report) {
	v, aborted := r.Verdict(), r.Aborted()
	t.wrap(verdictSign(v, aborted)+" "+headline(v, aborted)+"  ", r.lead())
	if len(r.Runs) == 0 {
		return
	}
	t.line("  " + pad("scenario", 22) + pad("verdict", 16) + pad("TTD", 10) + pad("TTM", 10) + pad("lost", 10) + pad("failed", 16) + "control")
	for _, u := range r.Runs {
		n := u.numbers()
		control := none
		if u.Control != nil {
			control, _ = u.controlWords()
		}
		name := oneLine(u.Header.Scenario)
		word := verdictSign(u.Verdict(), u.Judgement.Aborted) + " " + strings.ToLower(headline(u.Verdict(), u.Judgement.Aborted))
		t.line("  " + cut(pad(cut(name, 21), 22)+pad(word, 16)+pad(n[0].Healed, 10)+pad(n[2].Healed, 10)+pad(n[5].Healed, 10)+pad(n[6].Healed, 16)+control, textColumns-2))
	}
}

func pad(s string, n int) string {
	return s + strings.Repeat(" ", max(n-utf8.RuneCountInString(s), 1))
}

func padLeft(s string, n int) string {
	return strings.Repeat(" ", max(n-utf8.RuneCountInString(s), 0)) + s
}
