// Package replay plays a HorizontalPodAutoscaler over a day that was recorded, so that it
// can be tuned before it is deployed.
//
// [Run] takes a spec, a [Recording] and [Options], all plain data, and gives a [Result]: what
// was decided at each interval, and a summary. The same in gives the same out.
//
// The model is this, and no more:
//
//   - What is recorded is demand: what the workload as a whole had to do, or used, however
//     many replicas there were. The ready replicas share it evenly. What was held back while
//     it was recorded, by a limit of CPU or by requests that were turned away, is not in it.
//   - A new replica is pending until [Options.ReadyAfter] has passed. Its CPU counts from when
//     the scaler counts it, by the rules of readiness of the scaler itself, with samples over
//     15 s. One that is removed is gone at once, the youngest first.
//   - A Resource or ContainerResource metric reads the column of the resource: cpu in cores,
//     memory in bytes. A Pods metric reads the column of its name, the total over all pods.
//     Object and External metrics read the column of their name, their value; with a target
//     of type Value it is taken as it was, although with other replicas it would have been
//     another, and a warning says so.
//   - A value holds until the next row, and for no longer than three times the usual step of
//     the recording. An empty cell, and what comes after that, is a metric that cannot be had,
//     and not zero.
//   - Everything is looked at once an interval, and holds until the next look. Too few were
//     ready where what they bore was above a target by more than the tolerance.
//
// The package must not read files, clocks or systems.
package replay
