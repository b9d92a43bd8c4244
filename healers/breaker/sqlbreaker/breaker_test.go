package sqlbreaker_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/sqlbreaker"
)

// opened is a database of the driver with every part, whose connections are one.
func opened(t *testing.T, tp *tape, c *sqlbreaker.Connector) *sql.DB {
	t.Helper()
	if tp.make == nil {
		tp.make = drivers["new"]
	}
	c.Connector = tp
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// deeds are what a program does, each with the method of the driver that does it.
var deeds = map[string]func(context.Context, *sql.DB) error{
	"Ping": func(ctx context.Context, db *sql.DB) error { return db.PingContext(ctx) },
	"ExecContext": func(ctx context.Context, db *sql.DB) error {
		_, err := db.ExecContext(ctx, "insert")
		return err
	},
	"QueryContext": func(ctx context.Context, db *sql.DB) error {
		rows, err := db.QueryContext(ctx, "select")
		if err != nil {
			return err
		}
		return errors.Join(rows.Err(), rows.Close())
	},
	"PrepareContext": func(ctx context.Context, db *sql.DB) error {
		s, err := db.PrepareContext(ctx, "prepared")
		if err != nil {
			return err
		}
		return s.Close()
	},
	"BeginTx": func(ctx context.Context, db *sql.DB) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		return tx.Commit()
	},
	"Stmt.ExecContext": func(ctx context.Context, db *sql.DB) error {
		s, err := db.PrepareContext(ctx, "prepared")
		if err != nil {
			return err
		}
		_, err = s.ExecContext(ctx)
		return errors.Join(err, s.Close())
	},
	"Stmt.QueryContext": func(ctx context.Context, db *sql.DB) error {
		s, err := db.PrepareContext(ctx, "prepared")
		if err != nil {
			return err
		}
		var n int
		return errors.Join(s.QueryRowContext(ctx).Scan(&n), s.Close())
	},
}

func TestCallsCount(t *testing.T) {
	for method, do := range deeds {
		// Connect comes before each, and Prepare before those of statements.
		lead := uint64(1)
		if strings.HasPrefix(method, "Stmt.") {
			lead++
		}
		works := breaker.Counts{OK: 1, Neutral: lead}
		if method == "PrepareContext" || method == "BeginTx" {
			works = breaker.Counts{Neutral: lead + 1}
		}
		for _, row := range []struct {
			name   string
			err    error
			cancel bool // meanwhile
			want   breaker.Counts
		}{
			{"HAPPY it works", nil, false, works},
			{"HAPPY it says no", &pgconn.PgError{Code: "42601"}, false, works},
			{"SAD it fails", &pgconn.PgError{Code: "53300"}, false, breaker.Counts{Failure: 1, Neutral: lead}},
			{"HAPPY cancelled meanwhile", errors.New("broken off"), true, breaker.Counts{Neutral: lead + 1}},
		} {
			t.Run(row.name+" at "+method, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				b := made(t, breaker.Config{})
				tp := &tape{fails: map[string]error{method: row.err}, during: func(m string) {
					if row.cancel && m == method {
						cancel()
					}
				}}
				if err := do(ctx, opened(t, tp, &sqlbreaker.Connector{Breaker: b})); !errors.Is(err, row.err) && !row.cancel {
					t.Errorf("got %v", err)
				}
				counted(t, b, row.want)
			})
		}
	}
}

func TestConnectCounts(t *testing.T) {
	own := func(context.Context, error) breaker.Outcome { return breaker.OK }
	for _, row := range []struct {
		name     string
		err      error
		classify func(context.Context, error) breaker.Outcome
		want     breaker.Counts
	}{
		{"SAD refused", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}, nil, breaker.Counts{Failure: 1}},
		{"SAD for a reason that nobody knows", errors.New("too many connections"), nil, breaker.Counts{Failure: 1}},
		{"SAD starting", &pgconn.PgError{Code: "57P03"}, nil, breaker.Counts{Failure: 1}},
		{"HAPPY not with this password", &pgconn.PgError{Code: "28P01"}, nil, breaker.Counts{Neutral: 1}},
		{"HAPPY as the user says", errors.New("too many connections"), own, breaker.Counts{Neutral: 1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := made(t, breaker.Config{})
			db := opened(t, &tape{fails: map[string]error{"Connect": row.err}}, &sqlbreaker.Connector{Breaker: b, Classify: row.classify})
			if err := db.PingContext(t.Context()); !errors.Is(err, row.err) {
				t.Errorf("got %v", err)
			}
			counted(t, b, row.want)
		})
	}
}

