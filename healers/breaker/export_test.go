package breaker

// Clock is the clock of all breakers.
var Clock = clock
