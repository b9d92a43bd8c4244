// Package files reads what people give to a scaler: a HorizontalPodAutoscaler, written out
// in full or lean, the observations that one decision is made from, and metrics that were
// recorded over a day. YAML and JSON alike, strictly, with the position of every problem
// and all of them at once.
//
// It must not open files or decide anything.
package files
