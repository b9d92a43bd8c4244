// Package settings reads how a breaker is set from the files that people write: that of
// `rebound proxy`, a policy, and the answer of a coordinator. All have the same fields.
//
//	config, err := settings.Read("breaker.yaml", data)
//
// A new field of [breaker.Config] that people may set is a field of [Breaker], a line in
// Config, and its name in fields. The package must not judge what is read: that is
// [breaker.Config.Validate], whose findings it puts into the words of the file.
package settings
