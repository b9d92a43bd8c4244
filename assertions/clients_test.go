package assertions_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/rebound-chaos/rebound/reports/timeline"
	"github.com/rebound-chaos/rebound/reports/timeline/timelinetest"
)

const (
	shut   = timeline.BreakerClosed
	opened = timeline.BreakerOpen
	half   = timeline.BreakerHalfOpen
)

// usual is a second of one of three clients of the store that is well.
func usual() timeline.Breaker {
	return timeline.Breaker{To: "store", State: shut, Over: time.Second, Calls: 67, Attempts: 67}
}

// second is a second of a client.
func second(s timeline.BreakerState, calls, attempts, failed, rejected int) timeline.Breaker {
	return timeline.Breaker{To: "store", State: s, Over: time.Second, Calls: calls, Attempts: attempts, Failed: failed, Rejected: rejected}
}

// tells lets n seconds pass, 900 ms into each of which clients 0, 1 and 2 of orders tell
// this, the last the same as those that are not there.
func tells(b *timelinetest.Builder, n int, each ...timeline.Breaker) *timelinetest.Builder {
	for range n {
		b.After(900 * ms)
		for i := range 3 {
			b.Breaker(fmt.Sprintf("orders/%d", i), each[min(i, len(each)-1)])
		}
		b.Seconds(1, 200, 0)
	}
	return b
}

// away is a run whose clients told for five seconds before the fault was confirmed, at
// 6.75 s, 250 ms into its second: 650 ms before they tell again.
func away(before ...timeline.Breaker) *timelinetest.Builder {
	if before == nil {
		before = []timeline.Breaker{usual()}
	}
	return tells(timelinetest.Begin(timeline.Header{}), 5, before...).Phase(timeline.PhaseInject).
		After(20*ms).Fault("1", timeline.FaultInjecting, "").
		After(250*ms).Fault("1", timeline.FaultActive, "seen").
		Phase(timeline.PhaseObserve)
}

// naive is a client without a breaker.
func naive(calls, attempts int) timeline.Breaker { return second("", calls, attempts, attempts, 0) }

// trips is the second in which a breaker opens.
func trips() timeline.Breaker {
	b := second(opened, 67, 5, 5, 62)
	b.Opened = 1
	return b
}

func trial(n, peak int) timeline.Breaker {
	b := second(half, 67, n, 0, 67-n)
	b.Trials, b.Peak = n, peak
	return b
}

// returned is a run in which the fault ended by itself after five seconds, in which no
// request was sent.
func returned() *timelinetest.Builder {
	return tells(away(), 5, second(opened, 67, 0, 0, 67)).After(100*ms).Fault("1", timeline.FaultReverted, "")
}

// served is a run in which so many of 100 good answers a second were degraded while the
// fault lasted, and none of those in the second of its confirmation, and none after.
func served(degraded int) []timeline.Event {
	b := broken().Seconds(1, 200, 0)
	for range 5 {
		b.Load(timeline.Load{Intended: 200, Sent: 200, OK: 100, Degraded: degraded, Failed: 100})
	}
	return done(b.Fault("1", timeline.FaultReverted, "").Seconds(3, 200, 0)).Events()
}

