package sqlbreaker_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/rebound-chaos/rebound/healers/breaker"
	"github.com/rebound-chaos/rebound/healers/breaker/sqlbreaker"
)

func TestClassify(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	late, stop := context.WithTimeout(t.Context(), 0)
	defer stop()
	state := func(code string) error { return &pgconn.PgError{Code: code} }
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for _, row := range []struct {
		name string
		ctx  context.Context
		err  error
		want breaker.Outcome
	}{
		{"HAPPY none", t.Context(), nil, breaker.OK},
		{"SAD a bad connection", t.Context(), driver.ErrBadConn, breaker.Failure},
		{"SAD refused", t.Context(), refused, breaker.Failure},
		{"SAD reset", t.Context(), &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, breaker.Failure},
		{"SAD no such host", t.Context(), &net.DNSError{Name: "store"}, breaker.Failure},
		{"SAD the end of input", t.Context(), io.EOF, breaker.Failure},
		{"SAD an early end", t.Context(), io.ErrUnexpectedEOF, breaker.Failure},
		{"SAD a deadline", late, context.DeadlineExceeded, breaker.Failure},
		{"SAD a deadline of the network", t.Context(), &net.OpError{Op: "read", Err: context.DeadlineExceeded}, breaker.Failure},
		{"SAD connection failure", t.Context(), state("08006"), breaker.Failure},
		{"SAD too many connections", t.Context(), state("53300"), breaker.Failure},
		{"SAD shut down", t.Context(), state("57P01"), breaker.Failure},
		{"SAD starting", t.Context(), state("57P03"), breaker.Failure},
		{"SAD a time limit of the database", t.Context(), state("57014"), breaker.Failure},
		{"SAD I/O", t.Context(), state("58030"), breaker.Failure},
		{"HAPPY cancelled, as the database says", gone, state("57014"), breaker.Neutral},
		{"HAPPY cancelled, and cut off", gone, refused, breaker.Neutral},
		{"HAPPY cancelled", t.Context(), context.Canceled, breaker.Neutral},
		{"HAPPY refused by a breaker", t.Context(), &breaker.OpenError{}, breaker.Neutral},
		{"HAPPY not this way", t.Context(), driver.ErrSkip, breaker.Neutral},
		{"HAPPY no rows", t.Context(), sql.ErrNoRows, breaker.OK},
		{"HAPPY not unique", t.Context(), state("23505"), breaker.OK},
		{"HAPPY an answer at the deadline", late, state("23505"), breaker.OK},
		{"HAPPY syntax", t.Context(), state("42601"), breaker.OK},
		{"HAPPY deadlock", t.Context(), state("40P01"), breaker.OK},
		{"HAPPY operator intervention of another kind", t.Context(), state("57000"), breaker.OK},
		{"HAPPY anything else", t.Context(), errors.New("UNIQUE constraint failed"), breaker.OK},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := sqlbreaker.Classify(row.ctx, row.err); got != row.want {
				t.Errorf("%v, want %v", got, row.want)
			}
			if row.err == nil {
				return
			}
			if got := sqlbreaker.Classify(row.ctx, fmt.Errorf("read: %w", row.err)); got != row.want {
				t.Errorf("wrapped %v, want %v", got, row.want)
			}
		})
	}
}
