package web

// registerRoutes returns the routes of registering datasets that no crawler sees.
func (s *Server) registerRoutes() []route {
	return []route{}
}
