package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// Domain is a part of what the company does, whose stewards keep order in its data.
type Domain struct {
	ID          int64
	Slug        string
	Name        string
	Description string // Markdown
	DeclaredIn  string // file:line of the estate, or "": added in the portal
	GoneAt      *time.Time
	Stewards    int // who are not disabled
}

// Declared reports whether an estate says what the domain is, so that pages cannot change it.
func (d *Domain) Declared() bool { return d.DeclaredIn != "" }

const domainSelect = `
	SELECT d.id, d.slug, d.name, d.description, d.declared_in, d.gone_at,
	       (SELECT count(DISTINCT p.id) FROM domain_steward m JOIN person p ON p.id = m.person_id
	        WHERE m.domain_id = d.id AND p.disabled_at IS NULL) AS stewards
	FROM domain d `

// Domains returns the domains there are whose name or slug has text in it, by name, after the first skip ones, at most limit,
// and how many there are in all.
func (s *Store) Domains(ctx context.Context, text string, skip, limit int) (domains []Domain, total int, err error) {
	const where = `WHERE d.gone_at IS NULL AND (@text = '' OR position(lower(@text) IN lower(d.name)) > 0 OR position(lower(@text) IN d.slug) > 0)`
	args := pgx.NamedArgs{"text": text, "skip": skip, "limit": limit}
	if err := s.db.QueryRow(ctx, `SELECT count(*) FROM domain d `+where, args).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count domains: %w", err)
	}
	rows, _ := s.db.Query(ctx, domainSelect+where+` ORDER BY lower(d.name), d.id OFFSET @skip LIMIT @limit`, args)
	domains, err = pgx.CollectRows(rows, pgx.RowToStructByName[Domain])
	return domains, total, err
}

// Domain returns a domain, also one that is gone.
func (s *Store) Domain(ctx context.Context, slug string) (Domain, error) {
	rows, _ := s.db.Query(ctx, domainSelect+`WHERE d.slug = $1`, slug)
	d, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Domain])
	if errors.Is(err, pgx.ErrNoRows) {
		return Domain{}, fault.NotFoundf("there is no domain %s", slug)
	}
	return d, err
}

// Stewards returns the stewards of a domain by name, after the first skip ones, at most limit, and how many there are in all. Who
// is disabled stands last.
func (s *Store) Stewards(ctx context.Context, domain int64, skip, limit int) (members []Member, total int, err error) {
	const q = `
		SELECT p.id, p.name, p.role, p.kind, p.disabled_at, bool_or(m.by_rule) AS by_rule, bool_or(NOT m.by_rule) AS by_hand, count(*) OVER () AS total
		FROM domain_steward m JOIN person p ON p.id = m.person_id WHERE m.domain_id = @id GROUP BY p.id
		ORDER BY p.disabled_at IS NOT NULL, lower(p.name), p.id OFFSET @skip LIMIT @limit`
	return s.members(ctx, q, domain, skip, limit)
}

// AddDomain adds a domain, or takes up one again that is gone. Invalid when there is one of that slug.
func (s *Store) AddDomain(ctx context.Context, act Act, d Domain) error {
	const q = `
		INSERT INTO domain (slug, name, description) VALUES (@slug, @name, @description)
		ON CONFLICT (slug) DO UPDATE SET name = excluded.name, description = excluded.description, declared_in = '', gone_at = NULL
		WHERE domain.gone_at IS NOT NULL`
	if err := checkUnit(d.Slug, d.Name, d.Description, ""); err != nil {
		return err
	}
	return s.change(ctx, act, Event{"domain.add", "domain " + d.Slug, map[string]any{"name": d.Name}}, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, q, unitArgs(d.Slug, d.Name, d.Description, ""))
		if err == nil && tag.RowsAffected() == 0 {
			err = fault.Invalidf("slug", "there is a domain %s already", d.Slug)
		}
		return err
	})
}

// liveDomain finds what may be changed for undeclared.
const liveDomain = `SELECT declared_in FROM domain WHERE slug = $1 AND gone_at IS NULL FOR NO KEY UPDATE`

// SaveDomain changes name and description of a domain that no estate declares.
func (s *Store) SaveDomain(ctx context.Context, act Act, d Domain) error {
	if err := checkUnit(d.Slug, d.Name, d.Description, ""); err != nil {
		return err
	}
	return s.change(ctx, act, Event{"domain.edit", "domain " + d.Slug, map[string]any{"name": d.Name}}, func(tx pgx.Tx) error {
		if err := undeclared(ctx, tx, liveDomain, "domain", d.Slug); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE domain SET name = @name, description = @description WHERE slug = @slug`, unitArgs(d.Slug, d.Name, d.Description, ""))
		return err
	})
}

// RetireDomain ends a domain that no estate declares; nobody is steward of it from now on.
func (s *Store) RetireDomain(ctx context.Context, act Act, slug string) error {
	return s.change(ctx, act, Event{"domain.retire", "domain " + slug, nil}, func(tx pgx.Tx) error {
		if err := undeclared(ctx, tx, liveDomain, "domain", slug); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM domain_steward m USING domain d WHERE d.slug = $1 AND d.id = m.domain_id`, slug); err != nil { // a new one of its name is another
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE domain SET gone_at = now() WHERE slug = $1`, slug)
		return err
	})
}

// AddSteward makes a person with the role of a steward or above a steward of a domain, by hand.
func (s *Store) AddSteward(ctx context.Context, act Act, domain string, person int64) error {
	const q = `
		INSERT INTO domain_steward (domain_id, person_id, by_rule)
		SELECT d.id, p.id, false FROM domain d, person p
		WHERE d.slug = @domain AND d.gone_at IS NULL AND p.id = @person AND p.disabled_at IS NULL AND p.role IN ('steward', 'admin')
		ON CONFLICT DO NOTHING`
	return s.membership(ctx, act, "domain.steward.add", "domain", domain, person, func(tx pgx.Tx) (int64, error) {
		tag, err := tx.Exec(ctx, q, pgx.NamedArgs{"domain": domain, "person": person})
		return tag.RowsAffected(), err
	}, "they are a steward of it already, or their role is below steward: give them that role first")
}

// RemoveSteward ends a stewardship that was given by hand.
func (s *Store) RemoveSteward(ctx context.Context, act Act, domain string, person int64) error {
	const q = `DELETE FROM domain_steward m USING domain d WHERE d.slug = @domain AND d.id = m.domain_id AND m.person_id = @person AND NOT m.by_rule`
	return s.membership(ctx, act, "domain.steward.remove", "domain", domain, person, func(tx pgx.Tx) (int64, error) {
		tag, err := tx.Exec(ctx, q, pgx.NamedArgs{"domain": domain, "person": person})
		return tag.RowsAffected(), err
	}, "they are not a steward of it by hand")
}

// PartingSteward returns what it means for a domain that a person ceases to be its steward: Last, where it has no other one.
func (s *Store) PartingSteward(ctx context.Context, domain string, person int64) (Parting, error) {
	return s.parting(ctx, `
		SELECT p.name, d.id IS NOT NULL AND p.disabled_at IS NULL AND p.role = ANY (@deciding) AND NOT EXISTS (
			SELECT FROM domain_steward m JOIN person o ON o.id = m.person_id
			WHERE m.domain_id = d.id AND o.id <> p.id AND o.disabled_at IS NULL AND o.role = ANY (@deciding)) AS last
		FROM person p LEFT JOIN domain d ON d.slug = @slug AND EXISTS (
			SELECT FROM domain_steward h WHERE h.domain_id = d.id AND h.person_id = p.id) WHERE p.id = @person`,
		domain, person, Steward)
}
