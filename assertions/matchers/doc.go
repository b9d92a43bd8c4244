// Package matchers is the Gomega face of package assertions: one line for each
// check, over the same folds. What is matched is a run: anything with a
// `Timeline() []timeline.Event` method, or the events themselves.
//
//	Expect(outcome).To(RecoverWithin(8 * time.Second).Sustained(10 * time.Second))
//	Expect(control).NotTo(HaveCapacityRestoredWithin(15 * time.Second))
//
// What is inconclusive neither matches nor fails to: it is an error, so that To
// and NotTo are both red. That goes for the gates of the run too, which come
// before every check. A message says what was measured, the limit, and why.
//
// A new check gets one line in matchers.go. No logic belongs here.
package matchers
