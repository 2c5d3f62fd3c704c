package web

// policiesOfSQL are the policies of sqlRoutes, written by hand.
var policiesOfSQL = map[string]string{
	"GET /sql":  "analyst",
	"POST /sql": "analyst, readers too",
}
