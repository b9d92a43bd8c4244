package runbook

import (
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Template is a text in which ${...} holds a CEL expression; $${ is a plain ${.
type Template struct {
	parts []part
}

type part struct {
	text    string // where program is nil
	program cel.Program
}

// ParseTemplate checks a text; its error says which expression is wrong and why.
func ParseTemplate(text string) (*Template, error) {
	t := &Template{}
	for text != "" {
		i := strings.Index(text, "${")
		if i < 0 {
			t.literal(text)
			break
		}
		if i > 0 && text[i-1] == '$' {
			t.literal(text[:i-1] + "${")
			text = text[i+2:]
			continue
		}
		t.literal(text[:i])
		expr, rest, ok := untilBrace(text[i+2:])
		if !ok {
			return nil, fmt.Errorf("%w %q: ${ is not closed", ErrCondition, text[i:])
		}
		program, _, err := compile(expr)
		if err != nil {
			return nil, err
		}
		t.parts = append(t.parts, part{program: program})
		text = rest
	}
	return t, nil
}

// Render fills the text in. An expression that cannot be evaluated shows as (?):
// a page with a hole is better than none.
func (t *Template) Render(s *Scope) string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.program == nil {
			b.WriteString(p.text)
			continue
		}
		v, _, err := p.program.Eval(activation{s})
		if err != nil {
			b.WriteString("(?)")
			continue
		}
		b.WriteString(say(v))
	}
	return b.String()
}

func (t *Template) literal(text string) {
	if text != "" {
		t.parts = append(t.parts, part{text: text})
	}
}

// say writes a value as people do: a list as "a, b".
func say(v ref.Val) string {
	list, ok := v.(traits.Lister)
	if !ok {
		return fmt.Sprint(v.Value())
	}
	n, _ := list.Size().Value().(int64)
	said := make([]string, 0, n)
	for i := range n {
		said = append(said, say(list.Get(types.Int(i))))
	}
	return strings.Join(said, ", ")
}

// untilBrace cuts s at the brace that closes it, past braces of its own and
// those in strings.
func untilBrace(s string) (expr, rest string, ok bool) {
	depth, quote := 0, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '{':
			depth++
		case c == '}' && depth == 0:
			return s[:i], s[i+1:], true
		case c == '}':
			depth--
		}
	}
	return "", "", false
}
