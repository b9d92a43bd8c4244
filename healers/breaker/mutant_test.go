package breaker_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mutant is the package without one guard.
type mutant struct {
	name  string // what is wrong with it
	class string // the test that must find it
	edits []edit
}

// edit replaces code, which must be there once. In what replaces it, MUTANT is whether
// this mutant is the one to be.
type edit struct{ file, from, to string }

var mutants = []mutant{
	{"any number of trials", "HalfOpenHerd", []edit{
		{"recovery.go", "if s.probeOnly || len(r.leases) >= s.trials {", "if s.probeOnly || len(r.leases) >= s.trials && !MUTANT {"},
		{"recovery.go", "return s.probeOnly || len(c.recovery.leases) >= s.trials", "return s.probeOnly || len(c.recovery.leases) >= s.trials && !MUTANT"},
	}},
	{"no leases", "StuckHalfOpen", []edit{
		{"core.go", "case c.phase == HalfOpen && len(c.recovery.leases) > 0:", "case c.phase == HalfOpen && len(c.recovery.leases) > 0 && !MUTANT:"},
	}},
	{"done only where the call returns", "PanicKeepsPermit", []edit{
		{"do.go", "defer func() { permit.Done(outcome) }()", "defer func() {\nif !MUTANT {\npermit.Done(outcome)\n}\n}()"},
		{"do.go", "outcome = b.Classify(ctx, err)", "outcome = b.Classify(ctx, err)\nif MUTANT {\npermit.Done(outcome)\n}"},
	}},
	{"a cancelled call is a failure", "CancelCounted", []edit{{"do.go", "return Neutral", "if MUTANT {\nreturn Failure\n}\nreturn Neutral"}}},
	{"a cancelled call is a success", "CancelCounted", []edit{{"do.go", "return Neutral", "if MUTANT {\nreturn OK\n}\nreturn Neutral"}}},
	{"the context is not asked", "CancelCounted", []edit{{"do.go", "errors.Is(ctx.Err(), context.Canceled)", "!MUTANT && errors.Is(ctx.Err(), context.Canceled)"}}},
	{"neutral keeps its trial", "CancelCounted", []edit{
		{"core.go", "!c.recovery.end(lease)", "!(MUTANT && o == Neutral) && !c.recovery.end(lease)"},
	}},
	{"told under the lock", "CallbackUnderLock", []edit{
		{"events.go", "b.core.extra.events.listen(e)", "if MUTANT {\nb.mu.Lock()\ndefer b.mu.Unlock()\n}\nb.core.extra.events.listen(e)"},
	}},
	{"told by whoever comes", "EventOrder", []edit{{"events.go", "if q.telling || len(q.queue) == 0 {", "if q.telling && !MUTANT || len(q.queue) == 0 {"}}},
	{"a panic goes on", "ListenerBreaks", []edit{{"events.go", "_ = recover()", "if !MUTANT {\n_ = recover()\n}\n//"}}},
	{"the rest is left", "ListenerBreaks", []edit{{"events.go", "		b.tell()\n	}()", "		if !MUTANT {\nb.tell()\n}\n	}()"}}},
	{"no generations", "StaleResult", []edit{
		{"core.go", "t.gen() != c.gen", "t.gen() != c.gen && !MUTANT"},
		{"breaker.go", "w>>32 != t.at>>32", "w>>32 != t.at>>32 && !MUTANT"},
	}},
	{"no generations, and trials are not known", "StaleResult", []edit{
		{"core.go", "t.gen() != c.gen", "t.gen() != c.gen && !MUTANT"},
		{"core.go", "!c.recovery.end(lease)", "!c.recovery.end(lease) && !MUTANT"},
		{"breaker.go", "w>>32 != t.at>>32", "w>>32 != t.at>>32 && !MUTANT"},
	}},
	{"a permit stays", "DoubleDone", []edit{{"breaker.go", "	p.at = 0\n}", "	if !MUTANT {\np.at = 0\n}\n}"}}},
	{"the first trial is free", "FirstTrialNotCounted", []edit{
		{"recovery.go", "	r.leases = append(r.leases,", "	if MUTANT && c.serial == 1 {\nreturn c.serial\n}\n	r.leases = append(r.leases,"},
	}},
	{"a failed trial is none", "HalfOpenFailureIgnored", []edit{{"recovery.go", "if o != OK {", "if o != OK && MUTANT {\nreturn\n}\nif o != OK {"}}},
	{"a failed trial is one", "HalfOpenFailureIgnored", []edit{{"recovery.go", "if o != OK {", "if o != OK && !MUTANT {"}}},
	{"more than the share", "ThresholdRounded", []edit{{"window.go", "high1 == high2 && low1 >= low2", "high1 == high2 && (low1 > low2 || low1 == low2 && !MUTANT)"}}},
	{"whole percents", "ThresholdRounded", []edit{
		{"window.go", "	high1, low1 :=", "	if MUTANT {\nreturn (200*n+all)/(2*all) >= uint64(100*r.Num/r.Den)\n}\n	high1, low1 :="},
	}},
	{"less than the time", "WindowEdge", []edit{{"window.go", "now-f.times[f.next] <= within\n", "(now-f.times[f.next] < within || now-f.times[f.next] == within && !MUTANT)\n"}}},
	{"buckets of three seconds", "WindowEdge", []edit{{"window.go", "	f.times[f.next] = now\n", "	if MUTANT {\nnow = now.Truncate(3*time.Second)\n}\n	f.times[f.next] = now\n"}}},
	{"lost after a gap", "IdleWindow", []edit{
		{"rate.go", "	w.expire(now)\n	for", "	idle := int64((now-w.origin)/w.width)-w.newest >= buckets\n	w.expire(now)\n	if MUTANT && idle {\nreturn\n}\n	for"},
	}},
	{"read as it was written", "IdleWindow", []edit{{"rate.go", "	if w.used {", "	if w.used && !MUTANT {"}}},
	{"decays", "DecayedCount", []edit{{"window.go", "		c.streak++", "		if MUTANT && now-c.since > 30*time.Minute {\nc.streak = 0\n}\n		c.streak++"}}},
	{"neutral ends a row", "DecayedCount", []edit{{"breaker.go", "o == Neutral ||", "o == Neutral && !MUTANT ||"}, {"core.go", "	case o == Neutral:\n", "	case o == Neutral && !MUTANT:\n"}}},
	{"no jitter", "NoJitter", []edit{{"delay.go", "	return add(d, within(times(d, s.jitter), random))", "	if MUTANT {\nreturn d\n}\n	return add(d, within(times(d, s.jitter), random))"}}},
	{"jitter before the cap", "NoJitter", []edit{{"delay.go", "return add(d, within(times(d, s.jitter), random))", "if MUTANT {\nreturn min(s.maxOpenFor, add(d, within(times(d, s.jitter), random)))\n}\nreturn add(d, within(times(d, s.jitter), random))"}}},
	{"one seed for all", "NoJitter", []edit{{"core.go", "c.seed = randomSeed()", "c.seed = randomSeed()\nif MUTANT {\nc.seed = 1\n}"}}},
	{"forced is open", "ForcedOpenTries", []edit{{"hand.go", "c.enter(ForcedOpen, Forced, now)", "if MUTANT {\nc.mode = Automatic\nreturn\n}\nc.enter(ForcedOpen, Forced, now)"}}},
	{"the gate is asked first", "TrialWasted", []edit{
		{"recovery.go", "	s, r := c.set.Value(), c.recovery\n", "	s, r := c.set.Value(), c.recovery\n	if MUTANT && c.extra != nil && c.extra.gate != nil {\nc.extra.gate.Take(raw)\n}\n"},
		{"recovery.go", "	return s.probeOnly || len(c.recovery.leases) >= s.trials", "	return s.probeOnly || len(c.recovery.leases) >= s.trials && !MUTANT"},
	}},
	{"no gate", "TrialWasted", []edit{{"recovery.go", "wait > 0 {", "wait > 0 && !MUTANT {"}}},
	{"its timer alone ends a delay", "TimerLate", []edit{{"breaker.go", "case c.near():", "case c.near() && !MUTANT:"}}},
	{"time goes back", "ClockSetBack", []edit{{"core.go", "		c.skew = c.last - now", "		if !MUTANT {\nc.skew = c.last - now\n}"}}},
}

