package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/rebound-chaos/rebound/healers"
)

// Client asks a live engine. It holds no connection between its calls.
type Client struct {
	// Info is what the engine said of itself.
	Info Info
	http *http.Client
}

// answerWithin is how long an engine may take, which is busy with healing.
const answerWithin = 30 * time.Second

// Dial asks the engine at a socket which it is.
func Dial(ctx context.Context, path string) (*Client, error) {
	c := &Client{http: &http.Client{
		Timeout: answerWithin,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx, path) },
		},
	}}
	err := c.ask(ctx, http.MethodGet, "/engine", nil, func(r io.Reader) error { return json.NewDecoder(r).Decode(&c.Info) })
	if err != nil {
		return nil, fmt.Errorf("ask the engine at %s: %w", path, err)
	}
	return c, nil
}

// Records are all that the engine has on record.
func (c *Client) Records(ctx context.Context) (all []healers.Record, err error) {
	err = c.ask(ctx, http.MethodGet, "/records", nil, func(r io.Reader) error {
		all, err = decodeRecords(r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ask the engine of run %s for its records: %w", c.Info.Run, err)
	}
	return all, nil
}

// Command has the engine do what a person says, who is the user of this process. The
// record of it is returned: one with a Text was refused, and says why.
func (c *Client) Command(ctx context.Context, said healers.Command) (r healers.Record, err error) {
	body, err := json.Marshal(said)
	if err == nil {
		err = c.ask(ctx, http.MethodPost, "/commands", body, func(b io.Reader) error { return json.NewDecoder(b).Decode(&r) })
	}
	if err != nil {
		return healers.Record{}, fmt.Errorf("command the engine of run %s: %w", c.Info.Run, err)
	}
	return r, nil
}

// ask sends a request and hands the body of a good answer to read.
func (c *Client) ask(ctx context.Context, method, path string, body []byte, read func(io.Reader) error) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	if answer.StatusCode == http.StatusOK {
		return read(answer.Body)
	}
	var p problem
	if json.NewDecoder(io.LimitReader(answer.Body, maxCommand)).Decode(&p) != nil || p.Error == "" {
		p.Error = answer.Status
	}
	return errors.New(p.Error)
}

// decodeRecords reads records, one in a line, until the answer ends. One that is cut
// off is an error.
func decodeRecords(r io.Reader) ([]healers.Record, error) {
	all := []healers.Record{}
	for d := json.NewDecoder(r); ; {
		var record healers.Record
		err := d.Decode(&record)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, record)
	}
}
