package web

// auditRoutes returns the routes of the audit log.
func (s *Server) auditRoutes() []route {
	return []route{}
}
