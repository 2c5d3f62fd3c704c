package web

// policiesOfAccount are the policies of accountRoutes, written by hand.
var policiesOfAccount = map[string]string{}
