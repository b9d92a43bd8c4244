package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"path/filepath"
	"sync"

	sqlite "modernc.org/sqlite" // also registers the driver
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/rebound-chaos/rebound/healers"
)

// busyWithin is how long, in milliseconds, another process may hold the file:
// one that was killed holds it no longer, one that ends does so for an instant.
const busyWithin = "5000"

const schema = `
CREATE TABLE IF NOT EXISTS record (
	seq    INTEGER PRIMARY KEY,
	epoch  INTEGER NOT NULL,
	body   TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS checkpoint (
	seq    INTEGER PRIMARY KEY,
	state  TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS leader (
	one    INTEGER PRIMARY KEY CHECK (one = 1),
	epoch  INTEGER NOT NULL
) STRICT;
INSERT OR IGNORE INTO leader VALUES (1, 0);
PRAGMA user_version = 1;
`

// Journal is a file of records. Close it.
type Journal struct {
	path string
	db   *sql.DB

	mu     sync.Mutex
	conn   *sql.Conn // guarded by mu; the only one, so that its pragmas hold
	insert *sql.Stmt // guarded by mu
	full   bool      // guarded by mu; the connection syncs with every commit
}

var (
	_ healers.Journal      = (*Journal)(nil)
	_ healers.Checkpointer = (*Journal)(nil)
)

// Open opens the journal at path and makes it when it is not there; its folder
// must be there.
func Open(ctx context.Context, path string) (*Journal, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open journal %s: %w", path, err)
	}
	// The order counts: the time-out must hold when the mode is changed.
	db, err := sql.Open("sqlite", dsn(abs, url.Values{
		"_pragma": {"busy_timeout(" + busyWithin + ")", "journal_mode(WAL)", "synchronous(FULL)"},
		"_txlock": {"immediate"},
	}))
	if err != nil {
		return nil, fmt.Errorf("open journal %s: %w", path, err)
	}
	j := &Journal{path: path, db: db, full: true}
	if err := j.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open journal %s: %w", path, err), j.Close())
	}
	return j, nil
}

// dsn names a file for the driver, whatever letters its name has.
func dsn(path string, query url.Values) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	return u.String()
}

func (j *Journal) prepare(ctx context.Context) error {
	conn, err := j.db.Conn(ctx)
	if err != nil {
		return err
	}
	j.conn = conn
	if _, err := conn.ExecContext(ctx, schema); err != nil {
		return err
	}
	j.insert, err = conn.PrepareContext(ctx, "INSERT INTO record (seq, epoch, body) VALUES (?, ?, ?)")
	return err
}

// Close closes the file. It may be called twice; a journal that is not closed
// loses nothing.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	var errs []error
	if j.insert != nil {
		errs = append(errs, j.insert.Close())
		j.insert = nil
	}
	if j.conn != nil {
		errs = append(errs, j.conn.Close())
		j.conn = nil
	}
	if err := errors.Join(append(errs, j.db.Close())...); err != nil {
		return fmt.Errorf("close journal %s: %w", j.path, err)
	}
	return nil
}

// Claim begins a new epoch, higher than any before, and fences all others.
func (j *Journal) Claim(ctx context.Context) (epoch uint64, err error) {
	err = j.transact(ctx, true, func(tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, "UPDATE leader SET epoch = epoch + 1 RETURNING epoch").Scan(&epoch)
	})
	if err != nil {
		return 0, fmt.Errorf("claim journal %s: %w", j.path, err)
	}
	return epoch, nil
}

