package control

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/rebound-chaos/rebound/healers"
)

func TestDecodeCommand(t *testing.T) {
	for text, want := range map[string]string{
		`{"verb":"pause","by":"eve","text":"x"}`: "",
		`{"verb":"pause"}` + "\n":                "",
		``:                                       "EOF",
		`{}`:                                     "no verb",
		`null`:                                   "no verb",
		`[]`:                                     "array",
		`{"verb":1}`:                             "number",
		`{"verb":"pause","force":true}`:          "unknown field",
		`{"verb":"pause"}{"verb":"resume"}`:      "more behind it",
		`{"verb":"pause"`:                        "unexpected EOF",
	} {
		_, err := decodeCommand(strings.NewReader(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzDecodeCommand(f *testing.F) {
	for _, seed := range []string{`{"verb":"pause","text":"x"}`, `{"verb":"kill"} 1`, `{"by":{}}`, "\x00", `{"VERB":"pause"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := decodeCommand(bytes.NewReader(data))
		if err != nil {
			return
		}
		if c.Verb == "" {
			t.Fatal("a command without a verb was taken")
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decodeCommand(bytes.NewReader(again)); err != nil || back != c {
			t.Errorf("%+v became %+v: %v", c, back, err)
		}
	})
}

// Whatever an engine answers, it is read or refused, and what was read is explained.
func FuzzDecodeRecords(f *testing.F) {
	for _, seed := range []string{
		``, `{"seq":1,"kind":"finding","finding":{"kind":"exited","target":{"id":"orders/1"}}}` + "\n" + `{"seq":2,"kind":"work","work":1,"change":{"plan":{"healer":"restart","steps":null,"targets":[{"id":"orders/1"}],"digest":[]},"state":"acting"}}`,
		`{"seq":1,"kind":"decision","decision":{"verb":"restart","target":{"id":"orders/1"},"effect":1}}`, `{"seq":1,"kind":"state","state":{"settled":{"id":1}}}`, `{"seq":`, `[]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		records, err := decodeRecords(bytes.NewReader(data))
		if err != nil {
			if records != nil {
				t.Fatal("half an answer was taken")
			}
			return
		}
		e := healers.Explain("orders/1", slices.Values(records))
		if e.Text() == "" {
			t.Error("nothing is said")
		}
	})
}
