package sqlbreaker

import (
	"context"
	"database/sql/driver"
)

// stmt is a statement. As with conn, what could be told from its absence is added.
type stmt struct {
	driver.Stmt // for Close, NumInput, and what has no context
	c           *conn
}

// converter is what older drivers have.
type converter struct {
	with driver.ColumnConverter //nolint:staticcheck // see above
}

func (c converter) ColumnConverter(i int) driver.ValueConverter { return c.with.ColumnConverter(i) }

// statement guards a statement, with its ColumnConverter if it has one.
func statement(s driver.Stmt, c *conn) driver.Stmt {
	g := &stmt{Stmt: s, c: c}
	if with, ok := s.(driver.ColumnConverter); ok { //nolint:staticcheck // older drivers have it
		return struct {
			*stmt
			converter
		}{g, converter{with}}
	}
	return g
}

// ExecContext executes it.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if with, ok := s.Stmt.(driver.StmtExecContext); ok {
		return through(ctx, s.c.guard, asks, func() (driver.Result, error) { return with.ExecContext(ctx, args) })
	}
	plain, err := values(args)
	if err != nil {
		return nil, err
	}
	return through(ctx, s.c.guard, asks, func() (driver.Result, error) {
		return s.Stmt.Exec(plain) //nolint:staticcheck // all that the driver has
	})
}

// QueryContext asks it for rows.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if with, ok := s.Stmt.(driver.StmtQueryContext); ok {
		return through(ctx, s.c.guard, asks, func() (driver.Rows, error) { return with.QueryContext(ctx, args) })
	}
	plain, err := values(args)
	if err != nil {
		return nil, err
	}
	return through(ctx, s.c.guard, asks, func() (driver.Rows, error) {
		return s.Stmt.Query(plain) //nolint:staticcheck // all that the driver has
	})
}

// CheckNamedValue leaves values to the statement, or else to the connection, as
// database/sql does.
func (s *stmt) CheckNamedValue(v *driver.NamedValue) error {
	if with, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return with.CheckNamedValue(v)
	}
	return s.c.CheckNamedValue(v)
}
