package healers

import "bytes"

// Grant says that the guard has allowed one act. Only the guard can make one:
// the zero value allows nothing.
type Grant struct {
	act *Act
}

// Allows tells whether the grant is for this act, to the letter.
func (g Grant) Allows(a Act) bool {
	return g.act != nil && g.act.ID == a.ID && g.act.Work == a.Work && g.act.Healer == a.Healer &&
		g.act.Verb == a.Verb && g.act.Target == a.Target && g.act.Deadline == a.Deadline &&
		bytes.Equal(g.act.Args, a.Args)
}

// Grant is the guard's grant for Acts[i]. Unlike the rest of an Output it stays
// good after the next Step.
func (o *Output) Grant(i int) Grant { return o.grants[i] }
