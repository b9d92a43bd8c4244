package sqlbreaker_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/sqlbreaker"
)

// TestConnectionsHaveTheirParts looks at each set of what database/sql can tell from its
// absence.
func TestConnectionsHaveTheirParts(t *testing.T) {
	c := &fakeConn{&tape{}}
	all := []driver.Conn{
		c,
		struct {
			*fakeConn
			exec
		}{c, exec{c}},
		struct {
			*fakeConn
			query
		}{c, query{c}},
		struct {
			*fakeConn
			exec
			query
		}{c, exec{c}, query{c}},
		struct {
			*fakeConn
			reset
		}{c, reset{c}},
		struct {
			*fakeConn
			exec
			reset
		}{c, exec{c}, reset{c}},
		struct {
			*fakeConn
			query
			reset
		}{c, query{c}, reset{c}},
		struct {
			*fakeConn
			exec
			query
			reset
		}{c, exec{c}, query{c}, reset{c}},
		struct {
			*fakeConn
			valid
		}{c, valid{c}},
		struct {
			*fakeConn
			exec
			valid
		}{c, exec{c}, valid{c}},
		struct {
			*fakeConn
			query
			valid
		}{c, query{c}, valid{c}},
		struct {
			*fakeConn
			exec
			query
			valid
		}{c, exec{c}, query{c}, valid{c}},
		struct {
			*fakeConn
			reset
			valid
		}{c, reset{c}, valid{c}},
		struct {
			*fakeConn
			exec
			reset
			valid
		}{c, exec{c}, reset{c}, valid{c}},
		struct {
			*fakeConn
			query
			reset
			valid
		}{c, query{c}, reset{c}, valid{c}},
		struct {
			*fakeConn
			exec
			query
			reset
			valid
		}{c, exec{c}, query{c}, reset{c}, valid{c}},
	}
	if len(all) != 16 {
		t.Fatalf("%d sets", len(all))
	}
	parts := func(c driver.Conn) (has [4]bool) {
		_, has[0] = c.(driver.ExecerContext)
		_, has[1] = c.(driver.QueryerContext)
		_, has[2] = c.(driver.SessionResetter)
		_, has[3] = c.(driver.Validator)
		return has
	}
	seen := map[[4]bool]bool{}
	for _, own := range all {
		seen[parts(own)] = true
		wrapped := connected(t, func(*fakeConn) driver.Conn { return own })
		if got, want := parts(wrapped), parts(own); got != want {
			t.Errorf("%T has %v, want %v", own, got, want)
		}
		if got := sqlbreaker.Unwrap(wrapped); got != any(own) {
			t.Errorf("%T is a wrapped %T", own, got)
		}
	}
	if len(seen) != 16 {
		t.Errorf("%d sets were seen", len(seen))
	}
	if got := sqlbreaker.Unwrap(c); got != any(c) {
		t.Errorf("what is not wrapped is a wrapped %T", got)
	}
}

func connected(t *testing.T, connection func(*fakeConn) driver.Conn) driver.Conn {
	t.Helper()
	c, err := (&sqlbreaker.Connector{Connector: &tape{make: connection}, Breaker: made(t, breaker.Config{})}).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStatementsHaveTheirParts(t *testing.T) {
	for name, want := range map[string]bool{"columns": true, "old": false, "new": false} {
		s, err := connected(t, drivers[name]).(driver.ConnPrepareContext).PrepareContext(t.Context(), "q")
		if err != nil {
			t.Fatal(err)
		}
		if _, has := s.(driver.ColumnConverter); has != want { //nolint:staticcheck // older drivers have it
			t.Errorf("%s: has a ColumnConverter: %v", name, has)
		}
	}
}

// TestDriversAreAskedTheSame plays a script to each driver, with a breaker and without: what
// the driver hears, and what the caller gets, must not differ.
func TestDriversAreAskedTheSame(t *testing.T) {
	for name, connection := range drivers {
		t.Run(name, func(t *testing.T) {
			play := func(b *breaker.Breaker) []string {
				tp := &tape{make: connection}
				db := sql.OpenDB(&sqlbreaker.Connector{Connector: tp, Breaker: b})
				db.SetMaxOpenConns(1)
				script(t.Context(), tp, db)
				_ = db.Close()
				return tp.heard
			}
			b := made(t, breaker.Config{})
			plain, guarded := play(nil), play(b)
			if diff := cmp.Diff(plain, guarded); diff != "" {
				t.Errorf("the breaker makes a difference:\n%s", diff)
			}
			if n := b.Snapshot().Counts; n.OK == 0 || n.Failure != 0 || n.Rejected != 0 || n.Stale != 0 {
				t.Errorf("counted %+v", n)
			}
		})
	}
}

// script is what a program may do with a database. What it gets it puts on the tape.
func script(ctx context.Context, tp *tape, db *sql.DB) {
	got := func(what any, err error) { _ = tp.say(fmt.Sprintf("... gave %T, %v", what, err)) }
	use := func(q interface {
		ExecContext(context.Context, string, ...any) (sql.Result, error)
		QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	},
	) {
		for _, args := range [][]any{nil, {1}, {sql.Named("name", "x")}, {odd{}}, {1, odd{}}, {make(chan int)}} {
			got(q.ExecContext(ctx, "insert", args...))
			rows, err := q.QueryContext(ctx, "select", args...)
			got(nil, err)
			for err == nil && rows.Next() {
				var n int
				got(n, rows.Scan(&n))
			}
			if err == nil {
				got(nil, rows.Close())
			}
		}
	}
	got(nil, db.PingContext(ctx))
	use(db)
	s, err := db.PrepareContext(ctx, "prepared")
	got(nil, err)
	if err == nil {
		for _, arg := range []any{1, odd{}, sql.Named("name", "x")} {
			got(s.ExecContext(ctx, arg))
			var n int
			got(n, s.QueryRowContext(ctx, arg).Scan(&n))
		}
		got(nil, s.Close())
	}
	for _, o := range []*sql.TxOptions{nil, {Isolation: sql.LevelSerializable}, {ReadOnly: true}} {
		for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
			tx, err := db.BeginTx(ctx, o)
			got(nil, err)
			if err == nil {
				use(tx)
				got(nil, end(tx))
			}
		}
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	got(db.ExecContext(over, "too late"))
}
