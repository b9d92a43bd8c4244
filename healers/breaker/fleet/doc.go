// Package fleet lets the breakers of many programs share the trials of one dependency, so
// that a server that comes back sees a trickle and then a ramp, and not everybody at once.
//
// By configuration alone it takes no package: [breaker.Config.Spread] and Identity, with
// the jitter. This one is for less than that, and for news that travels: what one member
// has found out, or a probe of somebody's own, closes the breakers of all, one after the
// other.
//
//	client, err := fleet.NewClient(fleet.ClientConfig{
//		URL: "http://coordinator:7070", Dependency: "store", Name: "orders", Identity: "orders/2",
//	})
//	...
//	b, err := client.New(breaker.Config{Name: "store"}) // a breaker that asks the fleet before it tries
//	go client.Run(ctx)
//
// # Parts
//
// [Core] is the coordinator without clock, lock and network, and [Member] a client without
// them: time is an argument, for simulators. [Coordinator] is a Core that is served over
// HTTP; [Client] is a Member that talks to one. [Prober] asks a dependency on behalf of
// all. Whoever has a probe already, as the healing engine has, runs a Coordinator and tells
// it by [Coordinator.Probed]; its members may be [breaker.Config.ProbeOnly], which holds
// while the coordinator is there.
//
// # What it holds to
//
// In any [Config.Per] at most [Config.Trials] trials of a dependency begin, and they are
// given out one by one. That is exact whatever the network does: a grant keeps its place
// until its time is over or it has begun, and then for another Per. A coordinator that
// begins anew knows nothing of what another gave: until that has run out, in a Lease and a
// Per, there may be twice as many.
//
// A trial is a lease. A member that is lost keeps nothing: its grant and its membership run
// out. A grant counts from when it was asked for, by the member's clock, and for no longer
// than the coordinator keeps its place. Clocks are never compared.
//
// A member never waits for the coordinator. While that is away, does not know it or has no
// room, a member has one trial in a [ClientConfig.Spread], at a place in it that its
// identity fixes: slower than with it, and no herd when all lose it at once.
//
// Breakers are closed over [Config.RampOver], at places that a low-discrepancy order gives,
// so that any part of that has its share of them. Where some that were closed open again,
// the rest stays open.
//
// # The API
//
// JSON over HTTP; times are seconds, from when the answer is made. It is for a network
// whose members are trusted: who may reach it may report what it likes. Errors are
// {"error": "..."}: 400 a request that makes no sense, 404 a member that is not known (it
// registers anew) or a dependency without settings, 503 no room.
//
//	POST /v1/members                  {"dependency": "store", "name": "orders", "identity": "orders/2"}
//	                               -> {"member": "k3x9-1", "leaseSeconds": 30}
//	PUT  /v1/members/{member}         {"open": true}        the state of its breakers; renews the lease
//	                               -> {"member": "k3x9-1", "leaseSeconds": 30}
//	POST /v1/trials                   {"member": "k3x9-1"}  may I try?
//	                               -> {"granted": true, "trial": 17, "validSeconds": 10}
//	                               or {"granted": false, "waitSeconds": 0.35}
//	PUT  /v1/trials/{trial}           {"member": "k3x9-1", "is": "begun"}  or "unused", "passed", "failed"
//	                               -> {}
//	GET  /v1/directives?member=k3x9-1&after=6&waitSeconds=20   what is to be done; waits for something newer than 6
//	                               -> {"sequence": 7, "do": "close", "inSeconds": 12.5}  close in your slot
//	                               or {"sequence": 8, "do": "hold", "forSeconds": 15}    try nothing for so long
//	                               or {"sequence": 6, "do": ""}                          nothing new
//	GET  /v1/breakers/{dependency} -> {"failures": 5, "within": "30s", ...}   how a breaker of it is to be set
//	GET  /v1/dependencies             what is known of each, for people
//
// Sequence numbers are of a coordinator; one that began anew does not know the member
// either. Only the latest directive is kept: it replaces those before it.
//
// The package imports the standard library and breaker alone. It must not hold a lock while
// it waits for a network.
package fleet
