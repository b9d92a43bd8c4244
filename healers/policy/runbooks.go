package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
)

func compileRunbook(doc *manifest.Doc) (Runbook, error) {
	var f RunbookFile
	err := doc.Decode(&f)
	c := &compiler{doc: doc, found: manifest.CheckHead(doc, f.APIVersion, f.Kind, "Runbook", f.Metadata)}
	r := Runbook{Name: f.Metadata.Name, Trigger: f.Spec.Trigger}
	c.condition("spec.trigger", f.Spec.Trigger, true)
	for i, s := range f.Spec.Scope {
		r.Scope = append(r.Scope, c.selector(fmt.Sprintf("spec.scope[%d]", i), s))
	}
	if len(f.Spec.Steps) == 0 {
		c.add("spec.steps", "expected at least one step")
	}
	for i, s := range f.Spec.Steps {
		r.Steps = append(r.Steps, c.step(fmt.Sprintf("spec.steps[%d]", i), s))
	}
	return r, manifest.Join(err, c.found...)
}

// The arguments of the verbs, in the JSON that fixtures/sut/repair reads: times
// are nanoseconds there. A test holds them together.
type (
	cleanLogsArgs struct {
		OlderThan time.Duration `json:"olderThan"`
	}
	expandArgs struct {
		ByPercent int `json:"byPercent,omitempty"`
	}
	textArgs struct {
		Text string `json:"text"`
	}
)

func (c *compiler) step(at string, s StepSpec) RunbookStep {
	out := RunbookStep{If: s.If, Until: s.Until, Within: time.Duration(s.Within)}
	var taken []string
	take := func(verb string, args any) {
		taken = append(taken, verb)
		raw, err := json.Marshal(args)
		if err != nil { // only a programmer can bring this about
			c.add(at+"."+verb, "%v", err)
			return
		}
		out.Verb, out.Args = verb, raw
	}
	if s.CleanTemp != nil {
		take("cleanTemp", struct{}{})
	}
	if l := s.CleanLogs; l != nil {
		take("cleanLogs", cleanLogsArgs{OlderThan: time.Duration(l.OlderThan)})
	}
	if e := s.Expand; e != nil {
		if e.ByPercent < 0 || e.ByPercent > 1000 {
			c.add(at+".expand.byPercent", "expected a percentage from 1 to 1000, got %d", e.ByPercent)
		}
		take("expand", expandArgs{ByPercent: e.ByPercent})
	}
	for _, m := range []struct {
		verb string
		text *TextSpec
	}{{"notify", s.Notify}, {"page", s.Page}} {
		if m.text == nil {
			continue
		}
		field := at + "." + m.verb + ".text"
		if strings.TrimSpace(m.text.Text) == "" {
			c.add(field, "expected a text for people")
		}
		c.template(field, m.text.Text)
		take(m.verb, textArgs{Text: m.text.Text})
		if s.Until != "" {
			c.add(at+".until", "a message changes nothing, so it has no goal")
		}
	}
	if len(taken) != 1 {
		const all = "cleanTemp, cleanLogs, expand, notify, page"
		if len(taken) == 0 {
			c.add(at, "expected one of %s; write {} behind a verb without arguments", all)
		} else {
			c.add(at, "expected one of %s, got %s", all, strings.Join(taken, " and "))
		}
	}
	c.condition(at+".if", s.If, false)
	c.condition(at+".until", s.Until, false)
	if s.Within > 0 && s.Until == "" {
		c.add(at+".within", "needs until: it is the time for that to come true")
	}
	if out.Within == 0 && out.Until != "" {
		out.Within = 5 * time.Second
	}
	return out
}
