package metric_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/healers/metric"
)

// asked is what one look by a source at a real server gives.
func asked(t *testing.T, s metric.Source, h http.HandlerFunc) metric.Batch {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s.Metric, s.Workload, s.Every, s.Timeout = "depth", "orders", long, long
	if s.Prometheus != nil {
		s.Prometheus.URL = server.URL + s.Prometheus.URL
	} else {
		s.HTTP.URL = server.URL + s.HTTP.URL
	}
	return first(t, &metric.Reader{Sources: []metric.Source{s}})
}

// answers is a Prometheus that says the same to everybody.
func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// vector is the answer of a Prometheus whose clock is ours.
func vector(elements ...string) string {
	for i, e := range elements {
		elements[i] = strings.ReplaceAll(e, "NOW", fmt.Sprintf("%.3f", float64(time.Now().UnixMilli())/1000))
	}
	return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(elements, ",") + `]}}`
}

func TestPrometheus(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   []metric.Sample // without their times
		failed []metric.Failure
		err    string
	}{
		{"one", 200, vector(`{"metric":{},"value":[NOW,"4.5"]}`), []metric.Sample{{Value: 4.5}}, nil, ""},
		{
			"several", 200, vector(`{"metric":{"__name__":"q","zone":"b","a":"x"},"value":[NOW,"1"]}`, `{"metric":{"zone":"c"},"value":[NOW,"0"]}`),
			[]metric.Sample{{Series: `q{a="x",zone="b"}`, Value: 1}, {Series: `{zone="c"}`}},
			nil, "",
		},
		{"scalar", 200, `{"status":"success","data":{"resultType":"scalar","result":[` + fmt.Sprint(time.Now().Unix()) + `,"7"]}}`, []metric.Sample{{Value: 7}}, nil, ""},
		{
			"no numbers", 200, vector(`{"metric":{"a":"1"},"value":[NOW,"NaN"]}`, `{"metric":{"a":"2"},"value":[NOW,"+Inf"]}`, `{"metric":{"a":"3"},"value":[NOW,"3"]}`, `{"metric":{"a":"4"},"value":[NOW,"1e999"]}`, `{"metric":{"a":"5"},"value":[NOW,"many"]}`, `{"metric":{"a":"6"},"histogram":[NOW,{}]}`),
			[]metric.Sample{{Series: `{a="3"}`, Value: 3}},
			[]metric.Failure{
				{Series: `{a="1"}`, Metric: "depth", Reason: "NaN is no value"},
				{Series: `{a="2"}`, Metric: "depth", Reason: "+Inf is no value"},
				{Series: `{a="4"}`, Metric: "depth", Reason: "+Inf is no value"},
				{Series: `{a="5"}`, Metric: "depth", Reason: `"many" is no value`},
				{Series: `{a="6"}`, Metric: "depth", Reason: "it is a histogram, which is no value"},
			},
			"",
		},
		{"not one number", 200, vector(`{"metric":{},"value":[NOW,"NaN"]}`), nil, []metric.Failure{{Metric: "depth", Reason: "NaN is no value"}}, "NaN is no value"},
		{
			"of another time", 200, vector(`{"metric":{"a":"1"},"value":[NOW,"3"]}`, `{"metric":{"a":"2"},"value":[`+fmt.Sprint(time.Now().Unix()+7200)+`,"3"]}`, `{"metric":{"a":"3"},"value":[-1,"3"]}`, `{"metric":{"a":"4"},"value":[1e300,"3"]}`),
			[]metric.Sample{{Series: `{a="1"}`, Value: 3}},
			[]metric.Failure{
				{Series: `{a="3"}`, Metric: "depth", Reason: "-1 is no time in seconds"},
				{Series: `{a="4"}`, Metric: "depth", Reason: "1e300 is no time in seconds"},
				{Series: `{a="2"}`, Metric: "depth", Reason: "ahead"},
			},
			"",
		},
		{"nothing", 200, vector(), nil, nil, "the query has no result"},
		{"an error of ours", 400, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:1: parse error"}`, nil, nil, `bad_data: invalid parameter "query": 1:1: parse error`},
		{"an error of its own", 503, `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`, nil, nil, "timeout: query timed out in expression evaluation"},
		{"a long error", 400, `{"status":"error","errorType":"bad_data","error":"` + strings.Repeat("x", 9999) + `"}`, nil, nil, "bad_data: " + strings.Repeat("x", 490) + "..."},
		{"somebody on the way", 502, "<html>Bad Gateway</html>", nil, nil, `status 502: "<html>Bad Gateway</html>"`},
		{"somebody who forbids", 403, `{"message":"forbidden"}`, nil, nil, `status 403: "{\"message\":\"forbidden\"}"`},
		{"a success that is none", 500, vector(`{"metric":{},"value":[NOW,"1"]}`), nil, nil, "status 500: "},
		{"matrix", 200, `{"status":"success","data":{"resultType":"matrix","result":[]}}`, nil, nil, "expected a query for a vector or a scalar, got a matrix"},
		{"not a Prometheus", 200, `{"depth":4}`, nil, nil, `read the answer: expected that of a Prometheus, got status ""`},
		{"not JSON", 200, "4", nil, nil, "read the answer: json: cannot unmarshal number"},
		{"half", 200, vector(`{"metric":{},"value":[NOW,"1"]}`)[:80], nil, nil, "read the answer: unexpected end of JSON input"},
		{"a point of three", 200, vector(`{"metric":{},"value":[NOW,"1",2]}`), nil, nil, "read the vector: expected a time and a value, got 3 things"},
		{"more than 1 MiB", 200, vector(`{"metric":{"a":"` + strings.Repeat("x", 1<<20) + `"},"value":[NOW,"1"]}`), nil, nil, "the answer is longer than 1 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := asked(t, metric.Source{Prometheus: &metric.Prometheus{Query: "up"}}, answers(c.status, c.body))
			var got []metric.Sample
			for _, s := range b.Samples {
				if age := b.At.Sub(s.At); age < 0 || age > time.Minute {
					t.Errorf("it is %v old", age)
				}
				if s.Metric != "depth" || s.Workload != "orders" || s.Instance != "" {
					t.Errorf("%+v", s)
				}
				got = append(got, metric.Sample{Series: s.Series, Value: s.Value})
			}
			for i := range b.Failed {
				if strings.HasSuffix(b.Failed[i].Reason, "ahead of ours") {
					b.Failed[i].Reason = "ahead"
				}
			}
			if diff := cmp.Diff(c.want, got) + cmp.Diff(c.failed, b.Failed); diff != "" {
				t.Error(diff)
			}
			if !strings.HasPrefix(b.Err, c.err) || c.err == "" && b.Err != "" {
				t.Errorf("got %s", b.Err)
			}
		})
	}
}

