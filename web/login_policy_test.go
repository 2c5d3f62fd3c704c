package web

// policiesOfLogin are the policies of loginRoutes, written by hand.
var policiesOfLogin = map[string]string{
	"GET /login/start":        "public",
	"GET /login/callback":     "public",
	"POST /login/backchannel": "public",
}
