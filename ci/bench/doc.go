// Package bench compares this repository's mechanisms with those of its peers, in
// one run on one machine. It is a module of its own: what is compared with never
// enters the product's dependencies. `make bench` runs it, and `make bench-breakers` the
// breakers' part, which is a command of its own.
package bench
