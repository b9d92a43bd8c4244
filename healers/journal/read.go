package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"os"
	"path/filepath"

	"github.com/rebound-chaos/rebound/healers"
)

// Read returns all records of the journal at path, in order and from the first one,
// as they are at that moment. It holds up nobody who appends, leaves nothing beside
// the file, and also reads in a folder that it may not write to.
func Read(ctx context.Context, path string) iter.Seq2[healers.Record, error] {
	return func(yield func(healers.Record, error) bool) {
		enough := false
		rows, done, err := read(ctx, path)
		if err == nil {
			err = scan(rows, func(r healers.Record) bool {
				enough = !yield(r, nil)
				return !enough
			})
			err = errors.Join(err, done())
		}
		if err != nil && !enough {
			yield(healers.Record{}, fmt.Errorf("read journal %s: %w", path, err))
		}
	}
}

// read opens the file in the way that suits it; done closes it.
func read(ctx context.Context, path string) (rows *sql.Rows, done func() error, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, err
	}
	if _, err := os.Stat(abs); err != nil {
		return nil, nil, err
	}
	switch log, shared := there(abs+"-wal"), there(abs+"-shm"); {
	case log && shared: // somebody may have it open: a copy could be torn
		return query(ctx, dsn(abs, url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(" + busyWithin + ")"}}))
	case log:
		return readCopy(ctx, abs)
	default:
		// Nobody has it open: SQLite need not make the files by which many share it.
		return query(ctx, dsn(abs, url.Values{"mode": {"ro"}, "immutable": {"1"}}))
	}
}

func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// query asks for all records. It has a connection of its own, so that what it has
// opened is closed with it.
func query(ctx context.Context, source string) (*sql.Rows, func() error, error) {
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, nil, err
	}
	rows, err := db.QueryContext(ctx, "SELECT seq, body FROM record ORDER BY seq")
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return rows, db.Close, nil
}

// readCopy reads what somebody copied from a killed engine without the file by which
// its log is shared: SQLite would make that anew, and may not be able to.
func readCopy(ctx context.Context, path string) (rows *sql.Rows, done func() error, err error) {
	dir, err := os.MkdirTemp("", "rebound-journal-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() error { return os.RemoveAll(dir) }
	to := filepath.Join(dir, "journal.db")
	if err := errors.Join(copyFile(to, path), copyFile(to+"-wal", path+"-wal")); err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	rows, end, err := query(ctx, dsn(to, nil))
	if err != nil {
		return nil, nil, errors.Join(err, remove())
	}
	return rows, func() error { return errors.Join(end(), remove()) }, nil
}

func copyFile(to, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
