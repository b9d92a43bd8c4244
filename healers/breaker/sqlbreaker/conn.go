package sqlbreaker

import (
	"context"
	"database/sql/driver"
	"errors"
)

// conn is a connection with what database/sql cannot tell from its absence. The rest is
// added by wrap.
type conn struct {
	driver.Conn // for what has no context
	guard       *guard
}

// Unwrap is the driver's own connection, for the function of sql.Conn.Raw. What is done
// with it goes past the breaker. What is not of this package it gives back.
func Unwrap(driverConn any) any {
	if c, ok := driverConn.(interface{ own() driver.Conn }); ok {
		return c.own()
	}
	return driverConn
}

func (c *conn) own() driver.Conn { return c.Conn }

// Close closes it. A trial that it has kept is for others.
func (c *conn) Close() error {
	c.guard.giveBack()
	return c.Conn.Close()
}

// Ping asks the database, if the driver can. Else it has nothing to say, and tells the
// breaker nothing.
func (c *conn) Ping(ctx context.Context) error {
	with, ok := c.Conn.(driver.Pinger)
	if !ok {
		return nil
	}
	_, err := through(ctx, c.guard, asks, func() (struct{}, error) { return struct{}{}, with.Ping(ctx) })
	return err
}

// PrepareContext prepares a statement.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	s, err := through(ctx, c.guard, leads, func() (driver.Stmt, error) {
		if with, ok := c.Conn.(driver.ConnPrepareContext); ok {
			return with.PrepareContext(ctx, query)
		}
		s, err := c.Prepare(query)
		if over := ctx.Err(); err == nil && over != nil {
			_ = s.Close() // nobody will use it
			return nil, over
		}
		return s, err
	})
	if err != nil {
		return nil, err
	}
	return statement(s, c), nil
}

// BeginTx begins a transaction. Its end does not ask the breaker.
func (c *conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	with, ok := c.Conn.(driver.ConnBeginTx)
	switch {
	case ok:
	case opts.Isolation != 0:
		return nil, errors.New("sql: driver does not support non-default isolation level")
	case opts.ReadOnly:
		return nil, errors.New("sql: driver does not support read-only transactions")
	}
	return through(ctx, c.guard, leads, func() (driver.Tx, error) {
		if ok {
			return with.BeginTx(ctx, opts)
		}
		tx, err := c.Conn.Begin() //nolint:staticcheck // all that the driver has
		if over := ctx.Err(); err == nil && over != nil {
			_ = tx.Rollback() // nobody will use it
			return nil, over
		}
		return tx, err
	})
}

// CheckNamedValue leaves values to the driver, or else to database/sql.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if with, ok := c.Conn.(driver.NamedValueChecker); ok {
		return with.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// values are arguments for a driver that knows no names.
func values(named []driver.NamedValue) ([]driver.Value, error) {
	plain := make([]driver.Value, len(named))
	for i, v := range named {
		if v.Name != "" {
			return nil, errors.New("sql: driver does not support the use of Named Parameters")
		}
		plain[i] = v.Value
	}
	return plain, nil
}
