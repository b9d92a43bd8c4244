// Package act is the only way in which healing touches a system. It takes an
// act together with the guard's grant for it, finds the repair verb that the
// act names, and turns whatever happens into exactly one outcome.
//
// A new verb needs nothing here: an act's verb is the name behind "repair." in
// a capability. It must not decide, repeat or undo anything.
package act
