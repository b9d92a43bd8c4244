package breaker

// Clock is the clock of all breakers.
var Clock = clock

// Generation is of which state of its breaker a permit is.
func (p *Permit) Generation() uint32 { return Ticket{at: p.at}.gen() }
