package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// Profile is a person as their page tells of them.
type Profile struct {
	Person
	GivenRole  *Role // by an admin, in place of what the rules give
	Groups     []string
	CreatedAt  time.Time
	LoginAt    *time.Time
	DisabledAt *time.Time
	In         []Membership `db:"-"` // teams
	Keeps      []Membership `db:"-"` // domains
}

// Membership is a team that someone is in, or a domain that they are steward of.
type Membership struct {
	Slug   string
	Name   string
	ByRule bool // by a group of the provider
	ByHand bool // likewise false: it is their team as the portal itself named it
}

// Colleague is a person in a list.
type Colleague struct {
	ID         int64
	Name       string
	Email      string
	Role       Role
	Kind       string
	Teams      []string // slugs
	DisabledAt *time.Time
}

// Colleagues returns the people whose name or e-mail has text in it, by name, after the first skip ones, at most limit, and how
// many there are in all. Those who are disabled are among them if left is true, and then nobody else.
func (s *Store) Colleagues(ctx context.Context, text string, left bool, skip, limit int) (people []Colleague, total int, err error) {
	const where = `
		FROM person p WHERE (p.disabled_at IS NOT NULL) = @left
			AND (@text = '' OR position(lower(@text) IN lower(p.name)) > 0 OR position(lower(@text) IN lower(p.email)) > 0)`
	const q = `
		SELECT p.id, p.name, p.email, p.role, p.kind, p.disabled_at, ARRAY(
			SELECT t.slug FROM team_person m JOIN team t ON t.id = m.team_id WHERE m.person_id = p.id AND t.gone_at IS NULL ORDER BY t.slug) AS teams` +
		where + ` ORDER BY lower(p.name), p.id OFFSET @skip LIMIT @limit`
	args := pgx.NamedArgs{"text": text, "left": left, "skip": skip, "limit": limit}
	if err := s.db.QueryRow(ctx, `SELECT count(*)`+where, args).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count people: %w", err)
	}
	rows, _ := s.db.Query(ctx, q, args)
	people, err = pgx.CollectRows(rows, pgx.RowToStructByName[Colleague])
	return people, total, err
}

// Names returns the people of these ids, also those who are disabled, by id.
func (s *Store) Names(ctx context.Context, ids []int64) (map[int64]Colleague, error) {
	const q = `SELECT id, name, email, role, kind, disabled_at, '{}'::text[] AS teams FROM person WHERE id = ANY ($1)`
	rows, _ := s.db.Query(ctx, q, ids)
	people, err := pgx.CollectRows(rows, pgx.RowToStructByName[Colleague])
	byID := make(map[int64]Colleague, len(people))
	for _, p := range people {
		byID[p.ID] = p
	}
	return byID, err
}

// Profile returns a person, also one who is disabled.
func (s *Store) Profile(ctx context.Context, id int64) (Profile, error) {
	const q = `SELECT ` + personColumns + `, p.given_role, p.groups, p.created_at, p.login_at, p.disabled_at FROM person p WHERE p.id = $1`
	const teams = `
		SELECT t.slug, t.name, coalesce(bool_or(r.by_rule), false) AS by_rule, coalesce(bool_or(NOT r.by_rule), false) AS by_hand
		FROM team_person m JOIN team t ON t.id = m.team_id LEFT JOIN team_member r ON r.team_id = t.id AND r.person_id = m.person_id
		WHERE m.person_id = $1 AND t.gone_at IS NULL GROUP BY t.id ORDER BY t.name`
	const domains = `
		SELECT d.slug, d.name, bool_or(m.by_rule) AS by_rule, bool_or(NOT m.by_rule) AS by_hand
		FROM domain_steward m JOIN domain d ON d.id = m.domain_id WHERE m.person_id = $1 AND d.gone_at IS NULL GROUP BY d.id ORDER BY d.name`
	rows, _ := s.db.Query(ctx, q, id)
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Profile])
	if errors.Is(err, pgx.ErrNoRows) {
		return Profile{}, fault.NotFoundf("there is no such person")
	}
	if err != nil {
		return Profile{}, err
	}
	rows, _ = s.db.Query(ctx, teams, id)
	if p.In, err = pgx.CollectRows(rows, pgx.RowToStructByName[Membership]); err != nil {
		return Profile{}, err
	}
	rows, _ = s.db.Query(ctx, domains, id)
	p.Keeps, err = pgx.CollectRows(rows, pgx.RowToStructByName[Membership])
	return p, err
}

