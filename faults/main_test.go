package faults_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rebound-chaos/rebound/faults"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// TestMain lets the test binary be the guardian and the harness that is killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "_guardian":
			os.Exit(guardianMain(os.Args[2:]))
		case "_client":
			os.Exit(clientMain(os.Args[2:]))
		}
	}
	goleak.VerifyTestMain(m)
}

func guardianMain(args []string) int {
	fs := flag.NewFlagSet("_guardian", flag.ContinueOnError)
	dir := fs.String("dir", "", "")
	lease := fs.Duration("lease", 0, "")
	if err := fs.Parse(args); err != nil {
		return 2
	}
	if err := faults.ServeGuardian(os.Stdin, os.Stdout, *dir, *lease, undoFile); err != nil {
		return 1
	}
	return 0
}

// clientMain is a harness: it arms the removal of each file and waits to be killed.
// A line on stdin makes it disarm the first.
func clientMain(args []string) int {
	ctx := context.Background()
	lease, err := time.ParseDuration(args[2])
	if err != nil {
		return 2
	}
	g, err := faults.StartGuardian(ctx, faults.GuardianConfig{Binary: os.Args[0], State: args[0], Run: args[1], Lease: lease})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	var first func(context.Context) error
	for _, path := range args[3:] {
		disarm, err := g.Arm(ctx, removal(path))
		if err != nil {
			fmt.Println(err)
			return 1
		}
		if first == nil {
			first = disarm
		}
	}
	fmt.Println("armed")
	for in := bufio.NewReader(os.Stdin); ; {
		if _, err := in.ReadString('\n'); err != nil {
			break
		}
		if err := first(ctx); err != nil {
			fmt.Println(err)
			return 1
		}
		fmt.Println("disarmed")
	}
	<-g.Lost()
	return 0
}

type fileOp struct {
	Path  string `json:"path"`
	After string `json:"after,omitempty"` // fails until this exists
	Log   string `json:"log,omitempty"`   // a line is added to it
}

func removal(path string) harm.Op { return fileOperation(fileOp{Path: path}) }

func fileOperation(f fileOp) harm.Op {
	b, err := json.Marshal(f)
	if err != nil {
		panic(err)
	}
	return harm.Op{Kind: "remove", Args: b}
}

func undoFile(_ context.Context, op harm.Op) error {
	var f fileOp
	if err := json.Unmarshal(op.Args, &f); err != nil {
		return err
	}
	if f.After != "" {
		if _, err := os.Stat(f.After); err != nil {
			return err
		}
	}
	if f.Log != "" {
		l, err := os.OpenFile(f.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(l, f.Path)
		if err := errors.Join(err, l.Close()); err != nil {
			return err
		}
	}
	if err := os.Remove(f.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
