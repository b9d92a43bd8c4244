// Package scenarios is what can be run: a Scenario says what is claimed, which
// system it is claimed of, what is broken, who heals, what is expected and what
// the negative control must miss. It is strict YAML or a Go literal, equal in
// power. The catalogue, its policies and its runbooks are embedded.
//
// To add a scenario, put a file into catalog/; its name is the file's. To add a
// policy or a runbook, put a file into policies/ or runbooks/. [Load] finds every
// problem of a scenario before anything is started.
//
// It must not start anything: that is scenarios/run.
package scenarios