// Ties are what ends when a person is disabled.
type Ties struct {
	Sessions int
	Tokens   int
}

// Ties counts the sessions and the tokens by which a person can come in now.
func (s *Store) Ties(ctx context.Context, id int64) (t Ties, err error) {
	const q = `
		SELECT (SELECT count(*) FROM session WHERE person_id = $1 AND expires_at > now()),
		       (SELECT count(*) FROM token WHERE person_id = $1 AND expires_at > now() AND revoked_at IS NULL)`
	err = s.db.QueryRow(ctx, q, id).Scan(&t.Sessions, &t.Tokens)
	return t, err
}

// GiveRole gives a person a role in place of what the rules give, or takes that back when role is "".
func (s *Store) GiveRole(ctx context.Context, act Act, id int64, role Role) error {
	if role != "" && !slices.Contains(roles, role) {
		return fault.Invalidf("role", "there is no role %q", role)
	}
	return s.onPerson(ctx, act, id, "person.role", func(tx pgx.Tx) (map[string]any, error) {
		if _, err := tx.Exec(ctx, `UPDATE person SET given_role = nullif($2, '') WHERE id = $1`, id, role); err != nil {
			return nil, err
		}
		r, err := applyRules(ctx, tx, id, s.DefaultRole)
		given := string(role)
		if role == "" {
			given = "by the rules"
		}
		return map[string]any{"before": r.Was, "after": r.Role, "given": given}, err
	})
}

// EnablePerson lets a person in again who was disabled. Their tokens work again unless they were revoked or have expired.
func (s *Store) EnablePerson(ctx context.Context, act Act, id int64) error {
	return s.onPerson(ctx, act, id, "person.enable", func(tx pgx.Tx) (map[string]any, error) {
		_, err := tx.Exec(ctx, `UPDATE person SET disabled_at = NULL WHERE id = $1`, id)
		return nil, err
	})
}

// DisablePerson ends all sessions of a person, or service, and refuses their tokens from now on. It is for admins, and nobody
// does it to themself.
func (s *Store) DisablePerson(ctx context.Context, act Act, id int64) error {
	if act.Who.Role != Admin || act.Who.ID == id {
		return fault.Forbiddenf("an admin disables people, and another than the one who is disabled")
	}
	return s.onPerson(ctx, act, id, "person.disable", func(tx pgx.Tx) (map[string]any, error) {
		tag, err := tx.Exec(ctx, `UPDATE person SET disabled_at = now() WHERE id = $1 AND disabled_at IS NULL`, id)
		if err == nil && tag.RowsAffected() == 0 {
			return nil, fault.NotFoundf("there is no such person to disable")
		}
		if err == nil {
			_, err = tx.Exec(ctx, `DELETE FROM session WHERE person_id = $1`, id)
		}
		return nil, err
	})
}

// onPerson does something to a person and records it. What would leave the portal without an admin is refused.
func (s *Store) onPerson(ctx context.Context, act Act, id int64, action string, do func(pgx.Tx) (map[string]any, error)) error {
	const admins = `SELECT count(*) FROM person WHERE role = 'admin' AND disabled_at IS NULL`
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('portreeve admins'))`); err != nil { // two must not remove each other
			return err
		}
		var name string
		err := tx.QueryRow(ctx, `SELECT name FROM person WHERE id = $1 FOR NO KEY UPDATE`, id).Scan(&name)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.NotFoundf("there is no such person")
		}
		var before, after int
		if err == nil {
			err = tx.QueryRow(ctx, admins).Scan(&before)
		}
		if err != nil {
			return err
		}
		detail, err := do(tx)
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, admins).Scan(&after); err != nil {
			return err
		}
		if before > 0 && after == 0 {
			return fault.Invalidf("role", "this is the last admin: make another person one first")
		}
		return s.Audit.Record(ctx, tx, act, Event{action, fmt.Sprintf("person %d %s", id, name), detail})
	})
}
