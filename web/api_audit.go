package web

// auditLog adds the operations of the audit log.
func (e *endpoints) auditLog() {}
