package metric

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// mostToken is far beyond what any issuer makes.
const mostToken = 64 << 10

// Prometheus asks a query of a Prometheus, at this moment. Of a vector each element is a
// series.
type Prometheus struct {
	// URL is the address below which the API is, like http://prometheus:9090.
	URL   string `json:"url"`
	Query string `json:"query"`
	// BearerFile holds a token, and is read for each look: tokens are changed while we run.
	BearerFile string `json:"bearerFile,omitempty"`
}

// querier asks a Prometheus.
type querier struct {
	client     *http.Client
	prometheus *Prometheus
	metric     string
}

func (q *querier) ask(ctx context.Context, _ *followed) ([]Sample, []Failure, error) {
	address, err := url.JoinPath(q.prometheus.URL, "api/v1/query")
	if err != nil {
		return nil, nil, bare(err)
	}
	header := http.Header{"Accept": {"application/json"}}
	if q.prometheus.BearerFile != "" {
		token, err := readToken(q.prometheus.BearerFile)
		if err != nil {
			return nil, nil, err
		}
		header.Set("Authorization", "Bearer "+token)
	}
	resp, err := get(ctx, q.client, address+"?"+url.Values{"query": {q.prometheus.Query}}.Encode(), header, mostJSON)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, nil, err
	}
	results, err := parseResults(raw)
	if _, said := errors.AsType[*queryError](err); !said && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d%s", resp.StatusCode, quote(raw)) // of somebody on the way
	}
	if err != nil {
		return nil, nil, err
	}
	var samples []Sample
	var failed []Failure
	for _, r := range results {
		if r.reason != "" {
			failed = append(failed, Failure{Series: r.series, Metric: q.metric, Reason: r.reason})
			continue
		}
		samples = append(samples, Sample{Metric: q.metric, Series: r.series, Value: r.value, At: r.at})
	}
	return samples, failed, nil
}

func readToken(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, mostToken+1))
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	token := strings.TrimSpace(string(raw))
	if token == "" || len(raw) > mostToken || strings.ContainsAny(token, " \t\r\n") {
		return "", fmt.Errorf("read the token: %s does not hold one", file)
	}
	return token, nil
}

// result is one series of an answer.
type result struct {
	series string
	value  float64
	at     time.Time
	reason string // why it has no value; empty: it has
}

// queryError is what a Prometheus says itself: bad_data, and what is bad about it.
type queryError struct{ kind, text string }

func (e *queryError) Error() string { return e.kind + ": " + e.text }

// parseResults reads an answer of the query API.
func parseResults(raw []byte) ([]result, error) {
	var answer struct {
		Status    string `json:"status"`
		ErrorType string `json:"errorType"`
		Error     string `json:"error"`
		Data      struct {
			ResultType string          `json:"resultType"`
			Result     json.RawMessage `json:"result"`
		} `json:"data"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	switch {
	case answer.Status == "error":
		return nil, &queryError{answer.ErrorType, answer.Error}
	case answer.Status != "success":
		return nil, fmt.Errorf("read the answer: expected that of a Prometheus, got status %q", answer.Status)
	}
	switch kind := answer.Data.ResultType; kind {
	case "scalar":
		var p point
		if err := json.Unmarshal(answer.Data.Result, &p); err != nil {
			return nil, fmt.Errorf("read the scalar: %w", err)
		}
		return []result{p.result("")}, nil
	case "vector":
		return parseVector(answer.Data.Result)
	default:
		return nil, fmt.Errorf("expected a query for a vector or a scalar, got a %s", kind)
	}
}

func parseVector(raw []byte) ([]result, error) {
	var vector []struct {
		Metric map[string]string `json:"metric"`
		Value  *point            `json:"value"`
	}
	if err := json.Unmarshal(raw, &vector); err != nil {
		return nil, fmt.Errorf("read the vector: %w", err)
	}
	if len(vector) == 0 {
		return nil, errors.New("the query has no result")
	}
	results := make([]result, 0, len(vector))
	for _, v := range vector {
		name := labelText(v.Metric)
		if v.Value == nil {
			results = append(results, result{series: name, reason: "it is a histogram, which is no value"})
			continue
		}
		results = append(results, v.Value.result(name))
	}
	return results, nil
}

// point is a time and a value, which is a text since JSON has no NaN.
type point struct {
	at    json.Number
	value string
}

func (p *point) UnmarshalJSON(raw []byte) error {
	var pair []json.RawMessage
	if err := json.Unmarshal(raw, &pair); err != nil {
		return err
	}
	if len(pair) != 2 {
		return fmt.Errorf("expected a time and a value, got %d things", len(pair))
	}
	if err := json.Unmarshal(pair[0], &p.at); err != nil {
		return err
	}
	return json.Unmarshal(pair[1], &p.value)
}

func (p *point) result(series string) result {
	r := result{series: series}
	var err error
	if r.value, err = strconv.ParseFloat(p.value, 64); err != nil && !errors.Is(err, strconv.ErrRange) {
		r.reason = fmt.Sprintf("%q is no value", cutOff(p.value))
		return r
	}
	if err = finite(r.value); err == nil {
		r.at, err = seconds(p.at)
	}
	if err != nil {
		r.reason = err.Error()
	}
	return r
}

// latest is beyond any time that is meant, in seconds.
const latest = 1e11

// seconds is a time in seconds since 1970.
func seconds(n json.Number) (time.Time, error) {
	v, err := n.Float64()
	if err != nil || v <= 0 || v >= latest {
		return time.Time{}, fmt.Errorf("%s is no time in seconds", cutOff(n.String()))
	}
	return time.UnixMilli(int64(v*1000 + 0.5)), nil
}
