// Package healers is the healing engine: [Engine.Step] takes what is new of a
// system (deltas, probe changes, outcomes) and says what to record and what to
// do. It is a pure state machine: no goroutine, clock, I/O or order of a map
// reaches it, and equal state and input give equal output, byte for byte.
//
// Records are the only history: the durable state is their fold, and Step
// changes it by [Engine.Apply] alone, so that an engine that was killed goes on
// from any record. What it sees of the system ([View]) is rebuilt from a full
// list. A condition that lasts is a [Finding]; healers propose a [Plan] for it;
// a plan under way is a [Work]; each of its acts passes the guard, which alone
// makes the [Grant] that healers/act demands.
//
//	observe.go, view.go    what is seen
//	finding.go             what is wrong with it
//	propose.go             plans for findings
//	work.go, message.go    a plan on its way, and what people are told of it
//	guard.go, ledger.go    may it be done, and who would be left available
//	outcome.go             how it ended
//	state.go, load.go      the fold of the records, and a checkpoint of it
//	why.go, explain.go     what the records say of one target
//
// A healer is one file with a [Definition] and one line in builtin.go; it is
// tested in virtual time with healers/healerstest. The package must not know a
// fault, touch a system (only healers/act does), or read the timeline.
package healers
