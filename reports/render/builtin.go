package render

// Builtin lists the renderers, by name.
func Builtin() []Definition {
	return []Definition{
		{Name: "html", Summary: "one self-contained page with charts", File: "report.html", Render: HTML},
		{Name: "json", Summary: "the result for programs", File: "result.json", Render: JSON},
		{Name: "junit", Summary: "test results for CI systems", File: "junit.xml", Render: JUnit},
		{Name: "markdown", Summary: "a summary for a CI step", File: "summary.md", Render: Markdown},
		{Name: "text", Summary: "plain text for a terminal", Render: Text},
	}
}

// Lookup finds a renderer by its name.
func Lookup(name string) (Definition, bool) {
	for _, d := range Builtin() {
		if d.Name == name {
			return d, true
		}
	}
	return Definition{}, false
}
