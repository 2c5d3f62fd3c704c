package web

// grants adds the operations of asking for access and deciding.
func (e *endpoints) grants() {}
