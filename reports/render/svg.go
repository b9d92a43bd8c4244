package render

import (
	"html"
	"math"
	"strconv"
	"strings"
)

// svg writes elements. Attributes come in pairs; all text is escaped here, so
// that nothing from a timeline can become markup.
type svg struct{ b strings.Builder }

func (s *svg) open(name string, attrs ...string) {
	s.b.WriteString("<" + name)
	for i := 0; i+1 < len(attrs); i += 2 {
		s.b.WriteString(" " + attrs[i] + `="` + html.EscapeString(attrs[i+1]) + `"`)
	}
	s.b.WriteString(">")
}

func (s *svg) end(name string) { s.b.WriteString("</" + name + ">\n") }

func (s *svg) put(name string, attrs ...string) {
	s.open(name, attrs...)
	s.end(name)
}

func (s *svg) text(x, y float64, class, anchor, words string) {
	attrs := []string{"x", num(x), "y", num(y), "class", class}
	if anchor != "" {
		attrs = append(attrs, "text-anchor", anchor)
	}
	s.open("text", attrs...)
	s.b.WriteString(html.EscapeString(words))
	s.end("text")
}

// tip adds the words that a pointer resting on the element shows.
func (s *svg) tip(words string) {
	s.b.WriteString("<title>" + html.EscapeString(words) + "</title>")
}

func (s *svg) line(x1, y1, x2, y2 float64, class string) {
	s.put("line", "x1", num(x1), "y1", num(y1), "x2", num(x2), "y2", num(y2), "class", class)
}

func (s *svg) rect(x, y, w, h float64, class string) {
	s.put("rect", "x", num(x), "y", num(y), "width", num(math.Max(w, 0)), "height", num(h), "class", class)
}

// num writes a coordinate: a tenth of a pixel is enough, and keeps files small.
func num(x float64) string {
	return strconv.FormatFloat(math.Round(x*10)/10+0, 'f', -1, 64)
}

// textWidth guesses how wide words are at 11.5 px. It errs to the wide side, for
// keeping labels apart is what it is for.
func textWidth(words string) float64 {
	w := 0.0
	for _, r := range words {
		switch {
		case strings.ContainsRune("iljtfr.,:;'|!()[] /", r):
			w += 4.6
		case strings.ContainsRune("mwMW%", r):
			w += 11
		case r >= 'A' && r <= 'Z':
			w += 8.4
		default:
			w += 7.3
		}
	}
	return w
}

// rows keeps labels apart: each goes to the first row in which it meets no other.
type rows struct{ taken [][][2]float64 }

// place returns the row for the span from x1 to x2, opening rows as it must.
func (r *rows) place(x1, x2 float64) int {
	for i, row := range r.taken {
		free := true
		for _, s := range row {
			if x1 < s[1] && s[0] < x2 {
				free = false
				break
			}
		}
		if free {
			r.taken[i] = append(row, [2]float64{x1, x2})
			return i
		}
	}
	r.taken = append(r.taken, [][2]float64{{x1, x2}})
	return len(r.taken) - 1
}
