package web

// accountRoutes returns the routes of a person's own account: sessions, tokens, what they may read.
func (s *Server) accountRoutes() []route {
	return []route{}
}
