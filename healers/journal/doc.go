// Package journal keeps the engine's records in one SQLite file. An Append is
// one transaction: all of its records or none, in order, without a gap. What a
// kill of the process must not lose is in the file when Append returns; when a
// record is urgent (an intent, an outcome) it is on the disk as well, which also
// a loss of power does not undo.
//
// Every engine claims a higher epoch when it starts; whoever appends under an
// older one is refused. Another store (the Kubernetes API) implements
// healers.Journal in a package of its own.
//
// Open is for the one engine that appends, Read for everybody else.
//
// It must not read what the records say: their meaning is the engine's fold.
package journal
