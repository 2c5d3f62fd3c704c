package web

// policiesOfAccount are the policies of accountRoutes, written by hand.
var policiesOfAccount = map[string]string{
	"GET /me":                                       "viewer",
	"POST /me/tokens":                               "viewer",
	"GET /me/tokens/:token/revoke":                  "viewer",
	"POST /me/tokens/:token/revoke":                 "viewer",
	"POST /me/sessions/end":                         "viewer, readers too",
	"POST /me/sessions/:session/end":                "viewer, readers too",
	"GET /admin/services":                           "admin",
	"POST /admin/services":                          "admin",
	"GET /admin/services/:id":                       "admin",
	"POST /admin/services/:id/tokens":               "admin",
	"GET /admin/services/:id/tokens/:token/revoke":  "admin",
	"POST /admin/services/:id/tokens/:token/revoke": "admin",
	"GET /admin/services/:id/disable":               "admin",
	"POST /admin/services/:id/disable":              "admin",
	"POST /admin/services/:id/enable":               "admin",
}
