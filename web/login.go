package web

// loginRoutes returns the routes of what signing in through the provider needs.
func (s *Server) loginRoutes() []route {
	return []route{}
}
