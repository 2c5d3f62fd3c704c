package access

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// Declared is what an estate says of people: teams and domains with their DeclaredIn, and what groups of the provider give.
type Declared struct {
	Teams   []Team
	Domains []Domain
	Rules   []Rule
}

// Rule is what a group of the provider gives to those in it: one of a role, a team, and the stewardship of a domain.
type Rule struct {
	Claim      string // the group as the provider writes it
	Role       Role
	Team       string // slug; likewise Domain
	Domain     string
	DeclaredIn string
}

// ApplyPeople makes the teams, domains and rules that an estate declares those of d, in the transaction tx, and gives everyone
// known the role and the teams that follow; a login is not waited for. Those that were declared before and are no longer are
// gone; those that an admin added in the portal stay as they are, and Conflict names one of them that is declared now. Doing it
// again changes nothing. It returns a line for each thing that changed.
func (s *Store) ApplyPeople(ctx context.Context, tx pgx.Tx, act Act, d Declared) (changes []string, err error) {
	teams, err := applyUnits(ctx, tx, "team", unitsOfTeams(d.Teams))
	if err != nil {
		return nil, err
	}
	domains, err := applyUnits(ctx, tx, "domain", unitsOfDomains(d.Domains))
	if err != nil {
		return nil, err
	}
	changes = slices.Concat(teams, domains)
	rules, err := applyGroups(ctx, tx, d.Rules)
	if err != nil {
		return nil, err
	}
	if rules {
		changes = append(changes, "rules of groups changed")
	}
	if len(changes) == 0 {
		return nil, nil
	}
	ruled, err := applyRulesTo(ctx, tx, nil, s.DefaultRole)
	if err != nil {
		return nil, err
	}
	events := []Event{{"estate.people", "estate", map[string]any{"changes": changes}}}
	for _, r := range ruled {
		events = append(events, r.events(r.Name)...)
	}
	return changes, s.Audit.Record(ctx, tx, act, events...)
}

// unit is what teams and domains have in common. A domain has no contact.
type unit struct{ Slug, Name, Description, Contact, DeclaredIn string }

func unitsOfTeams(teams []Team) []unit {
	units := make([]unit, len(teams))
	for i, t := range teams {
		units[i] = unit{t.Slug, t.Name, t.Description, t.Contact, t.DeclaredIn}
	}
	return units
}

func unitsOfDomains(domains []Domain) []unit {
	units := make([]unit, len(domains))
	for i, d := range domains {
		units[i] = unit{d.Slug, d.Name, d.Description, "", d.DeclaredIn}
	}
	return units
}

// The statements of applyUnits by kind.
var unitStatements = map[string]struct{ all, put, retire string }{
	"team": {
		all: `SELECT slug, name, description, contact, declared_in, gone_at IS NOT NULL AS gone FROM team FOR NO KEY UPDATE`,
		put: `
			INSERT INTO team (slug, name, description, contact, declared_in) VALUES (@slug, @name, @description, @contact, @declared)
			ON CONFLICT (slug) DO UPDATE SET name = excluded.name, description = excluded.description, contact = excluded.contact,
				declared_in = excluded.declared_in, gone_at = NULL`,
		retire: `UPDATE team SET gone_at = now() WHERE slug = @slug`,
	},
	"domain": {
		all: `SELECT slug, name, description, '' AS contact, declared_in, gone_at IS NOT NULL AS gone FROM domain FOR NO KEY UPDATE`,
		put: `
			INSERT INTO domain (slug, name, description, declared_in) VALUES (@slug, @name, @description, @declared)
			ON CONFLICT (slug) DO UPDATE SET name = excluded.name, description = excluded.description,
				declared_in = excluded.declared_in, gone_at = NULL`,
		retire: `UPDATE domain SET gone_at = now() WHERE slug = @slug`,
	},
}

func applyUnits(ctx context.Context, tx pgx.Tx, kind string, declared []unit) (changes []string, err error) {
	type row struct {
		unit
		Gone bool
	}
	q := unitStatements[kind]
	rows, _ := tx.Query(ctx, q.all)
	all, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (row, error) {
		var u row
		err := r.Scan(&u.Slug, &u.Name, &u.Description, &u.Contact, &u.DeclaredIn, &u.Gone)
		return u, err
	})
	if err != nil {
		return nil, fmt.Errorf("%ss: %w", kind, err)
	}
	before := make(map[string]row, len(all))
	for _, u := range all {
		before[u.Slug] = u
	}
	var batch pgx.Batch
	for _, u := range declared {
		old, there := before[u.Slug]
		delete(before, u.Slug)
		what := "changed"
		switch {
		case !there:
			what = "added"
		case old.Gone:
			what = "back"
		case old.DeclaredIn == "":
			return nil, fault.Conflictf("the %s %s of %s was added in the portal: retire it there, or choose another name", kind, u.Slug, u.DeclaredIn)
		case old.unit == u:
			continue
		}
		batch.Queue(q.put, pgx.NamedArgs{"slug": u.Slug, "name": u.Name, "description": u.Description, "contact": u.Contact, "declared": u.DeclaredIn})
		changes = append(changes, kind+" "+u.Slug+" "+what)
	}
	for _, slug := range slices.Sorted(maps.Keys(before)) {
		if old := before[slug]; old.DeclaredIn != "" && !old.Gone {
			batch.Queue(q.retire, pgx.NamedArgs{"slug": slug})
			changes = append(changes, kind+" "+slug+" gone")
		}
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return nil, fmt.Errorf("apply %ss: %w", kind, err)
	}
	return changes, nil
}

// applyGroups makes the rules those that are declared and reports whether they were others.
func applyGroups(ctx context.Context, tx pgx.Tx, declared []Rule) (changed bool, err error) {
	rows, _ := tx.Query(ctx, `SELECT claim, role, team, domain, declared_in FROM group_rule ORDER BY id`)
	before, err := pgx.CollectRows(rows, pgx.RowToStructByName[Rule])
	if err != nil || slices.Equal(before, declared) {
		return false, err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM group_rule`); err != nil {
		return false, err
	}
	const put = `INSERT INTO group_rule (claim, role, team, domain, declared_in) VALUES ($1, $2, $3, $4, $5)`
	var batch pgx.Batch
	for _, r := range declared {
		batch.Queue(put, r.Claim, r.Role, r.Team, r.Domain, r.DeclaredIn)
	}
	return true, tx.SendBatch(ctx, &batch).Close()
}
