package web

// policiesOfRequest are the policies of requestRoutes, written by hand.
var policiesOfRequest = map[string]string{}
