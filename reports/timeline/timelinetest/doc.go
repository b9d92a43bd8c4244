// Package timelinetest builds believable timelines for the tests of what reads
// them: checks, recovery numbers, renderers. [Begin] starts one, each call adds
// what happened next, [Builder.Events] hands it over; [Healed], [Missed] and
// [Placebo] are whole runs of the catalogue's hang.
//
// It keeps the promises of a recorder (numbers without gaps, a clock that never
// goes back, load written when its second is over) and no others: a test may
// build a run that makes no sense. It must not judge, and does not need testing.
package timelinetest
