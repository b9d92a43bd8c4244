package render

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// TimelineFile is the name of a run's record in its folder.
const TimelineFile = "timeline.jsonl"

// Find returns the folders below dir, and dir itself, that hold a timeline, sorted.
func Find(dir string) ([]string, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() == TimelineFile {
			found = append(found, filepath.Dir(path))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for timelines: %w", err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("look for timelines: %s holds no %s", dir, TimelineFile)
	}
	slices.Sort(found)
	return found, nil
}

// Load builds the run whose timeline is in dir; the run's files are named
// relative to base, the folder of the report.
func Load(base, dir string) (Run, error) {
	f, err := os.Open(filepath.Join(dir, TimelineFile))
	if err != nil {
		return Run{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	events, err := timeline.ReadAll(f)
	if err != nil {
		return Run{}, fmt.Errorf("%s: %w", f.Name(), err)
	}
	rel, err := relative(base, dir)
	if err != nil {
		return Run{}, fmt.Errorf("place %s: %w", dir, err)
	}
	if rel == "." {
		rel = ""
	}
	return Build(events, rel)
}

// relative is dir as seen from base, whichever of them is absolute.
func relative(base, dir string) (string, error) {
	from, err := filepath.Abs(base)
	if err != nil {
		return "", err
	}
	to, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.Rel(from, to)
}

// Write writes the file of every renderer that has one into dir.
func Write(dir string, r Report) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var errs []error
	for _, d := range Builtin() {
		if d.File != "" {
			errs = append(errs, writeFile(filepath.Join(dir, d.File), r, d))
		}
	}
	return errors.Join(errs...)
}

func writeFile(path string, r Report, d Definition) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := d.Render(f, r); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// WriteAll writes the files of every run in dirs into its own folder and, where
// there are several or the one is not base itself, the joint report into base.
// It returns the joint report.
func WriteAll(base string, dirs []string) (Report, error) {
	var runs []Run
	for _, dir := range dirs {
		joint, err := Load(base, dir)
		if err != nil {
			return Report{}, err
		}
		runs = append(runs, joint)
		if joint.Dir == "" {
			continue // it is the joint report
		}
		own := joint
		own.Dir = ""
		if err := Write(dir, New("", own)); err != nil {
			return Report{}, err
		}
	}
	r := New("", runs...)
	r.Path = filepath.Join(base, "report.html")
	return r, Write(base, r)
}
