package render

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxMarkdown is less than what GitHub takes of a step summary, 1024 KiB.
const maxMarkdown = 1000 << 10

// Markdown writes summary.md for a step summary: a table of all runs, then each
// with its numbers, checks and acts, and its chart's numbers in words. It stays
// below 1 MiB: runs that do not fit are counted, never cut in the middle.
func Markdown(w io.Writer, r Report) error {
	var b strings.Builder
	v, aborted := r.Verdict(), r.Aborted()
	fmt.Fprintf(&b, "## %s %s: %s\n\n%s\n", icon(class(v, aborted)), headline(v, aborted), md(r.Title), md(r.lead()))
	if len(r.Runs) > 1 {
		b.WriteString("\n| Scenario | Verdict | Detected | Served again | Availability lost | Failed requests | Control |\n|---|---|---:|---:|---:|---:|---|\n")
		for i, u := range r.Runs {
			if b.Len() > maxMarkdown/2 {
				fmt.Fprintf(&b, "\nand %s more.\n", plural(len(r.Runs)-i, "run", "runs"))
				break
			}
			n := u.numbers()
			control := none
			if u.Control != nil {
				control, _ = u.controlWords()
			}
			c := class(u.Verdict(), u.Judgement.Aborted)
			fmt.Fprintf(&b, "| %s | %s %s | %s | %s | %s | %s | %s |\n", md(cut(oneLine(u.Header.Scenario), 100)), icon(c), c, n[0].Healed, n[2].Healed, n[5].Healed, n[6].Healed, control)
		}
	}
	for i, u := range r.Runs {
		one := u.markdown()
		if b.Len()+len(one) > maxMarkdown {
			fmt.Fprintf(&b, "\n%s more did not fit here; the report has them.\n", plural(len(r.Runs)-i, "run", "runs"))
			break
		}
		b.WriteString(one)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write summary.md: %w", err)
	}
	return nil
}

// markdown is one run.
func (u Run) markdown() string {
	var b strings.Builder
	c := class(u.Verdict(), u.Judgement.Aborted)
	fmt.Fprintf(&b, "\n### %s %s\n\n%s\n\n", icon(c), md(oneLine(u.Header.Scenario)), md(u.lead()))
	fmt.Fprintf(&b, "<sub>%s</sub>\n\n", md(u.sketchOf()))
	control := u.Control != nil
	fmt.Fprintf(&b, "| | %s |", md(u.arm()))
	if control {
		fmt.Fprintf(&b, " %s |", md(u.Control.arm()))
	}
	b.WriteString("\n|---|---:|")
	if control {
		b.WriteString("---:|")
	}
	b.WriteString("\n")
	for _, n := range u.numbers() {
		name := n.Name
		if n.Short != "" {
			name += " (" + n.Short + ")"
		}
		fmt.Fprintf(&b, "| %s | %s |", md(name), md(n.Healed))
		if control {
			fmt.Fprintf(&b, " %s |", md(n.Control))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n| Check | Verdict | Measured | Limit |\n|---|---|---|---|\n")
	for _, r := range u.checkRows() {
		name := md(r.ID)
		if r.Gate {
			name += " <sub>gate</sub>"
		}
		word := icon(r.Class) + " " + r.Word
		if r.Word != "pass" && r.Reason != "" {
			word += ": " + md(cut(r.Reason, 500))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, word, md(cut(r.Measured, 300)), md(cut(r.Limit, 300)))
	}
	if control {
		_, long := u.controlWords()
		fmt.Fprintf(&b, "\n%s\n", md(long))
	}
	u.markdownActs(&b)
	for _, w := range u.warnings() {
		fmt.Fprintf(&b, "\n> ⚠️ %s\n", md(cut(w, 500)))
	}
	fmt.Fprintf(&b, "\nCheck it yourself: `%s`\n", strings.ReplaceAll(u.commands()[0], "`", "'"))
	return b.String()
}

// maxMarkdownActs keeps the list of acts readable; the report has all.
const maxMarkdownActs = 100

func (u Run) markdownActs(b *strings.Builder) {
	rows := u.actRows(false)
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n<details><summary>%s</summary>\n\n| # | At | Healer | Act | Target | Decision | Outcome |\n|---:|---:|---|---|---|---|---|\n", healingWord(rows))
	for i, a := range rows {
		if i == maxMarkdownActs {
			fmt.Fprintf(b, "\nand %d more in the report.\n", len(rows)-i)
			break
		}
		n, outcome := strconv.Itoa(a.N), a.Outcome
		if a.N == 0 {
			n = ""
		}
		if a.Says != "" {
			outcome = strings.TrimPrefix(outcome+": "+cut(a.Says, 300), none+": ")
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |\n", n, a.At, md(a.Healer), md(a.Verb), md(a.Target), md(a.Decision), md(outcome))
	}
	b.WriteString("\n</details>\n")
}

// icon is a verdict where markup has no colour of its own.
func icon(class string) string {
	switch class {
	case "pass":
		return "✅"
	case "fail":
		return "❌"
	case "aborted":
		return "🛑"
	default:
		return "❔"
	}
}

var mdEscapes = strings.NewReplacer(
	"\\", "\\\\", "|", "\\|", "<", "&lt;", ">", "&gt;", "&", "&amp;", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "]", "\\]", "#", "\\#", "@", "&#64;",
)

// md makes words safe inside Markdown, tables included.
func md(s string) string {
	s = oneLine(s)
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return mdEscapes.Replace(s)
}
