package breaker

// State is where a breaker stands.
type State uint8

// The states. The zero value is none of them.
const (
	Closed       State = iota + 1 // calls pass
	Open                          // calls are refused until a delay is over
	HalfOpen                      // trials pass
	ForcedOpen                    // calls are refused until somebody says otherwise
	ForcedClosed                  // calls pass whatever becomes of them
)

func (s State) String() string {
	return word(s, "closed", "open", "half-open", "forced open", "forced closed")
}

// Mode is who decides.
type Mode uint8

// The modes. What is forced stays until [Breaker.Force] is called again; from a forced
// state the breaker comes back closed, with empty windows.
const (
	Automatic   Mode = iota // calls and time decide
	ForceOpen               // no call is admitted; results count for nothing
	ForceClosed             // every call is admitted; results count for nothing
	MetricsOnly             // every call is admitted; the state moves as if it were not
)

func (m Mode) String() string {
	return word(m+1, "automatic", "force open", "force closed", "metrics only")
}

// Outcome is how a call ended.
type Outcome uint8

// The outcomes. One that is none of them, such as the zero value, is a failure: a mistake
// of the caller shows, and closes nothing.
const (
	OK      Outcome = iota + 1
	Failure         // the dependency did not do what it was asked
	Slow            // it did, and took too long: a success for windows of failures, a trial that failed
	Neutral         // it says nothing of the dependency, as when the caller gave up
)

func (o Outcome) String() string { return word(o, "ok", "failure", "slow", "neutral") }

// Reason is why a state changed.
type Reason uint8

// The reasons.
const (
	Tripped      Reason = iota + 1 // the window reached its threshold
	TrialFailed                    // a trial failed or was slow
	TrialExpired                   // a trial was not done within its lease
	DelayOver                      // it was open for as long as it should
	TrialsPassed                   // as many trials succeeded as close it
	ByHand                         // [Breaker.Trip] or [Breaker.Reset]
	Forced                         // [Breaker.Force]
)

func (r Reason) String() string {
	return word(r, "tripped", "trial failed", "trial expired", "delay over", "trials passed", "by hand", "forced")
}

// word is the name of the n-th, from 1.
func word[N ~uint8](n N, names ...string) string {
	if n == 0 || int(n) > len(names) {
		return "unknown"
	}
	return names[n-1]
}
