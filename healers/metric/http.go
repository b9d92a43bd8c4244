package metric

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// HTTP asks for a JSON document in which one number is the value.
type HTTP struct {
	URL string `json:"url"`
	// Field is where the number is: queue.depth, items[0].value, or ["a.b"] for a name with
	// dots; a text that holds a number will do. Empty: the whole answer is the number.
	Field string `json:"field,omitempty"`
	// TimestampField is where the time of the value is: RFC 3339, or since 1970 in seconds or,
	// from 1e11 on, in milliseconds. Empty: the value is of the moment of the answer.
	TimestampField string `json:"timestampField,omitempty"`
}

// document asks for a JSON document.
type document struct {
	client  *http.Client
	address string
	metric  string
	value   path
	time    path // nil: it is that of the answer
}

// newDocument is of a source that is valid.
func newDocument(client *http.Client, h *HTTP, metric string) *document {
	d := &document{client: client, address: h.URL, metric: metric}
	d.value, _ = parsePath(h.Field)
	d.time, _ = parsePath(h.TimestampField)
	return d
}

func (d *document) ask(ctx context.Context, _ *followed) ([]Sample, []Failure, error) {
	resp, err := get(ctx, d.client, d.address, http.Header{"Accept": {"application/json"}}, mostJSON)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	now := time.Now()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, refused(resp)
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, err
	}
	value, at, err := parseDocument(raw, d.value, d.time)
	if err != nil {
		return nil, nil, err
	}
	if at.IsZero() {
		at = now
	}
	return []Sample{{Metric: d.metric, Value: value, At: at}}, nil, nil
}

// parseDocument reads a value and its time; zero: there is no path to one.
func parseDocument(raw []byte, value, at path) (float64, time.Time, error) {
	var none time.Time
	var all any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&all); err != nil {
		return 0, none, fmt.Errorf("read the answer: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return 0, none, errors.New("read the answer: there is more than one JSON document")
	}
	v, err := value.in(all)
	if err != nil {
		return 0, none, err
	}
	n, err := numberOf(v)
	if err != nil {
		return 0, none, fmt.Errorf("%s%w", value.before(), err)
	}
	if len(at) == 0 {
		return n, none, nil
	}
	if v, err = at.in(all); err != nil {
		return 0, none, err
	}
	t, err := timeOf(v)
	if err != nil {
		return 0, none, fmt.Errorf("%s%w", at.before(), err)
	}
	return n, t, nil
}

// numberOf is the number that a part of a document is.
func numberOf(v any) (float64, error) {
	var text string
	switch v := v.(type) {
	case json.Number:
		text = v.String()
	case string:
		text = v
	default:
		return 0, fmt.Errorf("expected a number, got %s", kindOf(v))
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("expected a number, got %q", cutOff(text))
	}
	return n, finite(n)
}

// timeOf is the time that a part of a document is.
func timeOf(v any) (time.Time, error) {
	switch v := v.(type) {
	case string:
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return time.Time{}, fmt.Errorf("expected a time by RFC 3339, got %q", cutOff(v))
		}
		return t, nil
	case json.Number:
		if ms, err := v.Float64(); err == nil && ms >= latest && ms < 1000*latest {
			return time.UnixMilli(int64(ms)), nil
		}
		return seconds(v)
	default:
		return time.Time{}, fmt.Errorf("expected a time, got %s", kindOf(v))
	}
}

// kindOf is what JSON calls a part of a document.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case json.Number:
		return "a number"
	case string:
		return "a text"
	case []any:
		return "a list"
	default:
		return "an object"
	}
}