// TestEachGuardHasATest builds one copy of the package with every mutant in it, to be
// chosen as it starts, and runs for each the test of its class, which must fail; and all
// of them for none, which must pass.
func TestEachGuardHasATest(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "mutants.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-overlay", overlay(t), "-o", binary, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the mutants: %v\n%s", err, out)
	}
	play := func(ctx context.Context, mutant, test string) (string, error) {
		cmd := exec.CommandContext(ctx, binary, "-test.run", "^"+test+"$", "-test.timeout", "60s")
		cmd.Env = append(os.Environ(), "REBOUND_BREAKER_MUTANT="+mutant)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := play(t.Context(), "", "TestClass.*"); err != nil {
		t.Fatalf("without a mutant: %v\n%s", err, out)
	}
	list, err := exec.CommandContext(t.Context(), binary, "-test.list", "^TestClass").Output()
	if err != nil {
		t.Fatal(err)
	}
	for test := range strings.FieldsSeq(string(list)) {
		if !slices.ContainsFunc(mutants, func(m mutant) bool { return "TestClass"+m.class == test }) {
			t.Errorf("%s has no mutant", test)
		}
	}
	for _, m := range mutants {
		t.Run(m.class+"/"+m.name, func(t *testing.T) {
			t.Parallel()
			out, err := play(t.Context(), m.name, "TestClass"+m.class)
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() < 0 {
				t.Errorf("%v; the test should have failed\n%s", err, out)
			}
			if !strings.Contains(out, "TestClass"+m.class) {
				t.Errorf("another test failed:\n%s", out)
			}
		})
	}
}

// overlay is the file that tells the go command which files to read instead of ours.
func overlay(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"mutant.go": "package breaker\n\nimport \"os\"\n\nvar mutant = os.Getenv(\"REBOUND_BREAKER_MUTANT\")\n"}
	for _, m := range mutants {
		for _, e := range m.edits {
			if _, ok := files[e.file]; !ok {
				text, err := os.ReadFile(e.file)
				if err != nil {
					t.Fatal(err)
				}
				files[e.file] = string(text)
			}
			if n := strings.Count(files[e.file], e.from); n != 1 {
				t.Fatalf("mutant %q: %q is %d times in %s", m.name, e.from, n, e.file)
			}
			files[e.file] = strings.Replace(files[e.file], e.from, strings.ReplaceAll(e.to, "MUTANT", `(mutant == "`+m.name+`")`), 1)
		}
	}
	replace, to := map[string]string{}, t.TempDir()
	for name, text := range files {
		replace[filepath.Join(dir, name)] = filepath.Join(to, name)
		if err := os.WriteFile(filepath.Join(to, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(to, "overlay.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
