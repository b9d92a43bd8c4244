package assertions

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// decode reads strict JSON; nothing at all is the zero value.
func decode(raw json.RawMessage, into any) error {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the arguments")
	}
	return nil
}

// Duration is a time span in an argument: JSON writes it with its unit, "8s".
type Duration time.Duration

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes it with its unit.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads a time span with a unit that is not below zero.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf(`%s is no duration: it needs a unit, such as "8s"`, b)
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf(`%q is no duration: it needs a unit, such as "8s"`, s)
	}
	*d = Duration(v)
	return nil
}

// Share is a number of instances, or a share of a workload's replicas: 2 or
// "25%". The zero value is not set.
type Share struct {
	Count   int
	Percent float64
}

// Of is how many of n replicas that is: a share is rounded up, and at least one.
func (s Share) Of(n int) int {
	if s.Percent > 0 {
		return max(1, int(math.Ceil(s.Percent/100*float64(n)-1e-9)))
	}
	return max(1, s.Count)
}

func (s Share) String() string {
	if s.Percent > 0 {
		return strconv.FormatFloat(s.Percent, 'g', -1, 64) + "%"
	}
	return strconv.Itoa(s.Count)
}

// MarshalJSON writes the number, or the share as text.
func (s Share) MarshalJSON() ([]byte, error) {
	if s.Percent > 0 {
		return json.Marshal(s.String())
	}
	return json.Marshal(s.Count)
}

// UnmarshalJSON reads 2, "2" or "25%", above zero.
func (s *Share) UnmarshalJSON(b []byte) error {
	text := strings.Trim(string(b), `"`)
	bad := fmt.Errorf(`%s is neither a number above 0 nor a share such as "25%%"`, b)
	if p, ok := strings.CutSuffix(text, "%"); ok {
		v, err := strconv.ParseFloat(p, 64)
		if err != nil || !(v > 0 && v <= 100) {
			return bad
		}
		*s = Share{Percent: v}
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return bad
	}
	*s = Share{Count: n}
	return nil
}

// Most is how many of n that is as an upper limit: a share is rounded down, and may be
// none. Not set it is none.
func (s Share) Most(n int) int {
	if s.Percent > 0 {
		return int(math.Floor(s.Percent/100*float64(n) + 1e-9))
	}
	return s.Count
}

// Percent is a share of requests: "20%". The zero value is none of them.
type Percent float64

func (p Percent) String() string { return strconv.FormatFloat(float64(p), 'g', -1, 64) + "%" }

// MarshalJSON writes the share as text.
func (p Percent) MarshalJSON() ([]byte, error) { return json.Marshal(p.String()) }

// UnmarshalJSON reads "20%", from 0% to 100%.
func (p *Percent) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf(`%s is no share: it needs a sign, such as "20%%"`, b)
	}
	number, ok := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(v >= 0 && v <= 100) {
		return fmt.Errorf(`%q is no share from "0%%" to "100%%"`, s)
	}
	*p = Percent(v)
	return nil
}

// deadline is the error of a time that must be given, within which something is to be.
func deadline(within Duration) error {
	if within <= 0 {
		return errors.New(`within is required, such as "8s"`)
	}
	return nil
}

// span writes a duration for people: to the millisecond, below ten of them to
// the microsecond.
func span(d time.Duration) string {
	if d < 10*time.Millisecond {
		return d.Round(time.Microsecond).String()
	}
	return d.Round(time.Millisecond).String()
}
