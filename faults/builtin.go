package faults

import (
	"time"

	"github.com/rebound-chaos/rebound/fixtures/sut"
	"github.com/rebound-chaos/rebound/fixtures/sut/harm"
)

// nodeReturns is how long a node may take until it is ready again.
const nodeReturns = 2 * time.Minute

// Builtin lists every fault, sorted by name. The list is the caller's.
func Builtin() []Definition {
	return []Definition{
		{
			Name: "crash-loop", Summary: "Ends an instance's process, and each that is started in its place, again and again.",
			Of: sut.KindInstance, EachLife: true, Needs: harm.CanKill, New: decode[CrashLoop], Args: CrashLoop{},
		},
		{
			Name: "disk-full", Summary: "Takes the free space of a volume, until writes are refused or up to a level.",
			Of: sut.KindVolume, Needs: harm.CanFill, New: decode[DiskFull], Args: DiskFull{},
		},
		{
			Name: "drain", Summary: "Cordons a node and evicts what runs on it, within the disruption budgets.",
			Of: sut.KindNode, Needs: harm.CanDrain, ConfirmWithin: time.Minute, New: decode[Drain], Args: Drain{},
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
			Name: "node-freeze", Summary: "Makes everything on a node stand still.",
			Of: sut.KindNode, Needs: harm.CanFreezeNode, RevertWithin: nodeReturns, New: decode[NodeFreeze], Args: NodeFreeze{},
		},
		{
			Name: "node-stop", Summary: "Switches a node off, with all that runs on it.",
			Of: sut.KindNode, Needs: harm.CanStopNode, RevertWithin: nodeReturns, New: decode[NodeStop], Args: NodeStop{},
		},
		{
			Name: "partition", Summary: "Drops what goes over the links from an instance to a workload, in both directions or one.",
			Of: sut.KindLink, Needs: harm.CanCut, New: decode[Partition], Args: Partition{},
		},
		{
			Name: "placebo", Summary: "Does nothing, and must be reported as not observed.",
			Of: sut.KindInstance, EndsWithIncarnation: true, New: decode[Placebo], Args: Placebo{},
		},
		{
			Name: "pod-kill", Summary: "Deletes an instance for good, as an operator would.",
			Of: sut.KindInstance, EndsWithIncarnation: true, Needs: harm.CanDelete, ConfirmWithin: maxGrace + 10*time.Second,
			New: decode[PodKill], Args: PodKill{},
		},
		{
			Name: "rollout", Summary: "Replaces every instance of a workload by a new one, a few at a time, as a release does.",
			Of: sut.KindWorkload, Needs: harm.CanRollOut, ConfirmWithin: rolloutBegins, RevertWithin: rolloutEnds,
			New: decode[Rollout], Args: Rollout{},
		},
		{
			Name: "stall", Summary: "Makes an instance begin its answers and never end them, by an endpoint of its own.",
			Of: sut.KindInstance, EndsWithIncarnation: true, Needs: sut.CanDial, New: decode[Stall], Args: Stall{},
		},
		{
			Name: "surge", Summary: "Has users send several times as much: a step in the load of the run.",
			Of: sut.KindTraffic, Needs: harm.CanSurge, New: decode[Surge], Args: Surge{},
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
