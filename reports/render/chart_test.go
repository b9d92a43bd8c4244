package render

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever is placed, no two labels of a row meet.
func TestRowsKeepLabelsApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var r rows
		type put struct {
			x1, x2 float64
			row    int
		}
		var all []put
		for range rapid.IntRange(0, 40).Draw(t, "labels") {
			x1 := rapid.Float64Range(0, 1000).Draw(t, "x1")
			x2 := x1 + rapid.Float64Range(1, 200).Draw(t, "width")
			row := r.place(x1, x2)
			for _, o := range all {
				if o.row == row && x1 < o.x2 && o.x1 < x2 {
					t.Fatalf("%v-%v and %v-%v meet in row %d", x1, x2, o.x1, o.x2, row)
				}
			}
			all = append(all, put{x1, x2, row})
		}
	})
}

// Badges of one lane never overlap either, and every act is in one of them.
func TestBadgesKeepApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := &canvas{chart: chart{from: -10, to: 60}}
		var l lane
		n := rapid.IntRange(0, 120).Draw(t, "acts")
		for i := range n {
			l.marks = append(l.marks, mark{n: i + 1, x: rapid.Float64Range(-20, 80).Draw(t, "x")})
		}
		p := c.placeLane(l)
		seen := 0
		for i, g := range p.groups {
			seen += len(g.marks)
			for _, h := range p.groups[:i] {
				gap := c.clampPx(g.marks[0].x) - c.clampPx(h.marks[0].x)
				if g.row == h.row && gap < (c.badgeWidth(g.label())+c.badgeWidth(h.label()))/2 {
					t.Fatalf("%s and %s overlap", g.label(), h.label())
				}
			}
		}
		if seen != n {
			t.Fatalf("%d of %d acts are drawn", seen, n)
		}
	})
}

func TestUnionDoesNotAddUp(t *testing.T) {
	t.Parallel()
	got := union([]bar{{from: 5, to: 9}, {from: 0, to: 3}, {from: 2, to: 4}, {from: 9, to: 10}})
	if len(got) != 2 || got[0].from != 0 || got[0].to != 4 || got[1].from != 5 || got[1].to != 10 {
		t.Errorf("union is %+v", got)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{seconds(0), "0 s"},
		{seconds(400 * time.Microsecond), "0.4 ms"},
		{seconds(40 * time.Millisecond), "40 ms"},
		{seconds(450 * time.Millisecond), "0.45 s"},
		{seconds(4 * time.Second), "4.00 s"},
		{seconds(83400 * time.Millisecond), "83.4 s"},
		{offset(-3), "−3.0 s"},
		{offset(12.34), "+12.3 s"},
		{count(999), "999"},
		{count(1234567), "1\u202f234\u202f567"},
		{count(-1234), "−1\u202f234"},
		{plural(1, "run", "runs"), "1 run"},
		{cut("abcdef", 4), "abc…"},
		{oneLine("a\n\tb\x1b[31m\x00c"), "a b[31mc"},
		{quote("a b'c"), `'a b'\''c'`},
		{quote("hang/off/1"), "hang/off/1"},
		{num(-0.04), "0"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
