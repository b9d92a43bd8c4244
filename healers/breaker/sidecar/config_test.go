package sidecar_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/sidecar"
)

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
