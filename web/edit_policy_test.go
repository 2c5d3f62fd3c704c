package web

// policiesOfEdit are the policies of editRoutes, written by hand.
var policiesOfEdit = map[string]string{
	"GET /d/:source/:name/edit":                    "owner",
	"POST /d/:source/:name/edit":                   "owner",
	"POST /d/:source/:name/edit/preview":           "owner",
	"GET /d/:source/:name/columns/edit":            "owner",
	"POST /d/:source/:name/columns/edit":           "owner",
	"POST /d/:source/:name/take":                   "owner",
	"POST /d/:source/:name/undo":                   "owner",
	"GET /d/:source/:name/announce":                "owner",
	"POST /d/:source/:name/announce":               "owner",
	"POST /d/:source/:name/announcements/:id/end":  "owner",
	"POST /d/:source/:name/announcements/:id/back": "owner",
}
