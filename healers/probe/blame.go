package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"syscall"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// quoted is how much of what an instance says goes into a detail.
const quoted = 120

// blame tells whose error it is: what the network says of the instance is the
// instance's; whatever else went wrong is the prober's own.
func blame(ctx context.Context, err error) (Result, string) {
	var dialing *dialError
	var errno syscall.Errno
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return Unknown, calledOff
	case notThere(err):
		return Unknown, err.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), ctx.Err() != nil:
		return Failure, "no answer"
	case errors.As(err, &errno):
		if slices.Contains(ours, errno) {
			return Unknown, errno.Error()
		}
		return Failure, errno.Error()
	case errors.As(err, &dialing) && !isNetwork(dialing.err):
		return Unknown, err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return Failure, "connection closed without an answer"
	default:
		return Failure, err.Error()
	}
}

// notThere tells of an instance that is over, and of one that the system does not
// let us ask.
func notThere(err error) bool {
	var missing *sut.Missing
	return errors.As(err, &missing) || errors.Is(err, sut.ErrGone)
}

func isNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network)
}

// ours are the errors by which the host tells the prober that it is the one who
// has run out of something.
var ours = []syscall.Errno{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.ENOBUFS,
	syscall.EADDRNOTAVAIL, syscall.EACCES, syscall.EPERM,
}

// dialError marks what the way to the instance returned, so that an error of the
// way is told from a broken answer of the instance.
type dialError struct{ err error }

func (d *dialError) Error() string { return d.err.Error() }
func (d *dialError) Unwrap() error { return d.err }

// bare is the connection below TLS.
func bare(c net.Conn) net.Conn {
	if t, ok := c.(*tls.Conn); ok {
		return t.NetConn()
	}
	return c
}

// unverified is what kubelet asks over TLS with: who answers is known, how it is
// certified is not asked.
func unverified(protocols ...string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, NextProtos: protocols}
}

// quote is the beginning of what an instance said.
func quote(said []byte) string {
	if len(said) == 0 {
		return ""
	}
	if len(said) > quoted {
		said = append(said[:quoted:quoted], "..."...)
	}
	return fmt.Sprintf(": %q", said)
}
