package assertions

// Builtin lists the checks, sorted by ID.
func Builtin() []Definition {
	return []Definition{
		define[AvailabilityLost]("availabilityLost", "users lost at most this much availability, in seconds of full outage"),
		define[BackOff]("backOff", "what ended again and again was started again by the back-off of the textbook"),
		afterRevert(define[CapacityAfterRevert]("capacityAfterRevert", "all replicas were ready again in time after the fault had ended by itself")),
		define[CapacityRestored]("capacityRestored", "all replicas were ready again in time"),
		define[EnoughReplicas]("enoughReplicas", "enough replicas could serve in time, and for as long as the fault lasted"),
		define[ErrorsWhileScaling]("errorsWhileScaling", "no more requests failed while a workload was scaled than may"),
		define[Flaps]("flaps", "the number of replicas turned its direction no more often than allowed"),
		define[HealedBy]("healedBy", "recovery was brought about by the one named"),
		define[NoAcknowledgedWriteLost]("noAcknowledgedWriteLost", "every write that was acknowledged was found again"),
		define[NoHerd]("noHerd", "restarts and reconnects did not come all at once"),
		define[NoScaleDownInUse]("noScaleDownInUse", "no instance was removed by a scale-down while users were sent there"),
		define[Overshoot]("overshoot", "no more replicas beyond those needed were asked for than allowed"),
		define[RecoverWithin]("recoverWithin", "users were served again in time, while the fault lasted, and it held"),
		define[Restarts]("restarts", "no more instances were started than allowed"),
		afterRevert(define[ScaledBack]("scaledBack", "no more replicas than necessary were left in time after the fault had ended")),
		define[SteadyBaseline]("steadyBaseline", "the steady state held before anything was broken"),
	}
}
