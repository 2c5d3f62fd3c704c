package web

// policiesOfWatch are the policies of watchRoutes, written by hand.
var policiesOfWatch = map[string]string{}
