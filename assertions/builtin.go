package assertions

// Builtin lists the checks, sorted by ID.
func Builtin() []Definition {
	return []Definition{
		define[AvailabilityLost]("availabilityLost", "users lost at most this much availability, in seconds of full outage"),
		define[CapacityRestored]("capacityRestored", "all replicas were ready again in time"),
		define[HealedBy]("healedBy", "recovery was brought about by the one named"),
		define[NoAcknowledgedWriteLost]("noAcknowledgedWriteLost", "every write that was acknowledged was found again"),
		define[NoHerd]("noHerd", "restarts and reconnects did not come all at once"),
		define[RecoverWithin]("recoverWithin", "users were served again in time, while the fault lasted, and it held"),
		define[SteadyBaseline]("steadyBaseline", "the steady state held before anything was broken"),
	}
}
