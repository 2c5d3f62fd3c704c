package web

// policiesOfLogin are the policies of loginRoutes, written by hand.
var policiesOfLogin = map[string]string{}
