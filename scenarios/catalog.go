package scenarios

import (
	"embed"
	"io/fs"
	"path"
	"sort"
	"strings"
)

//go:embed catalog/*.yaml policies/*.yaml runbooks/*.yaml
var embedded embed.FS

// Names lists the catalogue, sorted.
func Names() []string { return namesIn("catalog") }

// Policies lists the embedded policies, sorted.
func Policies() []string { return namesIn("policies") }

func namesIn(dir string) []string {
	entries, err := fs.ReadDir(embedded, dir)
	if err != nil {
		panic(err) // the folder is part of the binary
	}
	var all []string
	for _, e := range entries {
		all = append(all, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	sort.Strings(all)
	return all
}

// embeddedFile is a file of the binary; ok is false when there is none.
func embeddedFile(dir, name string) (file string, data []byte, ok bool) {
	file = path.Join(dir, name+".yaml")
	data, err := embedded.ReadFile(file)
	return file, data, err == nil
}
