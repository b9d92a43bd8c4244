// Package backoff computes how long to wait before something that ended is
// started again: kubelet's CrashLoopBackOff, exactly, as pure arithmetic on
// times that the caller supplies. The first restart is immediate; then 10 s,
// doubling to 5 min; what ran longer than 10 min starts over.
//
// It imports the standard library alone and keeps no state: an [Entry] belongs
// to the caller, who makes it durable. It must never read a clock or draw jitter;
// whoever wants jitter adds it to what Until returns.
package backoff
