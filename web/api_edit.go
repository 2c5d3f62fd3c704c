package web

// edits adds the operations of describing datasets and registering them.
func (e *endpoints) edits() {}
