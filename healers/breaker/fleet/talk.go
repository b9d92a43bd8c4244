package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

const (
	answerWithin = 2 * time.Second  // else the coordinator is away
	listenFor    = 15 * time.Second // for a directive, in one request
)

// belong is a membership, until the coordinator does not answer or does not know it.
func (c *Client) belong(ctx context.Context, m membership) {
	ctx, stop := context.WithCancel(ctx)
	var listening sync.WaitGroup
	defer listening.Wait()
	defer stop()
	c.mu.Lock()
	c.member.Here(c.now(), m.Member)
	c.mu.Unlock()
	listening.Go(func() {
		defer stop() // one that cannot be heard is away
		c.listen(ctx, m)
	})
	c.talk(ctx, m)
}

// listen does what the coordinator says.
func (c *Client) listen(ctx context.Context, m membership) {
	patience := max(time.Second, min(listenFor, m.LeaseSeconds.duration()/2))
	for ctx.Err() == nil {
		c.mu.Lock()
		after := c.member.Sequence()
		c.mu.Unlock()
		d, err := c.wire.directive(ctx, m.Member, after, patience)
		if err != nil {
			return
		}
		c.mu.Lock()
		c.member.Told(c.now(), d)
		c.mu.Unlock()
		poke(c.turn)
		poke(c.signal)
	}
}

// talk tells the coordinator what there is to tell, one thing at a time, and asks it for
// trials.
func (c *Client) talk(ctx context.Context, m membership) {
	var known, open bool
	var renew time.Duration
	every := max(100*time.Millisecond, m.LeaseSeconds.duration()/3)
	for ctx.Err() == nil {
		isOpen := c.open()
		c.mu.Lock()
		now := c.now()
		trial, news := c.member.News()
		wants := c.member.Wants(now)
		next, set := c.member.Next()
		c.mu.Unlock()
		var err error
		switch {
		case !known || isOpen != open || now >= renew:
			if err = c.wire.report(ctx, m.Member, isOpen); err == nil {
				known, open, renew = true, isOpen, now+every
			}
		case news != "":
			if err = c.wire.progress(ctx, m.Member, trial, news); err == nil {
				c.mu.Lock()
				c.member.Sent(trial, news)
				c.mu.Unlock()
			}
		case wants:
			var a Answer
			if a, err = c.wire.ask(ctx, m.Member); err == nil {
				c.mu.Lock()
				c.member.Answered(now, c.now(), a)
				c.mu.Unlock()
			}
		default:
			if !set || next <= now || next > renew {
				next = renew // what is due in the past waits for another's turn, or a breaker
			}
			wait(ctx, c.signal, next-now, true)
		}
		if err != nil {
			return
		}
	}
}

// wire is the API as a client sees it.
type wire struct {
	base string
	http *http.Client
}

func (w wire) register(ctx context.Context, r Registration) (m membership, err error) {
	err = w.call(ctx, answerWithin, http.MethodPost, "/v1/members", r, &m)
	return m, err
}

func (w wire) report(ctx context.Context, member string, open bool) error {
	return w.call(ctx, answerWithin, http.MethodPut, "/v1/members/"+url.PathEscape(member), report{open}, &membership{})
}

func (w wire) ask(ctx context.Context, member string) (Answer, error) {
	var g grant
	err := w.call(ctx, answerWithin, http.MethodPost, "/v1/trials", request{member}, &g)
	return Answer{g.Granted, g.Trial, g.ValidSeconds.duration(), g.WaitSeconds.duration()}, err
}

func (w wire) progress(ctx context.Context, member string, trial uint64, is Progress) error {
	return w.call(ctx, answerWithin, http.MethodPut, "/v1/trials/"+strconv.FormatUint(trial, 10), progress{member, is}, &struct{}{})
}

func (w wire) directive(ctx context.Context, member string, after uint64, patience time.Duration) (Directive, error) {
	q := url.Values{"member": {member}, "after": {strconv.FormatUint(after, 10)}, "waitSeconds": {strconv.FormatFloat(patience.Seconds(), 'f', -1, 64)}}
	var o order
	err := w.call(ctx, patience+answerWithin, http.MethodGet, "/v1/directives?"+q.Encode(), nil, &o)
	return Directive{o.Sequence, o.Do, o.InSeconds.duration(), o.ForSeconds.duration()}, err
}

func (w wire) settings(ctx context.Context, dependency string) (set json.RawMessage, err error) {
	err = w.call(ctx, answerWithin, http.MethodGet, "/v1/breakers/"+url.PathEscape(dependency), nil, &set)
	return set, err
}

// call makes a request. Whatever is not a good answer is an error, and all errors mean the
// same to a member: it is alone, and registers again.
func (w wire) call(ctx context.Context, within time.Duration, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, w.base+path, &body)
	if err != nil {
		return err
	}
	answer, err := w.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	return json.NewDecoder(io.LimitReader(answer.Body, maxBody)).Decode(out)
}
