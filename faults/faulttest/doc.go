// Package faulttest is what every fault must pass on every platform that offers
// its verb: [Conform] injects it, looks for itself, reverts it, and stops the
// harness behind every entry of the undo journal.
//
// A platform is bound to it by a [Platform] in a test file, as process_test.go,
// containers_test.go and kind_test.go here do: the package itself knows none. A new
// fault gets a line in [Cases], and the tests' eye, look, learns to see it. [Memory] is
// a system that exists in memory alone, for tests of what stands on faults.
package faulttest
