package healerstest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/rebound-chaos/rebound/healers"
)

// Recorded gives the inputs of a real run, as its engine kept them, to fresh engines,
// and compares what they decide with the run's records, step by step: so every prefix
// of the inputs leads to the same prefix of the records. It returns how many steps and
// records were compared. What an engine that was killed had decided and not yet put on
// record does not count.
func Recorded(seed uint64, tape io.Reader, records []healers.Record) (steps, compared int, err error) {
	var e *healers.Engine
	var epoch uint64
	lines := bufio.NewReader(tape)
	for {
		line, readErr := lines.ReadBytes('\n')
		var in healers.Input
		// A line that was cut off was being written when the engine was killed.
		if len(bytes.TrimSpace(line)) > 0 && json.Unmarshal(line, &in) == nil {
			if e == nil || in.Epoch != epoch {
				e, epoch = healers.New(seed, healers.Checkpoint{}), in.Epoch
				for _, r := range records {
					if r.Epoch < epoch {
						e.Apply(r)
					}
				}
			}
			n, err := same(e.Step(&in).Records, records)
			if compared += n; err != nil {
				return steps, compared, fmt.Errorf("step %d: %w", steps+1, err)
			}
			steps++
		}
		switch {
		case readErr == io.EOF:
			return steps, compared, nil
		case readErr != nil:
			return steps, compared, fmt.Errorf("read the inputs: %w", readErr)
		}
	}
}

// same compares records with those of the same number and epoch.
func same(made, kept []healers.Record) (n int, err error) {
	for _, r := range made {
		if r.Seq == 0 || r.Seq > uint64(len(kept)) || kept[r.Seq-1].Epoch != r.Epoch {
			continue // it never got on record
		}
		if a, b := encode(r), encode(kept[r.Seq-1]); !bytes.Equal(a, b) {
			return n, fmt.Errorf("decided %s where the run has %s", a, b)
		}
		n++
	}
	return n, nil
}
