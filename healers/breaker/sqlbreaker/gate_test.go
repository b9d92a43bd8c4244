package sqlbreaker_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/sqlbreaker"
)

// gated is a breaker that has opened, and is half-open in a second, with leave for a trial in
// ten minutes.
func gated(t *testing.T) *breaker.Breaker {
	t.Helper()
	gate, err := breaker.NewInterval(10 * time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return made(t, breaker.Config{OpenFor: time.Second, Jitter: breaker.Percent(0), TrialTimeout: time.Minute, Gate: gate})
}

// TestOneLeaveIsEnough: leave to try is for the call, however many steps lead to it.
func TestOneLeaveIsEnough(t *testing.T) {
	for name, fails := range map[string]map[string]error{
		"without a fast path": nil, "the oldest": nil, "old": nil,
		"new": {"QueryContext": driver.ErrSkip, "ExecContext": driver.ErrSkip},
	} {
		for _, method := range []string{"QueryContext", "ExecContext", "Stmt.QueryContext", "Stmt.ExecContext"} {
			for where, idle := range map[string]int{"on a new connection": -1, "on one of the pool": 1} {
				if idle < 0 && strings.HasPrefix(method, "Stmt.") {
					continue // its connection is gone when it is prepared, and the trial with it
				}
				t.Run(name+" "+method+" "+where, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						b := gated(t)
						db := opened(t, &tape{make: drivers[name], fails: fails}, &sqlbreaker.Connector{Breaker: b})
						db.SetMaxIdleConns(idle)
						if err := deeds["BeginTx"](t.Context(), db); err != nil {
							t.Fatal(err)
						}
						b.Trip()
						<-time.After(time.Second)
						if err := deeds[method](t.Context(), db); err != nil {
							t.Error(err)
						}
						if b.State() != breaker.Closed {
							t.Errorf("it is %v", b.State())
						}
					})
				})
			}
		}
	}
}

// TestInATransaction: the beginning leads to what is done in it.
func TestInATransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := gated(t)
		db := opened(t, &tape{}, &sqlbreaker.Connector{Breaker: b})
		b.Trip()
		<-time.After(time.Second)
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), "insert"); err != nil || b.State() != breaker.Closed {
			t.Errorf("%v, it is %v", err, b.State())
		}
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	})
}

// TestNoCallComes: a trial that leads to none is given back, well before its lease is over,
// and is no way past a breaker that went on without it.
func TestNoCallComes(t *testing.T) {
	for name, row := range map[string]struct {
		then func(*sql.Conn, *breaker.Breaker)
		want breaker.State
	}{
		"for long": {func(*sql.Conn, *breaker.Breaker) { <-time.After(100 * time.Millisecond); synctest.Wait() }, breaker.HalfOpen},
		"and the connection ends": {func(c *sql.Conn, _ *breaker.Breaker) {
			_ = c.Raw(func(any) error { return driver.ErrBadConn })
		}, breaker.HalfOpen},
		"and it opens": {func(c *sql.Conn, b *breaker.Breaker) {
			b.Probe(breaker.Failure)
			if _, err := c.ExecContext(context.Background(), "insert"); !errors.Is(err, breaker.ErrOpen) {
				t.Errorf("not refused: %v", err)
			}
		}, breaker.Open},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := gated(t)
				db := opened(t, &tape{}, &sqlbreaker.Connector{Breaker: b})
				b.Trip()
				<-time.After(time.Second)
				c, err := db.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if n := b.Snapshot().Trials; n != 1 {
					t.Errorf("%d trials are out", n)
				}
				row.then(c, b)
				if s := b.Snapshot(); s.Trials != 0 || s.State != row.want || s.Counts.Failure != 0 {
					t.Errorf("%+v", s)
				}
				_ = c.Close()
			})
		})
	}
}
