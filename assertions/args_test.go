package assertions_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/rebound-chaos/rebound/assertions"
)

func TestBadArguments(t *testing.T) {
	for _, row := range []struct{ id, args, want string }{
		{"recoverWithin", ``, "within is required"},
		{"recoverWithin", `{}`, "within is required"},
		{"recoverWithin", `"0s"`, "within is required"},
		{"recoverWithin", `"8"`, "needs a unit"},
		{"recoverWithin", `8`, "needs a unit"},
		{"recoverWithin", `"-8s"`, "no duration"},
		{"recoverWithin", `{"within":"8s","sustain":"1s"}`, `"sustain"`},
		{"recoverWithin", `{"within":"8s"} {}`, "something follows"},
		{"recoverWithin", `["8s"]`, "needs a unit"},
		{"capacityRestored", `{}`, "within is required"},
		{"capacityRestored", `"15s"`, "cannot unmarshal"},
		{"capacityAfterRevert", `{}`, "within is required"},
		{"servedAfterRevert", `{}`, "within is required"},
		{"restarts", `{"atMost":-1}`, "below 0"},
		{"restarts", `{"atMost":"3"}`, "cannot unmarshal"},
		{"restarts", `{"of":"orders"}`, `"of"`},
		{"backOff", `{"initial":"1m","max":"10s"}`, "initial: 1m0s is more than max, which is 10s"},
		{"backOff", `{"initial":"6m"}`, "is more than max, which is 5m0s"},
		{"backOff", `{"initial":10}`, "needs a unit"},
		{"backOff", `{"atLeast":-1}`, "below 0"},
		{"backOff", `{"first":"1s"}`, `"first"`},
		{"availabilityLost", `{"atMost":3}`, "needs a unit"},
		{"availabilityLost", `{"most":"3s"}`, `"most"`},
		{"healedBy", `{}`, "none of healer, platform"},
		{"healedBy", `{"by":"magic"}`, "magic"},
		{"healedBy", `"magic"`, "magic"},
		{"healedBy", `{"who":"healer"}`, `"who"`},
		{"healedBy", `3`, "cannot unmarshal"},
		{"noAcknowledgedWriteLost", `{"atMost":1}`, `"atMost"`},
		{"steadyBaseline", `{"for":"1s"}`, `"for"`},
		{"noHerd", `{"among":["restarts","retries"]}`, `"retries"`},
		{"noHerd", `{"maxConcurrentRestarts":0}`, "above 0"},
		{"noHerd", `{"maxConcurrentRestarts":"0%"}`, "above 0"},
		{"noHerd", `{"maxConcurrentRestarts":"NaN%"}`, "above 0"},
		{"noHerd", `{"maxConcurrentRestarts":"101%"}`, "above 0"},
		{"noHerd", `{"maxConcurrentRestarts":true}`, "above 0"},
		{"noHerd", `{"maxReconnectsPerSecond":-1}`, "below 0"},
		{"noHerd", `{"maxReconnectsPerSecond":"9"}`, "cannot unmarshal"},
		{"enoughReplicas", `{}`, "workload is required"},
		{"enoughReplicas", `{"workload":"orders","within":"8s"}`, "atLeast: 0 is below 1"},
		{"enoughReplicas", `{"workload":"orders","atLeast":4}`, "within is required"},
		{"enoughReplicas", `{"workload":"orders","atLeast":4,"within":"8s","dips":2}`, "needs a unit"},
		{"enoughReplicas", `{"workload":"orders","atLeast":"4","within":"8s"}`, "cannot unmarshal"},
		{"scaledBack", `{"atMost":3,"within":"8s"}`, "workload is required"},
		{"scaledBack", `{"workload":"orders","within":"8s"}`, "atMost: 0 is below 1"},
		{"scaledBack", `{"workload":"orders","atMost":3}`, "within is required"},
		{"scaledBack", `{"workload":"orders","atLeast":3,"within":"8s"}`, `"atLeast"`},
		{"overshoot", `{"needed":3}`, "workload is required"},
		{"overshoot", `{"workload":"orders"}`, "needed: 0 is below 1"},
		{"overshoot", `{"workload":"orders","needed":3,"atMost":0}`, "above 0"},
		{"overshoot", `{"workload":"orders","needed":3,"atMost":"101%"}`, "above 0"},
		{"flaps", `{}`, "workload is required"},
		{"flaps", `{"workload":"orders","atMost":-1}`, "below 0"},
		{"opensWithin", `{"within":"8s"}`, "to is required"},
		{"opensWithin", `{"to":"store"}`, "within is required"},
		{"opensWithin", `{"to":"store","within":"8s","share":"0%"}`, "above 0"},
		{"failsFast", `{"atLeast":"90%"}`, "to is required"},
		{"failsFast", `{"to":"store"}`, "atLeast is required"},
		{"failsFast", `{"to":"store","atLeast":"0%"}`, "atLeast is required"},
		{"failsFast", `{"to":"store","atLeast":90}`, "needs a sign"},
		{"amplification", `{"atMost":2}`, "to is required"},
		{"amplification", `{"to":"store","atMost":0.9}`, "0.9 is below 1"},
		{"amplification", `{"to":"store","atMost":-1}`, "-1 is below 1"},
		{"amplification", `{"to":"store","atmost":"x"}`, "cannot unmarshal"},
		{"trialsInFlight", `{"atMost":1}`, "to is required"},
		{"trialsInFlight", `{"to":"store"}`, "atMost: 0 is below 1"},
		{"trialsInFlight", `{"to":"store","atMost":1,"perSecond":0}`, "above 0"},
		{"trialsInFlight", `{"to":"store","atMost":1,"perClient":-1}`, "perClient: -1 is below 0"},
		{"recoveryOvershoot", `{}`, "to is required"},
		{"recoveryOvershoot", `{"to":"store","atMost":25}`, "needs a sign"},
		{"recoveryOvershoot", `{"to":"store","within":"8s"}`, `"within"`},
		{"degradedServed", `{}`, "atLeast or atMost is required"},
		{"degradedServed", `{"atLeast":"60%","atMost":"40%"}`, "60% is more than 40%"},
		{"degradedServed", `{"to":"store"}`, `"to"`},
		{"errorsWhileScaling", `{"up":"1%"}`, "workload is required"},
		{"errorsWhileScaling", `{"workload":"orders","up":20}`, "needs a sign"},
		{"errorsWhileScaling", `{"workload":"orders","up":"20"}`, "no share from"},
		{"errorsWhileScaling", `{"workload":"orders","down":"101%"}`, "no share from"},
		{"errorsWhileScaling", `{"workload":"orders","down":"-1%"}`, "no share from"},
		{"errorsWhileScaling", `{"workload":"orders","down":"NaN%"}`, "no share from"},
		{"noScaleDownInUse", ``, "workload is required"},
		{"noScaleDownInUse", `{"workload":"orders","within":"8s"}`, `"within"`},
	} {
		d, ok := assertions.Lookup(row.id)
		if !ok {
			t.Fatalf("no check %s", row.id)
		}
		_, err := d.New(json.RawMessage(row.args))
		if !errors.Is(err, assertions.ErrArgs) || !strings.Contains(err.Error(), row.want) || !strings.HasPrefix(err.Error(), row.id+": ") {
			t.Errorf("%s %s: got %v, want …%s…", row.id, row.args, err, row.want)
		}
	}
}

