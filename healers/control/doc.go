// Package control is the socket of a live engine: what it has on record can be asked
// for there, and people command it.
//
// It speaks HTTP over a unix socket, STATE/engines/rebound-RUN.sock, which only its
// user may open:
//
//	GET  /engine     which engine this is: an [Info]
//	GET  /records    its records, one in a line
//	POST /commands   a healers.Command; the answer is its record
//
// An error is a status and {"error": "why"}. Who commands is not what the request says
// but what the kernel knows of the other end. Another question is a case in
// [Server.handler] and a method of [Client].
//
// It must not decide anything: a command is for the engine to follow or to refuse.
package control
