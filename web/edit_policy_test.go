package web

// policiesOfEdit are the policies of editRoutes, written by hand.
var policiesOfEdit = map[string]string{}
