package main

import (
	"os"
	"path/filepath"
	"testing"
)

// The server that makes the database gets the arguments of the command, each as it was,
// and none that it had not.
func TestArgumentsOfPostgres(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"none":    {nil, "-c listen_addresses= -p 5432 "},
		"some":    {[]string{"-c", "log_line_prefix=%m %p"}, `-c log_line_prefix=%m\ %p -c listen_addresses= -p 5432 `},
		"nothing": {[]string{""}, "'' -c listen_addresses= -p 5432 "},
	} {
		t.Run(name, func(t *testing.T) {
			data, said := t.TempDir(), filepath.Join(t.TempDir(), "said")
			for _, name := range []string{"initdb", "psql", "postgres"} {
				program(t, name, "exit 0")
			}
			program(t, "id", "echo 999")
			program(t, "pg_ctl", `[ "$2" != start ] || printf %s "$4" >"$SAID"`)
			err := command{
				args: append([]string{"bash", "postgres/docker-entrypoint.sh", "postgres"}, c.args...),
				env:  []string{"PGDATA=" + data, "SAID=" + said, "POSTGRES_PASSWORD=x"},
			}.run(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(said); err != nil || string(got) != c.want {
				t.Errorf("options %q, %v, want %q", got, err, c.want)
			}
		})
	}
}
