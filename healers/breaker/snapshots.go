package breaker

import (
	"strconv"
	"strings"
)

// Snapshots are those of several breakers, for metrics, in their order and without the nil
// ones. No two have the same name, which would spoil a whole collection: the second store
// is store#2. Names are valid UTF-8.
func Snapshots(breakers []*Breaker) []Snapshot {
	all := make([]Snapshot, 0, len(breakers))
	taken := make(map[string]int, len(breakers)) // how many have asked for it
	for _, b := range breakers {
		if b == nil {
			continue
		}
		s := b.Snapshot()
		s.Name = strings.ToValidUTF8(s.Name, "\uFFFD")
		s.Name = free(s.Name, taken)
		all = append(all, s)
	}
	return all
}

// free is the name, or the first with a number that nobody has.
func free(name string, taken map[string]int) string {
	taken[name]++
	if taken[name] == 1 {
		return name
	}
	for {
		other := name + "#" + strconv.Itoa(taken[name])
		if taken[other] == 0 {
			taken[other] = 1
			return other
		}
		taken[name]++
	}
}
