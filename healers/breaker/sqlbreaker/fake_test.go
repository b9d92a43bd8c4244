package sqlbreaker_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// tape is what a driver was asked, and what it answers where that is an error.
type tape struct {
	mu     sync.Mutex
	heard  []string
	fails  map[string]error // by method
	during func(method string)
	make   func(*fakeConn) driver.Conn
}

func (t *tape) say(method string, about ...any) error {
	if t.during != nil {
		t.during(method)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.heard = append(t.heard, fmt.Sprintln(append([]any{method}, about...)...))
	return t.fails[method]
}

func (t *tape) Connect(context.Context) (driver.Conn, error) {
	if err := t.say("Connect"); err != nil {
		return nil, err
	}
	return t.make(&fakeConn{t}), nil
}

func (t *tape) Driver() driver.Driver { return nil }

// fakeConn is a connection of the oldest drivers.
type fakeConn struct{ t *tape }

func (c *fakeConn) Close() error { return c.t.say("Close") }

func (c *fakeConn) Prepare(q string) (driver.Stmt, error) {
	return &fakeStmt{c.t}, c.t.say("Prepare", q)
}

func (c *fakeConn) Begin() (driver.Tx, error) { return fakeTx{c.t}, c.t.say("Begin") }

// What a connection may have on top.
type (
	ping     struct{ *fakeConn }
	execOld  struct{ *fakeConn }
	exec     struct{ *fakeConn }
	queryOld struct{ *fakeConn }
	query    struct{ *fakeConn }
	prepare  struct{ *fakeConn }
	begin    struct{ *fakeConn }
	reset    struct{ *fakeConn }
	valid    struct{ *fakeConn }
	check    struct{ *fakeConn }
)

func (c ping) Ping(context.Context) error { return c.t.say("Ping") }

func (c execOld) Exec(q string, args []driver.Value) (driver.Result, error) {
	return driver.RowsAffected(1), c.t.say("Exec", q, args)
}

func (c exec) ExecContext(_ context.Context, q string, args []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(1), c.t.say("ExecContext", q, args)
}

func (c queryOld) Query(q string, args []driver.Value) (driver.Rows, error) {
	return &fakeRows{}, c.t.say("Query", q, args)
}

func (c query) QueryContext(_ context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	return &fakeRows{}, c.t.say("QueryContext", q, args)
}

func (c prepare) PrepareContext(_ context.Context, q string) (driver.Stmt, error) {
	s := &fakeStmt{c.t}
	return struct {
		*fakeStmt
		stmtExec
		stmtQuery
		stmtCheck
	}{s, stmtExec{c.t}, stmtQuery{c.t}, stmtCheck{c.t}}, c.t.say("PrepareContext", q)
}

func (c begin) BeginTx(_ context.Context, o driver.TxOptions) (driver.Tx, error) {
	return fakeTx{c.t}, c.t.say("BeginTx", o)
}

func (c reset) ResetSession(context.Context) error { return c.t.say("ResetSession") }
func (c valid) IsValid() bool                      { return c.t.say("IsValid") == nil }

// odd is a value that only those know who check values.
type odd struct{}

func (c check) CheckNamedValue(v *driver.NamedValue) error {
	if _, is := v.Value.(odd); is {
		v.Value = "odd, by the connection"
		return c.t.say("CheckNamedValue")
	}
	return driver.ErrSkip
}

// fakeStmt is a statement of the oldest drivers.
type fakeStmt struct{ t *tape }

func (s *fakeStmt) Close() error  { return s.t.say("Stmt.Close") }
func (s *fakeStmt) NumInput() int { return -1 }

func (s *fakeStmt) Exec(args []driver.Value) (driver.Result, error) {
	return driver.RowsAffected(1), s.t.say("Stmt.Exec", args)
}

func (s *fakeStmt) Query(args []driver.Value) (driver.Rows, error) {
	return &fakeRows{}, s.t.say("Stmt.Query", args)
}

type (
	stmtExec  struct{ t *tape }
	stmtQuery struct{ t *tape }
	stmtCheck struct{ t *tape }
	converts  struct{ *fakeConn } // its statements have a ColumnConverter
	column    struct{}
)

func (s stmtExec) ExecContext(_ context.Context, args []driver.NamedValue) (driver.Result, error) {
	return driver.RowsAffected(1), s.t.say("Stmt.ExecContext", args)
}

func (s stmtQuery) QueryContext(_ context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return &fakeRows{}, s.t.say("Stmt.QueryContext", args)
}

func (s stmtCheck) CheckNamedValue(v *driver.NamedValue) error {
	if _, is := v.Value.(odd); is {
		v.Value = "odd, by the statement"
		return s.t.say("Stmt.CheckNamedValue")
	}
	return driver.ErrSkip
}

func (c converts) Prepare(q string) (driver.Stmt, error) {
	return struct {
		*fakeStmt
		column
	}{&fakeStmt{c.t}, column{}}, c.t.say("Prepare", q)
}

// checkedConverts has its connection asked first.
type checkedConverts struct{ converts }

func (c checkedConverts) CheckNamedValue(v *driver.NamedValue) error {
	return check{c.fakeConn}.CheckNamedValue(v)
}

func (column) ColumnConverter(int) driver.ValueConverter { return column{} }

func (column) ConvertValue(v any) (driver.Value, error) {
	if _, is := v.(odd); is {
		return "odd, by the column", nil
	}
	return driver.DefaultParameterConverter.ConvertValue(v)
}

type fakeTx struct{ t *tape }

func (x fakeTx) Commit() error   { return x.t.say("Commit") }
func (x fakeTx) Rollback() error { return x.t.say("Rollback") }

// fakeRows is one row.
type fakeRows struct{ read bool }

func (r *fakeRows) Columns() []string { return []string{"n"} }
func (r *fakeRows) Close() error      { return nil }

func (r *fakeRows) Next(to []driver.Value) error {
	if r.read {
		return io.EOF
	}
	r.read, to[0] = true, int64(1)
	return nil
}

// drivers are those that differ in what database/sql does with them.
var drivers = map[string]func(*fakeConn) driver.Conn{
	"the oldest": func(c *fakeConn) driver.Conn { return c },
	"old": func(c *fakeConn) driver.Conn {
		return struct {
			*fakeConn
			execOld
			queryOld
		}{c, execOld{c}, queryOld{c}}
	},
	"new": func(c *fakeConn) driver.Conn {
		return struct {
			*fakeConn
			ping
			exec
			query
			prepare
			begin
			reset
			valid
			check
		}{c, ping{c}, exec{c}, query{c}, prepare{c}, begin{c}, reset{c}, valid{c}, check{c}}
	},
	"without a fast path": func(c *fakeConn) driver.Conn {
		return struct {
			*fakeConn
			prepare
			begin
			check
		}{c, prepare{c}, begin{c}, check{c}}
	},
	"columns": func(c *fakeConn) driver.Conn { return converts{c} },
	"columns that are converted after a check": func(c *fakeConn) driver.Conn { return checkedConverts{converts{c}} },
	"exec alone":  func(c *fakeConn) driver.Conn { return exec{c} },
	"query alone": func(c *fakeConn) driver.Conn { return query{c} },
	"reset alone": func(c *fakeConn) driver.Conn { return reset{c} },
	"valid alone": func(c *fakeConn) driver.Conn { return valid{c} },
	"reset and valid": func(c *fakeConn) driver.Conn {
		return struct {
			*fakeConn
			reset
			valid
		}{c, reset{c}, valid{c}}
	},
}

func made(t *testing.T, config breaker.Config) *breaker.Breaker {
	t.Helper()
	config.Count = true
	b, err := breaker.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func counted(t *testing.T, b *breaker.Breaker, want breaker.Counts) {
	t.Helper()
	if got := b.Snapshot().Counts; got != want {
		t.Errorf("counted %+v, want %+v", got, want)
	}
}
