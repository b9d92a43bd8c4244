package assertions

// Builtin lists the checks, sorted by ID.
func Builtin() []Definition {
	return []Definition{
		define[Amplification]("amplification", "retries asked no more of a workload than their budget"),
		define[AvailabilityLost]("availabilityLost", "users lost at most this much availability, in seconds of full outage"),
		define[BackOff]("backOff", "what ended again and again was started again by the back-off of the textbook"),
		afterRevert(define[CapacityAfterRevert]("capacityAfterRevert", "all replicas were ready again in time after the fault had ended by itself")),
		define[CapacityRestored]("capacityRestored", "all replicas were ready again in time"),
		define[DegradedServed]("degradedServed", "as many good answers were degraded ones as should be while the fault lasted"),
		define[EnoughReplicas]("enoughReplicas", "enough replicas could serve in time, and for as long as the fault lasted"),
		define[ErrorsWhileScaling]("errorsWhileScaling", "no more requests failed while a workload was scaled than may"),
		define[FailsFast]("failsFast", "calls that could not be served were refused at once and did not wait"),
		define[Flaps]("flaps", "the number of replicas turned its direction no more often than allowed"),
		define[HealedBy]("healedBy", "recovery was brought about by the one named"),
		define[NoAcknowledgedWriteLost]("noAcknowledgedWriteLost", "every write that was acknowledged was found again"),
		define[NoHerd]("noHerd", "restarts and reconnects did not come all at once"),
		define[NoScaleDownInUse]("noScaleDownInUse", "no instance was removed by a scale-down while users were sent there"),
		define[OpensWithin]("opensWithin", "the breakers of a workload opened in time"),
		define[Overshoot]("overshoot", "no more replicas beyond those needed were asked for than allowed"),
		define[RecoverWithin]("recoverWithin", "users were served again in time, while the fault lasted, and it held"),
		define[RecoveryOvershoot]("recoveryOvershoot", "the clients of a workload that was back came without a herd"),
		define[Restarts]("restarts", "no more instances were started than allowed"),
		afterRevert(define[ScaledBack]("scaledBack", "no more replicas than necessary were left in time after the fault had ended")),
		afterRevert(define[ServedAfterRevert]("servedAfterRevert", "users were served well again in time after the last fault had ended by itself")),
		define[SteadyBaseline]("steadyBaseline", "the steady state held before anything was broken"),
		define[TrialsInFlight]("trialsInFlight", "no more asked at once whether a workload was back than may"),
	}
}
