package render

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Scaling is how one workload was scaled, in result.json.
type Scaling struct {
	Workload string `json:"workload"`
	// Min and Max are the bounds of its policy; both 0: it has none.
	Min int `json:"min"`
	Max int `json:"max"`
	// Desired is how many replicas were asked for, from each moment on.
	Desired []Desired `json:"desired"`
	// PeakReady is the most that were ready at once.
	PeakReady int `json:"peakReady"`
	// Turns counts how often the direction changed: up and then down is one.
	Turns int `json:"turns"`
}

// Desired is how many replicas were asked for from a moment on, on the run's clock.
type Desired struct {
	AtSeconds float64 `json:"atSeconds"`
	Replicas  int     `json:"replicas"`
}

func (u *Run) scalings() []Scaling {
	var all []Scaling
	for _, r := range u.story.scaled {
		s := Scaling{Workload: r.id, Min: r.min, Max: r.max, Desired: []Desired{}, PeakReady: r.most, Turns: r.turns()}
		for _, d := range r.desired {
			s.Desired = append(s.Desired, Desired{AtSeconds: float64(d.at.Round(time.Millisecond).Milliseconds()) / 1000, Replicas: d.to})
		}
		all = append(all, s)
	}
	return all
}

// scaledWorkloads are those that were scaled in a run or in its control, the one that
// changed most first.
func (u Run) scaledWorkloads() []string {
	var all []string
	for _, v := range []*Run{&u, u.Control} {
		if v == nil {
			continue
		}
		for _, r := range v.story.scaled {
			if !slices.Contains(all, r.id) {
				all = append(all, r.id)
			}
		}
	}
	return all
}

// replicasOf is nil where the run tells nothing of the workload.
func (u *Run) replicasOf(id string) *replicas {
	if u == nil {
		return nil
	}
	i := slices.IndexFunc(u.story.replicas, func(r *replicas) bool { return r.id == id })
	if i < 0 {
		return nil
	}
	return u.story.replicas[i]
}

// replicaNumbers are rows for the workloads that were scaled; none where none was.
func (u Run) replicaNumbers() []number {
	var rows []number
	for _, id := range u.scaledWorkloads() {
		one := func(u *Run) [3]string {
			r := u.replicasOf(id)
			if u == nil || r == nil {
				return [3]string{none, none, none}
			}
			return [3]string{r.way(), r.peak(u.Judgement.Recovery.InjectedAt), strconv.Itoa(r.turns())}
		}
		healed, control := one(&u), one(u.Control)
		if u.Control == nil {
			control = [3]string{}
		}
		for i, n := range []number{
			{Name: "Replicas of " + workloadName(id), Explain: "how many were asked for: at first, at each turn, at last"},
			{Name: "Most ready at once", Explain: "and how long after the confirmed fault they first were"},
			{Name: "Turns", Explain: "of the direction of scaling: up and then down is one"},
		} {
			n.Healed, n.Control = healed[i], control[i]
			rows = append(rows, n)
		}
	}
	return rows
}

// maxWay is what of a row fits the columns of a terminal.
const maxWay = 22

// way is how many were asked for, from turn to turn.
func (r *replicas) way() string {
	peaks := r.peaks()
	words := make([]string, len(peaks))
	for i, n := range peaks {
		words[i] = count(n)
	}
	if len(words) == 1 {
		return "stayed " + words[0]
	}
	for utf8.RuneCountInString(strings.Join(words, " → ")) > maxWay && len(words) > 3 {
		last := words[len(words)-1]
		keep := len(words) - 2
		if words[len(words)-2] == "…" {
			keep--
		}
		words = append(slices.Clone(words[:keep]), "…", last)
	}
	return strings.Join(words, " → ")
}

// peak is the most that were ready, and when they first were, if that was after the fault.
func (r *replicas) peak(hit *time.Duration) string {
	words := count(r.most)
	if hit != nil && r.mostAt > *hit {
		words += " after " + seconds(r.mostAt-*hit)
	}
	return words
}
