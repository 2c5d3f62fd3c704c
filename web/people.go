package web

// peopleRoutes returns the routes of teams, people, domains and what they own.
func (s *Server) peopleRoutes() []route {
	return []route{}
}
