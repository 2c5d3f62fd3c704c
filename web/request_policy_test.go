package web

// policiesOfRequest are the policies of requestRoutes, written by hand.
var policiesOfRequest = map[string]string{
	"GET /d/:source/:name/access":               "viewer",
	"POST /d/:source/:name/access":              "viewer",
	"GET /requests":                             "viewer",
	"GET /requests/:id":                         "viewer",
	"POST /requests/:id/approve":                "owner",
	"POST /requests/:id/deny":                   "owner",
	"POST /requests/:id/withdraw":               "viewer",
	"POST /requests/:id/opened":                 "viewer, readers too",
	"POST /grants/:id/revoke":                   "viewer",
	"GET /api/v1/access-requests":               "read viewer",
	"GET /api/v1/access-requests/:id":           "read viewer",
	"POST /api/v1/access-requests":              "write viewer",
	"POST /api/v1/access-requests/:id/approve":  "write owner",
	"POST /api/v1/access-requests/:id/deny":     "write owner",
	"POST /api/v1/access-requests/:id/withdraw": "write viewer",
	"GET /api/v1/grants":                        "read viewer",
	"DELETE /api/v1/grants/:id":                 "write viewer",
}
