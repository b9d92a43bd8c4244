package httpbreaker_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/httpbreaker"
)

func TestHosts(t *testing.T) {
	hosts, err := httpbreaker.NewHosts(breaker.Config{Name: "all", Seed: 7}, 2)
	if err != nil {
		t.Fatal(err)
	}
	a, b := hosts.Named("a"), hosts.Named("b")
	if a == b || hosts.Named("a") != a || a.Snapshot().Name != "a" {
		t.Errorf("a and b are not two: %+v", a.Snapshot())
	}
	hosts.Named("c") // b is forgotten, which was asked for longest ago
	var names []string
	for _, b := range hosts.All() {
		names = append(names, b.Snapshot().Name)
	}
	if got := strings.Join(names, " "); got != "c a" || hosts.Named("b") == b {
		t.Errorf("kept %s", got)
	}
	for _, r := range []*http.Request{{}, {URL: &url.URL{Path: "/"}}} {
		if hosts.Of(r) != nil {
			t.Errorf("a breaker of no host: %v", r.URL)
		}
	}
	if _, err := httpbreaker.NewHosts(breaker.Config{Failures: -1, Trials: -1}, 0); !errors.Is(err, breaker.ErrConfig) || len(strings.Split(err.Error(), "\n")) != 2 {
		t.Errorf("got %v", err)
	}
}

// With one seed the hosts still do not try together.
func TestHostsHaveDelaysOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		delays := func() (all []time.Duration) {
			hosts, err := httpbreaker.NewHosts(breaker.Config{Seed: 7}, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"a", "b"} {
				b := hosts.Named(name)
				b.Trip()
				all = append(all, b.Snapshot().Wait)
			}
			return all
		}
		first, second := delays(), delays()
		if first[0] == first[1] || first[0] != second[0] || first[1] != second[1] {
			t.Errorf("delays %v and %v", first, second)
		}
	})
}

func TestReplayable(t *testing.T) {
	for _, row := range []struct {
		method, key string
		body        string
		noReplay    bool
		want        bool
	}{
		{method: "", want: true},
		{method: "GET", want: true},
		{method: "HEAD", want: true},
		{method: "OPTIONS", want: true},
		{method: "TRACE", want: true},
		{method: "DELETE", want: true},
		{method: "PUT", body: "x", want: true},
		{method: "PUT", body: "x", noReplay: true, want: false},
		{method: "POST", body: "x", want: false},
		{method: "PATCH", body: "x", want: false},
		{method: "POST", body: "x", key: "order-7", want: true},
		{method: "POST", body: "x", key: "order-7", noReplay: true, want: false},
	} {
		r, err := http.NewRequestWithContext(t.Context(), row.method, "http://store/", strings.NewReader(row.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Method = row.method
		if row.noReplay {
			r.GetBody = nil
		}
		if row.key != "" {
			r.Header.Set("Idempotency-Key", row.key)
		}
		if got := httpbreaker.Replayable(r); got != row.want {
			t.Errorf("%+v: %v", row, got)
		}
	}
}

func TestCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, row := range []struct {
			status int
			after  string
			want   string
			wait   time.Duration
		}{
			{status: 200},
			{status: 404},
			{status: 301},
			{status: 429, after: "7", want: "status 429 Too Many Requests", wait: 7 * time.Second},
			{status: 503, after: time.Now().Add(time.Minute).UTC().Format(http.TimeFormat), want: "status 503 Service Unavailable", wait: time.Minute},
			{status: 503, after: time.Now().Add(-time.Minute).UTC().Format(http.TimeFormat), want: "status 503 Service Unavailable"},
			{status: 500, after: "-1", want: "status 500 Internal Server Error"},
			{status: 500, after: "99999999999999999999", want: "status 500 Internal Server Error"},
			{status: 500, after: "soon", want: "status 500 Internal Server Error"},
		} {
			resp := answer(row.status, "")
			if row.after != "" {
				resp.Header.Set("Retry-After", row.after)
			}
			err := httpbreaker.Check(resp)
			if (err == nil) != (row.want == "") || err != nil && err.Error() != row.want {
				t.Errorf("%d: %v", row.status, err)
			}
			if status, ok := errors.AsType[*httpbreaker.StatusError](err); ok && status.RetryAfter() != row.wait {
				t.Errorf("%d %q: %v, want %v", row.status, row.after, status.RetryAfter(), row.wait)
			}
		}
	})
}
