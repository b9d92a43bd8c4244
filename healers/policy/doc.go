// Package policy is what the healing engine is told to do. [Load] turns the
// YAML that people write, with the types that Kubernetes users know, into one
// compiled, immutable [Policy] in which no field waits for a default.
//
// Breakers are read by package settings, and their clients served by package coordinator.
//
// A new field is a field in file.go with its check and its default in
// compile.go, and a field of the compiled form in policy.go. A field of the
// format whose feature is not there yet is refused by name, so that nobody
// believes that it works.
//
// It must not look at a running system, and decides nothing: that is the
// engine's guard.
package policy
