package timeline_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

func TestReadGivesBackWhatWasWritten(t *testing.T) {
	for name, b := range map[string]*timelinetest.Builder{
		"healed": timelinetest.Healed(), "missed": timelinetest.Missed(), "placebo": timelinetest.Placebo(),
		"the rest": timelinetest.Begin(timeline.Header{}).Lagged("host", 3e6).Note("x").Stop("y").End("z"),
	} {
		got, err := timeline.ReadAll(bytes.NewReader(b.JSONL()))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(b.Events(), got); d != "" {
			t.Errorf("%s: written -, read +:\n%s", name, d)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	head := strings.SplitAfterN(string(timelinetest.Healed().JSONL()), "\n", 2)[0]
	for name, row := range map[string]struct {
		text        string
		notTimeline bool
		want        string
	}{
		"nothing":              {"", true, "empty"},
		"a header cut off":     {head[:len(head)/2], true, "empty"},
		"no JSON":              {"hello\n", true, "line 1"},
		"another kind first":   {`{"seq":1,"at":0,"kind":"note","actor":"runner","note":{"text":"x"}}` + "\n", true, "no header"},
		"a kind without":       {`{"seq":1,"at":0,"kind":"header","actor":"runner"}` + "\n", true, "no header"},
		"no version":           {`{"seq":1,"at":0,"kind":"header","actor":"runner","header":{}}` + "\n", true, "schema version 0"},
		"a newer version":      {strings.Replace(head, `"schemaVersion":1`, `"schemaVersion":2`, 1), true, "schema version 2; this program reads 1 to 1"},
		"no JSON further down": {head + "{\n", false, "line 2"},
		"a wrong type":         {head + `{"seq":"2"}` + "\n", false, "line 2"},
	} {
		_, err := timeline.ReadAll(strings.NewReader(row.text))
		if err == nil || errors.Is(err, timeline.ErrNotTimeline) != row.notTimeline || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want …%s…", name, err, row.want)
		}
	}
}

func TestReadTakesWhatAKilledRunLeaves(t *testing.T) {
	whole := timelinetest.Healed().JSONL()
	lines := bytes.SplitAfter(whole, []byte("\n"))
	cut := len(whole) - len(lines[len(lines)-2])/2
	got, err := timeline.ReadAll(bytes.NewReader(whole[:cut]))
	if err != nil || len(got) != len(lines)-2 {
		t.Errorf("%d of %d events, %v", len(got), len(lines)-1, err)
	}
}

func TestReadPassesErrorsOn(t *testing.T) {
	stop := errors.New("enough")
	n := 0
	err := timeline.Read(bytes.NewReader(timelinetest.Healed().JSONL()), func(timeline.Event) error {
		if n++; n == 3 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || n != 3 {
		t.Errorf("after %d events: %v", n, err)
	}
	torn := errors.New("the disk is gone")
	_, err = timeline.ReadAll(io.MultiReader(bytes.NewReader(timelinetest.Healed().JSONL()), iotest.ErrReader(torn)))
	if !errors.Is(err, torn) {
		t.Errorf("a read error became %v", err)
	}
}

func TestReadSkipsWhatItDoesNotKnow(t *testing.T) {
	text := string(timelinetest.Healed().JSONL()) + `{"seq":99,"at":1,"kind":"weather","actor":"sun","weather":{"rain":true}}` + "\n"
	events, err := timeline.ReadAll(strings.NewReader(text))
	if err != nil || events[len(events)-1].Kind != "weather" {
		t.Errorf("got %v", err)
	}
}

func TestVerdict(t *testing.T) {
	var zero timeline.Verdict
	if zero != timeline.Inconclusive {
		t.Error("what was forgotten must not pass")
	}
	for v, text := range map[timeline.Verdict]string{
		timeline.Pass: `"pass"`, timeline.Fail: `"fail"`, timeline.Inconclusive: `"inconclusive"`,
	} {
		b, err := json.Marshal(v)
		if err != nil || string(b) != text {
			t.Errorf("%s, %v", b, err)
		}
		back := timeline.Verdict(9)
		if err := json.Unmarshal(b, &back); err != nil || back != v {
			t.Errorf("%s was read as %s, %v", b, back, err)
		}
	}
	for _, text := range []string{`"PASS"`, `""`, `1`, `null`} {
		v := timeline.Inconclusive
		if err := json.Unmarshal([]byte(text), &v); v != timeline.Inconclusive || (err == nil && text != "null") {
			t.Errorf("%s became %s, %v", text, v, err)
		}
	}
	if s := timeline.Verdict(9).String(); s != "verdict(9)" {
		t.Error(s)
	}
}

// Whatever is read can be written and read again, and nothing panics.
func FuzzRead(f *testing.F) {
	f.Add(timelinetest.Healed().JSONL()[:9000])
	f.Add(timelinetest.Placebo().Stop("x").JSONL())
	f.Add([]byte(`{"kind":"header","header":{"schemaVersion":1}}` + "\n" + `{"load":{"latency":{"b":{"-7":1,"99999999999":-2}}}}` + "\n"))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := timeline.ReadAll(bytes.NewReader(data))
		if err != nil {
			return
		}
		var out bytes.Buffer
		for _, e := range events {
			if e.Load != nil {
				_ = e.Load.Latency.Quantile(0.99)
			}
			line, err := json.Marshal(e)
			if err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
			out.Write(append(line, '\n'))
		}
		first := out.String()
		again, err := timeline.ReadAll(&out)
		if err != nil || len(again) != len(events) {
			t.Fatalf("%d of %d events came back: %v\n%s", len(again), len(events), err, first)
		}
	})
}
