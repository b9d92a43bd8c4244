package assertions

// Builtin lists the checks, sorted by ID.
func Builtin() []Definition {
	return []Definition{
		define[AvailabilityLost]("availabilityLost", "users lost at most this much availability, in seconds of full outage"),
		define[BackOff]("backOff", "what ended again and again was started again by the back-off of the textbook"),
		afterRevert(define[CapacityAfterRevert]("capacityAfterRevert", "all replicas were ready again in time after the fault had ended by itself")),
		define[CapacityRestored]("capacityRestored", "all replicas were ready again in time"),
		define[HealedBy]("healedBy", "recovery was brought about by the one named"),
		define[NoAcknowledgedWriteLost]("noAcknowledgedWriteLost", "every write that was acknowledged was found again"),
		define[NoHerd]("noHerd", "restarts and reconnects did not come all at once"),
		define[RecoverWithin]("recoverWithin", "users were served again in time, while the fault lasted, and it held"),
		define[Restarts]("restarts", "no more instances were started than allowed"),
		define[SteadyBaseline]("steadyBaseline", "the steady state held before anything was broken"),
	}
}
