package policy

import (
	"slices"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// RestartRule says what is done about an end of one kind.
type RestartRule struct {
	// Cause is done (code 0), error (another code), signal, oom or config; "": any.
	Cause string `json:"cause,omitempty"`
	// Codes narrows it to these exit codes; none: any.
	Codes []int `json:"codes,omitempty"`
	// Do is restart, page (a person is woken, and nothing is started) or never.
	Do string `json:"do"`
	// Initial, Max and Reset are the back-off's, of a rule that restarts; all 0: that
	// of the workload.
	Initial time.Duration `json:"initial,omitempty"`
	Max     time.Duration `json:"max,omitempty"`
	Reset   time.Duration `json:"reset,omitempty"`
}

// What a restart rule does.
const (
	DoRestart = "restart"
	DoPage    = "page"
	DoNever   = "never"
)

// The causes of an end.
const (
	CauseDone   = "done"   // code 0
	CauseOOM    = "oom"    // the kernel's out-of-memory killer
	CauseSignal = "signal" // any other signal
	// CauseConfig is a code by which a program says that it cannot run as it was set
	// up: 78 (EX_CONFIG of sysexits.h), 126 and 127 (a shell that could not start it).
	CauseConfig = "config"
	CauseError  = "error" // every other code
)

// configCodes are those of [CauseConfig].
var configCodes = []int{78, 126, 127}

// CauseOf tells why an incarnation ended.
func CauseOf(x sut.Exit) string {
	switch {
	case x.OOM:
		return CauseOOM
	case x.Signal != 0:
		return CauseSignal
	case x.Code == 0:
		return CauseDone
	case slices.Contains(configCodes, x.Code):
		return CauseConfig
	default:
		return CauseError
	}
}

// On is the first rule that holds for an end; false: none does.
func (r *Restart) On(x sut.Exit) (RestartRule, bool) {
	cause := CauseOf(x)
	for _, rule := range r.Rules {
		if (rule.Cause == "" || rule.Cause == cause) && (len(rule.Codes) == 0 || slices.Contains(rule.Codes, x.Code)) {
			return rule, true
		}
	}
	return RestartRule{}, false
}
