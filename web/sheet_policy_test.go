package web

// policiesOfSheet are the policies of sheetRoutes, written by hand.
var policiesOfSheet = map[string]string{}
