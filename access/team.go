package access

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// Team is people who own data together.
type Team struct {
	ID          int64
	Slug        string
	Name        string
	Description string // Markdown
	Contact     string // a channel or an address to ask at, or ""
	DeclaredIn  string // file:line of the estate, or "": added in the portal
	GoneAt      *time.Time
	Members     int // who are not disabled
}

// Declared reports whether an estate says what the team is, so that pages cannot change it.
func (t *Team) Declared() bool { return t.DeclaredIn != "" }

// Member is someone in a team, or steward of a domain.
type Member struct {
	ID         int64
	Name       string
	Role       Role
	Kind       string
	DisabledAt *time.Time
	ByRule     bool // by a group of the provider
	ByHand     bool
}

const teamSelect = `
	SELECT t.id, t.slug, t.name, t.description, t.contact, t.declared_in, t.gone_at,
	       (SELECT count(*) FROM team_person m JOIN person p ON p.id = m.person_id WHERE m.team_id = t.id AND p.disabled_at IS NULL) AS members
	FROM `

// Teams returns the teams there are whose name or slug has text in it, by name, after the first skip ones, at most limit, and
// how many there are in all.
func (s *Store) Teams(ctx context.Context, text string, skip, limit int) (teams []Team, total int, err error) {
	const where = `WHERE t.gone_at IS NULL AND (@text = '' OR position(lower(@text) IN lower(t.name)) > 0 OR position(lower(@text) IN t.slug) > 0)`
	args := pgx.NamedArgs{"text": text, "skip": skip, "limit": limit}
	if err := s.db.QueryRow(ctx, `SELECT count(*) FROM team t `+where, args).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count teams: %w", err)
	}
	const part = `(SELECT * FROM team t ` + where + ` ORDER BY lower(t.name), t.id OFFSET @skip LIMIT @limit) t` // members of these only are counted
	rows, _ := s.db.Query(ctx, teamSelect+part+` ORDER BY lower(t.name), t.id`, args)
	teams, err = pgx.CollectRows(rows, pgx.RowToStructByName[Team])
	return teams, total, err
}

// Team returns a team, also one that is gone.
func (s *Store) Team(ctx context.Context, slug string) (Team, error) {
	rows, _ := s.db.Query(ctx, teamSelect+`team t WHERE t.slug = $1`, slug)
	t, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Team])
	if errors.Is(err, pgx.ErrNoRows) {
		return Team{}, fault.NotFoundf("there is no team %s", slug)
	}
	return t, err
}

// TeamsNamed returns which of the slugs are teams, also those that are gone, by slug.
func (s *Store) TeamsNamed(ctx context.Context, slugs []string) (map[string]Team, error) {
	rows, _ := s.db.Query(ctx, `SELECT id, slug, name, description, contact, declared_in, gone_at, 0 AS members FROM team WHERE slug = ANY ($1)`, slugs)
	teams, err := pgx.CollectRows(rows, pgx.RowToStructByName[Team])
	named := make(map[string]Team, len(teams))
	for _, t := range teams {
		named[t.Slug] = t
	}
	return named, err
}

// Members returns who is in a team, those with the strongest role first, after the first skip ones, at most limit, and how many
// there are in all. Who is disabled stands last.
func (s *Store) Members(ctx context.Context, team int64, skip, limit int) (members []Member, total int, err error) {
	const q = `
		SELECT p.id, p.name, p.role, p.kind, p.disabled_at, count(*) OVER () AS total,
		       EXISTS (SELECT FROM team_member r WHERE r.team_id = m.team_id AND r.person_id = p.id AND r.by_rule) AS by_rule,
		       EXISTS (SELECT FROM team_member r WHERE r.team_id = m.team_id AND r.person_id = p.id AND NOT r.by_rule) AS by_hand
		FROM team_person m JOIN person p ON p.id = m.person_id WHERE m.team_id = @id
		ORDER BY p.disabled_at IS NOT NULL, array_position('{admin,steward,owner,analyst,viewer}', p.role), lower(p.name), p.id
		OFFSET @skip LIMIT @limit`
	return s.members(ctx, q, team, skip, limit)
}

func (s *Store) members(ctx context.Context, q string, id int64, skip, limit int) (members []Member, total int, err error) {
	type row struct {
		Member
		Total int
	}
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"id": id, "skip": skip, "limit": limit})
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
	for _, r := range all {
		members, total = append(members, r.Member), r.Total
	}
	return members, total, err
}

