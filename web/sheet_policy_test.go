package web

// policiesOfSheet are the policies of sheetRoutes, written by hand.
var policiesOfSheet = map[string]string{
	"GET /data/metadata.csv": "viewer",
	"GET /data/edit":         "owner",
	"POST /data/edit":        "owner",
	"GET /data/edit/:id":     "owner",
	"POST /data/edit/:id":    "owner",
	"GET /data/sheet":        "owner",
	"POST /data/sheet":       "owner",
}
