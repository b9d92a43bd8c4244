package sqlbreaker

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// Connector is a [driver.Connector] whose connections ask a breaker first. Do not change it
// once it is in use.
type Connector struct {
	// Connector is the driver's. It must be there.
	Connector driver.Connector

	// Breaker is that of the database. Nil guards nothing.
	Breaker *breaker.Breaker

	// Classify says what an error is, in place of the breaker's own, which is for
	// [breaker.Do]. It is not asked where there is no error. Nil means [Classify], and
	// for Connect that each error is a failure that has no SQLSTATE: a database that
	// cannot be reached has many ways to say so.
	Classify func(ctx context.Context, err error) breaker.Outcome
}

// Open is the connector of a driver, as sql.Open makes it.
func Open(d driver.Driver, dsn string) (driver.Connector, error) {
	if with, ok := d.(driver.DriverContext); ok {
		return with.OpenConnector(dsn)
	}
	return opener{d, dsn}, nil
}

// opener is the connector of a driver that has none.
type opener struct {
	driver driver.Driver
	dsn    string
}

func (o opener) Connect(context.Context) (driver.Conn, error) { return o.driver.Open(o.dsn) }
func (o opener) Driver() driver.Driver                        { return o.driver }

// Connect makes a connection, if the breaker lets it.
func (c *Connector) Connect(ctx context.Context) (driver.Conn, error) {
	if c.Connector == nil {
		return nil, errors.New("sqlbreaker: connect: no Connector is set")
	}
	if c.Breaker == nil {
		return c.Connector.Connect(ctx)
	}
	g := &guard{b: c.Breaker, classify: c.Classify}
	dc, err := through(ctx, g, connects, func() (driver.Conn, error) { return c.Connector.Connect(ctx) })
	if err != nil {
		return nil, err
	}
	return wrap(dc, g), nil
}

// Driver is the driver's.
func (c *Connector) Driver() driver.Driver { return c.Connector.Driver() }

// Close closes the driver's connector, if it has something to close.
func (c *Connector) Close() error {
	if with, ok := c.Connector.(io.Closer); ok {
		return with.Close()
	}
	return nil
}

// kind is what a call is for.
type kind uint8

const (
	asks     kind = iota // the database for something
	leads                // to a call that does; its success is neutral
	connects             // leads, and begins with nothing
)

// through makes a call, if the breaker lets it, and tells the breaker how that went. It
// asks nobody where the context is over already.
func through[T any](ctx context.Context, g *guard, k kind, call func() (T, error)) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	permit, err := g.allow()
	if err != nil {
		return none, err
	}
	outcome, led := breaker.Failure, false // unless call returns
	defer func() {
		if led && outcome == breaker.Neutral && permit.Trial() {
			g.keep(permit)
			return
		}
		permit.Done(outcome)
	}()
	v, err := call()
	outcome = g.outcome(ctx, k, err)
	led = k != asks && err == nil || errors.Is(err, driver.ErrSkip)
	return v, err
}

func (g *guard) outcome(ctx context.Context, k kind, err error) breaker.Outcome {
	o := breaker.OK
	switch {
	case err == nil:
	case g.classify != nil:
		o = g.classify(ctx, err)
	default:
		o = Classify(ctx, err)
		if _, has := state(err); k == connects && o == breaker.OK && !has {
			o = breaker.Failure
		}
	}
	if k != asks && o == breaker.OK {
		o = breaker.Neutral
	}
	return o
}
