package estate

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"portreeve/access"
)

// The bounds of what is said of people.
const (
	maxGroups = 50 // of the provider, that make a team or the stewards of a domain
	maxClaim  = 300
)

// units are what teams and domains may be called.
var units = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,62}$`)

// The keys that a team, a domain and a group have.
var (
	teamKeys   = []string{"name", "contact", "description", "groups"}
	domainKeys = []string{"name", "description", "stewards"}
	groupKeys  = []string{"role"}
	roleNames  = []string{"viewer", "analyst", "owner", "steward", "admin"}
)

// people gathers what files say of teams, domains and groups, by name.
type people struct {
	teams   map[string]access.Team
	domains map[string]access.Domain
	groups  map[string]string // where each was declared
	rules   []access.Rule
}

func newPeople() people {
	return people{teams: map[string]access.Team{}, domains: map[string]access.Domain{}, groups: map[string]string{}}
}

// sections are what may stand at the top of a file.
var sections = []string{"sources", "teams", "domains", "groups"}

// unit looks at what a team or a domain has in common: its name, that it is the only one, its keys. It returns the keys that it
// has, or false where nothing can be made of it.
func (r *reader) unit(f file, section string, e entry, first string, twice bool, keys []string) ([]entry, bool) {
	path := section + "." + e.name
	kind := section[:len(section)-1]
	if twice {
		r.problem(e.key, path, "this %s is declared twice, first in %s", kind, first)
		return nil, false
	}
	switch {
	case !units.MatchString(e.name):
		r.problem(e.key, path, "a %s is named by at most 63 small letters, digits, -, _ and dots, with a letter or a digit first", kind)
	case e.name == "new":
		r.problem(e.key, path, "a %s cannot be called new: that is the page that adds one", kind)
	}
	fields := r.entries(f, path, e.value)
	for _, field := range fields {
		if !slices.Contains(keys, field.name) {
			r.problem(field.key, join(path, field.name), "a %s has no such key%s", kind, meant(field.name, keys))
		}
	}
	return fields, true
}

// team reads one team.
func (r *reader) team(f file, e entry) {
	first, twice := r.people.teams[e.name]
	fields, ok := r.unit(f, "teams", e, first.DeclaredIn, twice, teamKeys)
	if !ok {
		return
	}
	t := access.Team{Slug: e.name, Name: e.name, DeclaredIn: f.name + ":" + strconv.Itoa(e.key.line)}
	for _, field := range fields {
		path := "teams." + e.name + "." + field.name
		switch field.name {
		case "name":
			t.Name, _ = r.text(path, field, maxTitle)
		case "contact":
			t.Contact, _ = r.text(path, field, maxTitle)
		case "description":
			t.Description = r.note(path, field)
		case "groups":
			for _, claim := range r.list(f, path, field, maxGroups, maxClaim) {
				r.rule(f, claim, access.Rule{Team: e.name})
			}
		}
	}
	r.people.teams[e.name] = t
}

// domain reads one domain.
func (r *reader) domain(f file, e entry) {
	first, twice := r.people.domains[e.name]
	fields, ok := r.unit(f, "domains", e, first.DeclaredIn, twice, domainKeys)
	if !ok {
		return
	}
	d := access.Domain{Slug: e.name, Name: e.name, DeclaredIn: f.name + ":" + strconv.Itoa(e.key.line)}
	for _, field := range fields {
		path := "domains." + e.name + "." + field.name
		switch field.name {
		case "name":
			d.Name, _ = r.text(path, field, maxTitle)
		case "description":
			d.Description = r.note(path, field)
		case "stewards":
			for _, claim := range r.list(f, path, field, maxGroups, maxClaim) {
				r.rule(f, claim, access.Rule{Domain: e.name})
			}
		}
	}
	r.people.domains[e.name] = d
}

// group reads what a group of the provider gives.
func (r *reader) group(f file, e entry) {
	path := "groups." + e.name
	if first, twice := r.people.groups[e.name]; twice {
		r.problem(e.key, path, "this group is declared twice, first in %s", first)
		return
	}
	r.people.groups[e.name] = f.name + ":" + strconv.Itoa(e.key.line)
	if e.name == "" || len([]rune(e.name)) > maxClaim {
		r.problem(e.key, path, "a group is named as the provider writes it, by at most %d characters", maxClaim)
	}
	given := false
	for _, field := range r.entries(f, path, e.value) {
		if field.name != "role" {
			r.problem(field.key, join(path, field.name), "a group has no such key%s", meant(field.name, groupKeys))
			continue
		}
		given = true
		role, _ := scalar(field.value)
		if !slices.Contains(roleNames, role) {
			r.problem(field.at, join(path, "role"), "there is no such role%s", roleMeant(role))
			continue
		}
		r.rule(f, item{e.name, e.key}, access.Rule{Role: access.Role(role)})
	}
	if !given {
		r.problem(e.key, join(path, "role"), "this is missing: one of viewer, analyst, owner, steward, admin")
	}
}

func roleMeant(role string) string {
	if near := Nearest(role, roleNames); near != "" {
		return ", did you mean " + near + "?"
	}
	return ": it is one of viewer, analyst, owner, steward, admin"
}

// rule notes what a group gives.
func (r *reader) rule(f file, claim item, rule access.Rule) {
	rule.Claim, rule.DeclaredIn = claim.text, f.name+":"+strconv.Itoa(claim.at.line)
	r.people.rules = append(r.people.rules, rule)
}

// declared returns what was said of people, each kind in order.
func (p *people) declared() access.Declared {
	d := access.Declared{Rules: p.rules}
	for _, slug := range slices.Sorted(maps.Keys(p.teams)) {
		d.Teams = append(d.Teams, p.teams[slug])
	}
	for _, slug := range slices.Sorted(maps.Keys(p.domains)) {
		d.Domains = append(d.Domains, p.domains[slug])
	}
	slices.SortStableFunc(d.Rules, func(a, b access.Rule) int {
		return cmp.Or(cmp.Compare(a.Claim, b.Claim), cmp.Compare(a.Team, b.Team), cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Role, b.Role))
	})
	return d
}
