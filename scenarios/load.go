package scenarios

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/fixtures/shop"
	"github.com/rebound-chaos/rebound/healers/policy"
)

// Load reads and validates a scenario: one of the catalogue by its name, else a
// file. Its error is [manifest.Problems], all of them.
func Load(nameOrFile string) (*Scenario, error) {
	if _, data, ok := embeddedFile("catalog", nameOrFile); ok {
		return Parse("catalog/"+nameOrFile+".yaml", data)
	}
	data, err := readFile(nameOrFile, nameOrFile, "scenario", Names())
	if err != nil {
		return nil, err
	}
	return Parse(nameOrFile, data)
}

// Parse reads and validates a scenario. What it refers to is searched relative
// to the folder of file. Its error is [manifest.Problems].
func Parse(file string, data []byte) (*Scenario, error) {
	s := &Scenario{dir: filepath.Dir(file)}
	doc, err := manifest.Decode(file, data, s)
	if !doc.Read() {
		return nil, err
	}
	s.doc = doc
	if err := manifest.Join(err, s.problems()...); err != nil {
		return nil, err
	}
	return s, nil
}

// isPath tells a file from a name.
func isPath(ref string) bool {
	return strings.ContainsAny(ref, `/\`) || strings.HasSuffix(ref, ".yaml") || strings.HasSuffix(ref, ".yml")
}

// readFile reads the file that a person named by ref; known are the names that
// would have done.
func readFile(file, ref, what string, known []string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err == nil {
		return data, nil
	}
	text := "expected a file: " + reason(err)
	if !isPath(ref) {
		text = "no " + what + " has this name (there are " + strings.Join(known, ", ") + "), and no file"
		if near := manifest.Nearest(ref, known); near != "" {
			text += "; did you mean " + near + "?"
		}
	}
	return nil, manifest.Problems{{File: file, Text: text}}
}

func reason(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err.Error()
	}
	return err.Error()
}

// relative is where a reference of this scenario points to.
func (s *Scenario) relative(ref string) string {
	if filepath.IsAbs(ref) || s.dir == "" {
		return ref
	}
	return filepath.Join(s.dir, ref)
}

// System is the system that the scenario is about, as a platform runs it, with its Env;
// control: the one of its negative control.
func (s *Scenario) System(platform string, control bool) (*manifest.System, error) {
	system, err := s.bareSystem(platform, control)
	if err != nil {
		return nil, err
	}
	env := s.Env(control)
	for i := range system.Spec.Workloads {
		w := &system.Spec.Workloads[i]
		if more := env[w.Name]; len(more) > 0 {
			if w.Env == nil {
				w.Env = map[string]string{}
			}
			maps.Copy(w.Env, more)
		}
	}
	return system, nil
}

// bareSystem is System without Env.
func (s *Scenario) bareSystem(platform string, control bool) (*manifest.System, error) {
	ref := s.Spec.System
	if control && s.Spec.Control.System != "" {
		ref = s.Spec.Control.System
	}
	if ref == "" || ref == "shop" {
		system, _ := shop.System(platform)
		return system, nil
	}
	file := s.relative(ref)
	data, err := readFile(file, ref, "system", []string{"shop"})
	if err != nil {
		return nil, err
	}
	system, err := manifest.LoadSystem(file, data)
	if err == nil {
		system.Files = os.DirFS(filepath.Dir(file))
	}
	return system, err
}

// Policy is the healing policy, compiled, and one file that holds it together
// with the embedded runbooks, as an engine in a process of its own is given it.
// Of an embedded policy that has a variant for the platform it is that: a database
// is asked for its health in another way than a stand-in for one.
func (s *Scenario) Policy(platform string, control bool) (*policy.Policy, []byte, error) {
	ref := s.Spec.Healing.Policy
	if control && s.Spec.Control.Policy != "" {
		ref = s.Spec.Control.Policy
	}
	if ref == "" {
		ref = cmp.Or(s.Spec.System, "shop")
		if _, _, ok := embeddedFile("policies", ref); !ok {
			return nil, nil, errors.New("required for a system of your own: a name or a file")
		}
	}
	file, data, ok := embeddedFile("policies", ref+variant+kindOf(platform))
	if !ok {
		file, data, ok = embeddedFile("policies", ref)
	}
	if !ok {
		file = s.relative(ref)
		var err error
		if data, err = readFile(file, ref, "policy", Policies()); err != nil {
			return nil, nil, err
		}
	}
	sources := []policy.Source{{File: file, Data: data}}
	for _, name := range namesIn("runbooks") {
		if declares(file, data, name) {
			continue // the file brings its own
		}
		if f, d, ok := embeddedFile("runbooks", name); ok {
			sources = append(sources, policy.Source{File: f, Data: d})
		}
	}
	p, err := policy.LoadAll(sources...)
	if err != nil {
		return nil, nil, err
	}
	var all [][]byte
	for _, source := range sources {
		all = append(all, source.Data)
	}
	return p, bytes.Join(all, []byte("\n---\n")), nil
}

// declares tells whether a file holds a runbook of that name. What cannot be
// read declares nothing: compiling the policy will say what is wrong.
func declares(file string, data []byte, name string) bool {
	docs, err := manifest.Split(file, data)
	if err != nil {
		return false
	}
	for _, d := range docs {
		var head struct {
			Metadata manifest.Metadata          `json:"metadata"`
			Rest     map[string]json.RawMessage `json:"-" manifest:"rest"`
		}
		if d.Kind() == "Runbook" && d.Decode(&head) == nil && head.Metadata.Name == name {
			return true
		}
	}
	return false
}
