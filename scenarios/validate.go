package scenarios

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// Validate finds everything that is wrong with a scenario, at once, and starts
// nothing. Its error is [manifest.Problems].
func (s *Scenario) Validate() error { return manifest.Join(nil, s.problems()...) }

// judge gathers problems. It takes its positions from the file, if there is one.
type judge struct {
	s     *Scenario
	doc   *manifest.Doc
	found manifest.Problems
}

func (s *Scenario) problems() manifest.Problems {
	j := &judge{s: s, doc: s.doc}
	apiVersion, kind := s.APIVersion, s.Kind
	if j.doc == nil {
		j.doc = &manifest.Doc{}
		if apiVersion == "" {
			apiVersion = manifest.APIVersion
		}
		if kind == "" {
			kind = Kind
		}
	}
	j.found = manifest.CheckHead(j.doc, apiVersion, kind, Kind, s.Metadata)
	j.load()
	for i, b := range s.Spec.SteadyState {
		j.sli(fmt.Sprintf("spec.steadyState[%d]", i), b, false)
	}
	j.faults()
	j.healing()
	j.expect()
	j.control()
	for i, b := range s.Spec.Stop.When {
		j.sli(fmt.Sprintf("spec.stop.when[%d]", i), b, true)
	}
	return j.found
}

func (j *judge) add(field, format string, args ...any) {
	j.found = append(j.found, j.doc.Problem(field, format, args...))
}

func (j *judge) load() {
	l := j.s.Spec.Load
	if l.Rate <= 0 {
		j.add("spec.load.rate", "expected a rate over 0, like 200/s")
	}
	if len(l.Requests) == 0 {
		j.add("spec.load.requests", "expected at least one request")
	}
	for i, r := range l.Requests {
		at := fmt.Sprintf("spec.load.requests[%d]", i)
		if !strings.HasPrefix(r.Path, "/") {
			j.add(at+".path", "expected a path that begins with /, got %q", r.Path)
		}
		if r.Method != strings.ToUpper(r.Method) {
			j.add(at+".method", "expected a method in capitals, got %q", r.Method)
		}
		if r.Weight < 0 {
			j.add(at+".weight", "expected a number that is not negative, got %d", r.Weight)
		}
		if r.ReadBack != "" && (!strings.HasPrefix(r.ReadBack, "/") || !strings.Contains(r.ReadBack, "${id}")) {
			j.add(at+".readBack", "expected a path with ${id}, like /orders/${id}, got %q", r.ReadBack)
		}
	}
}

func (j *judge) sli(at string, b SLI, stop bool) {
	switch b.SLI {
	case "success":
		if b.Percentile != 0 || b.AtMost != 0 {
			j.add(at, "percentile and atMost are for latency")
		}
		if !stop && (b.AtLeast == 0 || b.Below != 0) {
			j.add(at, "expected atLeast, like {sli: success, atLeast: 99%%}")
		}
		if stop && (b.Below == 0 || b.AtLeast != 0) {
			j.add(at, "expected below, like {sli: success, below: 1%%, for: 40s}")
		}
	case "latency":
		if b.AtLeast != 0 || b.Below != 0 {
			j.add(at, "atLeast and below are for success")
		}
		if !(b.Percentile > 0 && b.Percentile <= 100) || math.IsNaN(b.Percentile) {
			j.add(at+".percentile", "expected a number over 0, up to 100, got %g", b.Percentile)
		}
		if b.AtMost == 0 {
			j.add(at+".atMost", "expected a duration with a unit, like 250ms")
		}
	default:
		j.add(at+".sli", "expected success or latency, got %q", b.SLI)
	}
	if !stop && b.For != 0 {
		j.add(at+".for", "for is for stop conditions")
	}
}

