package sqlbreaker

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/rebound-chaos/rebound/healers/breaker"
)

// Classify is what errors mean where [Connector.Classify] is nil, to build upon. First
// come the rules of [breaker.Classify]: no error is OK, and a caller that gave up is
// neutral. Then
//
//   - driver.ErrSkip is neutral: the driver wants to be asked in another way;
//   - an error with an SQLSTATE (a method SQLState() string, as those of pgx and lib/pq
//     have) is a failure in the classes 08 (connection), 53 (resources) and 58 (system),
//     and where it is 57P.. (shut down, starting) or 57014 (cancelled, by a time limit of
//     the database). All other states are OK: the database works, and says no;
//   - driver.ErrBadConn, errors of the network, an end of input, and a deadline that has
//     passed, the caller's too, are failures;
//   - all others are OK: constraints, syntax, no rows. Drivers have no common way to tell
//     those apart from the rest.
//
// A pool whose database was restarted has many connections that are dead, and meets each of
// them as a driver.ErrBadConn. Where that should not open the breaker, since the one new
// connection that follows will tell, make it neutral.
func Classify(ctx context.Context, err error) breaker.Outcome {
	if o := breaker.Classify(ctx, err); o != breaker.Failure {
		return o
	}
	if errors.Is(err, driver.ErrSkip) {
		return breaker.Neutral
	}
	if s, ok := state(err); ok {
		if failing(s) {
			return breaker.Failure
		}
		return breaker.OK
	}
	for _, lost := range []error{driver.ErrBadConn, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed} {
		if errors.Is(err, lost) {
			return breaker.Failure
		}
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return breaker.Failure
	}
	return breaker.OK
}

// state is the SQLSTATE of an error, if it has one.
func state(err error) (string, bool) {
	var with interface{ SQLState() string }
	if errors.As(err, &with) {
		return with.SQLState(), true
	}
	return "", false
}

func failing(state string) bool {
	for _, class := range []string{"08", "53", "58", "57P", "57014"} {
		if strings.HasPrefix(state, class) {
			return true
		}
	}
	return false
}
