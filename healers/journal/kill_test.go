package journal_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rebound-chaos/rebound/healers"
	"github.com/rebound-chaos/rebound/healers/journal"
)

// childOf makes the test binary a child that appends to the journal named in it.
const childOf = "REBOUND_JOURNAL_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childOf); path != "" {
		if err := appendForEver(context.Background(), path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if path := os.Getenv(readerOf); path != "" {
		if err := readOnce(context.Background(), path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// appendForEver appends batches of one to four records, and says each time how
// far the journal must hold from now on.
func appendForEver(ctx context.Context, path string) error {
	j, err := journal.Open(ctx, path)
	if err != nil {
		return err
	}
	epoch, err := j.Claim(ctx)
	if err != nil {
		return err
	}
	_, seq, err := j.Load(ctx)
	if err != nil {
		return err
	}
	var last uint64
	for r, err := range seq {
		if err != nil {
			return err
		}
		last = r.Seq
	}
	for {
		var batch []healers.Record
		for range last%4 + 1 {
			last++
			r := finding(last)
			if last%3 == 0 {
				r = intent(last)
			}
			batch = append(batch, r)
		}
		if err := j.Append(ctx, epoch, batch); err != nil {
			return err
		}
		if _, err := fmt.Println(last); err != nil {
			return err
		}
	}
}

// What Append has returned for is there after kill -9, and what is there has no
// gap and no half batch.
func TestKillLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var before uint64
	for round := range 6 {
		child := exec.CommandContext(t.Context(), self)
		child.Env = append(os.Environ(), childOf+"="+path)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		var said uint64
		for n := 0; n < 5+7*round && lines.Scan(); n++ {
			if said, err = strconv.ParseUint(strings.TrimSpace(lines.Text()), 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it said until it died counts as well
			if n, err := strconv.ParseUint(strings.TrimSpace(lines.Text()), 10, 64); err == nil {
				said = max(said, n)
			}
		}
		if err := child.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		if said <= before {
			t.Fatalf("round %d: the child appended nothing", round)
		}
		j, err := journal.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		_, all := load(t, j)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		for i, r := range all {
			if r.Seq != uint64(i+1) {
				t.Fatalf("round %d: record %d has number %d", round, i+1, r.Seq)
			}
		}
		if n := uint64(len(all)); n < said {
			t.Errorf("round %d: %d records are there, %d were promised", round, n, said)
		}
		// Batches are drawn from the number before them: a whole history ends with one.
		var end uint64
		for end < uint64(len(all)) {
			end += end%4 + 1
		}
		if end != uint64(len(all)) {
			t.Errorf("round %d: half a batch is there", round)
		}
		before = uint64(len(all))
	}
}
