package web

// policiesOfWatch are the policies of watchRoutes, written by hand.
var policiesOfWatch = map[string]string{
	"POST /watch":                     "viewer",
	"GET /watching":                   "viewer",
	"POST /watching/:id":              "viewer",
	"POST /watching/:id/stop":         "viewer",
	"POST /watching/email":            "viewer",
	"POST /watching/webhook":          "viewer",
	"POST /watching/webhook/test":     "viewer",
	"POST /watching/webhook/secret":   "viewer",
	"POST /watching/deliveries/:id":   "viewer",
	"GET /stop-mail/:secret":          "public", // the secret says whose
	"POST /stop-mail/:secret":         "public",
	"GET /notifications":              "viewer",
	"POST /notifications":             "viewer, readers too",
	"GET /api/v1/watches":             "read viewer",
	"POST /api/v1/watches":            "write viewer",
	"DELETE /api/v1/watches/:id":      "write viewer",
	"GET /api/v1/notifications":       "read viewer",
	"POST /api/v1/notifications/read": "write viewer",
}
