package healers

import (
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// explainMost bounds every list of an [Explanation]. The newest are kept.
const explainMost = 50

// Explanation is what the records say of one target: what is the matter, what is
// done about it, and why not more. Every list is in order of time and bounded; none
// is nil. Times are those of the records. The zero value is of no record at all.
type Explanation struct {
	// Target is what was asked about: an instance with its volumes, a workload or a
	// node by name, a volume.
	Target sut.ID `json:"target"`
	// Seq and At are those of the last record: what is open is open then.
	Seq uint64        `json:"seq"`
	At  time.Duration `json:"at"`
	// Findings are open: what is the matter.
	Findings []Condition `json:"findings"`
	// Works are under way: what is done, or waited for.
	Works []Progress `json:"works"`
	// Acts are what was done.
	Acts []Deed `json:"acts"`
	// Over are the findings, and Ended the works, that are no longer open.
	Over  []Condition `json:"over"`
	Ended []Progress  `json:"ended"`
	// Held are the guard's answers that were not to allow: why nothing was done.
	Held []Answer `json:"held"`
	// Awaited are such answers about others that hang on the target.
	Awaited []Answer `json:"awaited"`
	// Messages are what people were told.
	Messages []Deed `json:"messages"`
	// Orders are what people told the engine, whatever it was about.
	Orders []Order `json:"orders"`
	// Sizes are the decisions about how many instances a workload is to have, each of which
	// was another than the one before.
	Sizes []Sizing `json:"sizes"`
	// Others are further targets that have something on record, by name, where there
	// is nothing of this one.
	Others []sut.ID `json:"others"`
	// Omitted is how many older entries the lists leave out.
	Omitted int `json:"omitted"`
}

// Condition is a finding.
type Condition struct {
	Seq uint64 `json:"seq"`
	Finding
	// Until is when it was over; 0: it is open.
	Until time.Duration `json:"until,omitempty"`
}

// Progress is a work.
type Progress struct {
	Seq     uint64        `json:"seq"`
	Work    WorkID        `json:"work"`
	At      time.Duration `json:"at"`
	Healer  string        `json:"healer"`
	Runbook string        `json:"runbook,omitempty"`
	Finding FindingKind   `json:"finding"`
	Target  sut.Target    `json:"target"`
	State   WorkState     `json:"state"`
	Reason  string        `json:"reason,omitempty"`
	// Verb is that of the step it is at, and Deadline when it gives that up; 0: never.
	Verb     Verb          `json:"verb,omitempty"`
	Deadline time.Duration `json:"deadline,omitempty"`
	// Answer is the guard's last about this step. nil: it was not asked.
	Answer *Answer `json:"answer,omitempty"`
	// Until is when it ended; 0: it is under way.
	Until time.Duration `json:"until,omitempty"`
}

// Deed is an act and how it ended.
type Deed struct {
	Seq uint64        `json:"seq"`
	At  time.Duration `json:"at"`
	Act
	// Result is empty while nobody knows it; Until is when it came.
	Result Result        `json:"result,omitempty"`
	Detail string        `json:"detail,omitempty"`
	Until  time.Duration `json:"until,omitempty"`
}

// Answer is the guard's, with the values that it compared the last time.
type Answer struct {
	Seq uint64        `json:"seq"`
	At  time.Duration `json:"at"`
	Decision
	// Word is the decision's effect: deny, defer, ask or allow.
	Word string `json:"effect"`
	// Times is how often it was given and put on record since First, about the same
	// act, by the same rule.
	Times int           `json:"times"`
	First time.Duration `json:"first"`
}

// Sizing is a decision about how many instances a workload is to have, by its newest record.
type Sizing struct {
	Seq uint64        `json:"seq"`
	At  time.Duration `json:"at"`
	Scale
	// Times is how often in a row it was made since First.
	Times int           `json:"times"`
	First time.Duration `json:"first"`
}

// Order is a command of a person.
type Order struct {
	Seq uint64        `json:"seq"`
	At  time.Duration `json:"at"`
	Command
	// Refused is why it changed nothing. Empty: it was followed.
	Refused string `json:"refused,omitempty"`
}

// Shift is the record with all its times moved, for a reader with another clock.
func (r Record) Shift(by time.Duration) Record {
	r.At += by
	if r.Finding != nil {
		f := *r.Finding
		f.Since += by
		r.Finding = &f
	}
	if r.Decision != nil {
		d := *r.Decision
		move(&d.Until, by)
		r.Decision = &d
	}
	if r.Act != nil {
		a := *r.Act
		move(&a.Deadline, by)
		r.Act = &a
	}
	if r.Change != nil {
		c := *r.Change
		move(&c.Deadline, by)
		r.Change = &c
	}
	return r
}

// move moves a time, of which 0 means that there is none.
func move(at *time.Duration, by time.Duration) {
	if *at != 0 {
		*at += by
	}
}
