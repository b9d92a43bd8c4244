package sqlbreaker

import (
	"context"
	"database/sql/driver"
)

// What database/sql does otherwise where a connection has it: without the first two it
// prepares each statement, and converts arguments by what that says; with the other two it
// keeps a connection whose transaction was rolled back.
type (
	execer   struct{ c *conn }
	queryer  struct{ c *conn }
	resetter struct{ with driver.SessionResetter }
	valid    struct{ with driver.Validator }
)

// What older drivers have in place of those with a context.
type (
	oldExecer interface {
		Exec(query string, args []driver.Value) (driver.Result, error)
	}
	oldQueryer interface {
		Query(query string, args []driver.Value) (driver.Rows, error)
	}
)

func (r resetter) ResetSession(ctx context.Context) error { return r.with.ResetSession(ctx) }
func (v valid) IsValid() bool                             { return v.with.IsValid() }

func (e execer) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if with, ok := e.c.Conn.(driver.ExecerContext); ok {
		return through(ctx, e.c.guard, asks, func() (driver.Result, error) { return with.ExecContext(ctx, query, args) })
	}
	plain, err := values(args)
	if err != nil {
		return nil, err
	}
	old := e.c.Conn.(oldExecer)
	return through(ctx, e.c.guard, asks, func() (driver.Result, error) { return old.Exec(query, plain) })
}

func (q queryer) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if with, ok := q.c.Conn.(driver.QueryerContext); ok {
		return through(ctx, q.c.guard, asks, func() (driver.Rows, error) { return with.QueryContext(ctx, query, args) })
	}
	plain, err := values(args)
	if err != nil {
		return nil, err
	}
	old := q.c.Conn.(oldQueryer)
	return through(ctx, q.c.guard, asks, func() (driver.Rows, error) { return old.Query(query, plain) })
}

// The parts that a connection has.
const (
	hasExec = 1 << iota
	hasQuery
	hasReset
	hasValid
)

// wrap guards a connection, with those parts that it has: a type for each set of them,
// since a Go type has its methods or has not.
func wrap(dc driver.Conn, g *guard) driver.Conn {
	c := &conn{Conn: dc, guard: g}
	e, q := execer{c}, queryer{c}
	var (
		r   resetter
		v   valid
		has int
		ok  bool
	)
	if _, ok = dc.(driver.ExecerContext); !ok {
		_, ok = dc.(oldExecer)
	}
	has |= part(ok, hasExec)
	if _, ok = dc.(driver.QueryerContext); !ok {
		_, ok = dc.(oldQueryer)
	}
	has |= part(ok, hasQuery)
	r.with, ok = dc.(driver.SessionResetter)
	has |= part(ok, hasReset)
	v.with, ok = dc.(driver.Validator)
	has |= part(ok, hasValid)
	return c.with(has, e, q, r, v)
}

func part(has bool, bit int) int {
	if has {
		return bit
	}
	return 0
}

func (c *conn) with(has int, e execer, q queryer, r resetter, v valid) driver.Conn {
	switch has {
	case hasExec:
		return struct {
			*conn
			execer
		}{c, e}
	case hasQuery:
		return struct {
			*conn
			queryer
		}{c, q}
	case hasExec | hasQuery:
		return struct {
			*conn
			execer
			queryer
		}{c, e, q}
	case hasReset:
		return struct {
			*conn
			resetter
		}{c, r}
	case hasReset | hasExec:
		return struct {
			*conn
			execer
			resetter
		}{c, e, r}
	case hasReset | hasQuery:
		return struct {
			*conn
			queryer
			resetter
		}{c, q, r}
	case hasReset | hasExec | hasQuery:
		return struct {
			*conn
			execer
			queryer
			resetter
		}{c, e, q, r}
	case hasValid:
		return struct {
			*conn
			valid
		}{c, v}
	case hasValid | hasExec:
		return struct {
			*conn
			execer
			valid
		}{c, e, v}
	case hasValid | hasQuery:
		return struct {
			*conn
			queryer
			valid
		}{c, q, v}
	case hasValid | hasExec | hasQuery:
		return struct {
			*conn
			execer
			queryer
			valid
		}{c, e, q, v}
	case hasValid | hasReset:
		return struct {
			*conn
			resetter
			valid
		}{c, r, v}
	case hasValid | hasReset | hasExec:
		return struct {
			*conn
			execer
			resetter
			valid
		}{c, e, r, v}
	case hasValid | hasReset | hasQuery:
		return struct {
			*conn
			queryer
			resetter
			valid
		}{c, q, r, v}
	case hasValid | hasReset | hasExec | hasQuery:
		return struct {
			*conn
			execer
			queryer
			resetter
			valid
		}{c, e, q, r, v}
	}
	return c
}
