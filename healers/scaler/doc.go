// Package scaler decides how many replicas a workload should have, by the
// HorizontalPodAutoscaler that people already have.
//
// [Scaler.Decide] is a pure function of a spec, an observation and a history, all plain
// data. With [Options.Compat] it gives the integers of kube-controller-manager v1.34.4
// (pkg/controller/podautoscaler), its known defects included; ci/oracle compares the two on
// random inputs. Without it the algorithm is the same, with these differences, each with a
// test of its name:
//
//   - exact ratio: utilization is not cut off to a whole percent, nor an average to a
//     thousandth. At a target of 5 % upstream is up to 20 % off.
//   - no overflow: sums and products saturate. Upstream converts a float that is too large
//     to an int32, which Go leaves open: under extreme load it may scale down.
//   - no division by zero: upstream divides by a status.replicas of 0, and tells what comes of it.
//   - history of both directions: a change is forgotten when no limit of either direction
//     reads it any more. Upstream goes by the periods of its own direction alone.
//   - owned pods: what the workload does not own is no part of it, and where other than as
//     many pods as replicas are ready (a rollout, a crash), usage above its target does not
//     scale down, nor usage below it up (k/k#98914, #123325, #72775).
//   - fallback: a metric that has failed for a while proposes a number (k/k#109214;
//     upstream has it for External metrics alone, KEP-5679).
//   - flap budget: a direction that turns too often is not followed down. Policies bound the
//     net change, and not the churn (enhancements#883).
//   - cost ceiling: replica-hours a day bound what may be asked for; upstream has nothing of it.
//   - history that survives: it is plain data, kept by who asks; upstream forgets it when its
//     controller starts again. With it goes who scaled to zero: what a person set to zero stays
//     paused, and what the scaler did wakes up (KEP-2021).
//   - a reason for each change (k/k#78712), and the rule that bound, with its numbers.
//
// A new kind of metric is a case in metric.go, a new difference one in [arithmetic] or where
// it belongs, with a line above. The package must not read files, clocks or systems.
package scaler
