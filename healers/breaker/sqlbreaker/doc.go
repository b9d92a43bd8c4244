// Package sqlbreaker puts a circuit breaker before a database, under database/sql.
//
//	config, err := pgx.ParseConfig(url)
//	...
//	db := sql.OpenDB(&sqlbreaker.Connector{Connector: stdlib.GetConnector(*config), Breaker: b})
//
// [Open] gives the connector of a driver that has no such function.
//
// A refusal comes out of database/sql as it is: it is a [breaker.ErrOpen], and not
// driver.ErrBadConn, which would be tried again.
//
// # What counts
//
// Ping, Exec and Query count. Connect, Prepare and Begin count when they fail; their
// success is neutral, since it only leads to a call: else each failure of a statement
// would have a success before it. Each try of database/sql is a call of its own. What is
// a failure is for [Classify] to say.
//
// A trial that has only led to a call, or that the driver has skipped (driver.ErrSkip), is
// kept for the connection's next call, and is neutral where none comes within 100 ms.
//
// Commit, Rollback, Close, ResetSession and IsValid go past the breaker: what was begun is
// to be ended, and a connection whose Rollback was refused would go back to the pool with
// its transaction open. Rows are read without it too: what breaks then, the next call
// meets. The methods of drivers that take no context, and that database/sql does not call
// where there is one that does, go past it as well.
//
// # Drivers
//
// A wrapped connection can do what the driver's can. Of the optional interfaces those that
// database/sql can tell from their absence are there if the driver has them, and not
// otherwise: ExecerContext and QueryerContext, SessionResetter and Validator, and
// ColumnConverter of statements. The others (Pinger, ConnPrepareContext, ConnBeginTx,
// NamedValueChecker, StmtExecContext, StmtQueryContext) are always there, and where the
// driver lacks one, do what database/sql does without it. Who needs the driver's own
// connection, in sql.Conn.Raw, gets it from [Unwrap].
//
// The package must not retry, and must not import a driver.
package sqlbreaker
