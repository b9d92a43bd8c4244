package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/fleet"
	"github.com/rebound-chaos/rebound/healers/breaker/settings"
	"github.com/rebound-chaos/rebound/healers/breaker/sidecar"
)

// proxyFlags are what the command line says of a proxy.
type proxyFlags struct {
	routes, listen, upstream    []string
	breaker, fallback, admin    string
	fleet, identity             string
	connect, timeout, idle, end time.Duration
	fresh, check                bool
}

func proxyCommand() *cobra.Command {
	var f proxyFlags
	c := &cobra.Command{
		Use:   "proxy --listen ADDRESS --upstream URL",
		Short: "Put a circuit breaker between a program in any language and what it depends on",
		Long: `Proxy stands beside a program, which calls it instead of what it depends on. It passes
requests and connections on, and stops when they fail: the program has an answer at once,
an error or a fallback of yours, and what it depends on has peace to come back. Then it
tries with one request, and goes on when that is answered.

An upstream is http://HOST:PORT, https://HOST or tcp://HOST:PORT. Each has a breaker of its
own. Of HTTP a failure is no answer within --timeout, one that breaks off, and a status of
500 and more or 429, but not 501 and 505. Of TCP it is no connection, and one that the
upstream ends at once.

--breaker is a file, or YAML between braces. What it leaves out is the textbook's: 5
failures within 30s open it for 30s and up to half of that more, twice as long each time
that the trial fails, up to 5m. Its fields:

  name                      what breaks (default the upstream)
  failures, within          so many failures in such a time open it; or
  consecutive               so many in a row; or
  rate, slowRate, minCalls, lastCalls, lastTime
                            shares, as in 50%, of the last calls or the last time
  openFor, max, growth      how long it is open, at most, and times what for each time
  jitter                    up to this share of it is added at random: 50%
  trials, successes         how many may try at once, and how many must succeed
  trialTimeout, slowAfter   a trial that takes longer failed; a call that takes as long is slow
  resetAfter                closed for so long, it begins with openFor again
  spread, identity          adds a part of spread that is identity's, for a fleet; identity is
                            who shares the file (default --identity)
  ramp, rampFrom            when it closes, calls come back over such a time, from such a share
  mode                      automatic, forceOpen, forceClosed or metricsOnly

--fallback is a file with the answer that is given while the breaker is open, or when the
upstream failed. It has the header X-Rebound-Degraded: true. It answers GET and HEAD where
it names no other methods:

  status: 200
  headers: {Content-Type: application/json}
  body: '{"items": []}'

With --fleet proxies, and clients in Go, share the trials of what they call: the coordinator
gives out so many a second, and closes the breakers of all, one after the other, when some
have passed. They are members of the same dependency where their breakers have the same
name: name in --breaker, else the upstream. Without an answer each goes on by itself, with
one trial in spread (default 1m).

At --admin are /healthz, which is well while the proxy is, also when the upstream is not,
and /metrics for Prometheus: rebound_proxy_calls_total by route and outcome (ok, failure, slow,
neutral, rejected), _degraded_total, _upstream_seconds, _connections, _breaker_state,
_breaker_opened_total and _trials_in_flight. An answer that is the proxy's own has the header
X-Rebound-Proxy, with open (503, and Retry-After), unreachable (502) or timeout (504).

SIGTERM or Ctrl-C ends it: it takes no more connections, lets those that there are end for
--drain, and exits with 0. A second one ends it at once. Exit codes: 2 a mistake in the
input, 1 it could not listen.`,
		Example: `  rebound proxy --listen 127.0.0.1:9000 --upstream http://recommendations:8080 --fallback static.yaml
  rebound proxy --route 127.0.0.1:9000=http://orders:8080 --route 127.0.0.1:5432=tcp://store:5432 --admin 127.0.0.1:9001
  rebound proxy --listen :9000 --upstream https://api.example.com --breaker '{consecutive: 3, openFor: 10s, slowAfter: 2s}'
  rebound proxy --listen 127.0.0.1:9000 --upstream http://orders:8080 --fresh --admin :9001
  rebound proxy --listen :9000 --upstream http://orders --breaker breaker.yaml --check`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			config, err := f.config()
			if err = errors.Join(noZero(c), err); err != nil {
				return usage(err)
			}
			config.Listening = func(routes []net.Addr, admin net.Addr) {
				for i, a := range routes {
					fmt.Fprintf(c.ErrOrStderr(), "proxy: %s to %s\n", a, config.Routes[i].Upstream)
				}
				if admin != nil {
					fmt.Fprintf(c.ErrOrStderr(), "proxy: /healthz and /metrics at http://%s\n", admin)
				}
			}
			members, err := f.join(&config)
			if err != nil {
				return usage(err)
			}
			s, err := sidecar.New(config)
			if err != nil {
				return usage(err)
			}
			if f.check {
				return nil
			}
			ctx, stop := context.WithCancel(c.Context())
			var belonging sync.WaitGroup
			for _, m := range members {
				belonging.Go(func() { _ = m.Run(ctx) }) // that the coordinator is away is no error
			}
			defer belonging.Wait()
			defer stop()
			defer context.AfterFunc(ctx, func() {
				fmt.Fprintln(c.ErrOrStderr(), "proxy: takes no more connections, and lets those that there are end; once more ends it at once")
				signal.Reset(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
			})()
			return failed(s.Run(ctx))
		},
	}
	c.Flags().StringArrayVar(&f.routes, "route", nil, "LISTEN=UPSTREAM: a pair of the next two; may be given several times")
	c.Flags().StringArrayVar(&f.listen, "listen", nil, "where the program calls: HOST:PORT")
	c.Flags().StringArrayVar(&f.upstream, "upstream", nil, "what is called there; as many as there are of --listen, in the same order")
	c.Flags().StringVar(&f.breaker, "breaker", "", "when to stop calling: a file, or {YAML} (default the textbook's)")
	c.Flags().StringVar(&f.fallback, "fallback", "", "the file with the answer instead (default an error)")
	c.Flags().StringVar(&f.admin, "admin", "", "where /healthz and /metrics are: HOST:PORT (default nowhere)")
	c.Flags().DurationVar(&f.connect, "connect-timeout", 0, "how long a connection may take to be made (default 2s)")
	c.Flags().DurationVar(&f.timeout, "timeout", 0, "how long an upstream of HTTP may take to begin its answer (default 30s)")
	c.Flags().DurationVar(&f.idle, "idle-timeout", 0, "for how long a connection may be silent (default 5m)")
	c.Flags().DurationVar(&f.end, "drain", 0, "how long what is under way may take to end (default 10s)")
	c.Flags().StringVar(&f.fleet, "fleet", "", "the URL of a coordinator, whose members share their trials (default none)")
	c.Flags().StringVar(&f.identity, "identity", "", "which of a fleet it is: of its members, and of those with a spread in --breaker (default the host's name)")
	c.Flags().BoolVar(&f.fresh, "fresh", false, "a connection for each request, from a port not used for long: for what balances by connection, as a Service of Kubernetes")
	c.Flags().BoolVar(&f.check, "check", false, "say whether all of this makes sense, and listen nowhere")
	return c
}

