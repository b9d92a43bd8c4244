package arch

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The exported API of the leaves. Everything stands on them: a change here needs
// a line of reason in the commit that makes it.
var golden = []string{"fixtures/sut", "fixtures/sut/harm", "fixtures/sut/repair", "reports/timeline"}

func TestLeafAPIChangesOnlyOnPurpose(t *testing.T) {
	for _, leaf := range golden {
		t.Run(leaf, func(t *testing.T) {
			full := exec.CommandContext(t.Context(), "go", "doc", "-all", "./"+leaf)
			full.Dir = "../.."
			out, err := full.Output()
			if err != nil {
				t.Fatalf("go doc %s: %v", leaf, err)
			}
			got := declarations(out)
			file := filepath.Join("testdata", strings.ReplaceAll(leaf, "/", "_")+".api")
			if os.Getenv("UPDATE") != "" {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("the exported API of %s changed; if it must, run `make update` and say why in the commit.\n--- got\n%s\n--- want\n%s", leaf, got, want)
			}
		})
	}
}

// declarations keeps the code of go doc's output and drops the prose, which is
// indented by exactly four spaces or not part of a declaration.
func declarations(doc []byte) []byte {
	var out bytes.Buffer
	inside := false
	for line := range strings.Lines(string(doc)) {
		code := strings.TrimRight(line, "\n ")
		switch {
		case strings.HasPrefix(code, "func ") || strings.HasPrefix(code, "type ") || strings.HasPrefix(code, "const ") || strings.HasPrefix(code, "var "):
			inside = strings.HasSuffix(code, "{") || strings.HasSuffix(code, "(")
			out.WriteString(code + "\n")
		case inside:
			inside = !strings.HasPrefix(code, "}") && !strings.HasPrefix(code, ")")
			if trimmed := strings.TrimSpace(code); trimmed != "" && !strings.HasPrefix(trimmed, "//") {
				out.WriteString(strings.TrimRight(strings.Split(code, " // ")[0], " ") + "\n")
			}
		}
	}
	return out.Bytes()
}
