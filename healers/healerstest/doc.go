// Package healerstest tests healers in virtual time: a [Shell] drives the engine
// from an event heap, a [Model] is a scripted system that can crash, hang, lose
// a dependency and fill up, and a [Journal] can crash at any append. [Prove]
// runs a [Scenario] and also replays it, restores the engine from every prefix
// of its records, and rebuilds the view at every step.
//
// A new scenario is one value of Scenario; what the model cannot do yet is a
// method there. It must not sleep, start a goroutine or read a clock.
package healerstest
