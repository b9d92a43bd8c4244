package scenarios

import (
	"embed"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"
)

//go:embed catalog/*.yaml policies/*.yaml runbooks/*.yaml
var embedded embed.FS

// Names lists the catalogue, sorted.
func Names() []string { return namesIn("catalog") }

// Policies lists the embedded policies, sorted, without their variants.
func Policies() []string {
	return slices.DeleteFunc(namesIn("policies"), func(name string) bool { return strings.Contains(name, variant) })
}

// variant stands between an embedded policy's name and the kind of platform that
// the file is for: shop-on-containers.
const variant = "-on-"

// kindOf is what platforms are to a policy: pods are containers.
func kindOf(platform string) string {
	switch platform {
	case "kind", "current-context":
		return "containers"
	default:
		return platform
	}
}

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
