package replay

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Recording is what a workload had to do over a time.
type Recording struct {
	Times   []time.Time // each after the one before
	Columns []Column
	// Relative: nobody knows when it was. The times are since 1970 then.
	Relative bool
}

// Column is one metric of the workload as a whole.
type Column struct {
	Name   string
	Values []float64 // one for each of the times, at least 0; NaN: it is missing
}

// holds is for how many of its usual steps a value holds when no row follows.
const holds = 3

// Validate finds what a recording cannot be.
func (r *Recording) Validate() error {
	if len(r.Times) == 0 {
		return errors.New("the recording is empty")
	}
	var errs []error
	for i := 1; i < len(r.Times); i++ {
		if !r.Times[i].After(r.Times[i-1]) {
			errs = append(errs, fmt.Errorf("row %d: its time is not after that of the row before", i+1))
		}
	}
	for _, c := range r.Columns {
		if len(c.Values) != len(r.Times) {
			errs = append(errs, fmt.Errorf("column %s: it has %d values for %d times", c.Name, len(c.Values), len(r.Times)))
		}
		for i, v := range c.Values {
			if v < 0 || math.IsInf(v, 0) {
				errs = append(errs, fmt.Errorf("column %s, row %d: expected a number of at least 0, got %v", c.Name, i+1, v))
			}
		}
	}
	return errors.Join(errs...)
}

// step is the usual time from row to row: the median. A single row has none.
func (r *Recording) step() time.Duration {
	if len(r.Times) < 2 {
		return 0
	}
	steps := make([]time.Duration, len(r.Times)-1)
	for i := range steps {
		steps[i] = r.Times[i+1].Sub(r.Times[i])
	}
	slices.Sort(steps)
	return steps[(len(steps)-1)/2]
}

// column is the place of a column; -1: there is none of that name.
func (r *Recording) column(name string) int {
	return slices.IndexFunc(r.Columns, func(c Column) bool { return c.Name == name })
}

// names lists the columns.
func (r *Recording) names() string {
	if len(r.Columns) == 0 {
		return "none"
	}
	names := make([]string, len(r.Columns))
	for i, c := range r.Columns {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// cursor goes along a recording. Its row is the last that is not after now.
type cursor struct {
	*Recording
	row  int
	hold time.Duration
	now  time.Time
}

func (c *cursor) to(now time.Time) {
	c.now = now
	for c.row+1 < len(c.Times) && !c.Times[c.row+1].After(now) {
		c.row++
	}
}

// value is what a column has now; NaN: it is missing.
func (c *cursor) value(column int) float64 {
	if c.now.Sub(c.Times[c.row]) > c.hold {
		return math.NaN()
	}
	return c.Columns[column].Values[c.row]
}

// milli is a value in thousandths, as the scaler reckons.
func milli(v float64) int64 {
	m := math.Round(v * 1000)
	if m >= math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(m)
}