func TestBreakerChecks(t *testing.T) {
	const (
		pass   = timeline.Pass
		fail   = timeline.Fail
		unsure = timeline.Inconclusive
	)
	refused := second(opened, 67, 0, 0, 67)
	tripped := done(tells(tells(away(), 1, trips()), 12, refused)).Events()
	late := done(tells(tells(tells(away(), 1, trips(), trips(), usual()), 1, refused, refused, trips()), 12, refused)).Events()
	storm := done(tells(away(naive(67, 67)), 12, naive(67, 201))).Events()
	untold := without(tripped, timeline.KindBreaker)
	started := func(b *timelinetest.Builder) *timelinetest.Builder {
		return b.After(300*ms).Instance("orders/2", timeline.InstanceStarted)
	}
	unknown := usual()
	unknown.Over, unknown.Attempts = 0, 90
	over := func(d time.Duration, attempts int) timeline.Breaker {
		b := usual()
		b.Over, b.Attempts = d, attempts
		return b
	}
	tell(t, map[string][]row{
		"opensWithin": {
			{"in time", `{"to":"store","within":"3s"}`, tripped, pass, "in time"},
			{"at the limit", `{"to":"store","within":"650ms"}`, tripped, pass, "in time"},
			{"beyond it", `{"to":"store","within":"649ms"}`, tripped, fail, "1ms too long"},
			{"the last is late", `{"to":"store","within":"1649ms"}`, late, fail, "1ms too long"},
			{"two are enough", `{"to":"store","within":"650ms","share":2}`, late, pass, "in time"},
			{"a half is two of three", `{"to":"store","within":"650ms","share":"50%"}`, late, pass, "in time"},
			{"of orders", `{"to":"store","from":"orders","within":"3s"}`, tripped, pass, "in time"},
			{"it opened between two looks", `{"to":"store","within":"3s"}`, done(tells(away(), 1, func() timeline.Breaker { b := trips(); b.State = shut; return b }())).Events(), pass, "in time"},
			{"it tries", `{"to":"store","within":"3s"}`, done(tells(away(), 1, trial(1, 1))).Events(), pass, "in time"},
			{"not at all", `{"to":"store","within":"3s"}`, done(tells(away(), 12, second(shut, 67, 67, 67, 0))).Events(), fail, "3 clients did not open"},
			{"one of three", `{"to":"store","within":"3s"}`, done(tells(away(), 12, trips(), usual())).Events(), fail, "2 clients did not open"},
			{"it was open before", `{"to":"store","within":"3s"}`, done(tells(away(refused), 12, refused)).Events(), fail, "did not open"},
			{"only when the fault was over", `{"to":"store","within":"3s"}`, done(tells(tells(away(), 5, usual()).Fault("1", timeline.FaultReverted, ""), 3, trips())).Events(), fail, "did not open"},
			{"observed too short", `{"to":"store","within":"3s"}`, tells(away(), 2, usual()).Events(), unsure, "still time"},
			{"there is no breaker", `{"to":"store","within":"3s"}`, storm, unsure, "no breaker"},
			{"of another workload", `{"to":"inventory","within":"3s"}`, tripped, unsure, "no breaker was told of: clients of inventory"},
			{"of another client", `{"to":"store","from":"gateway","within":"3s"}`, tripped, unsure, "gateway as a client of store"},
			{"nobody told", `{"to":"store","within":"3s"}`, untold, unsure, "no breaker"},
			{"nothing confirmed", `{"to":"store","within":"3s"}`, timelinetest.Placebo().Events(), unsure, "no fault"},
		},
		"failsFast": {
			{"all are refused", `{"to":"store","atLeast":"100%"}`, tripped, pass, "refused at once"},
			{"at the limit", `{"to":"store","atLeast":"90%"}`, done(tells(tells(away(), 1, trips()), 1, second(opened, 10, 1, 1, 9))).Events(), pass, "refused at once"},
			{"one below it", `{"to":"store","atLeast":"90.1%"}`, done(tells(tells(away(), 1, trips()), 1, second(opened, 10, 1, 1, 9))).Events(), fail, "3 calls were made"},
			{"trials that fail count", `{"to":"store","atLeast":"90%"}`, done(tells(tells(away(), 1, trips()), 5, second(half, 67, 60, 60, 7))).Events(), fail, "could not be served"},
			{"what fails until it opens does not", `{"to":"store","atLeast":"100%"}`, done(tells(tells(away(), 3, second(shut, 67, 67, 67, 0)), 3, refused)).Events(), pass, "refused at once"},
			{"nor what does in a second in which it closes", `{"to":"store","atLeast":"100%"}`, done(tells(tells(tells(away(), 1, trips()), 3, refused), 1, second(shut, 67, 60, 9, 0))).Events(), pass, "refused at once"},
			{"it never opens", `{"to":"store","atLeast":"50%"}`, done(tells(away(), 12, second(shut, 67, 67, 67, 0))).Events(), fail, "2412 calls were made"},
			{"there is no breaker", `{"to":"store","atLeast":"50%"}`, storm, fail, "could not be served"},
			{"one of three never opens", `{"to":"store","atLeast":"90%"}`, done(tells(tells(away(), 1, trips(), trips(), usual()), 9, refused, refused, second(shut, 67, 67, 67, 0))).Events(), fail, "603 calls were made"},
			{"after the fault nothing counts", `{"to":"store","atLeast":"50%"}`, done(tells(away(), 3, usual()).Fault("1", timeline.FaultReverted, "").Seconds(1, 200, 0)).Events(), unsure, "no call was rejected"},
			{"nothing failed", `{"to":"store","atLeast":"50%"}`, done(tells(away(), 12, usual())).Events(), unsure, "none failed"},
			{"nobody told", `{"to":"store","atLeast":"50%"}`, untold, unsure, "no client told"},
			{"nothing confirmed", `{"to":"store","atLeast":"50%"}`, timelinetest.Placebo().Events(), unsure, "no fault"},
		},
		"amplification": {
			{"a breaker asks for less", `{"to":"store"}`, tripped, pass, "within their budget"},
			{"at the limit", `{"to":"store"}`, done(tells(away(), 12, second(shut, 80, 100, 100, 0))).Events(), pass, "within"},
			{"beyond it", `{"to":"store"}`, done(tells(away(), 12, second(shut, 80, 101, 101, 0))).Events(), fail, "1.26 requests of a call, 1.25 are allowed"},
			{"more is allowed", `{"to":"store","atMost":3}`, storm, pass, "within"},
			{"a storm", `{"to":"store","atMost":2}`, storm, fail, "3.00 requests of a call"},
			{"ten seconds in the middle", `{"to":"store"}`, done(tells(tells(tells(away(), 12, usual()), 10, second(shut, 100, 126, 126, 0)), 12, usual())).Events(), fail, "1.26"},
			{"nine of them are not ten", `{"to":"store"}`, done(tells(tells(tells(away(), 12, usual()), 9, second(shut, 67, 84, 84, 0)), 12, usual())).Events(), pass, "within"},
			{"before the fault nothing counts", `{"to":"store"}`, done(tells(away(second(shut, 67, 201, 0, 0)), 12, usual())).Events(), pass, "within"},
			{"nor after the end of observation", `{"to":"store"}`, tells(tells(away(), 12, usual()).Phase(timeline.PhaseRevert), 12, naive(67, 201)).Events(), pass, "within"},
			{"nine seconds are too few", `{"to":"store"}`, done(tells(away(), 9, naive(67, 201))).Events(), unsure, "there were no 10s"},
			{"so are 99 calls", `{"to":"store"}`, done(tells(away(), 12, naive(3, 9))).Events(), unsure, "with 100 calls"},
			{"a hundred are enough", `{"to":"store"}`, done(tells(away(), 12, naive(4, 9), naive(3, 9))).Events(), fail, "2.70"},
			{"nothing was sent", `{"to":"store"}`, done(tells(away(refused), 12, refused)).Events(), unsure, "no request was sent"},
			{"nobody told", `{"to":"store"}`, untold, unsure, "no client told"},
			{"no fault", `{"to":"store"}`, tells(begin(), 12, naive(67, 201)).Events(), unsure, "no fault"},
		},
		"trialsInFlight": {
			{"one at a time", `{"to":"store","atMost":1}`, done(tells(tells(away(), 1, trips()), 3, trial(1, 1), refused)).Events(), pass, "no more tried"},
			{"one of each, at the limit", `{"to":"store","atMost":3,"perSecond":3}`, done(tells(away(), 3, trial(1, 1))).Events(), pass, "no more tried"},
			{"of each is one more than may be in flight", `{"to":"store","atMost":2,"perSecond":3}`, done(tells(away(), 3, trial(1, 1))).Events(), fail, "3 trials were in flight at once, 2 are allowed"},
			{"and than may be begun", `{"to":"store","atMost":3,"perSecond":2}`, done(tells(away(), 3, trial(1, 1))).Events(), fail, "3 trials were begun within a second, 2 are allowed"},
			{"5% of three is one", `{"to":"store","atMost":9}`, done(tells(away(), 3, trial(1, 1), trial(1, 1), refused)).Events(), fail, "2 trials were begun within a second, 1 are"},
			{"in flight when looked at", `{"to":"store","atMost":1}`, done(tells(away(), 3, func() timeline.Breaker { b := refused; b.InFlight = 2; return b }(), refused)).Events(), fail, "2 trials were in flight"},
			{"one of each client", `{"to":"store","atMost":3,"perClient":1,"perSecond":3}`, done(tells(away(), 3, trial(1, 1))).Events(), pass, "no more tried"},
			{"two of one client, while the others have none", `{"to":"store","atMost":3,"perClient":1,"perSecond":3}`, done(tells(away(), 3, trial(2, 2), refused)).Events(), fail, "2 trials of one client were in flight at once, 1 are allowed"},
			{"of another than the first", `{"to":"store","atMost":3,"perClient":1,"perSecond":3}`, done(tells(away(), 3, refused, trial(2, 2), refused)).Events(), fail, "2 trials of one client"},
			{"two of one client, of which nothing is said", `{"to":"store","atMost":3,"perSecond":3}`, done(tells(away(), 3, trial(2, 2), refused)).Events(), pass, "no more tried"},
			{"before the fault one client's count for nothing", `{"to":"store","atMost":3,"perClient":1,"perSecond":3}`, done(tells(away(trial(2, 2)), 3, trial(1, 1), refused)).Events(), pass, "no more tried"},
			{"told after two seconds, it is one in each", `{"to":"store","atMost":9}`, done(tells(away(), 1, func() timeline.Breaker { b := trial(2, 1); b.Over = 2 * time.Second; return b }(), refused)).Events(), pass, "no more tried"},
			{"before the fault nothing counts", `{"to":"store","atMost":1}`, done(tells(away(trial(9, 9)), 3, trial(1, 1), refused)).Events(), pass, "no more tried"},
			{"none was made", `{"to":"store","atMost":1}`, tripped, unsure, "no trial was made"},
			{"there is no breaker", `{"to":"store","atMost":1}`, storm, unsure, "no breaker"},
			{"nobody told", `{"to":"store","atMost":1}`, untold, unsure, "no breaker"},
			{"no fault", `{"to":"store","atMost":1}`, tells(begin(), 3, trial(9, 9)).Events(), unsure, "no fault"},
		},
		"recoveryOvershoot": {
			{"as before", `{"to":"store"}`, done(tells(returned(), 5, usual())).Events(), pass, "without a herd"},
			{"at the limit", `{"to":"store"}`, done(tells(returned(), 2, over(time.Second, 67), over(time.Second, 67), over(4*time.Second, 469))).Events(), pass, "without a herd"},
			{"beyond it", `{"to":"store"}`, done(tells(returned(), 2, over(time.Second, 67), over(time.Second, 67), over(4*time.Second, 471))).Events(), fail, "25.24 % more"},
			{"none may be more", `{"to":"store","atMost":"0%"}`, done(tells(returned(), 5, over(time.Second, 68), usual())).Events(), fail, "0.49 % more"},
			{"a storm", `{"to":"store","atMost":"100%"}`, done(tells(tells(returned(), 1, over(time.Second, 202)), 5, usual())).Events(), fail, "201.49 % more"},
			{"after our own revert, too", `{"to":"store"}`, tells(tells(away(), 5, refused).Phase(timeline.PhaseRevert).Fault("1", timeline.FaultReverted, "").Phase(timeline.PhaseSettle), 3, over(time.Second, 202)).Events(), fail, "more came"},
			{"after a healer's end, too", `{"to":"store"}`, done(tells(tells(away(), 5, refused).Fault("1", timeline.FaultOvertaken, ""), 3, over(time.Second, 202))).Events(), fail, "more came"},
			{"while it was away nothing counts", `{"to":"store"}`, done(tells(tells(away(), 5, over(time.Second, 202)).After(100*ms).Fault("1", timeline.FaultReverted, ""), 3, usual())).Events(), pass, "without a herd"},
			{"of what came in the second of its return, what is more than before was sent after it", `{"to":"store"}`, done(tells(tells(tells(away(), 5, over(time.Second, 100)).After(400*ms).Fault("1", timeline.FaultReverted, ""), 1, over(time.Second, 142)), 3, usual())).Events(), fail, "37.31 % more"},
			{"of a storm that ends with the fault nothing is left", `{"to":"store"}`, done(tells(tells(tells(away(), 5, over(time.Second, 202)).After(800*ms).Fault("1", timeline.FaultReverted, ""), 1, over(time.Second, 202)), 3, usual())).Events(), pass, "without a herd"},
			{"nor after 120 s", `{"to":"store"}`, done(tells(tells(tells(returned(), 2, usual()), 118, usual()), 2, over(time.Second, 202))).Events(), pass, "without a herd"},
			{"what was not told for long is spread", `{"to":"store"}`, done(tells(returned(), 1, over(3*time.Second, 201))).Events(), pass, "without a herd"},
			{"one that began anew, since it did", `{"to":"store"}`, done(tells(started(returned()), 1, usual(), usual(), unknown)).Events(), fail, "41.29 % more"},
			{"one of which nobody knows since when is left out", `{"to":"store"}`, done(tells(returned(), 1, usual(), usual(), unknown)).Events(), pass, "without a herd"},
			{"they did not come back", `{"to":"store"}`, done(tells(returned(), 5, refused)).Events(), unsure, "did not come back"},
			{"a half came back", `{"to":"store"}`, done(tells(returned(), 5, over(2*time.Second, 67))).Events(), pass, "without a herd"},
			{"the fault lasts", `{"to":"store"}`, tells(away(), 5, refused).Events(), unsure, "not every fault ended"},
			{"it was put back", `{"to":"store"}`, tells(tells(away(), 5, refused).Fault("1", timeline.FaultOvertaken, "").Fault("1", timeline.FaultReapplied, ""), 3, usual()).Events(), unsure, "not every fault ended"},
			{"too little before", `{"to":"store"}`, done(tells(tells(begin(), 2, usual()).Fault("1", timeline.FaultActive, "").Seconds(1, 200, 0).Fault("1", timeline.FaultReverted, ""), 3, usual())).Events(), unsure, "too little before"},
			{"nothing before", `{"to":"store"}`, done(tells(tells(away(refused), 5, refused).Fault("1", timeline.FaultReverted, ""), 3, usual())).Events(), unsure, "no requests before"},
			{"nobody told", `{"to":"store"}`, untold, unsure, "no client told"},
			{"nothing confirmed", `{"to":"store"}`, timelinetest.Placebo().Events(), unsure, "no fault"},
		},
		"degradedServed": {
			{"enough, at the limit", `{"atLeast":"90%"}`, served(90), pass, "as should be"},
			{"too few", `{"atLeast":"90%"}`, served(89), fail, "only 89 %"},
			{"no more than may, at the limit", `{"atMost":"10%"}`, served(10), pass, "as should be"},
			{"too many", `{"atMost":"10%"}`, served(11), fail, "11 % of the good answers"},
			{"none may be", `{"atMost":"0%"}`, served(0), pass, "as should be"},
			{"and one is", `{"atMost":"0%"}`, served(1), fail, "1 % of the good"},
			{"between", `{"atLeast":"40%","atMost":"60%"}`, served(50), pass, "as should be"},
			{"no good answer", `{"atLeast":"90%"}`, done(broken().Seconds(5, 0, 200)).Events(), unsure, "no good answer"},
			{"no whole second", `{"atLeast":"90%"}`, done(broken().Seconds(1, 200, 0)).Events(), unsure, "no good answer"},
			{"nothing confirmed", `{"atLeast":"90%"}`, timelinetest.Placebo().Events(), unsure, "no fault"},
		},
	})
}
