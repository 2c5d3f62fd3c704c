package web

// watches adds the operations of watches and notifications.
func (e *endpoints) watches() {}
