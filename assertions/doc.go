// Package assertions judges timelines. A check is a fold over events
// ([Check.Observe], [Check.Verdict]); [Judge] runs the checks that a timeline's
// header asks for behind the gates that every run must pass, so that a verdict
// can be computed again from the record alone. The same folds serve the end of
// a run, stop conditions ([StopWatch]), matchers and `rebound judge`.
//
// A verdict is pass, fail or inconclusive, and whatever was not seen is
// inconclusive: no load, no evidence, no audit. Inside one run a gate beats every check.
//
// To add a check: one file with its arguments (a struct whose Check method
// validates them and makes the fold) and one line in builtin.go; a test in which
// it fails, passes and cannot tell; one line in matchers.
//
// It must not know faults or healers, look at a running system, or match on the
// text of an event. Memory is bounded but for one small point per second of load.
package assertions