// noZero refuses times that were set to 0, which would mean the default.
func noZero(c *cobra.Command) error {
	var found []error
	for _, name := range []string{"connect-timeout", "timeout", "idle-timeout", "drain"} {
		if d, err := c.Flags().GetDuration(name); err == nil && d == 0 && c.Flags().Changed(name) {
			found = append(found, fmt.Errorf("--%s 0 is not a time: leave it out for the default, or give a short one, like 1ms", name))
		}
	}
	return errors.Join(found...)
}

// speaksHTTP tells whether any route does.
func (f *proxyFlags) speaksHTTP() bool {
	is := func(upstream string) bool { return strings.HasPrefix(upstream, "http") }
	return slices.ContainsFunc(f.upstream, is) || slices.ContainsFunc(f.routes, func(pair string) bool {
		_, upstream, _ := strings.Cut(pair, "=")
		return is(upstream)
	})
}

// who is which of a fleet it is.
func (f *proxyFlags) who() (string, error) {
	if f.identity != "" {
		return f.identity, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("the name of the host is not known: set --identity: %w", err)
	}
	return host, nil
}

// join makes the breakers of all routes members of the fleet, each of those of what it calls.
func (f *proxyFlags) join(config *sidecar.Config) ([]*fleet.Client, error) {
	if f.fleet == "" {
		return nil, nil
	}
	who, err := f.who()
	if err != nil {
		return nil, err
	}
	var all []*fleet.Client
	var found []error
	for i := range config.Routes {
		r := &config.Routes[i]
		m, err := fleet.NewClient(fleet.ClientConfig{
			URL: f.fleet, Dependency: cmp.Or(r.Breaker.Name, r.Upstream), Name: "proxy", Identity: fmt.Sprintf("%s %s#%d", cmp.Or(r.Breaker.Identity, who), r.Listen, i+1),
			Spread: r.Breaker.Spread,
		})
		if err != nil {
			found = append(found, fmt.Errorf("--fleet: %w", err))
			continue
		}
		r.Make = m.New
		all = append(all, m)
	}
	return all, errors.Join(found...)
}

