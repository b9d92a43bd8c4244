package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (c *compiler) restart(at string, r RestartSpec) Restart {
	out := Restart{
		Grace:  time.Duration(r.Grace),
		AtOnce: defaultAtOnce,
		Soak:   time.Duration(r.Stagger.Soak),
	}
	out.Initial, out.Max, out.Reset = c.backoff(at+".backoff", r.Backoff)
	for i, rule := range r.Rules {
		out.Rules = append(out.Rules, c.restartRule(fmt.Sprintf("%s.rules[%d]", at, i), rule))
	}
	if out.Soak > mostSoak {
		c.add(at+".stagger.soak", "%s is longer than the %s for which it is remembered who is back", out.Soak, mostSoak)
	}
	if r.Stagger.AtOnce != nil {
		out.AtOnce = c.share(at+".stagger.atOnce", *r.Stagger.AtOnce)
		if n, err := strconv.Atoi(strings.TrimSuffix(out.AtOnce, "%")); err == nil && n == 0 {
			c.add(at+".stagger.atOnce", "expected at least one, or nothing could ever be restarted")
		}
	}
	return out
}

// mostSoak is for how long it is remembered who is back.
const mostSoak = time.Hour

func (c *compiler) backoff(at string, b BackoffSpec) (initial, most, reset time.Duration) {
	initial, most, reset = or(b.Initial, defaultInitial), or(b.Max, defaultMax), or(b.Reset, defaultReset)
	if initial > most {
		switch {
		case b.Initial == 0: // as kubelet does when only the largest is given
			initial = most
		case b.Max == 0:
			most = initial
		default:
			c.add(at+".initial", "%s is more than max, which is %s", initial, most)
		}
	}
	for _, x := range []struct {
		field string
		is    time.Duration
	}{{"max", most}, {"reset", reset}} {
		if x.is > MostBackoff {
			c.add(at+"."+x.field, "%s is longer than the %s for which a restart is remembered", x.is, MostBackoff)
		}
	}
	return initial, most, reset
}

var causes = []string{CauseDone, CauseError, CauseSignal, CauseOOM, CauseConfig}

func (c *compiler) restartRule(at string, r RestartRuleSpec) RestartRule {
	out := RestartRule{Cause: r.Cause, Codes: r.Codes, Do: r.Do}
	if r.Cause == "" && len(r.Codes) == 0 {
		c.add(at, "expected cause or codes: what the rule is about")
	}
	if r.Cause != "" && !slices.Contains(causes, r.Cause) {
		c.add(at+".cause", "expected one of %s, got %q", strings.Join(causes, ", "), r.Cause)
	}
	for i, code := range r.Codes {
		if code < 0 || code > 255 {
			c.add(fmt.Sprintf("%s.codes[%d]", at, i), "expected an exit code from 0 to 255, got %d", code)
		}
	}
	switch r.Do {
	case DoRestart:
	case DoPage, DoNever:
		if r.Backoff != nil {
			c.add(at+".backoff", "leave it out: nothing is started")
		}
	default:
		c.add(at+".do", "expected %s, %s or %s, got %q", DoRestart, DoPage, DoNever, r.Do)
	}
	if r.Backoff != nil {
		out.Initial, out.Max, out.Reset = c.backoff(at+".backoff", *r.Backoff)
	}
	return out
}
