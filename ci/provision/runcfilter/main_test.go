package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhichFileIsFiltered(t *testing.T) {
	for _, c := range []struct {
		args, want string
	}{
		{"--root /r --log /l create --bundle /b --pid-file /p ID", "/b/config.json"},
		{"create --bundle=/b ID", "/b/config.json"},
		{"create ID", "config.json"},
		{"run -b /b ID", "/b/config.json"},
		{"--root /r exec --process /tmp/p.json --detach ID", "/tmp/p.json"},
		{"exec ID sh", ""},
		{"--root /r start ID", ""},
		{"kill ID create", ""},
		{"--version", ""},
	} {
		if file, _ := asked(strings.Fields(c.args)); file != c.want {
			t.Errorf("runc %s: filters %q, want %q", c.args, file, c.want)
		}
	}
}

func TestFilterTakesTheCapabilityAndKeepsTheRest(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.json")
	config := `{"ociVersion":"1.0.2","process":{"args":["a&b"],"oomScoreAdj":-999,"capabilities":{"bounding":["CAP_KILL","CAP_SYS_RESOURCE"],"effective":["CAP_SYS_RESOURCE"]},"rlimits":[{"hard":18446744073709551615}]}}`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	name, strip := asked([]string{"create", "--bundle", filepath.Dir(file)})
	if err := rewrite(name, strip); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"ociVersion":"1.0.2","process":{"args":["a&b"],"capabilities":{"bounding":["CAP_KILL"],"effective":[]},"rlimits":[{"hard":18446744073709551615}]}}` + "\n"
	if string(got) != want {
		t.Errorf("filtered\n%s\nwant\n%s", got, want)
	}
	if info, _ := os.Stat(file); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %s, want that of before", info.Mode())
	}
}

func TestFilterKeepsAPositiveScore(t *testing.T) {
	got, err := stripped([]byte(`{"oomScoreAdj":500,"capabilities":null}`), stripProcess)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"capabilities":null,"oomScoreAdj":500}` + "\n"; string(got) != want {
		t.Errorf("filtered %s, want %s", got, want)
	}
	if _, err := stripped([]byte("no json"), stripProcess); err == nil {
		t.Error("what is no JSON passes")
	}
}
