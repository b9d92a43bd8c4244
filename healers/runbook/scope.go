package runbook

import (
	"cel.dev/cel-go/cel"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// Scope is what a condition is asked about. A name that does not apply has its
// zero value: volume.size is 0 for an instance.
type Scope struct {
	Volume   sut.Volume
	Instance sut.Instance
	Ready    bool // as the engine sees it: its readiness probe, else the platform
	Live     bool // its liveness probe does not fail, and it runs
	// Changed: the incarnation that was acted on is over and another one lives.
	Changed bool
	// Gone: the target no longer exists.
	Gone bool
	// Succeeded: an instance that came after the act is ready in its place.
	Succeeded bool
	// Done lists what the work has done so far, in order.
	Done []string
}

// names are the words of a condition, each with its type and its value.
var names = []struct {
	name  string
	kind  *cel.Type
	value func(s *Scope) any
}{
	{"changed", cel.BoolType, func(s *Scope) any { return s.Changed }},
	{"done", cel.ListType(cel.StringType), func(s *Scope) any { return s.Done }},
	{"gone", cel.BoolType, func(s *Scope) any { return s.Gone }},
	{"instance.exits", cel.IntType, func(s *Scope) any { return int64(s.Instance.Exits) }},
	{"instance.id", cel.StringType, func(s *Scope) any { return string(s.Instance.ID) }},
	{"instance.labels", cel.MapType(cel.StringType, cel.StringType), func(s *Scope) any { return s.Instance.Labels }},
	{"instance.live", cel.BoolType, func(s *Scope) any { return s.Live }},
	{"instance.node", cel.StringType, func(s *Scope) any { return s.Instance.Node }},
	{"instance.ready", cel.BoolType, func(s *Scope) any { return s.Ready }},
	{"instance.role", cel.StringType, func(s *Scope) any { return s.Instance.Role }},
	{"instance.rotation", cel.StringType, func(s *Scope) any { return string(s.Instance.Rotation) }},
	{"instance.running", cel.BoolType, func(s *Scope) any { return s.Instance.Phase == sut.PhaseRunning }},
	{"instance.workload", cel.StringType, func(s *Scope) any { return s.Instance.Workload }},
	{"instance.zone", cel.StringType, func(s *Scope) any { return s.Instance.Zone }},
	{"succeeded", cel.BoolType, func(s *Scope) any { return s.Succeeded }},
	{"volume.freeBytes", cel.IntType, func(s *Scope) any { return max(s.Volume.Size-s.Volume.Used, 0) }},
	{"volume.id", cel.StringType, func(s *Scope) any { return string(s.Volume.ID) }},
	{"volume.max", cel.IntType, func(s *Scope) any { return s.Volume.Max }},
	{"volume.size", cel.IntType, func(s *Scope) any { return s.Volume.Size }},
	{"volume.used", cel.IntType, func(s *Scope) any { return s.Volume.Used }},
	{"volume.usedPercent", cel.IntType, func(s *Scope) any { return int64(s.Volume.UsedPercent()) }},
}

// Names lists the words that conditions and texts may use, sorted.
func Names() []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = n.name
	}
	return out
}

// activation hands a scope to CEL without building a map of it.
type activation struct{ scope *Scope }

func (a activation) ResolveName(name string) (any, bool) {
	for i := range names {
		if names[i].name == name {
			return names[i].value(a.scope), true
		}
	}
	return nil, false
}

func (activation) Parent() cel.Activation { return nil }
