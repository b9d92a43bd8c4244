// Package runbook is the language of runbooks and plans: conditions in CEL over
// what the engine sees of a volume and its instance, texts in which ${...} holds
// CEL, and the list of the steps that a runbook may take. Everything is checked
// when a policy is loaded, so that a typing mistake is found then and not in an
// outage.
//
// A new name for conditions is one line in scope.go; a new step is one line in
// steps.go and a verb in fixtures/sut/repair. The package computes and does
// nothing: it must not reach a system, read a clock or know the engine.
package runbook
