// Package access knows people: who is asking, what their role is, and by which session or token they prove it.
package access

import (
	"slices"
	"time"
)

// Role is what a person may do in general. Each includes those before it.
type Role string

// The roles, weakest first.
const (
	Viewer  Role = "viewer"
	Analyst Role = "analyst"
	Owner   Role = "owner"
	Steward Role = "steward"
	Admin   Role = "admin"
)

var roles = []Role{Viewer, Analyst, Owner, Steward, Admin}

// Includes reports whether someone with role r may do what needs role need. An unknown role includes nothing.
func (r Role) Includes(need Role) bool {
	have, want := slices.Index(roles, r), slices.Index(roles, need)
	return have >= 0 && want >= 0 && have >= want
}

// Person is someone who uses the portal.
type Person struct {
	ID      int64
	Issuer  string
	Subject string
	Name    string
	Email   string
	Team    string
	Role    Role
	Theme   string // "", light or dark
	Nav     string // "" or icons
	Kind    string // person or service
}

// Kinds of persons.
const (
	KindPerson  = "person"
	KindService = "service" // a program: it has tokens and never signs in
)

// Scopes of tokens: what an API call must hold.
const (
	ScopeRead  = "read"  // read the catalog
	ScopeWrite = "write" // change it: crawl, edit
	ScopeAdmin = "admin"
)

// Principal is who a request comes from.
type Principal struct {
	Person
	Teams     []string // slugs of the teams they are in, that of the Person among them
	Domains   []string // slugs of the domains they are steward of
	Scopes    []string // of the token, or of the token that the session was exchanged for; nil for any other session
	Token     bool     // by bearer token, so: the API, never a page
	TokenID   int64    // of the bearer token
	SessionID int64    // of the session that a browser came by
	CheckDue  bool     // the provider was last asked about them longer ago than CheckEvery
}

// Act is who does something, and how: what the audit log and history keep of it.
type Act struct {
	Who       Principal
	Via       string // page, api, command line or job
	RequestID string
	Address   string // the caller's, without its port
	Reason    string // in their own words, or ""
}

// Operator returns who works at the portal's own machine, by its commands: nobody that the portal knows, with every right.
func Operator() Principal { return Principal{Person: Person{Name: "operator", Role: Admin}} }

// operator reports whether the principal is the Operator.
func (p *Principal) operator() bool { return p.ID == 0 && p.Role == Admin }

// In reports whether the principal is in the team.
func (p *Principal) In(team string) bool { return team != "" && slices.Contains(p.Teams, team) }

// StewardOf reports whether the principal keeps order in the domain.
func (p *Principal) StewardOf(domain string) bool {
	return domain != "" && slices.Contains(p.Domains, domain)
}

// Token is an API token as its owner may see it: without its secret.
type Token struct {
	ID        int64
	Name      string
	Scopes    []string
	CreatedAt time.Time
	UsedAt    *time.Time
	ExpiresAt time.Time
	RevokedAt *time.Time
}
