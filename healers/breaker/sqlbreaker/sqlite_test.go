package sqlbreaker_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/sqlbreaker"
)

// stored is a database in a file, behind a breaker.
func stored(t *testing.T, b *breaker.Breaker) *sql.DB {
	t.Helper()
	plain, err := sql.Open("sqlite", "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := sqlbreaker.Open(plain.Driver(), filepath.Join(t.TempDir(), "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(&sqlbreaker.Connector{Connector: c, Breaker: b})
	t.Cleanup(func() { _ = errors.Join(db.Close(), plain.Close()) })
	return db
}

func TestSQLite(t *testing.T) {
	b := made(t, breaker.Config{Name: "store", Consecutive: 1})
	db := stored(t, b)
	do := func(query string, args ...any) error {
		_, err := db.ExecContext(t.Context(), query, args...)
		return err
	}
	if err := errors.Join(db.PingContext(t.Context()), do("create table orders (id integer primary key, item text)"), do("insert into orders values (?, :item)", 1, sql.Named("item", "tea"))); err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "insert into orders values (2, 'milk')"); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	s, err := db.PrepareContext(t.Context(), "select item from orders where id = ?")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var item string
	if err := s.QueryRowContext(t.Context(), 1).Scan(&item); err != nil || item != "tea" {
		t.Errorf("got %q, %v", item, err)
	}
	// What a working database refuses opens nothing.
	if err := s.QueryRowContext(t.Context(), 2).Scan(&item); !errors.Is(err, sql.ErrNoRows) {
		t.Errorf("what was rolled back: %v", err)
	}
	for _, query := range []string{"insert into orders values (1, 'sugar')", "insert for orders", "select * from nothing"} {
		if err := do(query); err == nil {
			t.Errorf("%s: no error", query)
		}
	}
	if b.State() != breaker.Closed {
		t.Fatalf("it is %v", b.State())
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.Raw(func(dc any) error {
		if _, ok := sqlbreaker.Unwrap(dc).(interface{ Serialize() ([]byte, error) }); !ok {
			return fmt.Errorf("%T is not the driver's", sqlbreaker.Unwrap(dc))
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	b.Trip()
	if err := do("delete from orders"); !errors.Is(err, breaker.ErrOpen) {
		t.Errorf("got %v", err)
	}
	if b.Reset(); do("delete from orders") != nil {
		t.Error("it does not come back")
	}
}
