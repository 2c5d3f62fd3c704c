package web

// policiesOfRegister are the policies of registerRoutes, written by hand.
var policiesOfRegister = map[string]string{}
