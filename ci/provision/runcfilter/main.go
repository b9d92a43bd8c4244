// Command runcfilter stands between Docker and runc on a host that itself lacks
// CAP_SYS_RESOURCE, where no container can have it and --privileged would fail: it
// takes that capability, and a negative oomScoreAdj, out of what runc is asked for,
// and becomes runc. A host that has the capability has no use for it.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func main() {
	fmt.Fprintln(os.Stderr, "runcfilter:", become(os.Args[1:]))
	os.Exit(1) //nolint:forbidigo // this is a main
}

// become does not return, unless it cannot.
func become(args []string) error {
	file, strip := asked(args)
	if file != "" {
		if err := rewrite(file, strip); err != nil {
			return err
		}
	}
	runc, err := exec.LookPath("runc")
	if err != nil {
		return fmt.Errorf("find runc: %w", err)
	}
	return fmt.Errorf("become %s: %w", runc, syscall.Exec(runc, append([]string{runc}, args...), os.Environ()))
}

// asked tells which file says what a new process may do, and how to take it out of
// it; "": this call starts none.
func asked(args []string) (string, func(map[string]any)) {
	for _, a := range args {
		switch a {
		case "create", "run", "restore":
			bundle := option(args, "--bundle", "-b")
			if bundle == "" {
				bundle = "."
			}
			return filepath.Join(bundle, "config.json"), func(config map[string]any) {
				if process, ok := config["process"].(map[string]any); ok {
					stripProcess(process)
				}
			}
		case "exec":
			return option(args, "--process", "-p"), stripProcess
		case "start", "kill", "delete", "state", "events", "list", "ps", "pause", "resume", "update", "checkpoint", "spec", "features", "init":
			return "", nil
		}
	}
	return "", nil
}

// option is the value of a flag in either of its forms.
func option(args []string, names ...string) string {
	for i, a := range args {
		name, value, joined := strings.Cut(a, "=")
		switch {
		case !slices.Contains(names, name):
		case joined:
			return value
		case i+1 < len(args):
			return args[i+1]
		}
	}
	return ""
}

// stripProcess takes out of an OCI process what the host cannot give.
func stripProcess(process map[string]any) {
	if sets, ok := process["capabilities"].(map[string]any); ok {
		for name, set := range sets {
			if all, ok := set.([]any); ok {
				sets[name] = slices.DeleteFunc(all, func(c any) bool { return c == "CAP_SYS_RESOURCE" })
			}
		}
	}
	if adj, ok := process["oomScoreAdj"].(json.Number); ok && strings.HasPrefix(adj.String(), "-") {
		delete(process, "oomScoreAdj")
	}
}

// rewrite replaces a file by what strip leaves of it.
func rewrite(file string, strip func(map[string]any)) error {
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil // runc says so better
	} else if err != nil {
		return err
	}
	changed, err := stripped(content, strip)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	beside := file + ".filtered"
	if err := os.WriteFile(beside, changed, info.Mode().Perm()); err != nil {
		return err
	}
	return os.Rename(beside, file)
}

// stripped is a JSON object without what strip takes out of it.
func stripped(content []byte, strip func(map[string]any)) ([]byte, error) {
	// Limits are 64-bit numbers: they stay as they are written.
	d := json.NewDecoder(bytes.NewReader(content))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, err
	}
	strip(object)
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(object); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
