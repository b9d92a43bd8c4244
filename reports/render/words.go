package render

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// none stands where there is no value.
const none = "–"

// seconds writes a duration as people compare it: seconds with as many digits as
// mean something. Below a tenth of a second, milliseconds.
func seconds(d time.Duration) string {
	switch a := d.Abs(); {
	case a == 0:
		return "0 s"
	case a < time.Millisecond:
		return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 1, 64) + " ms"
	case a < 100*time.Millisecond:
		return strconv.FormatInt(d.Round(time.Millisecond).Milliseconds(), 10) + " ms"
	case a < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " s"
	default:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	}
}

// secondsOr writes what may not have happened.
func secondsOr(d *time.Duration, otherwise string) string {
	if d == nil {
		return otherwise
	}
	return seconds(*d)
}

// offset writes a moment relative to the confirmed fault: "+3.2 s".
func offset(s float64) string {
	return strings.Replace(fmt.Sprintf("%+.1f s", s), "-", "−", 1)
}

// count writes an integer with a thin space between thousands.
func count(n int) string {
	s := strconv.Itoa(n)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	var b strings.Builder
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteRune('\u202f')
		}
		b.WriteRune(r)
	}
	if neg {
		return "−" + b.String()
	}
	return b.String()
}

// plural writes a number with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return count(n) + " " + many
}

// sign is a verdict as a mark that does not need colour.
func sign(v timeline.Verdict) string {
	switch v {
	case timeline.Pass:
		return "✓"
	case timeline.Fail:
		return "✗"
	case timeline.Inconclusive:
		return "?"
	default:
		return "?"
	}
}

// restored says in words who brought users back.
func restored(by string) string {
	switch by {
	case "healer":
		return "healer"
	case "platform":
		return "platform, not our engine"
	case "revert":
		return "only our own revert"
	case "", "none":
		return "nobody"
	default:
		return by
	}
}

// arm says in words what healed.
func arm(healers string) string {
	switch healers {
	case "rebound":
		return "with healing"
	case "native":
		return "platform's own healing"
	case "off":
		return "no healing"
	default:
		return healers
	}
}

// alone says in words what heals where our engine does not.
func alone(platform string) string {
	switch platform {
	case "containers":
		return "Docker alone"
	case "kind", "current-context":
		return "Kubernetes alone"
	default:
		return "The platform alone"
	}
}

// oneLine folds white space and drops control characters, so that text from
// elsewhere can neither break a layout nor steer a terminal.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && !unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// cut shortens to n runes and shows that it did.
func cut(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:max(n-1, 0)]) + "…"
}

// quote makes a word safe to paste into a shell.
func quote(s string) string {
	for _, r := range s {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@+,", r) {
			return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
		}
	}
	return s
}

func orNone(s string) string {
	if s = oneLine(s); s == "" {
		return none
	}
	return s
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// decision is the guard's answer in a word.
func (a act) decision() string {
	switch a.effect {
	case "allow":
		return "allowed"
	case "deny":
		return "denied"
	case "defer":
		return "deferred"
	case "ask":
		return "asks a person"
	default:
		return orNone(a.effect)
	}
}

// ending is how it went in a word or two.
func (a act) ending() string {
	switch {
	case a.effect == "deny":
		return "denied"
	case a.effect == "defer":
		return "deferred"
	case a.effect == "ask":
		return "needs a person"
	case a.outcome == "":
		return "no outcome seen"
	default:
		return a.outcome
	}
}
