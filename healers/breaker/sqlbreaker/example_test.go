package sqlbreaker_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/sqlbreaker"
)

// down is a driver whose database is.
type down struct{}

func (down) Open(string) (driver.Conn, error) { return nil, errors.New("connection refused") }

func Example() {
	connector, err := sqlbreaker.Open(down{}, "store") // of pgx: stdlib.GetConnector
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := breaker.New(breaker.Config{Name: "store", Consecutive: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	db := sql.OpenDB(&sqlbreaker.Connector{Connector: connector, Breaker: b})
	for range 3 {
		err := db.PingContext(context.Background())
		fmt.Println(err, errors.Is(err, breaker.ErrOpen))
	}
	// Output:
	// connection refused false
	// connection refused false
	// breaker store is open true
}
