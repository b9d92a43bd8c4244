package breaker

// Clock is the clock of all breakers.
var Clock = clock

// IsTrial tells whether a permit is a trial's.
func (p *Permit) IsTrial() bool { return p.at&trial != 0 }
