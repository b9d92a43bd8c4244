// Package suites is what the suites below it share: which scenarios each plays, in
// which arms, and what is kept of a run that was not what it should be. The specs
// themselves are Ginkgo, in the _test.go files of
//
//	process      child processes: neither Docker nor root
//	containers   Docker, with PostgreSQL and Redis
//	kind         a Kubernetes cluster of several nodes
//	negative     what must be red is red: controls, placebos, broken expectations
//
// To add a scenario to them, put it into the catalogue: those with the label
// platform are played on that platform, the others on processes, those with the
// label also on one more, those with the label smoke on all three. With
// REBOUND_NIGHTLY=1 every scenario is played on every platform but those that its
// label without names, in every arm. Nothing is played beside those with the label busy.
//
// It must not hold what a run depends on, and nothing that flakes is tried twice.
package suites
