package healers

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// passage is a line of a text, with its time.
type passage struct {
	at   time.Duration
	text string
}

// Text says it in plain lines, for people.
func (e *Explanation) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, on record until %s\n", e.Target, seconds(e.At))
	switch {
	case e.silent():
		b.WriteString("\nNothing is on record of it: nothing that the policy asks for was the matter with it,\nor there is no such target.\n")
		b.WriteString(e.wayOut())
	case len(e.Findings) == 0:
		b.WriteString("\nNothing is the matter with it.\n")
	}
	write(&b, "The matter", passages(e.Findings, func(c Condition) (time.Duration, string) { return c.Since, textFinding(&c.Finding) }))
	write(&b, "Under way", e.underWay())
	write(&b, "What was", e.past())
	write(&b, "Held back", passages(e.Held, textAnswer))
	write(&b, "Replicas", passages(e.Sizes, textSizing))
	write(&b, "Others wait for it", passages(e.Awaited, textAnswer))
	write(&b, "People were told", passages(e.Messages, textDeed))
	write(&b, "People said", passages(e.Orders, func(o Order) (time.Duration, string) { return o.At, textCommand(&o.Command, o.Refused) }))
	if e.Omitted > 0 {
		fmt.Fprintf(&b, "\n%d older entries are left out.\n", e.Omitted)
	}
	return b.String()
}

// wayOut names the targets that can be asked about instead.
func (e *Explanation) wayOut() string {
	if len(e.Others) == 0 {
		return "Nothing is on record of any other target either.\n"
	}
	var names []string
	for _, id := range e.Others {
		names = append(names, string(id))
	}
	return "On record are " + strings.Join(names, ", ") + ".\n"
}

func write(b *strings.Builder, title string, lines []passage) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s:\n", title)
	for _, l := range lines {
		fmt.Fprintf(b, "%10s  %s\n", seconds(l.at), l.text)
	}
}

func passages[T any](list []T, say func(T) (time.Duration, string)) []passage {
	out := make([]passage, 0, len(list))
	for _, v := range list {
		at, text := say(v)
		out = append(out, passage{at, text})
	}
	return out
}

// underWay are the works, each with what the guard said last. That nothing is under
// way is said where something is the matter.
func (e *Explanation) underWay() []passage {
	if len(e.Works) == 0 && len(e.Findings) > 0 {
		return []passage{{e.At, "nothing: no healer wants anything for it, or not yet"}}
	}
	var out []passage
	for _, w := range e.Works {
		text := textProgress(&w)
		if w.Deadline > 0 {
			text += ", until " + seconds(w.Deadline)
		}
		out = append(out, passage{w.At, text})
		if w.Answer != nil {
			at, text := textAnswer(*w.Answer)
			out = append(out, passage{at, "  " + text})
		}
	}
	return out
}

// past is what is over, and what was done.
func (e *Explanation) past() []passage {
	out := passages(e.Over, func(c Condition) (time.Duration, string) {
		return c.Since, textFinding(&c.Finding) + ", until " + seconds(c.Until)
	})
	out = append(out, passages(e.Acts, textDeed)...)
	out = append(out, passages(e.Ended, func(w Progress) (time.Duration, string) { return w.Until, textProgress(&w) })...)
	slices.SortStableFunc(out, func(a, b passage) int { return cmp.Compare(a.at, b.at) })
	return out
}

func textProgress(w *Progress) string {
	return textWork(w.Work, named(w.Healer, w.Runbook), w.Target.ID) + ", " + string(w.State) + behind(w.Reason)
}

func textDeed(d Deed) (time.Duration, string) {
	if d.Result == "" {
		return d.At, textAct(&d.Act) + ": under way"
	}
	text := textAct(&d.Act) + ": " + string(d.Result) + behind(d.Detail)
	if took := (d.Until - d.At).Round(tenth); took > 0 {
		text += " after " + seconds(took)
	}
	return d.At, text
}

func textSizing(s Sizing) (time.Duration, string) {
	text := s.Workload + ": " + s.detail()
	var said []string
	for _, m := range s.Metrics {
		switch {
		case m.Error != "":
			said = append(said, m.Name+" failed: "+m.Error)
		case m.Proposal != nil:
			said = append(said, fmt.Sprintf("%s proposes %d at %.3g times its target", m.Name, *m.Proposal, m.Ratio))
		}
	}
	if len(said) > 0 {
		text += " (" + strings.Join(said, ", ") + ")"
	}
	if s.Times > 1 {
		text += fmt.Sprintf(", %d times since %s", s.Times, seconds(s.First))
	}
	return s.At, text
}

func textAnswer(a Answer) (time.Duration, string) {
	text := textDecision(&a.Decision, a.At)
	if a.Times > 1 {
		text += fmt.Sprintf(" (%d times since %s)", a.Times, seconds(a.First))
	}
	return a.At, text
}
