package sidecar_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/sidecar"
)

func TestReadBreaker(t *testing.T) {
	got, err := sidecar.ReadBreaker("b.yaml", []byte(`
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
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b breaker.Ratio) bool { return a.Num*b.Den == b.Num*a.Den })); d != "" {
		t.Error(d)
	}
	if got, err := sidecar.ReadBreaker("--breaker", []byte("{failures: 2}")); err != nil || got.Failures != 2 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestEveryProblemOfABreaker(t *testing.T) {
	_, err := sidecar.ReadBreaker("b.yaml", []byte(`
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

func TestReadFallback(t *testing.T) {
	got, err := sidecar.ReadFallback("f.yaml", []byte("headers: {Content-Type: application/json}\nbody: '[]'\nmethods: [GET, POST]\n"))
	want := &sidecar.Fallback{Headers: map[string]string{"Content-Type": "application/json"}, Body: "[]", Methods: []string{"GET", "POST"}}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
	if _, err := sidecar.ReadFallback("f.yaml", []byte("headers: {Content-Type: a, content-type: b}\n")); err == nil || !strings.Contains(err.Error(), "headers.content-type: it is there twice") {
		t.Errorf("twice: %v", err)
	}
	_, err = sidecar.ReadFallback("f.yaml", []byte("status: 100\nheaders: {content-length: '3', 'a b': x, Ok: \"a\\nb\"}\nmethods: [get]\nbod: x\n"))
	for _, want := range []string{"f.yaml:1:9: status", "headers.content-length: the proxy writes it itself", "is no name of a header", "headers.Ok", "methods[0]", "bod: unknown field; did you mean body?"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
}

func TestEveryProblemOfAConfig(t *testing.T) {
	c := sidecar.Config{
		Routes: []sidecar.Route{
			{Listen: "9000", Upstream: "orders:8080"},
			{Listen: "127.0.0.1:9001", Upstream: "tcp://store", Connect: -1},
			{Listen: "127.0.0.1:9001", Upstream: "tcp://store:5432", Fallback: &sidecar.Fallback{}},
			{Listen: ":http", Upstream: "http://u:p@orders/?x", Breaker: breaker.Config{Trials: -1}, Fresh: true, Transport: &http.Transport{}},
		},
		Admin: "127.0.0.1:9001", Drain: -1,
	}
	err := c.Validate()
	for _, want := range []string{
		`route 1 listen "9000"`, `route 1 upstream "orders:8080"`, "route 2 upstream", "route 2 connect timeout", "route 3 listen 127.0.0.1:9001 is that of route 2 listen already",
		"route 3 has a fallback", "route 4 listen", "route 4 upstream", "Trials -1", "route 4 has a transport of yours", "admin 127.0.0.1:9001 is that of", "drain",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
	c = sidecar.Config{Routes: []sidecar.Route{
		{Listen: "127.0.0.1:9000", Upstream: "http://orders:99999"},
		{Listen: ":9001", Upstream: "tcp://store:0"},
		{Listen: "127.0.0.1:9002", Upstream: "http://127.0.0.1:9002/x"},
		{Listen: ":9003", Upstream: "tcp://localhost:9003"},
		{Listen: "127.0.0.1:9004", Upstream: "http://127.0.0.2:9004"},
	}}
	err = c.Validate()
	for _, want := range []string{
		`route 1 upstream "http://orders:99999" has a port that is not from 1 to 65535`, `route 2 upstream "tcp://store:0" has a port`,
		"route 3 upstream http://127.0.0.1:9002/x is where route 3 listens", "route 4 upstream tcp://localhost:9003 is where route 4 listens",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "route 5") {
		t.Error(err)
	}
	if err := (&sidecar.Config{}).Validate(); err == nil {
		t.Error("no route is fine")
	}
}