func TestShare(t *testing.T) {
	for _, row := range []struct {
		text    string
		n, want int
	}{
		{`"25%"`, 3, 1},
		{`"25%"`, 4, 1},
		{`"25%"`, 5, 2},
		{`"25%"`, 0, 1},
		{`"33.3%"`, 3, 1},
		{`"100%"`, 7, 7},
		{`2`, 100, 2},
		{`"2"`, 100, 2},
	} {
		var s assertions.Share
		if err := json.Unmarshal([]byte(row.text), &s); err != nil {
			t.Fatal(err)
		}
		if got := s.Of(row.n); got != row.want {
			t.Errorf("%s of %d: got %d, want %d", row.text, row.n, got, row.want)
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back assertions.Share
		if err := json.Unmarshal(b, &back); err != nil || back != s {
			t.Errorf("%s was written as %s and read as %v, %v", row.text, b, back, err)
		}
	}
}

// As a limit a share is rounded down, and not set it is none.
func TestShareAtMost(t *testing.T) {
	for _, row := range []struct {
		share   assertions.Share
		n, want int
	}{
		{assertions.Share{Percent: 50}, 3, 1},
		{assertions.Share{Percent: 50}, 4, 2},
		{assertions.Share{Percent: 10}, 9, 0},
		{assertions.Share{Percent: 70}, 10, 7},
		{assertions.Share{Count: 2}, 1, 2},
		{assertions.Share{}, 9, 0},
	} {
		if got := row.share.Most(row.n); got != row.want {
			t.Errorf("at most %s of %d: got %d, want %d", row.share, row.n, got, row.want)
		}
	}
}

func TestPercentIsWrittenAsRead(t *testing.T) {
	for _, text := range []string{`"0%"`, `"0.5%"`, `"20%"`, `"100%"`} {
		var p assertions.Percent
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatal(err)
		}
		if b, err := json.Marshal(p); err != nil || string(b) != text {
			t.Errorf("%s was written as %s, %v", text, b, err)
		}
	}
}

func TestDurationIsWrittenAsRead(t *testing.T) {
	b, err := json.Marshal(assertions.RecoverWithin{Within: 8e9})
	if err != nil || string(b) != `{"within":"8s"}` {
		t.Errorf("got %s, %v", b, err)
	}
}
