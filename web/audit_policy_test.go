package web

// policiesOfAudit are the policies of auditRoutes, written by hand.
var policiesOfAudit = map[string]string{
	"GET /admin/audit":         "admin",
	"POST /admin/audit/verify": "admin",
	"POST /admin/audit/export": "admin",
	"GET /api/v1/audit":        "admin admin",
}
