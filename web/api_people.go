package web

// people adds the operations of teams and people.
func (e *endpoints) people() {}
