// Package ci holds what keeps the project honest: arch tests the rules of the
// house, tools pins the linter, workflows are examples for users. Nothing
// imports it.
package ci
