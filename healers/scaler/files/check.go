package files

import (
	"fmt"
	"slices"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
)

// check finds what is well written and cannot be.
func (in *observations) check(doc *manifest.Doc) []manifest.Problem {
	c := checker{doc: doc}
	c.replicas("specReplicas", in.SpecReplicas)
	c.replicas("statusReplicas", in.StatusReplicas)
	names := map[string]bool{}
	for i := range in.Pods {
		p, at := &in.Pods[i], fmt.Sprintf("pods[%d]", i)
		if names[p.Name] {
			c.add(at+".name", "there are two pods named %s", p.Name)
		}
		names[p.Name] = true
		c.pod(at, p)
	}
	for i, e := range in.External {
		at := fmt.Sprintf("external[%d]", i)
		c.named(at+".metric", e.Metric)
		for j, q := range e.Values {
			if q == nil {
				c.add(fmt.Sprintf("%s.values[%d]", at, j), "expected a quantity; a series that is missing is left out")
			}
		}
	}
	for i, o := range in.Object {
		c.named(fmt.Sprintf("object[%d].metric", i), o.Metric)
	}
	for i := range in.History.Recommendations {
		c.replicas(fmt.Sprintf("history.recommendations[%d].replicas", i), &in.History.Recommendations[i].Replicas)
	}
	c.changes("history.scaleUps", "grew", in.History.ScaleUps)
	c.changes("history.scaleDowns", "shrank", in.History.ScaleDowns)
	for i, f := range in.History.Failures {
		c.named(fmt.Sprintf("history.failures[%d].metric", i), f.Metric)
	}
	if s := in.History.Spent; s != nil && s.Hours < 0 {
		c.add("history.spent.hours", "expected replica-hours of at least 0, got %g", s.Hours)
	}
	return c.found
}

// checker gathers what is found.
type checker struct {
	doc   *manifest.Doc
	found []manifest.Problem
}

func (c *checker) add(at, format string, args ...any) {
	c.found = append(c.found, c.doc.Problem(at, format, args...))
}

var phases = []string{"", "Pending", "Running", "Succeeded", "Failed", "Unknown"}

func (c *checker) pod(at string, p *pod) {
	c.named(at+".name", p.Name)
	if !slices.Contains(phases, p.Phase) {
		c.add(at+".phase", "expected Pending, Running, Succeeded, Failed or Unknown, got %q", p.Phase)
	}
	c.requests(at, p.Requests)
	for j := range p.Containers {
		container := fmt.Sprintf("%s.containers[%d]", at, j)
		c.named(container+".name", p.Containers[j].Name)
		c.requests(container, p.Containers[j].Requests)
	}
}

func (c *checker) requests(at string, of quantities) {
	for name, q := range of {
		if q != nil && q.Sign() < 0 {
			c.add(fmt.Sprintf("%s.requests.%s", at, name), "expected a quantity of at least 0, got %s", q.String())
		}
	}
}

// named: an element that is null, or has an empty name, is a mistake.
func (c *checker) named(at, name string) {
	if name == "" {
		c.add(at, "expected a name, got none")
	}
}

func (c *checker) replicas(at string, n *int32) {
	if n != nil && *n < 0 {
		c.add(at, "expected a number of replicas, got %d", *n)
	}
}

func (c *checker) changes(at, verb string, of []change) {
	for i := range of {
		if n := of[i].Change; n <= 0 {
			c.add(fmt.Sprintf("%s[%d].change", at, i), "expected by how many it %s, more than 0, got %d", verb, n)
		}
	}
}