func (j *judge) faults() {
	if len(j.s.Spec.Faults) == 0 {
		j.add("spec.faults", "expected at least one fault")
	}
	for i, f := range j.s.Spec.Faults {
		j.arguments(fmt.Sprintf("spec.faults[%d]", i), f)
	}
	system, err := j.s.System("process", false)
	if err != nil {
		j.refer("spec.system", err)
		return
	}
	j.links(system)
	j.traffic(system)
	j.oneLoad()
	j.env("spec.env", j.s.Spec.Env, system)
	_, err = faults.Plan(j.s.specs(), 0, system.Snapshot())
	for _, one := range split(err) {
		var spec *faults.SpecError
		if !errors.As(one, &spec) {
			j.add("spec.faults", "%v", one)
			continue
		}
		field := fmt.Sprintf("spec.faults[%d]", spec.Spec)
		if spec.Field == "args" {
			// Said already, and better, where there is a file.
			if !slices.ContainsFunc(j.found, func(p manifest.Problem) bool { return strings.HasPrefix(p.Field, field+".") }) {
				j.add(field, "%v", spec.Err)
			}
			continue
		}
		text := spec.Err.Error()
		if spec.Field == "fault" {
			text = unknown("fault", j.s.Spec.Faults[spec.Spec].Fault, faultNames())
		}
		if spec.Field == "target.workload" && errors.Is(spec.Err, faults.ErrNoTarget) {
			text = unknown("workload", j.s.Spec.Faults[spec.Spec].Target.Workload, workloadNames(system))
		}
		j.add(field+"."+spec.Field, "%s", text)
	}
}

// arguments checks a fault's own arguments by their type, with positions.
func (j *judge) arguments(at string, f Fault) {
	def, ok := faults.Lookup(f.Fault)
	if !ok {
		return
	}
	general, own := manifest.FieldNames(Fault{}), manifest.FieldNames(def.Args)
	passed := slices.Clone(general)
	for name := range f.Args {
		if slices.Contains(own, name) {
			continue
		}
		passed = append(passed, name)
		text := "unknown field"
		if near := manifest.Nearest(name, append(slices.Clone(general), own...)); near != "" {
			text += "; did you mean " + near + "?"
		} else if len(own) > 0 {
			text += "; " + f.Fault + " has " + strings.Join(own, ", ")
		}
		j.add(at+"."+name, "%s", text)
	}
	j.typed(at, def.Args, passed...)
}

// links: a link that the system does not declare carries nothing to break.
func (j *judge) links(system *manifest.System) {
	for i, f := range j.s.Spec.Faults {
		def, ok := faults.Lookup(f.Fault)
		from, known := system.WorkloadNamed(f.Target.Workload)
		if !ok || !known || def.Of != sut.KindLink || f.Target.To == "" {
			continue
		}
		if _, there := system.WorkloadNamed(f.Target.To); there && !slices.Contains(from.Links, f.Target.To) {
			j.add(fmt.Sprintf("spec.faults[%d].target.to", i), "expected a workload that %s has a link to (%s), got %q", from.Name, strings.Join(from.Links, ", "), f.Target.To)
		}
	}
}

func (j *judge) healing() {
	if t := j.s.Spec.Healing.Trust; t != "" && t != "actAndNotify" {
		j.add("spec.healing.trust", "expected actAndNotify, got %q: other levels of trust are not there yet", t)
	}
	if _, _, err := j.s.Policy("process", false); err != nil {
		j.refer("spec.healing.policy", err)
	}
}

// refer reports what is wrong with a file that a field names: at the field when
// the file cannot be found, else where it is wrong.
func (j *judge) refer(field string, err error) {
	var all manifest.Problems
	if !errors.As(err, &all) {
		j.add(field, "%v", err)
		return
	}
	for _, p := range all {
		if p.Line == 0 {
			j.add(field, "%s", p.Error())
			continue
		}
		j.found = append(j.found, p)
	}
}

func split(err error) []error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		return many.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func unknown(what, name string, known []string) string {
	text := fmt.Sprintf("expected a %s (%s), got %q", what, strings.Join(known, ", "), name)
	if near := manifest.Nearest(name, known); near != "" {
		text += "; did you mean " + near + "?"
	}
	return text
}

func faultNames() []string {
	var all []string
	for _, d := range faults.Builtin() {
		all = append(all, d.Name)
	}
	return all
}

func workloadNames(s *manifest.System) []string {
	var all []string
	for _, w := range s.Spec.Workloads {
		all = append(all, w.Name)
	}
	return all
}