// config reads what the flags name. Its error tells of all mistakes.
func (f *proxyFlags) config() (sidecar.Config, error) {
	var found []error
	route := sidecar.Route{Connect: f.connect, Timeout: f.timeout, Idle: f.idle, Fresh: f.fresh}
	if f.breaker != "" {
		name, data, err := "--breaker", []byte(f.breaker), error(nil)
		if !strings.HasPrefix(strings.TrimSpace(f.breaker), "{") {
			name = f.breaker
			data, err = os.ReadFile(name)
		}
		if err == nil {
			who, _ := f.who() // without one the file is told that a spread needs an identity
			route.Breaker, err = settings.ReadShared(name, data, who)
		}
		switch {
		case err != nil:
			route.Breaker = breaker.Config{} // it is told once
		case f.identity != "" && route.Breaker.Spread != 0:
			route.Breaker.Identity = f.identity
		}
		found = append(found, err)
	}
	if f.identity != "" && f.fleet == "" && route.Breaker.Spread == 0 && errors.Join(found...) == nil {
		found = append(found, errors.New("--identity is for --fleet, or a spread in --breaker, and neither is set"))
	}
	if f.fallback != "" {
		data, err := os.ReadFile(f.fallback)
		if err == nil {
			route.Fallback, err = sidecar.ReadFallback(f.fallback, data)
		}
		found = append(found, err)
	}
	config := sidecar.Config{Admin: f.admin, Drain: f.end}
	add := func(listen, upstream string) {
		r := route
		r.Listen, r.Upstream = listen, upstream
		if strings.HasPrefix(upstream, "tcp:") && f.speaksHTTP() {
			r.Fallback = nil // it is for those beside it
		}
		config.Routes = append(config.Routes, r)
	}
	for _, pair := range f.routes {
		listen, upstream, ok := strings.Cut(pair, "=")
		if !ok {
			found = append(found, fmt.Errorf("--route %q is not like 127.0.0.1:9000=http://orders:8080", pair))
			continue
		}
		add(listen, upstream)
	}
	if len(f.listen) != len(f.upstream) {
		found = append(found, fmt.Errorf("--listen is given %d times and --upstream %d times: each needs the other", len(f.listen), len(f.upstream)))
	} else {
		for i, listen := range f.listen {
			add(listen, f.upstream[i])
		}
	}
	if len(config.Routes) > 0 || errors.Join(found...) == nil {
		found = append(found, config.Validate())
	}
	return config, errors.Join(found...)
}
