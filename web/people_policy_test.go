package web

// policiesOfPeople are the policies of peopleRoutes, written by hand.
var policiesOfPeople = map[string]string{}
