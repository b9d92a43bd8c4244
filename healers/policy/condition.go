package policy

import (
	"strings"

	"github.com/rebound-chaos/rebound/healers/runbook"
)

// condition checks a CEL expression where it is written, so that a typing error
// is found before a run and not in the middle of an outage.
func (c *compiler) condition(at, expr string, required bool) {
	if expr == "" {
		if required {
			c.add(at, "expected a condition in CEL, like volume.usedPercent >= 90")
		}
		return
	}
	if _, err := runbook.Compile(expr); err != nil {
		c.add(at, "%s", firstLine(err))
	}
}

// firstLine leaves out the drawing of the place: a problem is one line.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimSpace(line)
}

// template checks the CEL inside a text for people.
func (c *compiler) template(at, text string) {
	if _, err := runbook.ParseTemplate(text); err != nil {
		c.add(at, "%s", firstLine(err))
	}
}
