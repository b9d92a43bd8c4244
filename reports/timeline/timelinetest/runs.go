package timelinetest

import (
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
)

// Healed is a whole run of hang that passes every check of [Header]: users
// suffer for two seconds, the engine rotates the replica out and restarts it.
func Healed() *Builder {
	b := Begin(timeline.Header{}).Seconds(3, 200, 0)
	hang(b)
	b.Seconds(1, 134, 66).
		After(200*time.Millisecond).Instance("orders/1", timeline.InstanceUnready).
		After(300*time.Millisecond).Finding("orders/1", "notReady").
		After(310*time.Millisecond).Act("orders/1", "rotate", "rotateOut", "ok").
		After(330*time.Millisecond).Instance("orders/1", timeline.InstanceOut).
		Seconds(1, 176, 24).Seconds(1, 200, 0).
		After(100*time.Millisecond).Finding("orders/1", "notLive").
		After(120*time.Millisecond).Act("orders/1", "restart", "restart", "ok").
		After(130*time.Millisecond).Instance("orders/1", timeline.InstanceExited).
		Fault("1", timeline.FaultOvertaken, "the process that was stopped has ended").
		After(160*time.Millisecond).Instance("orders/1", timeline.InstanceStarted).
		After(600*time.Millisecond).Connections("orders/1", "store/0", 8).
		After(700*time.Millisecond).Instance("orders/1", timeline.InstanceReady).
		After(900*time.Millisecond).Act("orders/1", "rotate", "rotateIn", "ok").
		After(920*time.Millisecond).Instance("orders/1", timeline.InstanceIn).
		Seconds(22, 200, 0)
	return settle(b)
}

// Missed is the same scenario in the arm off, as its negative control: a third
// of the requests fails for as long as the fault lasts.
func Missed() *Builder {
	b := Begin(timeline.Header{Run: "hang-7-off", Healers: "off", Control: true}).Seconds(3, 200, 0)
	hang(b)
	b.Seconds(1, 134, 66).
		After(200*time.Millisecond).Instance("orders/1", timeline.InstanceUnready).
		Seconds(24, 133, 67)
	return settle(b)
}

// Placebo is a run whose only fault does nothing: it must be inconclusive.
func Placebo() *Builder {
	b := Begin(timeline.Header{
		Run: "placebo-7", Scenario: "placebo", Claim: "A fault without an effect is reported as not observed.",
		Faults: []timeline.Planned{{ID: "1", Fault: "placebo", Target: "orders/1", At: 3 * time.Second}},
	}).Seconds(3, 200, 0)
	b.Phase(timeline.PhaseInject).Fault("1", timeline.FaultInjecting, "").
		Seconds(5, 200, 0).Fault("1", timeline.FaultUnseen, "no effect within 5s").
		Phase(timeline.PhaseObserve).Seconds(5, 200, 0)
	return settle(b)
}

func hang(b *Builder) {
	b.Phase(timeline.PhaseInject).
		After(20*time.Millisecond).Fault("1", timeline.FaultInjecting, "").
		After(250*time.Millisecond).Fault("1", timeline.FaultActive, "state T in /proc/1001/stat, a dial got no answer within 200ms").
		Phase(timeline.PhaseObserve)
}

func settle(b *Builder) *Builder {
	return b.Phase(timeline.PhaseRevert).
		After(10*time.Millisecond).Fault("1", timeline.FaultReverted, "").
		After(20*time.Millisecond).Phase(timeline.PhaseSettle).
		Seconds(1, 180, 20).Seconds(4, 200, 0).
		Phase(timeline.PhaseAudit).
		After(300*time.Millisecond).Writes(2400, 0, 0).
		Phase(timeline.PhaseTeardown).
		After(800 * time.Millisecond).End()
}