// The query and the token come to where they are to, and the token nowhere else.
func TestPrometheusIsAskedAsItWantsTo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was asked") }))
	defer other.Close()
	const query = `sum(rate(x{a="b"}[1m])) + 1`
	ask := func(h http.HandlerFunc) metric.Batch {
		return asked(t, metric.Source{Prometheus: &metric.Prometheus{URL: "/prefix/", Query: query, BearerFile: file}}, h)
	}
	for _, token := range []string{"one", "two\n"} {
		write(token)
		b := ask(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/prefix/api/v1/query" || r.FormValue("query") != query || r.Header.Get("Authorization") != "Bearer "+strings.TrimSpace(token) {
				t.Errorf("%s %s %s", r.URL, r.FormValue("query"), r.Header)
			}
			answers(200, vector(`{"metric":{},"value":[NOW,"1"]}`))(w, r)
		})
		if b.Err != "" || len(b.Samples) != 1 {
			t.Errorf("%+v", b)
		}
	}
	b := ask(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	if b.Err != "redirected to "+other.URL+", which is not who is asked" {
		t.Errorf("%+v", b)
	}
	nobody := func(http.ResponseWriter, *http.Request) { t.Error("it was asked without a token") }
	for _, text := range []string{"", " \n", "two words", strings.Repeat("x", 65<<10)} {
		write(text)
		if b := ask(nobody); b.Err != "read the token: "+file+" does not hold one" {
			t.Errorf("%+v", b)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if b := ask(nobody); !strings.HasPrefix(b.Err, "read the token: open ") {
		t.Errorf("%+v", b)
	}
}

func TestHTTP(t *testing.T) {
	const body = `{"queue":{"depth":4.5,"text":"12","none":null,"big":1e999,"nan":"NaN","deep":[[1,2],{"a.b":3}]},"at":"2026-05-01T00:00:00Z"}`
	for _, c := range []struct {
		name, body, field, time string
		status                  int
		want                    float64
		err                     string
	}{
		{"a number alone", " 42\n", "", "", 200, 42, ""},
		{"a field", body, "queue.depth", "", 200, 4.5, ""},
		{"a text that holds a number", body, "queue.text", "", 200, 12, ""},
		{"lists", body, "queue.deep[0][1]", "", 200, 2, ""},
		{"a name with dots", body, `queue.deep[1]["a.b"]`, "", 200, 3, ""},
		{"null", body, "queue.none", "", 200, 0, "queue.none: expected a number, got null"},
		{"an object", body, "queue", "", 200, 0, "queue: expected a number, got an object"},
		{"beyond all numbers", body, "queue.big", "", 200, 0, "queue.big: +Inf is no value"},
		{"no number", body, "queue.nan", "", 200, 0, "queue.nan: NaN is no value"},
		{"no such field", body, "queue.length", "", 200, 0, "there is no queue.length in the answer"},
		{"no such element", body, "queue.deep[2]", "", 200, 0, "there is no queue.deep[2] in the answer"},
		{"no list", body, "queue[0]", "", 200, 0, "queue: expected a list, got an object"},
		{"no object", body, "queue.depth.x", "", 200, 0, "queue.depth: expected an object, got a number"},
		{"a number that is alone is no object", "42", "depth", "", 200, 0, "expected an object, got a number"},
		{"old", body, "queue.depth", "at", 200, 0, "it is "},
		{"no time", body, "queue.depth", "queue.text", 200, 0, `queue.text: expected a time by RFC 3339, got "12"`},
		{"no time at all", body, "queue.depth", "when", 200, 0, "there is no when in the answer"},
		{"two documents", "1 2", "", "", 200, 0, "read the answer: there is more than one JSON document"},
		{"nothing", "", "", "", 200, 0, "read the answer: EOF"},
		{"not JSON", "depth=4", "", "", 200, 0, "read the answer: invalid character 'd' looking for beginning of value"},
		{"not now", "busy", "", "", 503, 0, `status 503: "busy"`},
		{"more than 1 MiB", `"` + strings.Repeat("1", 1<<20) + `"`, "", "", 200, 0, "the answer is longer than 1 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := asked(t, metric.Source{HTTP: &metric.HTTP{URL: "/queue?x=1", Field: c.field, TimestampField: c.time}}, answers(c.status, c.body))
			if c.err != "" {
				if !strings.HasPrefix(b.Err, c.err) || len(b.Samples) > 0 {
					t.Errorf("%+v", b)
				}
				return
			}
			if b.Err != "" || len(b.Samples) != 1 || b.Samples[0].Value != c.want || b.Samples[0].Metric != "depth" || b.At.Sub(b.Samples[0].At) > time.Minute {
				t.Errorf("%+v", b)
			}
		})
	}
}
