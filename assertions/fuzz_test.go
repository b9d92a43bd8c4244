package assertions_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/rebound-chaos/rebound/assertions"
	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

// Whatever was recorded, the judge does not panic, does not pass a run that was
// cut off, and can write its judgement.
func FuzzJudge(f *testing.F) {
	f.Add(timelinetest.Placebo().JSONL())
	f.Add(broken().Seconds(1, 2, 3).Writes(1, 2, 3).Lagged("host", 1).Stop("x").JSONL())
	f.Add([]byte(`{"kind":"header","header":{"schemaVersion":1,"checks":[{"id":"noHerd"},{"id":"availabilityLost"}],"steady":[{"sli":"latency"}],"faults":[{"id":"1"}]}}` + "\n" +
		`{"at":1,"phase":{"name":"baseline"}}` + "\n" + `{"load":{"intended":-1,"sent":9,"ok":-7}}` + "\n" +
		`{"fault":{"id":"1","state":"active"}}` + "\n" + `{"connection":{"to":">","opened":-5}}` + "\n" + `{"instance":{"state":"started"}}` + "\n"))
	f.Add(removed(calm(added(surge()))).JSONL())
	f.Add([]byte(`{"kind":"header","header":{"schemaVersion":1,"checks":[{"id":"errorsWhileScaling","args":{"workload":"w"}},{"id":"noScaleDownInUse","args":{"workload":"w"}},` +
		`{"id":"flaps","args":{"workload":"w"}},{"id":"overshoot","args":{"workload":"w","needed":1}}],"faults":[{"id":"1"}]}}` + "\n" +
		`{"fault":{"id":"1","state":"active"}}` + "\n" + `{"replicas":{"workload":"w","desired":-3}}` + "\n" + `{"load":{"intended":-1}}` + "\n" +
		`{"at":9,"replicas":{"workload":"w","desired":-9}}` + "\n" + `{"at":9,"instance":{"workload":"w","state":"gone"}}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, err := timeline.ReadAll(bytes.NewReader(data))
		if err != nil {
			return
		}
		j, err := assertions.Judge(events)
		if err != nil {
			return
		}
		if j.Verdict == timeline.Pass && !bytes.Contains(data, []byte(`"end"`)) {
			t.Error("a run without an end passed")
		}
		if _, err := json.Marshal(j); err != nil {
			t.Errorf("write the judgement: %v", err)
		}
	})
}
