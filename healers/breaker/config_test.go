package breaker_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

func TestContradictionsAreRefused(t *testing.T) {
	half, none := breaker.Percent(50), breaker.Ratio{}
	gate, err := breaker.NewInterval(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		config breaker.Config
		want   []string // one for each problem
	}{
		{"HAPPY the textbook", breaker.Config{}, nil},
		{"HAPPY everything of failures", breaker.Config{
			Name: "store", Failures: 1, Within: 1, OpenFor: 1, MaxOpenFor: 1, Growth: breaker.Ratio{Num: 1, Den: 1}, Jitter: breaker.Percent(100),
			ResetAfter: 1, Trials: 2, Successes: 3, TrialTimeout: 1, Gate: gate, Spread: 1, Identity: "a", RampOver: 1, RampFrom: half, SlowAfter: 1,
		}, nil},
		{"HAPPY two shares over calls", breaker.Config{FailureRate: half, SlowRate: half, MinCalls: 10, LastCalls: 10}, nil},
		{"HAPPY a share over time", breaker.Config{SlowRate: half, MinCalls: 10, LastTime: s, SlowAfter: s}, nil},
		{"HAPPY longer than the longest delay of old", breaker.Config{OpenFor: time.Hour}, nil},
		{"SAD two windows", breaker.Config{Failures: 5, Consecutive: 5}, []string{"Consecutive and Failures within Within are two windows"}},
		{"SAD three windows", breaker.Config{Within: s, Consecutive: 5, SlowRate: half, MinCalls: 1, LastCalls: 5, LastTime: s}, []string{
			"Consecutive and Failures within Within are two windows", "are two windows: set one", "LastCalls and LastTime are two windows",
		}},
		{"SAD a rate alone", breaker.Config{FailureRate: half}, []string{"MinCalls is not set", "neither LastCalls nor LastTime"}},
		{"SAD what a rate needs alone", breaker.Config{MinCalls: 5, LastTime: s}, []string{"neither is set"}},
		{"SAD more than there are", breaker.Config{FailureRate: half, MinCalls: 11, LastCalls: 10}, []string{"MinCalls 11 is more than LastCalls 10"}},
		{"SAD a time too short for buckets", breaker.Config{FailureRate: half, MinCalls: 11, LastTime: 31}, []string{"LastTime 31ns is less than 1ms"}},
		{"SAD rates that are none", breaker.Config{FailureRate: breaker.Percent(101), SlowRate: breaker.Percent(0), MinCalls: 1, LastCalls: 1}, []string{
			"FailureRate 101/100 is not between 1 and all", "SlowRate 0/100 is not between 1 and all",
		}},
		{"SAD ratios that are none", breaker.Config{Growth: breaker.Ratio{Num: 1}, Jitter: breaker.Ratio{Num: -1, Den: 2}, RampOver: s, RampFrom: breaker.Ratio{Num: 1, Den: 1 << 31}}, []string{
			"Growth 1/0 is no ratio", "Jitter -1/2 is no ratio", "RampFrom 1/2147483648 is no ratio",
		}},
		{"SAD a cap below the first", breaker.Config{OpenFor: 2 * s, MaxOpenFor: s}, []string{"MaxOpenFor 1s is less than OpenFor, 2s"}},
		{"SAD a cap below the default", breaker.Config{MaxOpenFor: s}, []string{"MaxOpenFor 1s is less than OpenFor, 30s"}},
		{"SAD shrinking", breaker.Config{Growth: half}, []string{"Growth 50/100 is less than 1"}},
		{"SAD a spread of nobody", breaker.Config{Spread: s}, []string{"Spread and Identity need each other"}},
		{"SAD an identity for nothing", breaker.Config{Identity: "a"}, []string{"Spread and Identity need each other"}},
		{"SAD a ramp of no length", breaker.Config{RampFrom: half}, []string{"there is no ramp"}},
		{"SAD trials of probes", breaker.Config{ProbeOnly: true, Gate: gate}, []string{"ProbeOnly makes no call a trial"}},
		{"SAD no such mode", breaker.Config{Mode: 4}, []string{"Mode 4 is none"}},
		{"SAD all that can be negative", breaker.Config{
			Failures: -1, Within: -1, OpenFor: -1, MaxOpenFor: -1, ResetAfter: -1, Trials: -1, Successes: -1, TrialTimeout: -1,
			Spread: -1, Identity: "a", RampOver: -1, SlowAfter: -1,
		}, []string{
			"Failures -1 is negative", "Within -1ns is negative", "SlowAfter -1ns is negative", "OpenFor -1ns", "MaxOpenFor -1ns", "ResetAfter -1ns", "Spread -1ns",
			"Trials -1", "Successes -1", "TrialTimeout -1ns", "RampOver -1ns",
		}},
		{"SAD negative of a rate", breaker.Config{FailureRate: half, SlowRate: none, MinCalls: -1, LastTime: -1}, []string{"MinCalls -1 is negative", "LastTime -1ns is negative"}},
		{"SAD more than is kept", breaker.Config{Failures: 1<<20 + 1}, []string{"Failures 1048577 is more than 1048576"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b, err := breaker.New(row.config)
			if _, other := breaker.NewCore(row.config, 0); (err == nil) != (other == nil) || (b == nil) != (err != nil) {
				t.Fatalf("%v, and a core %v", err, other)
			}
			if err == nil {
				if row.want != nil {
					t.Fatal("accepted")
				}
				return
			}
			found := strings.Split(err.Error(), "\n")
			if !errors.Is(err, breaker.ErrConfig) || len(found) != len(row.want) {
				t.Fatalf("%d problems, want %d:\n%v", len(found), len(row.want), err)
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("nothing of %q in\n%v", want, err)
				}
			}
		})
	}
	if _, err := breaker.NewInterval(0); !errors.Is(err, breaker.ErrConfig) {
		t.Errorf("a gate of no interval: %v", err)
	}
}
