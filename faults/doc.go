// Package faults breaks a running system on purpose, proves that it did, and
// takes it back.
//
// A [Fault] is injected into one target and returns an [Injection], which gives
// evidence of its effect and can be reverted. [Plan] turns what a scenario asks
// for into a [Schedule], which is pure data. The [Injector] plays a Schedule. The
// [Guardian] is a process of its own that undoes what the harness left behind
// when it was killed.
//
// To add a fault: one file with a type that implements [Fault], one line in
// builtin.go, and a verb in fixtures/sut/harm if there is none yet. The suite in
// faults/faulttest must pass for it on every platform that offers the verb.
//
// It must not know healers, platforms or the mechanisms of a host: it reaches a
// system through fixtures/sut and fixtures/sut/harm alone. No fault may be called
// active without evidence from a look at the system.
package faults
