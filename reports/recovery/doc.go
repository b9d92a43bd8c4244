// Package recovery turns a timeline into recovery numbers: how long until a
// fault was detected, acted on, mitigated and fully repaired, how much
// availability it cost, and who restored it. [Measure] does it for a whole
// timeline, [Meter] as a fold while a run goes on.
//
// Good and bad are told by seconds of load, so TTM, TTR and availability lost
// are exact to a second: a run of good seconds begins at the begin of its first
// second, and the second in which the fault was confirmed is good or bad by its
// own data, whole. TTD and TTA are exact to the clock.
//
// It is pure: no clock, no files, and it knows neither faults nor healers, only
// what was recorded. A new number is a field of [Recovery] and a pass over what
// the Meter keeps. It must not judge: limits belong to assertions. Numbers of
// one run are times (TTR), never means (MTTR).
package recovery
