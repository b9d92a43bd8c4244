// Package render turns timelines into what people and machines read: plain
// text, result.json, junit.xml, report.html, summary.md, and the live view of
// runs that are still going on.
//
// A [Report] is made from timelines alone, by [Build] and [New]; every renderer
// is a function from it to a writer and adds no judgement of its own. A new
// renderer is one file with such a function, one line in builtin.go and a golden
// file in testdata (go test ./reports/render -update writes them).
//
// It must not know faults, healers or scenarios, must not look at a clock except
// in the live view, and its HTML must need nothing but itself: no script, no
// font and no picture from elsewhere.
package render
