package web

// watchRoutes returns the routes of watching and being told.
func (s *Server) watchRoutes() []route {
	return []route{}
}
