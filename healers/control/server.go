package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"os/user"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/rebound-chaos/rebound/healers"
)

const (
	readWithin  = 10 * time.Second // for a whole request
	writeWithin = 30 * time.Second // for a whole answer: who reads slower holds up the journal's clean-up
	endWithin   = time.Second      // for answers under way when the engine ends
	// maxCommand is the most letters that a command may have.
	maxCommand = 16 << 10
)

// Info says which engine this is.
type Info struct {
	Run    string `json:"run"`
	Policy string `json:"policy"` // its name
	// Journal is the file of its records; the run's timeline is beside it.
	Journal string `json:"journal"`
}

// Server answers for one engine: its Commands are the engine's, and Recorded is told
// of every record.
type Server struct {
	info     Info
	records  func(context.Context) iter.Seq2[healers.Record, error]
	commands chan healers.Command
	turn     chan struct{} // holds a token: one command at a time

	mu     sync.Mutex
	given  healers.Command       // guarded by mu
	answer chan<- healers.Record // to given; guarded by mu; nil: nobody waits
}

// NewServer makes a server. records are all of the engine's at the time of the call.
func NewServer(info Info, records func(context.Context) iter.Seq2[healers.Record, error]) *Server {
	return &Server{info: info, records: records, commands: make(chan healers.Command), turn: make(chan struct{}, 1)}
}

// Commands are what people say, for the engine to take.
func (s *Server) Commands() <-chan healers.Command { return s.commands }

// Recorded takes in a record that is durable. It does not block.
func (s *Server) Recorded(r healers.Record) {
	if r.Kind != healers.RecordCommand || r.Command == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer != nil && *r.Command == s.given {
		s.answer <- r // buffered, and then forgotten: never blocks
		s.answer = nil
	}
}

// Serve answers at ln until ctx ends, which is no error, and closes it.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	server := &http.Server{
		Handler: s.handler(ctx.Done()), ReadTimeout: readWithin, WriteTimeout: writeWithin,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve people: %w", err) // it has closed ln
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	if server.Shutdown(closing) != nil {
		_ = server.Close() // who still reads after that is cut off
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve people: %w", err)
	}
	return nil
}

// handler answers; gone is closed when the engine ends.
func (s *Server) handler(gone <-chan struct{}) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /engine", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, s.info) })
	mux.HandleFunc("GET /records", s.serveRecords)
	mux.HandleFunc("POST /commands", func(w http.ResponseWriter, r *http.Request) { s.serveCommand(w, r, gone) })
	return mux
}

// serveRecords writes one record in a line. An answer that fails half way is cut off,
// so that nobody takes it for the whole.
func (s *Server) serveRecords(w http.ResponseWriter, r *http.Request) {
	begun := false
	for record, err := range s.records(r.Context()) {
		switch {
		case err != nil && begun:
			panic(http.ErrAbortHandler)
		case err != nil:
			refuse(w, http.StatusInternalServerError, err)
			return
		}
		begun = true
		b, err := json.Marshal(record)
		if err == nil {
			_, err = w.Write(append(b, '\n'))
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

// serveCommand gives a command to the engine and answers with its record.
func (s *Server) serveCommand(w http.ResponseWriter, r *http.Request, gone <-chan struct{}) {
	c, err := decodeCommand(http.MaxBytesReader(w, r.Body, maxCommand))
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if c.By, err = peer(r.Context()); err != nil {
		refuse(w, http.StatusForbidden, err)
		return
	}
	record, err := s.command(r.Context(), c, gone)
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, err)
		return
	}
	reply(w, http.StatusOK, record)
}

// errEnding is answered to who commands an engine that ends.
var errEnding = errors.New("the engine is ending")

// command waits until the engine has the command on record. Once it was given, only
// the engine's end ends the wait: else the next one would get its answer.
func (s *Server) command(ctx context.Context, c healers.Command, gone <-chan struct{}) (healers.Record, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return healers.Record{}, context.Cause(ctx)
	case <-gone:
		return healers.Record{}, errEnding
	}
	defer func() { <-s.turn }()
	answer := make(chan healers.Record, 1)
	s.mu.Lock()
	s.given, s.answer = c, answer
	s.mu.Unlock()
	select {
	case s.commands <- c:
	case <-ctx.Done():
		return healers.Record{}, context.Cause(ctx)
	case <-gone:
		return healers.Record{}, errEnding
	}
	select {
	case r := <-answer:
		return r, nil
	case <-gone:
		return healers.Record{}, errEnding
	}
}

// decodeCommand reads one command and nothing behind it.
func decodeCommand(r io.Reader) (c healers.Command, err error) {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("read command: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return c, errors.New("read command: there is more behind it")
	}
	if c.Verb == "" {
		return c, errors.New("read command: it has no verb")
	}
	return c, nil
}

type connKey struct{}

// peer names the user at the other end, by the kernel's word.
func peer(ctx context.Context) (string, error) {
	conn, ok := ctx.Value(connKey{}).(*net.UnixConn)
	if !ok {
		return "", errors.New("nobody knows who asks: this is no unix socket")
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return "", fmt.Errorf("ask who is there: %w", err)
	}
	var cred *syscall.Ucred
	if errControl := raw.Control(func(fd uintptr) {
		cred, err = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); errControl != nil {
		err = errControl
	}
	if err != nil {
		return "", fmt.Errorf("ask who is there: %w", err)
	}
	id := strconv.FormatUint(uint64(cred.Uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username, nil
	}
	return "user " + id, nil // whom the machine has no name for
}

// problem is an error as it is sent.
type problem struct {
	Error string `json:"error"`
}

func refuse(w http.ResponseWriter, status int, err error) { reply(w, status, problem{err.Error()}) }

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who does not wait for it has gone
}
