package main

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/rebound-chaos/rebound/fixtures/shop"
	"github.com/rebound-chaos/rebound/healers/breaker/fleet"
)

func TestProxyMistakes(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("failure: 3\nwithin: 10\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.yaml")
	if err := os.WriteFile(empty, []byte("status: 200\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"nothing":    {nil, []string{"no route"}},
		"half":       {[]string{"--listen", ":9000"}, []string{"--upstream 0 times"}},
		"no pair":    {[]string{"--route", "http://orders"}, []string{"--route"}},
		"no file":    {[]string{"--route", ":9000=http://orders", "--breaker", "no/such", "--fallback", "none/such"}, []string{"no/such", "none/such"}},
		"many":       {[]string{"--route", "x=http://orders", "--breaker", bad, "--admin", "y"}, []string{bad + ":1:1", bad + ":2:9", `"x"`, `"y"`}},
		"inline":     {[]string{"--route", ":9000=http://orders", "--breaker", "{failures: 0.5}"}, []string{"--breaker:1:12"}},
		"fallback":   {[]string{"--route", ":9000=tcp://store:1", "--fallback", bad}, []string{"failure"}},
		"two of TCP": {[]string{"--route", ":9000=tcp://store:1", "--route", ":9001=tcp://store:2", "--fallback", empty}, []string{"route 1 has a fallback", "route 2 has a fallback"}},
		"no fleet":   {[]string{"--route", ":9000=http://orders", "--identity", "a"}, []string{"--identity is for --fleet, or a spread"}},
		"bad fleet":  {[]string{"--route", ":9000=http://orders", "--fleet", "coordinator:7070"}, []string{"--fleet", "coordinator:7070"}},
		"itself":     {[]string{"--route", ":9000=http://localhost:9000"}, []string{"would call itself"}},
		"no time": {
			[]string{"--route", ":9000=http://orders", "--drain", "0s", "--timeout", "0", "--idle-timeout", "0s", "--connect-timeout", "0ms"},
			[]string{"--drain 0", "--timeout 0", "--idle-timeout 0", "--connect-timeout 0", "leave it out"},
		},
		"extra": {[]string{"http://orders"}, []string{"unknown command"}},
	} {
		t.Run(name, func(t *testing.T) {
			if code := execute(t.Context(), append([]string{"proxy"}, c.args...)); code != exitUsage {
				t.Errorf("exit code %d", code)
			}
			_, err := command(t, append([]string{"proxy"}, c.args...)...)
			for _, want := range c.says {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in:\n%v", want, err)
				}
			}
		})
	}
}

func TestProxyCheck(t *testing.T) {
	for name, args := range map[string][]string{
		"a breaker":              {"--breaker", "{failures: 2}"},
		"one of a static fleet":  {"--breaker", "{spread: 5m}"},
		"by a name of its own":   {"--breaker", "{spread: 5m}", "--identity", "orders/2"},
		"a member":               {"--fleet", "http://coordinator:7070"},
		"alone once in a spread": {"--fleet", "http://coordinator:7070", "--breaker", "{spread: 5m}"},
		"by the name of its own": {"--fleet", "http://coordinator:7070", "--breaker", "{spread: 5m, identity: a}", "--identity", "b"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := command(t, append([]string{"proxy", "--route", "127.0.0.1:1=http://orders", "--check"}, args...)...); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestProxyIsOneOfAFleet: who shares a file with others is set apart by the command, or by
// the host.
func TestProxyIsOneOfAFleet(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]proxyFlags{
		host: {breaker: "{spread: 5m}"},
		"a":  {breaker: "{spread: 5m, identity: a}"},
		"b":  {breaker: "{spread: 5m, identity: a}", identity: "b"},
		"":   {breaker: "{failures: 2}"},
	} {
		f.routes = []string{"127.0.0.1:1=http://orders"}
		if c, err := f.config(); err != nil || c.Routes[0].Breaker.Identity != want {
			t.Errorf("%v %v, want %q", c.Routes, err, want)
		}
	}
}

// TestProxyInAFleet: its breaker is a member, by the name of what it calls.
func TestProxyInAFleet(t *testing.T) {
	o, err := fleet.NewCoordinator(fleet.Config{})
	if err != nil {
		t.Fatal(err)
	}
	coordinator := httptest.NewServer(o)
	defer coordinator.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, []string{
			"proxy", "--fleet", coordinator.URL + "/", "--breaker", "{name: store}",
			"--route", "127.0.0.1:0=http://127.0.0.1:1", "--route", "localhost:0=tcp://127.0.0.1:1",
		})
	}()
	members := 0
	for range 250 {
		for _, s := range o.Status() {
			if members = s.Members; s.Dependency != "store" {
				t.Fatalf("%+v", s)
			}
		}
		if members == 2 {
			break
		}
		<-time.After(20 * time.Millisecond)
	}
	cancel()
	if code := <-ended; code != exitPass || members != 2 {
		t.Errorf("exit code %d, %d members", code, members)
	}
	http.DefaultClient.CloseIdleConnections() // those of its members
}

// TestTheShopsProxy: what the manifests of the shop say makes sense to the command.
func TestTheShopsProxy(t *testing.T) {
	s, _ := shop.System("kind")
	data, err := fs.ReadFile(s.Files, "manifests/gateway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	deployment, _, _ := bytes.Cut(data, []byte("\n---\n"))
	var d struct {
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Name    string
						Command []string
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal(deployment, &d); err != nil {
		t.Fatal(err)
	}
	for _, c := range d.Spec.Template.Spec.Containers {
		if c.Name == "proxy" {
			if _, err := command(t, append(c.Command[1:], "--check")...); err != nil {
				t.Error(err)
			}
			return
		}
	}
	t.Error("there is no proxy")
}

// TestProxy asks through one, as a program would, and ends it.
func TestProxy(t *testing.T) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer up.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	here := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() { ended <- execute(ctx, []string{"proxy", "--listen", here, "--upstream", up.URL}) }()
	body := ""
	for range 250 {
		a, err := http.Get("http://" + here)
		if err != nil {
			<-time.After(20 * time.Millisecond)
			continue
		}
		b, err := io.ReadAll(a.Body)
		if err != nil || a.Body.Close() != nil {
			t.Fatal(err)
		}
		body = string(b)
		break
	}
	if body != "hello" {
		t.Errorf("answered %q", body)
	}
	if code := execute(t.Context(), []string{"proxy", "--listen", here, "--upstream", up.URL}); code != exitFail {
		t.Errorf("where something listens already: exit code %d", code)
	}
	http.DefaultClient.CloseIdleConnections()
	cancel()
	if code := <-ended; code != exitPass {
		t.Errorf("exit code %d", code)
	}
}
