package runbook

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
)

// ErrCondition is in every error about CEL that a person wrote.
var ErrCondition = errors.New("condition")

// costLimit bounds the work of one evaluation, in CEL's own unit. What a runbook
// asks costs some tens.
const costLimit = 100_000

// environment is made once: it costs milliseconds, and it is immutable.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	options := []cel.EnvOption{cel.CrossTypeNumericComparisons(true)}
	for _, n := range names {
		options = append(options, cel.Variable(n.name, n.kind))
	}
	return cel.NewEnv(options...)
})

// Condition is a compiled CEL expression that is true or false. The zero value,
// like a nil one and the empty expression, is true.
type Condition struct {
	text    string
	program cel.Program
}

// Compile checks an expression; its error says what is wrong and where. The
// empty expression is true.
func Compile(expr string) (*Condition, error) {
	if strings.TrimSpace(expr) == "" {
		return &Condition{}, nil
	}
	program, kind, err := compile(expr)
	if err != nil {
		return nil, err
	}
	if !kind.IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("%w %q: it is a %s, and must be true or false", ErrCondition, expr, kind)
	}
	return &Condition{text: expr, program: program}, nil
}

// Holds evaluates the condition. An error (a label that is not there, a division
// by zero) comes with false.
func (c *Condition) Holds(s *Scope) (bool, error) {
	if c == nil || c.program == nil {
		return true, nil
	}
	v, _, err := c.program.Eval(activation{s})
	if err != nil {
		return false, fmt.Errorf("%w %q: %w", ErrCondition, c.text, err)
	}
	holds, _ := v.Value().(bool)
	return holds, nil
}

// String is the expression as it was written.
func (c *Condition) String() string {
	if c == nil {
		return ""
	}
	return c.text
}

func compile(expr string) (cel.Program, *cel.Type, error) {
	env, err := environment()
	if err != nil {
		return nil, nil, fmt.Errorf("make the CEL environment: %w", err)
	}
	ast, issues := env.Compile(expr)
	if err := issues.Err(); err != nil {
		return nil, nil, fmt.Errorf("%w %q: %w (it may name %s)", ErrCondition, expr, err, strings.Join(Names(), ", "))
	}
	program, err := env.Program(ast, cel.CostLimit(costLimit))
	if err != nil {
		return nil, nil, fmt.Errorf("%w %q: %w", ErrCondition, expr, err)
	}
	return program, ast.OutputType(), nil
}
