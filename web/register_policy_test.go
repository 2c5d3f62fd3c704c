package web

// policiesOfRegister are the policies of registerRoutes, written by hand.
var policiesOfRegister = map[string]string{
	"GET /register":        "owner",
	"POST /register":       "owner",
	"GET /register/:name":  "owner",
	"POST /register/:name": "owner",

	"POST /api/v1/datasets":                "write owner",
	"PATCH /api/v1/datasets/:source/:name": "write owner",
}
