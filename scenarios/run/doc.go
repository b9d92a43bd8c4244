// Package run carries out a scenario in wall-clock time: it starts the system
// and the load, watches, breaks, lets heal, reverts, reads the writes back, and
// keeps the timeline of it all. [Run] does one arm; [Batch] does several
// scenarios, each with its negative control beside it; [Scenario] takes a system
// that somebody else started.
//
// Where a system runs is a [Platform], a line of the table in platforms.go: what it
// is started with, which arms it has, how long things may take there, and how what
// it armed is undone. Nothing else here knows one platform from another.
//
// The order of the phases is a pure machine, [Phases]; the driver only tells it
// what happened and when. A new phase is a case there and an action in drive.go.
//
// It must not judge (assertions do, from the timeline alone), must not heal, and
// must leave nothing behind, however it ends.
package run
