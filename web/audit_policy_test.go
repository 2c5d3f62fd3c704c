package web

// policiesOfAudit are the policies of auditRoutes, written by hand.
var policiesOfAudit = map[string]string{}
