package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// A command inside of an instance can do anything, also what mends a fault by the
// back door: of all healers the probes alone may run one.
func TestOnlyProbesRunCommands(t *testing.T) {
	found := false
	for path, p := range list(t) {
		if !in(path, "healers/...") {
			continue
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok || s.Sel.Name != "CanExec" && s.Sel.Name != "Execer" {
					return true
				}
				if path != "healers/probe" {
					t.Errorf("%s/%s uses %s: of the healers only healers/probe may", path, name, s.Sel.Name)
				}
				found = true
				return true
			})
		}
	}
	if !found {
		t.Error("nobody runs commands, and the rule holds for nothing")
	}
}
