// Package timeline is the one record of a run, and all that judgement sees:
// an append-only list of events on one monotonic clock, each with a sequence
// number, a cause and an actor, written as JSON lines. Line 1 is the header:
// what was run, with which limits, from which seed.
//
// It is a leaf and imports the standard library alone. Faults, healers and load
// write to it through a [Recorder]; assertions and reports read it. A new kind
// of event is one constant and one payload here; readers skip what they do not know.
package timeline
