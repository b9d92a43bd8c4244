// Package metric is where the numbers come from by which a workload is scaled.
//
// [Reader] looks at every [Source] once in its period and hands on a [Batch] each time.
// A source asks in one of four ways, each a file of its own:
//
//   - usage: CPU and memory of every running instance, as the platform meters them (by the
//     cgroup, by /proc, or by metrics.k8s.io)
//   - scrape: a series on the page of metrics of every running instance, or its growth
//   - prometheus: the query API of a Prometheus, or of what speaks like one
//   - http: a number in a JSON document
//
// A new one is a type with the method ask in a file of its own, a field of [Source], a line
// in Source.asker and its case in Validate.
//
// # What is no value
//
// A value is a finite number below 2^63, which is as much as a quantity of Kubernetes
// holds, and young enough. Whatever else there is instead of one is told in [Batch.Failed]
// with its reason, and is missing: it is never zero, and never left out of a sum, since that
// would count it as zero. An instance that does not answer is missing alone; the others
// count. A source of which nothing could be had says so in [Batch.Err].
//
// How old a sample is, is judged when it was read; who uses it later lets it count for MaxAge
// from its At. A clock that goes ahead of ours by less than MaxAge is taken for ours; by more, and
// nobody knows when that was. A Prometheus stamps a sample with the time of the query, and
// looks back for five minutes by itself.
//
// # How it looks
//
// The looks of one source at its instances are spread over half of its period, at offsets
// that hang on the seed and not on the incarnation, and a bounded number is under way at
// once. The next round begins when the last has ended: looks do not pile up. Each look has a
// connection of its own, an answer is bounded in time and in size (8 MiB of a page, 1 MiB of
// JSON), and a redirect is followed on the same scheme and host alone.
//
// The package must not decide anything by what it reads, and never touches an instance.
package metric
