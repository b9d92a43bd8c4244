package faults

import (
	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// Builtin lists every fault, sorted by name. The list is the caller's.
func Builtin() []Definition {
	return []Definition{
		{
			Name: "disk-full", Summary: "Takes the free space of a volume, until writes are refused or up to a level.",
			Of: sut.KindVolume, Needs: harm.CanFill, New: decode[DiskFull], Args: DiskFull{},
		},
		{
			Name: "hang", Summary: "Stops every process of an instance without ending it.",
			Of: sut.KindInstance, EndsWithIncarnation: true, Needs: harm.CanPause, New: decode[Hang], Args: Hang{},
		},
		{
			Name: "kill", Summary: "Ends an instance's process with a signal.",
			Of: sut.KindInstance, EndsWithIncarnation: true, Needs: harm.CanKill, New: decode[Kill], Args: Kill{},
		},
		{
			Name: "partition", Summary: "Drops everything on the links from an instance to a workload.",
			Of: sut.KindLink, Needs: harm.CanCut, New: decode[Partition], Args: Partition{},
		},
		{
			Name: "placebo", Summary: "Does nothing, and must be reported as not observed.",
			Of: sut.KindInstance, EndsWithIncarnation: true, New: decode[Placebo], Args: Placebo{},
		},
	}
}

// Lookup finds a fault by its name.
func Lookup(name string) (Definition, bool) { return lookup(Builtin(), name) }

func lookup(all []Definition, name string) (Definition, bool) {
	for _, d := range all {
		if d.Name == name {
			return d, true
		}
	}
	return Definition{}, false
}
