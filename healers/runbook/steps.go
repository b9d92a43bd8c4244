package runbook

import "time"

// Definition is a step that a runbook may take.
type Definition struct {
	Name    string
	Summary string
	// Args is the zero value of its arguments, for documentation and strict checks.
	Args any
	// Acts: it touches the system; else it only tells people.
	Acts bool
}

// None are the arguments of a step that has none.
type None struct{}

// CleanLogs are the arguments of cleanLogs.
type CleanLogs struct {
	// OlderThan is how long ago a log must have been written last to be deleted.
	OlderThan time.Duration `json:"olderThan"`
}

// Expand are the arguments of expand.
type Expand struct {
	// ByPercent of the present size; 0 means 50.
	ByPercent int `json:"byPercent,omitempty"`
}

// Text are the arguments of notify and page.
type Text struct {
	// Text is what people are told; ${...} holds CEL.
	Text string `json:"text"`
}

// Steps lists the steps, sorted by name.
func Steps() []Definition {
	return []Definition{
		{Name: "cleanLogs", Summary: "delete log files of the volume that were last written before a time", Args: CleanLogs{}, Acts: true},
		{Name: "cleanTemp", Summary: "delete the temporary files of the volume", Args: None{}, Acts: true},
		{Name: "expand", Summary: "make the volume larger, to at most the largest size it declares", Args: Expand{}, Acts: true},
		{Name: "notify", Summary: "tell people", Args: Text{}},
		{Name: "page", Summary: "wake a person", Args: Text{}},
	}
}

// Lookup finds a step by its name.
func Lookup(name string) (Definition, bool) {
	for _, d := range Steps() {
		if d.Name == name {
			return d, true
		}
	}
	return Definition{}, false
}
