package metric

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// path leads to a part of a JSON document: a string names a field, an int counts in a list.
type path []any

// mostSteps is deeper than any document that people write paths into.
const mostSteps = 64

// parsePath reads a path: names with dots between them, [2] for an element of a list, and
// ["a.b"] for a name that holds what paths are made of. Empty: the whole document.
func parsePath(s string) (path, error) {
	var p path
	for rest := s; rest != ""; {
		var step any
		var err error
		switch {
		case len(p) == mostSteps:
			return nil, fmt.Errorf("more than %d steps", mostSteps)
		case rest[0] == '[':
			step, rest, err = bracketed(rest[1:])
		case rest[0] == '.' && len(p) > 0:
			step, rest, err = named(rest[1:])
		case len(p) == 0:
			step, rest, err = named(rest)
		default:
			err = fmt.Errorf("expected . or [ before %q", rest)
		}
		if err != nil {
			return nil, err
		}
		p = append(p, step)
	}
	return p, nil
}

func named(s string) (any, string, error) {
	end := strings.IndexAny(s, ".[]\"")
	if end < 0 {
		end = len(s)
	}
	if end == 0 {
		return nil, "", fmt.Errorf("expected a name, got %q", s)
	}
	return s[:end], s[end:], nil
}

func bracketed(s string) (any, string, error) {
	if strings.HasPrefix(s, `"`) {
		text, err := strconv.QuotedPrefix(s)
		if err != nil {
			return nil, "", fmt.Errorf("expected a name in quotes, got %q", s)
		}
		name, err := strconv.Unquote(text)
		rest, closed := strings.CutPrefix(s[len(text):], "]")
		if err != nil || !closed {
			return nil, "", fmt.Errorf("expected a name in quotes and ], got %q", s)
		}
		return name, rest, nil
	}
	text, rest, closed := strings.Cut(s, "]")
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil || !closed {
		return nil, "", fmt.Errorf("expected a number from 0 and ], got %q", s)
	}
	return int(n), rest, nil
}

// in is the part of a document to which the path leads.
func (p path) in(v any) (any, error) {
	for i, step := range p {
		switch step := step.(type) {
		case string:
			object, ok := v.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("%sexpected an object, got %s", p[:i].before(), kindOf(v))
			}
			if v, ok = object[step]; !ok {
				return nil, fmt.Errorf("there is no %s in the answer", p[:i+1])
			}
		case int:
			list, ok := v.([]any)
			if !ok {
				return nil, fmt.Errorf("%sexpected a list, got %s", p[:i].before(), kindOf(v))
			}
			if step >= len(list) {
				return nil, fmt.Errorf("there is no %s in the answer", p[:i+1])
			}
			v = list[step]
		default:
			return nil, errors.New("a path is made of names and numbers")
		}
	}
	return v, nil
}

// String is a path that parsePath reads again.
func (p path) String() string {
	var b strings.Builder
	for i, step := range p {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", step)
		case string:
			if q := strconv.Quote(step); step == "" || strings.ContainsAny(step, ".[]") || len(q) != len(step)+2 {
				b.WriteString("[" + q + "]")
				continue
			}
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step)
		}
	}
	return b.String()
}

// before is the path in front of what is said of the part there.
func (p path) before() string {
	if len(p) == 0 {
		return ""
	}
	return p.String() + ": "
}
