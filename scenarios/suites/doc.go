// Package suites holds specs in Ginkgo: how a user of Rebound writes a test of
// healing in Go, run for real. To add one, write an It in a _test.go file; what a
// spec starts is closed by a DeferCleanup in the line after. It must not hold
// anything that others import, and nothing that flakes is tried twice.
package suites
