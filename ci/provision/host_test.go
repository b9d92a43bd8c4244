package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestCapabilityOfThisHost(t *testing.T) {
	for _, c := range []struct {
		status string
		want   bool
	}{
		{"Name:\tx\nCapBnd:\t000001ffffffffff\n", true},
		{"CapBnd:\t000001fffeffffff\n", false}, // CAP_SYS_RESOURCE is bit 24
		{"CapBnd:\t0000000001000000\n", true},
		{"", true},
		{"CapBnd:\tnonsense\n", true},
	} {
		if got := hasCapability([]byte(c.status), capSysResource); got != c.want {
			t.Errorf("%q: has it %t, want %t", c.status, got, c.want)
		}
	}
}

func TestDebians(t *testing.T) {
	for release, want := range map[string]bool{
		"ID=debian\nVERSION_ID=\"12\"\n":          true,
		"ID=ubuntu\nID_LIKE=debian\n":             true,
		"ID=mint\nID_LIKE=\"ubuntu debian\"\n":    true,
		"ID=fedora\n":                             false,
		"ID=alpine\nHOME=\"about debian\"\n":      false,
		"":                                        false,
		"ID=rocky\nID_LIKE=\"rhel centos el9\"\n": false,
	} {
		if got := isDebian([]byte(release)); got != want {
			t.Errorf("%q: Debian %t, want %t", release, got, want)
		}
	}
}

func TestSpaceOfAFolderThatIsNotThereYet(t *testing.T) {
	dir := t.TempDir()
	free, device, err := space(dir)
	if err != nil || free <= 0 {
		t.Fatalf("space(%s) = %d, %v", dir, free, err)
	}
	_, later, err := space(filepath.Join(dir, "not", "there", "yet"))
	if err != nil || later != device {
		t.Errorf("a folder below it is on device %d, %v, want %d", later, err, device)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := space(filepath.Join(file, "below")); err == nil {
		t.Error("a folder below a file has space")
	}
}
