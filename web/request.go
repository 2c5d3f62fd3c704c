package web

// requestRoutes returns the routes of asking for access and deciding.
func (s *Server) requestRoutes() []route {
	return []route{}
}
