package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// top is all that may stand at the root of the repository.
var top = []string{
	"README.md", "LICENSE", "Makefile", "go.mod", "go.sum",
	"scenarios", "faults", "healers", "assertions", "fixtures", "reports", "ci", "cmd", "docs",
	"bin", "out", // made, and not in the repository
}

func TestTopLevelIsFixed(t *testing.T) {
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(top, e.Name()) {
			t.Errorf("%s stands at the top level, where only %v may", e.Name(), top)
		}
	}
}

var bannedPackages = []string{"pkg", "internal", "util", "utils", "common", "types", "helper", "helpers", "manager", "base", "misc"}

func TestPackageNamesAndDocs(t *testing.T) {
	for path, p := range list(t) {
		for part := range strings.SplitSeq(path, "/") {
			if slices.Contains(bannedPackages, part) {
				t.Errorf("%s: the name %q says nothing", path, part)
			}
		}
		if p.Name != "main" && len(p.GoFiles) > 0 && filepath.Base(path) != p.Name {
			t.Errorf("%s holds package %s: name and folder must be equal", path, p.Name)
		}
		if len(p.GoFiles) == 0 {
			continue // tests alone
		}
		if p.Doc == "" {
			t.Errorf("%s has no package comment", path)
		}
		if !slices.Contains(p.GoFiles, "doc.go") && len(p.GoFiles) > 1 && p.Name != "main" {
			t.Errorf("%s has no doc.go", path)
		}
	}
}

var bannedIdentifier = regexp.MustCompile(`^(?:[a-zA-Z]*(?:Utils?|Helpers?|Manager|Impl)|Generic[A-Z]\w*|Base[A-Z]\w*|[cC]haos[A-Z]\w*)$`)

// maxParams is the most that a constructor may take.
const maxParams = 4

func TestIdentifiers(t *testing.T) {
	for path, p := range list(t) {
		for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			test := strings.HasSuffix(name, "_test.go")
			for _, decl := range file.Decls {
				switch d := decl.(type) {
				case *ast.FuncDecl:
					if bannedIdentifier.MatchString(d.Name.Name) {
						t.Errorf("%s/%s: func %s: the name says nothing", path, name, d.Name.Name)
					}
					if d.Name.Name == "init" && d.Recv == nil {
						t.Errorf("%s/%s has an init: register in builtin.go", path, name)
					}
					if strings.HasPrefix(d.Name.Name, "New") && !test && d.Type.Params.NumFields() > maxParams {
						t.Errorf("%s/%s: %s takes %d parameters; more than %d want a struct", path, name, d.Name.Name, d.Type.Params.NumFields(), maxParams)
					}
				case *ast.GenDecl:
					for _, spec := range d.Specs {
						if ts, ok := spec.(*ast.TypeSpec); ok && bannedIdentifier.MatchString(ts.Name.Name) {
							t.Errorf("%s/%s: type %s: the name says nothing", path, name, ts.Name.Name)
						}
					}
				}
			}
		}
	}
}