// Append implements healers.Journal.
func (j *Journal) Append(ctx context.Context, epoch uint64, records []healers.Record) error {
	urgent := false
	bodies := make([][]byte, len(records))
	for i, r := range records {
		body, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("append record %d: %w", r.Seq, err)
		}
		bodies[i] = body
		urgent = urgent || r.Urgent()
	}
	err := j.transact(ctx, urgent, func(tx *sql.Tx) error {
		if err := fence(ctx, tx, epoch); err != nil {
			return err
		}
		insert := tx.StmtContext(ctx, j.insert)
		for i, r := range records {
			if _, err := insert.ExecContext(ctx, r.Seq, r.Epoch, string(bodies[i])); err != nil {
				if taken(err) {
					// Only another writer can have used the number.
					return fmt.Errorf("record %d is there already: %w", r.Seq, healers.ErrFenced)
				}
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("append %d records to journal %s: %w", len(records), j.path, err)
	}
	return nil
}

// Save implements healers.Checkpointer: the newest checkpoint replaces the ones
// before. Records stay, since they are the audit.
func (j *Journal) Save(ctx context.Context, epoch uint64, c healers.Checkpoint) error {
	err := j.transact(ctx, true, func(tx *sql.Tx) error {
		if err := fence(ctx, tx, epoch); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM checkpoint"); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO checkpoint (seq, state) VALUES (?, ?)", c.Seq, string(c.State))
		return err
	})
	if err != nil {
		return fmt.Errorf("save checkpoint %d to journal %s: %w", c.Seq, j.path, err)
	}
	return nil
}

// Load implements healers.Journal. The journal must not be appended to while
// the records are read.
func (j *Journal) Load(ctx context.Context) (healers.Checkpoint, iter.Seq2[healers.Record, error], error) {
	var c healers.Checkpoint
	var state string
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.conn == nil {
		return c, nil, fmt.Errorf("load journal %s: %w", j.path, sql.ErrConnDone)
	}
	err := j.conn.QueryRowContext(ctx, "SELECT seq, state FROM checkpoint ORDER BY seq DESC LIMIT 1").Scan(&c.Seq, &state)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return c, nil, fmt.Errorf("load journal %s: %w", j.path, err)
	case state != "":
		c.State = json.RawMessage(state)
	}
	return c, j.records(ctx, c.Seq), nil
}

func (j *Journal) records(ctx context.Context, after uint64) iter.Seq2[healers.Record, error] {
	return func(yield func(healers.Record, error) bool) {
		j.mu.Lock()
		defer j.mu.Unlock()
		fail := func(err error) { yield(healers.Record{}, fmt.Errorf("load journal %s: %w", j.path, err)) }
		if j.conn == nil {
			fail(sql.ErrConnDone)
			return
		}
		rows, err := j.conn.QueryContext(ctx, "SELECT seq, body FROM record WHERE seq > ? ORDER BY seq", after)
		if err != nil {
			fail(err)
			return
		}
		if err := scan(rows, func(r healers.Record) bool { return yield(r, nil) }); err != nil {
			fail(err)
		}
	}
}

// scan hands out the records of rows of seq and body, until they end or nobody wants
// more. It closes rows.
func scan(rows *sql.Rows, more func(healers.Record) bool) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var seq uint64
		var body string
		var r healers.Record
		if err := rows.Scan(&seq, &body); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			return fmt.Errorf("record %d: %w", seq, err)
		}
		if !more(r) {
			return nil
		}
	}
	return rows.Err()
}

// transact runs f in a transaction that takes the write lock at once. A commit
// that is not urgent is written but not synced: it survives the process, and the
// next urgent one syncs it as well.
func (j *Journal) transact(ctx context.Context, urgent bool, f func(tx *sql.Tx) error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.conn == nil {
		return sql.ErrConnDone
	}
	if urgent != j.full {
		level := "NORMAL"
		if urgent {
			level = "FULL"
		}
		if _, err := j.conn.ExecContext(ctx, "PRAGMA synchronous = "+level); err != nil {
			return err
		}
		j.full = urgent
	}
	tx, err := j.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// fence refuses an epoch that is over, and takes a newer one for the present.
func fence(ctx context.Context, tx *sql.Tx, epoch uint64) error {
	var present uint64
	if err := tx.QueryRowContext(ctx, "SELECT epoch FROM leader").Scan(&present); err != nil {
		return err
	}
	if epoch < present {
		return fmt.Errorf("epoch %d is over, it is %d now: %w", epoch, present, healers.ErrFenced)
	}
	if epoch == present {
		return nil
	}
	_, err := tx.ExecContext(ctx, "UPDATE leader SET epoch = ?", epoch)
	return err
}

func taken(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE)
}
