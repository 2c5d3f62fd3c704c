package web

// editRoutes returns the routes of describing datasets.
func (s *Server) editRoutes() []route {
	return []route{}
}