// TestBadConnectionsAreTriedAgain: each try of database/sql is a call.
func TestBadConnectionsAreTriedAgain(t *testing.T) {
	b := made(t, breaker.Config{})
	db := opened(t, &tape{fails: map[string]error{"ExecContext": driver.ErrBadConn}}, &sqlbreaker.Connector{Breaker: b})
	if _, err := db.ExecContext(t.Context(), "insert"); !errors.Is(err, driver.ErrBadConn) {
		t.Errorf("got %v", err)
	}
	counted(t, b, breaker.Counts{Failure: 3, Neutral: 3})
}

func TestRefusals(t *testing.T) {
	for method, do := range deeds {
		for _, pooled := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s pooled %v", method, pooled), func(t *testing.T) {
				tp, b := &tape{}, made(t, breaker.Config{Name: "store"})
				db := opened(t, tp, &sqlbreaker.Connector{Breaker: b})
				if pooled {
					if err := db.PingContext(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				b.Trip()
				tp.heard = nil
				err := do(t.Context(), db)
				if _, ok := errors.AsType[*breaker.OpenError](err); !ok || !errors.Is(err, breaker.ErrOpen) || errors.Is(err, driver.ErrBadConn) {
					t.Errorf("refused with %v", err)
				}
				if n := b.Snapshot().Counts.Rejected; n != 1 {
					t.Errorf("tried %d times", n)
				}
				for _, m := range tp.heard {
					if m != "ResetSession\n" && m != "IsValid\n" {
						t.Errorf("the driver heard %s", m)
					}
				}
			})
		}
	}
}

// TestTransactionsEnd: one that was begun is ended, also by a breaker that has opened.
func TestTransactionsEnd(t *testing.T) {
	for method, end := range map[string]func(*sql.Tx) error{"Commit": (*sql.Tx).Commit, "Rollback": (*sql.Tx).Rollback} {
		tp, b := &tape{}, made(t, breaker.Config{})
		tx, err := opened(t, tp, &sqlbreaker.Connector{Breaker: b}).BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		b.Trip()
		if _, err := tx.ExecContext(t.Context(), "insert"); !errors.Is(err, breaker.ErrOpen) {
			t.Errorf("in a transaction: %v", err)
		}
		tp.heard = nil
		if err := end(tx); err != nil || len(tp.heard) == 0 || tp.heard[0] != method+"\n" {
			t.Errorf("%s: %v, the driver heard %q", method, err, tp.heard)
		}
	}
}

// TestConsecutiveFailuresOpen: what only leads to a statement must not end a row of them.
func TestConsecutiveFailuresOpen(t *testing.T) {
	b := made(t, breaker.Config{Consecutive: 3})
	down := &pgconn.PgError{Code: "57P01"}
	tp := &tape{make: drivers["without a fast path"], fails: map[string]error{"Stmt.ExecContext": down}}
	db := opened(t, tp, &sqlbreaker.Connector{Breaker: b})
	for range 3 {
		if _, err := db.ExecContext(t.Context(), "insert"); !errors.Is(err, down) {
			t.Fatalf("got %v", err)
		}
	}
	if b.State() != breaker.Open {
		t.Errorf("it is %v", b.State())
	}
}

func TestPanicFails(t *testing.T) {
	b := made(t, breaker.Config{})
	tp := &tape{during: func(m string) {
		if m == "Ping" {
			panic("boom")
		}
	}}
	db := opened(t, tp, &sqlbreaker.Connector{Breaker: b})
	func() {
		defer func() {
			if recover() != "boom" {
				t.Error("it did not go on")
			}
		}()
		_ = db.PingContext(t.Context())
	}()
	counted(t, b, breaker.Counts{Failure: 1, Neutral: 1})
}

type closer struct {
	*tape
	closed bool
}

func (c *closer) Close() error {
	c.closed = true
	return nil
}

func TestConnector(t *testing.T) {
	if err := sql.OpenDB(&sqlbreaker.Connector{}).PingContext(t.Context()); err == nil {
		t.Error("one without a connector pings")
	}
	c := &closer{tape: &tape{make: drivers["old"]}}
	if err := sql.OpenDB(&sqlbreaker.Connector{Connector: c}).Close(); err != nil || !c.closed {
		t.Errorf("the driver's was not closed: %v", err)
	}
}
