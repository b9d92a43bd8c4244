package render

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func build(t *testing.T, dir string, b *timelinetest.Builder) Run {
	t.Helper()
	u, err := Build(b.Events(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// evil is text that tries to be markup wherever it lands.
const evil = `<script>alert(1)</script><img src="http://evil.example/x.png" onerror=x> "&' | ` + "`code`" + " \x1b[31m\nnext\x00"

// storm has more of everything than fits, every text of it evil.
func storm(control bool) *timelinetest.Builder {
	h := timeline.Header{
		Scenario: evil, Claim: evil, Policy: evil, Run: evil, Tool: evil, Misses: []string{}, Control: control,
		Workloads: []timeline.Workload{{Name: evil, Replicas: 1, Min: 1, Max: 1 << 40}},
	}
	for i := range 9 {
		h.Faults = append(h.Faults, timeline.Planned{ID: fmt.Sprint(i), Fault: "cut" + evil, Target: fmt.Sprintf("orders/%d>store/0%s", i, evil)})
	}
	h.Faults = append(h.Faults, timeline.Planned{ID: "9", Fault: "surge", Target: "traffic:" + evil, Args: json.RawMessage(`{"factor":1e300}`)})
	b := timelinetest.Begin(h).Seconds(4, 200, 0).Phase(timeline.PhaseInject).Fault("9", timeline.FaultActive, evil).Seconds(1, 4000, 0)
	for i := range 9 {
		b.After(time.Duration(i*50)*time.Millisecond).Fault(fmt.Sprint(i), timeline.FaultActive, evil)
	}
	b.Phase(timeline.PhaseObserve)
	for i := range 20 {
		b.Seconds(1, 10*i, 200-10*i)
		for j := range 6 {
			b.After(time.Duration(100+j*5)*time.Millisecond).Act("orders/1"+evil, evil, evil, []string{"ok", "failed", evil}[j%3])
		}
		b.Pool(evil, timeline.Pool{To: evil, Open: i, Waits: 1000 * i}).Pool("", timeline.Pool{To: evil, Server: 1 << 40})
		b.Scale(timeline.Scale{Workload: evil, Current: i, Desired: 1000 * i, Says: evil}).
			Act(evil, "scale", "scale", []string{"ok", "failed"}[i%2]).Desired(evil, 1000*i).Desired(evil+"2", i)
		b.Healing("orders/2", timeline.Healing{State: timeline.HealingDecision, Effect: "deny", Rule: evil, Verb: evil, Text: evil})
	}
	return b.Seconds(20, 200, 0).Phase(timeline.PhaseRevert).Fault("3", timeline.FaultStuck, evil).
		Phase(timeline.PhaseSettle).Seconds(5, 200, 0).Note(evil).End(evil)
}

// pooled is a run on Kubernetes whose clients tell of their pools: orders/1 is
// killed, and comes back by itself; its pool is filled anew, and others wait.
func pooled(healers string, control bool) *timelinetest.Builder {
	b := timelinetest.Begin(timeline.Header{
		Run: "crash-7-" + healers, Scenario: "crash", Platform: "kind", Healers: healers, Control: control,
		Faults: []timeline.Planned{{ID: "1", Fault: "kill", Target: "orders/1", At: 3 * time.Second}},
	})
	second := func(ok, waits, dead int) {
		b.After(100 * time.Millisecond)
		for n := range 3 {
			if n != dead {
				b.Pool(fmt.Sprintf("orders/%d", n), timeline.Pool{
					To: "store", Open: 8, InUse: min(1+waits, 8), Size: 8, Waits: waits, Waited: time.Duration(waits) * 20 * time.Millisecond,
				})
			}
		}
		b.Pool("store", timeline.Pool{To: "store", Server: 24 - 8*min(max(dead, 0), 1)})
		b.Seconds(1, ok, 200-ok)
	}
	for range 3 {
		second(200, 0, -1)
	}
	b.Phase(timeline.PhaseInject).
		After(20*time.Millisecond).Fault("1", timeline.FaultInjecting, "").
		After(40*time.Millisecond).Instance("orders/1", timeline.InstanceExited).
		After(50*time.Millisecond).Fault("1", timeline.FaultActive, "process 1001 is gone").
		Phase(timeline.PhaseObserve)
	second(120, 7, 1)
	second(170, 3, 1)
	if healers == "native" {
		b.After(300*time.Millisecond).Instance("orders/1", timeline.InstanceStarted).
			After(400*time.Millisecond).Connections("orders/1", "store/0", 8).
			After(900*time.Millisecond).Instance("orders/1", timeline.InstanceReady)
		for range 22 {
			second(200, 0, -1)
		}
	} else {
		for range 22 {
			second(150, 5, 1)
		}
	}
	return b.Phase(timeline.PhaseRevert).Phase(timeline.PhaseSettle).Seconds(1, 200, 0).
		Phase(timeline.PhaseAudit).After(300*time.Millisecond).Writes(2400, 0, 0).
		Phase(timeline.PhaseTeardown).After(800 * time.Millisecond).End()
}

// cases are the reports that every renderer must be able to show.
func cases(t *testing.T) map[string]Report {
	t.Helper()
	healed := build(t, "hang/rebound/1", timelinetest.Healed())
	control := build(t, "hang/off/1", timelinetest.Missed())
	placebo := build(t, "placebo/rebound/1", timelinetest.Placebo())
	aborted := build(t, "", timelinetest.Begin(timeline.Header{}).Seconds(2, 200, 0).Stop("interrupted").Phase(timeline.PhaseTeardown).End())
	bare := build(t, "", timelinetest.Begin(timeline.Header{Healers: "off", Misses: []string{}}))
	off := timelinetest.Missed().Events()
	off[0].Header.Control = false
	failed, err := Build(off, "")
	if err != nil {
		t.Fatal(err)
	}
	met := timelinetest.Healed().Events() // a control that heals as well
	met[0].Header.Control = true
	same, err := Build(met, "hang/same")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]Report{
		"healed":  New("", healed, control),
		"joint":   New("demo", control, healed, placebo, failed),
		"aborted": New("", aborted),
		"bare":    New("", bare),
		"failed":  New("", failed),
		"control": New("", control),
		"proves":  New("", healed, same),
		"nothing": New(""),
		"scaled":  New("", build(t, "traffic-step/rebound/1", scaled("rebound", false)), build(t, "traffic-step/off/1", scaled("off", true))),
		"pooled":  New("", build(t, "crash/native/1", pooled("native", false)), build(t, "crash/off/1", pooled("off", true))),
		"tripped": New("", build(t, "retry-storm/rebound/1", tripped(false)), build(t, "retry-storm/off/1", tripped(true))),
		"storm":   New("", build(t, "storm/a", storm(false)), build(t, "storm/b", storm(true))),
	}
}

func render(t *testing.T, name string, r Report) string {
	t.Helper()
	d, ok := Lookup(name)
	if !ok {
		t.Fatalf("no renderer %q", name)
	}
	var b bytes.Buffer
	if err := d.Render(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	t.Parallel()
	all := cases(t)
	for _, name := range []string{"healed", "joint", "aborted", "bare", "pooled", "scaled", "tripped"} {
		for _, d := range Builtin() {
			got := render(t, d.Name, all[name])
			if again := render(t, d.Name, cases(t)[name]); again != got {
				t.Errorf("%s of %s differs from one time to the next", d.Name, name)
			}
			golden(t, name+"."+d.Name, got)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; go test ./reports/render -update if this is meant):\n%s", name, diff)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	want := map[string]timeline.Verdict{
		"healed": timeline.Pass, "joint": timeline.Fail, "aborted": timeline.Inconclusive, "bare": timeline.Inconclusive,
		"failed": timeline.Fail, "control": timeline.Fail, "proves": timeline.Inconclusive, "nothing": timeline.Inconclusive,
		"pooled": timeline.Pass, "scaled": timeline.Pass, "tripped": timeline.Pass,
	}
	all := cases(t)
	for name, v := range want {
		if got := all[name].Verdict(); got != v {
			t.Errorf("%s: verdict %v, want %v", name, got, v)
		}
	}
	for name, code := range map[string]int{"healed": 0, "joint": 1, "aborted": 4, "bare": 3, "failed": 1, "control": 0, "proves": 3, "nothing": 3} {
		if got := all[name].ExitCode(); got != code {
			t.Errorf("%s: exit code %d, want %d", name, got, code)
		}
	}
	if !all["aborted"].Aborted() || all["healed"].Aborted() {
		t.Error("only the run that was stopped is aborted")
	}
	if n := len(all["joint"].Runs); n != 3 || all["joint"].Runs[0].Control == nil {
		t.Errorf("the control belongs to its run: %d runs", n)
	}
	if _, err := Build(nil, "x"); err == nil {
		t.Error("no events made a run")
	}
}

// A promise need not be recovery: a report of one that was kept claims no healing.
func TestKeptPromises(t *testing.T) {
	t.Parallel()
	checks := []timeline.Check{{ID: "restarts", Args: json.RawMessage(`{"workload":"orders","atMost":0}`)}}
	run := func(edit func(b *timelinetest.Builder)) string {
		b := timelinetest.Begin(timeline.Header{Checks: checks}).Seconds(3, 200, 0).
			Phase(timeline.PhaseInject).Fault("1", timeline.FaultActive, "seen").Phase(timeline.PhaseObserve)
		edit(b)
		return build(t, "", b.Phase(timeline.PhaseRevert).Phase(timeline.PhaseTeardown).End()).lead()
	}
	for want, got := range map[string]string{
		"It kept its promises: users were served again 1.00 s after the fault had ended.": run(func(b *timelinetest.Builder) {
			b.Seconds(5, 0, 200).Fault("1", timeline.FaultReverted, "").Seconds(1, 0, 200).Seconds(5, 200, 0)
		}),
		"It kept its promises.":                run(func(b *timelinetest.Builder) { b.Seconds(5, 0, 200) }),
		"It healed, and users did not notice.": run(func(b *timelinetest.Builder) { b.Seconds(12, 200, 0) }),
		"It healed: users were served again after 1.00 s, while the fault lasted.": run(func(b *timelinetest.Builder) {
			b.Seconds(1, 0, 200).Seconds(12, 200, 0)
		}),
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// Of an arm without our engine the report says what the platform alone achieved.
func TestNativeSaysWhatThePlatformAchieved(t *testing.T) {
	t.Parallel()
	after := func(platform string, edit func(b *timelinetest.Builder)) string {
		b := timelinetest.Begin(timeline.Header{Platform: platform, Healers: "native"}).Seconds(3, 200, 0).
			Phase(timeline.PhaseInject).After(20*time.Millisecond).Fault("1", timeline.FaultInjecting, "").
			After(250*time.Millisecond).Fault("1", timeline.FaultActive, "seen").Phase(timeline.PhaseObserve).
			Instance("orders/1", timeline.InstanceExited)
		edit(b)
		return build(t, "", b.Phase(timeline.PhaseRevert).Phase(timeline.PhaseSettle).Seconds(4, 200, 0).
			Phase(timeline.PhaseAudit).Writes(2400, 0, 0).Phase(timeline.PhaseTeardown).End()).lead()
	}
	for want, got := range map[string]string{
		"Kubernetes alone: served again after 3.75 s, capacity back after 7.25 s.": after("kind", func(b *timelinetest.Builder) {
			b.Seconds(1, 100, 100).Seconds(3, 150, 50).Seconds(3, 200, 0).
				After(500*time.Millisecond).Instance("orders/1", timeline.InstanceReady).Seconds(15, 200, 0)
		}),
		"Docker alone: did not recover within the observation. That is not what was promised: users were not served again while the fault lasted; only after our own revert, in 0s, which is no healing.": after("containers", func(b *timelinetest.Builder) {
			b.Seconds(25, 100, 100)
		}),
		"Kubernetes alone: users did not notice, capacity not back. That is not what was promised: not all replicas were ready again while the fault lasted.": after("current-context", func(b *timelinetest.Builder) {
			b.Seconds(25, 200, 0)
		}),
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// outside are references that would make a browser fetch something.
var outside = regexp.MustCompile(`(?i)<(script|link|img|iframe|object|embed|image|use|base|video|audio)\b|<[a-z][^<>]*\s(src|srcset|xlink:href|action|data|poster|on[a-z]+)\s*=|url\(|@import|<[^<>]*\shref="[^#]`)

func TestHTMLNeedsNothingElse(t *testing.T) {
	t.Parallel()
	for name, r := range cases(t) {
		page := render(t, "html", r)
		if m := outside.FindString(page); m != "" {
			t.Errorf("%s: the page refers to something outside itself: %q", name, m)
		}
		if name != "storm" && strings.Contains(page, "http") {
			t.Errorf("%s: the page holds an address", name)
		}
		if strings.Contains(page, "ZgotmplZ") {
			t.Errorf("%s: the template refused a value", name)
		}
	}
}

func TestHTMLEscapes(t *testing.T) {
	t.Parallel()
	page := render(t, "html", cases(t)["storm"])
	if !strings.Contains(page, "&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Error("the text itself is missing")
	}
	for _, bad := range []string{"<script", "<img", "\x1b", "\x00"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page holds %q unescaped", bad)
		}
	}
}

// The pictures are strict XML, so that any program can take them out of the page.
func TestSVGIsWellFormed(t *testing.T) {
	t.Parallel()
	svgs := regexp.MustCompile(`(?s)<svg.*?</svg>`)
	for name, r := range cases(t) {
		for _, s := range svgs.FindAllString(render(t, "html", r), -1) {
			if strings.Contains(s, "NaN") || strings.Contains(s, "Inf") {
				t.Errorf("%s: a coordinate is no number", name)
			}
			if err := xml.Unmarshal([]byte(s), new(struct{})); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestTextFits(t *testing.T) {
	t.Parallel()
	for name, r := range cases(t) {
		r.Path = strings.Repeat("/a/very/long/path", 12) + "/report.html"
		for i, l := range strings.Split(render(t, "text", r), "\n") {
			if n := utf8.RuneCountInString(l); n > textColumns {
				t.Errorf("%s: line %d is %d columns wide: %s", name, i+1, n, l)
			}
			if strings.ContainsAny(l, "\x1b\x00") {
				t.Errorf("%s: line %d could steer the terminal: %q", name, i+1, l)
			}
		}
	}
}

func TestMarkdownStaysSmall(t *testing.T) {
	t.Parallel()
	one := cases(t)["storm"].Runs[0]
	r := Report{Title: "many"}
	for range 5000 {
		r.Runs = append(r.Runs, one)
	}
	page := render(t, "markdown", r)
	if len(page) >= 1<<20 {
		t.Errorf("summary.md has %d bytes", len(page))
	}
	if !strings.Contains(page, "did not fit") {
		t.Error("it does not say that runs are missing")
	}
	if strings.Contains(page, "<script") || strings.Contains(page, "<img") {
		t.Error("summary.md holds markup of the timeline")
	}
}

// smallDisk takes n bytes.
type smallDisk struct{ n int }

func (f *smallDisk) Write(b []byte) (int, error) {
	if f.n -= len(b); f.n < 0 {
		return 0, os.ErrDeadlineExceeded
	}
	return len(b), nil
}

func TestRenderersReportAFullDisk(t *testing.T) {
	t.Parallel()
	for _, d := range Builtin() {
		if err := d.Render(&smallDisk{n: 5}, cases(t)["healed"]); err == nil {
			t.Errorf("%s swallowed the error of its writer", d.Name)
		}
	}
}