// slugs are what teams, domains and terms may be called in addresses and files.
var slugs = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,62}$`)

// CheckSlug returns an Invalid error when a team, a domain or a term cannot have that slug.
func CheckSlug(slug string) error {
	switch {
	case !slugs.MatchString(slug):
		return fault.Invalidf("slug", "it is named by at most 63 small letters, digits, -, _ and dots, with a letter or a digit first")
	case slug == "new":
		return fault.Invalidf("slug", "the page that adds one is called new: choose another name")
	}
	return nil
}

// checkUnit returns an Invalid error when no team or domain can be like this.
func checkUnit(slug, name, description, contact string) error {
	if err := CheckSlug(slug); err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(name) == "":
		return fault.Invalidf("name", "it needs a name that people know it by")
	case utf8.RuneCountInString(name) > 200:
		return fault.Invalidf("name", "a name has at most 200 characters")
	case utf8.RuneCountInString(description) > 8000:
		return fault.Invalidf("description", "a description has at most 8,000 characters")
	case utf8.RuneCountInString(contact) > 200:
		return fault.Invalidf("contact", "a contact has at most 200 characters")
	}
	return nil
}

// AddTeam adds a team, or takes up one again that was retired in the portal. Conflict when there is one of that slug.
func (s *Store) AddTeam(ctx context.Context, act Act, t Team) error {
	const q = `
		INSERT INTO team (slug, name, description, contact) VALUES (@slug, @name, @description, @contact)
		ON CONFLICT (slug) DO UPDATE SET name = excluded.name, description = excluded.description, contact = excluded.contact,
			declared_in = '', gone_at = NULL
		WHERE team.gone_at IS NOT NULL`
	if err := checkUnit(t.Slug, t.Name, t.Description, t.Contact); err != nil {
		return err
	}
	return s.change(ctx, act, Event{"team.add", "team " + t.Slug, map[string]any{"name": t.Name, "contact": t.Contact}}, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, q, unitArgs(t.Slug, t.Name, t.Description, t.Contact))
		if err == nil && tag.RowsAffected() == 0 {
			err = fault.Invalidf("slug", "there is a team %s already", t.Slug)
		}
		return err
	})
}

// SaveTeam changes name, description and contact of a team that no estate declares.
func (s *Store) SaveTeam(ctx context.Context, act Act, t Team) error {
	if err := checkUnit(t.Slug, t.Name, t.Description, t.Contact); err != nil {
		return err
	}
	return s.change(ctx, act, Event{"team.edit", "team " + t.Slug, map[string]any{"name": t.Name, "contact": t.Contact}}, func(tx pgx.Tx) error {
		if err := undeclared(ctx, tx, `SELECT declared_in FROM team WHERE slug = $1 AND gone_at IS NULL FOR NO KEY UPDATE`, "team", t.Slug); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE team SET name = @name, description = @description, contact = @contact WHERE slug = @slug`,
			unitArgs(t.Slug, t.Name, t.Description, t.Contact))
		return err
	})
}

// RetireTeam ends a team that no estate declares. Its members keep their roles; what it owned shows among the ownership gaps.
func (s *Store) RetireTeam(ctx context.Context, act Act, slug string) error {
	return s.change(ctx, act, Event{"team.retire", "team " + slug, nil}, func(tx pgx.Tx) error {
		if err := undeclared(ctx, tx, `SELECT declared_in FROM team WHERE slug = $1 AND gone_at IS NULL FOR NO KEY UPDATE`, "team", slug); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM team_member m USING team t WHERE t.slug = $1 AND t.id = m.team_id`, slug); err != nil { // a new one of its name is another
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE team SET gone_at = now() WHERE slug = $1`, slug)
		return err
	})
}

// MayFill reports whether who may say who is in a team: an admin, or an owner in it.
func (p *Principal) MayFill(team string) bool {
	return p.Role == Admin || p.Role.Includes(Owner) && p.In(team)
}

// AddMember puts a person into a team by hand.
func (s *Store) AddMember(ctx context.Context, act Act, team string, person int64) error {
	const q = `
		INSERT INTO team_member (team_id, person_id, by_rule)
		SELECT t.id, p.id, false FROM team t, person p
		WHERE t.slug = @team AND t.gone_at IS NULL AND p.id = @person AND p.disabled_at IS NULL ON CONFLICT DO NOTHING`
	if !act.Who.MayFill(team) {
		return fault.Forbiddenf("who is in the team %s is for its own owners and for admins to say", team)
	}
	return s.membership(ctx, act, "team.member.add", "team", team, person, func(tx pgx.Tx) (int64, error) {
		tag, err := tx.Exec(ctx, q, pgx.NamedArgs{"team": team, "person": person})
		return tag.RowsAffected(), err
	}, "there is no such team or person, or they are in it already")
}

