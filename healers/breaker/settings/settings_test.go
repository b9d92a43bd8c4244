package settings_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/settings"
)

func TestRead(t *testing.T) {
	got, err := settings.Read("b.yaml", []byte(`
failures: 3
within: 10s
openFor: 5s
max: 1m
growth: 1.5
jitter: 0%
trials: 2
trialTimeout: 4s
slowAfter: 900ms
ramp: 20s
rampFrom: 2.5%
mode: metricsOnly
`))
	if err != nil {
		t.Fatal(err)
	}
	want := breaker.Config{
		Failures: 3, Within: 10 * time.Second, OpenFor: 5 * time.Second, MaxOpenFor: time.Minute, Growth: breaker.Ratio{Num: 3, Den: 2},
		Jitter: breaker.Ratio{Num: 0, Den: 100}, Trials: 2, TrialTimeout: 4 * time.Second, SlowAfter: 900 * time.Millisecond,
		RampOver: 20 * time.Second, RampFrom: breaker.Ratio{Num: 5, Den: 200}, Mode: breaker.MetricsOnly,
	}
	if got.Jitter != (breaker.Ratio{Num: 0, Den: 100}) {
		t.Errorf("jitter %v would be the textbook's", got.Jitter)
	}
	if d := cmp.Diff(want, got, ratios); d != "" {
		t.Error(d)
	}
	if got, err := settings.Read("--breaker", []byte("{failures: 2}")); err != nil || got.Failures != 2 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestEveryProblemOfABreaker(t *testing.T) {
	_, err := settings.Read("b.yaml", []byte(`
failure: 3
within: 10
openFor: 1m
max: 5s
jitter: 150%
growth: many
trials: -1
mode: open
`))
	for _, want := range []string{
		"b.yaml:2:1: failure: unknown field; did you mean failures?", "b.yaml:3:9: within: expected a duration", "b.yaml:5:6: max: max 5s is less than openFor, 1m0s",
		"jitter: expected a percentage", "growth: expected a number", "trials: trials -1 is negative", "mode: expected automatic",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}

// ratios are equal where they are the same number.
var ratios = cmp.Comparer(func(a, b breaker.Ratio) bool {
	return a.Num*b.Den == b.Num*a.Den && (a == breaker.Ratio{}) == (b == breaker.Ratio{})
})

func TestWhatManyShare(t *testing.T) {
	got, err := settings.ReadShared("store", []byte(`{"spread": "10s"}`), "orders/2")
	if err != nil || got.Spread != 10*time.Second || got.Identity != "orders/2" {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := settings.ReadShared("store", []byte(`{"failures": 3}`), "orders/2"); err != nil || got.Identity != "" {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := settings.ReadShared("store", nil, "orders/2"); err == nil {
		t.Error("nothing was read")
	}
	if _, err := settings.Read("store", []byte(`{"spread": "10s"}`)); err == nil || !strings.Contains(err.Error(), "store:1:12: spread: spread and identity need each other") {
		t.Error(err)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	const text = `{"name":"store","failures":3,"within":"10s","slowAfter":"900ms","openFor":"5s","max":"1m0s","growth":1.5,"jitter":"0%","trials":2,"ramp":"20s","rampFrom":"2.5%","mode":"metricsOnly"}`
	var b settings.Breaker
	if _, err := manifest.Decode("b", []byte(text), &b); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(b)
	if err != nil || string(again) != text {
		t.Errorf("%v\n%s\n%s", err, again, text)
	}
	var second settings.Breaker
	if err := json.Unmarshal(again, &second); err != nil || second != b {
		t.Errorf("%v %+v", err, second)
	}
	for _, bad := range []settings.Breaker{{Jitter: settings.Share{Num: 1}}, {Growth: settings.Factor{Num: -1, Den: 1}}, {Mode: 9}} {
		if got, err := json.Marshal(bad); err == nil {
			t.Errorf("%s", got)
		}
	}
}

// TestComplete: what is left out is the textbook's. A breaker with it written out does the
// same, whatever is done to it.
func TestComplete(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		some := func(name string, d time.Duration) manifest.Duration {
			return manifest.Duration(d) * manifest.Duration(rapid.IntRange(0, 1).Draw(r, name))
		}
		b := settings.Breaker{
			Trials: rapid.IntRange(0, 2).Draw(r, "trials"), Successes: rapid.IntRange(0, 2).Draw(r, "successes"),
			OpenFor: some("openFor", 10*time.Minute), Ramp: some("ramp", time.Minute), ResetAfter: some("resetAfter", time.Minute),
		}
		switch rapid.IntRange(0, 3).Draw(r, "window") {
		case 1:
			b.Consecutive = 2
		case 2:
			b.Rate, b.MinCalls, b.LastCalls = settings.Share{Num: 1, Den: 2}, 2, 10
		case 3:
			b.Failures = 2
		}
		if problems := b.Problems(&manifest.Doc{}, ""); len(problems) > 0 {
			r.Fatal(problems)
		}
		written := b.Complete()
		if written.Complete() != written {
			r.Fatalf("%+v is not complete", written)
		}
		one, other := core(r, b), core(r, written)
		now := time.Duration(0)
		for range 60 {
			now += time.Duration(rapid.IntRange(0, 300).Draw(r, "pause")) * time.Second
			outcome := rapid.SampledFrom([]breaker.Outcome{breaker.OK, breaker.Failure, breaker.Failure}).Draw(r, "outcome")
			a, okA := one.Allow(now)
			c, okC := other.Allow(now)
			if okA != okC || one.State(now) != other.State(now) || one.Wait(now) != other.Wait(now) {
				r.Fatalf("at %v: %v %v %v, %v %v %v", now, okA, one.State(now), one.Wait(now), okC, other.State(now), other.Wait(now))
			}
			if okA {
				now += time.Second
				one.Done(now, a, outcome)
				other.Done(now, c, outcome)
			}
		}
	})
}

func core(t *rapid.T, b settings.Breaker) *breaker.Core {
	c := b.Config()
	c.Seed = 7
	k, err := breaker.NewCore(c, 0)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
