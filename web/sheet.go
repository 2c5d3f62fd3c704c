package web

// sheetRoutes returns the routes of editing many datasets at once.
func (s *Server) sheetRoutes() []route {
	return []route{}
}
