package fleet

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// What goes over the wire, besides Registration and Status.

type seconds float64

func inSeconds(d time.Duration) seconds { return seconds(d.Seconds()) }

// duration is within what a time can be: what comes from a network may be anything.
func (s seconds) duration() time.Duration {
	if !(s > 0) {
		return 0
	}
	return time.Duration(min(float64(s), maxTime.Seconds()) * float64(time.Second))
}

type membership struct {
	Member       string  `json:"member"`
	LeaseSeconds seconds `json:"leaseSeconds"`
}

type report struct {
	Open bool `json:"open"`
}

type request struct {
	Member string `json:"member"`
}

type grant struct {
	Granted      bool    `json:"granted"`
	Trial        uint64  `json:"trial,omitempty"`
	ValidSeconds seconds `json:"validSeconds,omitempty"`
	WaitSeconds  seconds `json:"waitSeconds,omitempty"`
}

type progress struct {
	Member string   `json:"member"`
	Is     Progress `json:"is"`
}

type order struct {
	Sequence   uint64  `json:"sequence"`
	Do         Do      `json:"do"`
	InSeconds  seconds `json:"inSeconds,omitempty"`
	ForSeconds seconds `json:"forSeconds,omitempty"`
}

type problem struct {
	Error string `json:"error"`
}

const maxBody = 4096 // bytes

// ServeHTTP implements [http.Handler].
func (o *Coordinator) ServeHTTP(w http.ResponseWriter, r *http.Request) { o.mux.ServeHTTP(w, r) }

func (o *Coordinator) routes() {
	o.mux.HandleFunc("POST /v1/members", func(w http.ResponseWriter, r *http.Request) {
		var in Registration
		var id string
		err := read(w, r, &in)
		if err == nil {
			o.locked(func(now time.Duration) { id, err = o.core.Register(now, in) })
		}
		reply(w, membership{id, inSeconds(o.lease)}, err)
	})
	o.mux.HandleFunc("PUT /v1/members/{member}", func(w http.ResponseWriter, r *http.Request) {
		var in report
		id := r.PathValue("member")
		err := read(w, r, &in)
		if err == nil {
			o.locked(func(now time.Duration) { err = o.core.Report(now, id, in.Open) })
		}
		reply(w, membership{id, inSeconds(o.lease)}, err)
	})
	o.mux.HandleFunc("POST /v1/trials", func(w http.ResponseWriter, r *http.Request) {
		var in request
		var a Answer
		err := read(w, r, &in)
		if err == nil {
			o.locked(func(now time.Duration) { a, err = o.core.Ask(now, in.Member) })
		}
		reply(w, grant{a.Granted, a.Trial, inSeconds(a.Valid), inSeconds(a.Wait)}, err)
	})
	o.mux.HandleFunc("PUT /v1/trials/{trial}", func(w http.ResponseWriter, r *http.Request) {
		var in progress
		err := read(w, r, &in)
		trial, parse := strconv.ParseUint(r.PathValue("trial"), 10, 64)
		switch {
		case parse != nil:
			err = fmt.Errorf("%w: a trial is a number", ErrRequest)
		case err == nil:
			o.locked(func(now time.Duration) { err = o.core.Progress(now, in.Member, trial, in.Is) })
		}
		reply(w, struct{}{}, err)
	})
	o.mux.HandleFunc("GET /v1/directives", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		after, err := strconv.ParseUint(or0(q.Get("after")), 10, 64)
		wait, waitErr := strconv.ParseFloat(or0(q.Get("waitSeconds")), 64)
		if errors.Join(err, waitErr) != nil {
			reply(w, order{}, fmt.Errorf("%w: after and waitSeconds are numbers", ErrRequest))
			return
		}
		// A member that waits says nothing: it must not be forgotten over that.
		d, err := o.directive(r.Context(), q.Get("member"), after, min(seconds(wait).duration(), o.lease*2/3))
		reply(w, order{d.Sequence, d.Do, inSeconds(d.In), inSeconds(d.For)}, err)
	})
	o.mux.HandleFunc("GET /v1/breakers/{dependency}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("dependency")
		set, ok := o.settings[name]
		if !ok {
			reply(w, nil, fmt.Errorf("%w for %.*q", ErrNoSettings, maxName, name))
			return
		}
		reply(w, set, nil)
	})
	o.mux.HandleFunc("GET /v1/dependencies", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string][]Status{"dependencies": o.Status()}, nil)
	})
}

func or0(s string) string {
	if s == "" {
		return "0"
	}
	return s
}

func read(w http.ResponseWriter, r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: %w", ErrRequest, err)
	}
	return nil
}

func reply(w http.ResponseWriter, v any, err error) {
	code := http.StatusOK
	switch {
	case err == nil:
	case errors.Is(err, ErrUnknown), errors.Is(err, ErrNoSettings):
		code = http.StatusNotFound
	case errors.Is(err, ErrRequest):
		code = http.StatusBadRequest
	default:
		code = http.StatusServiceUnavailable
	}
	if err != nil {
		v = problem{err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // who asked may be gone
}