// RemoveMember takes a person out of a team who was put there by hand. Whom a group of the provider puts there stays.
func (s *Store) RemoveMember(ctx context.Context, act Act, team string, person int64) error {
	if !act.Who.MayFill(team) {
		return fault.Forbiddenf("who is in the team %s is for its own owners and for admins to say", team)
	}
	return s.membership(ctx, act, "team.member.remove", "team", team, person, func(tx pgx.Tx) (int64, error) {
		tag, err := tx.Exec(ctx, `
			DELETE FROM team_member m USING team t WHERE t.slug = @team AND t.id = m.team_id AND m.person_id = @person AND NOT m.by_rule`,
			pgx.NamedArgs{"team": team, "person": person})
		if err != nil {
			return 0, err
		}
		left, err := tx.Exec(ctx, `
			UPDATE person p SET team = '' WHERE p.id = @person AND p.team = @team AND NOT EXISTS (
				SELECT FROM team_member m JOIN team t ON t.id = m.team_id WHERE t.slug = @team AND m.person_id = p.id)`,
			pgx.NamedArgs{"team": team, "person": person})
		return tag.RowsAffected() + left.RowsAffected(), err
	}, "they are not in it by hand")
}

// Parting is somebody who may be taken out of a team, or may cease to be a steward.
type Parting struct {
	Name string
	Last bool // nobody else there may decide
}

// PartingMember returns what taking a person out of a team means for it: Last, where nobody else in it has the role owner or above.
func (s *Store) PartingMember(ctx context.Context, team string, person int64) (Parting, error) {
	return s.parting(ctx, `
		SELECT p.name, t.id IS NOT NULL AND p.disabled_at IS NULL AND p.role = ANY (@deciding) AND NOT EXISTS (
			SELECT FROM team_person m JOIN person o ON o.id = m.person_id
			WHERE m.team_id = t.id AND o.id <> p.id AND o.disabled_at IS NULL AND o.kind = 'person' AND o.role = ANY (@deciding)) AS last
		FROM person p LEFT JOIN (team_person h JOIN team t ON t.id = h.team_id AND t.slug = @slug) ON h.person_id = p.id WHERE p.id = @person`,
		team, person, Owner)
}

// parting asks q, of roles from least up.
func (s *Store) parting(ctx context.Context, q, slug string, person int64, least Role) (Parting, error) {
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"slug": slug, "person": person, "deciding": roles[slices.Index(roles, least):]})
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Parting])
	if errors.Is(err, pgx.ErrNoRows) {
		return Parting{}, fault.Invalidf("person", "there is no such person")
	}
	return p, err
}

// membership does what puts a person into a team or a domain, or takes them out, and records it. none says why do did nothing.
func (s *Store) membership(ctx context.Context, act Act, action, kind, slug string, person int64, do func(pgx.Tx) (int64, error), none string) error {
	var name string
	err := s.db.QueryRow(ctx, `SELECT name FROM person WHERE id = $1`, person).Scan(&name)
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.Invalidf("person", "there is no such person")
	}
	if err != nil {
		return err
	}
	e := Event{action, kind + " " + slug, map[string]any{"person": name, "person_id": person}}
	return s.change(ctx, act, e, func(tx pgx.Tx) error {
		n, err := do(tx)
		if err == nil && n == 0 {
			err = fault.Invalidf("person", "%s", none)
		}
		if err != nil {
			return err
		}
		return s.tellMember(ctx, tx, act, action, slug, person)
	})
}

// change does something in a transaction and records it.
func (s *Store) change(ctx context.Context, act Act, e Event, do func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, act, e)
	})
}

// undeclared returns an error unless q, which is asked for slug, finds one that no estate declares.
func undeclared(ctx context.Context, tx pgx.Tx, q, kind, slug string) error {
	var declared string
	err := tx.QueryRow(ctx, q, slug).Scan(&declared)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return fault.NotFoundf("there is no %s %s", kind, slug)
	case err != nil:
		return err
	case declared != "":
		return fault.Conflictf("the %s %s is declared in %s: change it there", kind, slug, declared)
	}
	return nil
}

func unitArgs(slug, name, description, contact string) pgx.NamedArgs {
	return pgx.NamedArgs{"slug": slug, "name": strings.TrimSpace(name), "description": strings.TrimSpace(description), "contact": strings.TrimSpace(contact)}
}
