package healerstest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/healers"
)

// do carries an act out, in its own time.
func (m *Model) do(a healers.Act, done func(healers.Result)) {
	takes := map[healers.Verb]time.Duration{"restart": startTakes, "replace": replaceTake}[a.Verb]
	if m.Takes != nil {
		takes = cmp.Or(m.Takes(a), takes)
	}
	m.shell.After(cmp.Or(takes, actTakes), func() {
		if m.Answer != nil {
			if r := m.Answer(a); r != "" {
				if r != "lost" {
					done(r)
				}
				return
			}
		}
		done(m.carryOut(a))
	})
}

func (m *Model) carryOut(a healers.Act) healers.Result {
	if a.Verb == "scale" {
		return m.scale(a)
	}
	in := m.instances[a.Target.ID.Instance()]
	if a.Verb != healers.VerbNotify && a.Verb != healers.VerbPage && (in == nil || in.Incarnation != a.Target.Incarnation) {
		return healers.ResultRefused
	}
	m.Executed = append(m.Executed, Executed{a, m.shell.now})
	switch string(a.Verb) {
	case "restart":
		if in.Phase == sut.PhaseRunning {
			in.Exits++
		}
		m.begin(in)
		m.touch(in)
		m.ready(in)
	case "rotateIn", "rotateOut":
		in.Rotation = map[healers.Verb]sut.State{"rotateIn": sut.Yes, "rotateOut": sut.No}[a.Verb]
		m.touch(in)
	case "replace":
		n := 0
		m.each(in.Workload, func(other *instance) {
			if i, err := strconv.Atoi(string(other.ID[len(other.Workload)+1:])); err == nil {
				n = max(n, i+1)
			}
		})
		next := m.add(sut.Workload{Name: in.Workload, Role: in.Role, Labels: in.Labels}, sut.InstanceID(in.Workload, n))
		if in.Rotation == sut.Unknown {
			next.Rotation = sut.Unknown
		}
		m.touch(next)
		m.ready(next)
		delete(m.instances, in.ID)
		m.gone = append(m.gone, in.ID)
	default:
		return m.carryOutVolume(a)
	}
	return healers.ResultOK
}

func (m *Model) scale(a healers.Act) healers.Result {
	var args struct{ Replicas int }
	i := slices.IndexFunc(m.Workloads, func(w sut.Workload) bool { return sut.ID(w.Name) == a.Target.ID })
	if i < 0 || json.Unmarshal(a.Args, &args) != nil {
		return healers.ResultRefused
	}
	if m.Workloads[i].Desired == args.Replicas {
		return healers.ResultAlready
	}
	m.Executed = append(m.Executed, Executed{a, m.shell.now})
	m.Resize(m.Workloads[i].Name, args.Replicas)
	return healers.ResultOK
}

// Resize gives a workload as many instances, as somebody may who is not the engine: the
// newest go first.
func (m *Model) Resize(workload string, replicas int) {
	i := slices.IndexFunc(m.Workloads, func(w sut.Workload) bool { return w.Name == workload })
	if i < 0 {
		return
	}
	w := &m.Workloads[i]
	w.Desired, m.resized = replicas, true
	for n := range w.Desired {
		if id := sut.InstanceID(w.Name, n); m.instances[id] == nil {
			in := m.add(*w, id)
			m.touch(in)
			m.ready(in)
		}
	}
	for _, id := range m.Instances(w.Name)[min(w.Desired, len(m.Instances(w.Name))):] {
		delete(m.instances, id)
		m.gone = append(m.gone, id)
	}
}

func (m *Model) ready(in *instance) {
	lives := in.Incarnation
	m.shell.After(readyTakes, func() {
		if in.Incarnation == lives && in.Phase == sut.PhaseRunning && !in.spoiled {
			in.up = true
			m.probe(in)
		}
	})
}

func (m *Model) carryOutVolume(a healers.Act) healers.Result {
	v := m.volumes[a.Target.ID]
	if v == nil {
		return healers.ResultOK // a message
	}
	switch string(a.Verb) {
	case "cleanTemp":
		v.Used, v.Temp = v.Used-v.Temp, 0
	case "cleanLogs":
		v.Used, v.Logs = v.Used-v.Logs, 0
	case "expand":
		var args struct{ ByPercent int64 }
		if len(a.Args) > 0 && json.Unmarshal(a.Args, &args) != nil {
			return healers.ResultFailed
		}
		if v.Size >= v.Max {
			return healers.ResultAlready
		}
		v.Size = min(v.Size+v.Size*cmp.Or(args.ByPercent, 50)/100, v.Max)
	default:
		return healers.ResultOK
	}
	m.changed[a.Target.ID] = true
	return healers.ResultOK
}
