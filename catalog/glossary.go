package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/fault"
)

// Term is a word of the company and what it means there.
type Term struct {
	Slug       string
	Name       string
	Definition string // Markdown
	Domain     string // slug, or "": of the whole company
	Person     string // who changed it last
	ChangedAt  time.Time
	Datasets   int // that carry it
}

const termSelect = `
	SELECT g.slug, g.name, g.definition, g.domain, g.person, g.changed_at,
	       (SELECT count(*) FROM dataset_override o JOIN search e ON e.dataset_id = o.dataset_id
	        WHERE o.terms IS NOT NULL AND o.terms @> ARRAY[g.slug] AND e.status < 2) AS datasets
	FROM glossary_term g `

// Terms returns the terms whose name, slug or definition has text in it, and which are of the domain unless that is "": by name,
// after the first skip ones, at most limit; and how many there are in all.
func (s *Store) Terms(ctx context.Context, text, domain string, skip, limit int) (terms []Term, total int, err error) {
	const where = `
		WHERE (@domain = '' OR g.domain = @domain) AND (@text = '' OR position(lower(@text) IN lower(g.name)) > 0
			OR position(lower(@text) IN g.slug) > 0 OR position(lower(@text) IN lower(g.definition)) > 0)`
	args := pgx.NamedArgs{"text": text, "domain": domain, "skip": skip, "limit": limit}
	if err := s.db.QueryRow(ctx, `SELECT count(*) FROM glossary_term g`+where, args).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("count terms: %w", err)
	}
	rows, _ := s.db.Query(ctx, termSelect+where+` ORDER BY lower(g.name), g.slug OFFSET @skip LIMIT @limit`, args)
	terms, err = pgx.CollectRows(rows, pgx.RowToStructByName[Term])
	return terms, total, err
}

// Term returns a term of the glossary.
func (s *Store) Term(ctx context.Context, slug string) (Term, error) {
	rows, _ := s.db.Query(ctx, termSelect+`WHERE g.slug = $1`, slug)
	t, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Term])
	if errors.Is(err, pgx.ErrNoRows) {
		return Term{}, fault.NotFoundf("there is no term %s", slug)
	}
	return t, err
}

// MayDefine reports whether who may say what a term of the domain means: an admin, a steward of that domain, and any steward where
// the term is of no domain.
func MayDefine(who *access.Principal, domain string) bool {
	return who.Role == access.Admin || who.Role.Includes(access.Steward) && (domain == "" || who.StewardOf(domain))
}

// AddTerm adds a term. Invalid when there is one of that slug.
func (s *Store) AddTerm(ctx context.Context, act access.Act, t Term) error {
	const q = `
		INSERT INTO glossary_term (slug, name, definition, domain, person) VALUES (@slug, @name, @definition, @domain, @person)
		ON CONFLICT DO NOTHING`
	if err := checkTerm(&t); err != nil {
		return err
	}
	if !MayDefine(&act.Who, t.Domain) {
		return notTheirs(t.Domain)
	}
	return s.changeTerm(ctx, act, "term.add", t.Slug, map[string]any{"name": t.Name, "definition": t.Definition, "domain": t.Domain}, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, q, termArgs(&t, act))
		if err == nil && tag.RowsAffected() == 0 {
			err = fault.Invalidf("slug", "there is a term %s already", t.Slug)
		}
		return err
	})
}

// SaveTerm changes a term that was last changed at the moment seen; Conflict when it was changed since.
func (s *Store) SaveTerm(ctx context.Context, act access.Act, t Term, seen time.Time) error {
	if err := checkTerm(&t); err != nil {
		return err
	}
	detail := map[string]any{"after": map[string]any{"name": t.Name, "definition": t.Definition, "domain": t.Domain}}
	return s.changeTerm(ctx, act, "term.edit", t.Slug, detail, func(tx pgx.Tx) error {
		old, err := lockTerm(ctx, tx, act, t.Slug)
		switch {
		case err != nil:
			return err
		case !MayDefine(&act.Who, t.Domain):
			return notTheirs(t.Domain)
		case !old.ChangedAt.Equal(seen):
			return fault.Conflictf("%s has changed %s in the meantime: look at it, then change it again", old.Person, t.Slug)
		}
		detail["before"] = map[string]any{"name": old.Name, "definition": old.Definition, "domain": old.Domain}
		_, err = tx.Exec(ctx, `
			UPDATE glossary_term SET name = @name, definition = @definition, domain = @domain, person = @person, changed_at = clock_timestamp()
			WHERE slug = @slug`, termArgs(&t, act))
		return err
	})
}

// DeleteTerm takes a term out of the glossary that no dataset carries.
func (s *Store) DeleteTerm(ctx context.Context, act access.Act, slug string) error {
	detail := map[string]any{}
	return s.changeTerm(ctx, act, "term.delete", slug, detail, func(tx pgx.Tx) error {
		old, err := lockTerm(ctx, tx, act, slug)
		switch {
		case err != nil:
			return err
		case old.Datasets > 0:
			return fault.Conflictf("%d datasets carry the term %s: take it off them first", old.Datasets, slug)
		}
		detail["before"] = map[string]any{"name": old.Name, "definition": old.Definition, "domain": old.Domain}
		_, err = tx.Exec(ctx, `DELETE FROM glossary_term WHERE slug = $1`, slug)
		return err
	})
}

// lockTerm returns a term that who acts may change, and keeps others from changing it.
func lockTerm(ctx context.Context, tx pgx.Tx, act access.Act, slug string) (Term, error) {
	rows, _ := tx.Query(ctx, termSelect+`WHERE g.slug = $1 FOR UPDATE OF g`, slug)
	t, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Term])
	if errors.Is(err, pgx.ErrNoRows) {
		return Term{}, fault.NotFoundf("there is no term %s", slug)
	}
	if err == nil && !MayDefine(&act.Who, t.Domain) {
		err = notTheirs(t.Domain)
	}
	return t, err
}

func notTheirs(domain string) error {
	if domain == "" {
		return fault.Forbiddenf("terms are for stewards and admins to define")
	}
	return fault.Forbiddenf("terms of the domain %s are for its stewards and for admins to define", domain)
}

func (s *Store) changeTerm(ctx context.Context, act access.Act, action, slug string, detail map[string]any, do func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, act, access.Event{Action: action, Object: "term " + slug, Detail: detail})
	})
}

func checkTerm(t *Term) error {
	t.Name, t.Definition = strings.TrimSpace(t.Name), strings.TrimSpace(t.Definition)
	if err := access.CheckSlug(t.Slug); err != nil {
		return err
	}
	switch {
	case t.Name == "":
		return fault.Invalidf("name", "a term needs the name that people use")
	case utf8.RuneCountInString(t.Name) > 200:
		return fault.Invalidf("name", "a name has at most 200 characters")
	case t.Definition == "":
		return fault.Invalidf("definition", "a term without a definition helps nobody")
	case utf8.RuneCountInString(t.Definition) > 20_000:
		return fault.Invalidf("definition", "a definition has at most 20,000 characters")
	}
	return nil
}

func termArgs(t *Term, act access.Act) pgx.NamedArgs {
	return pgx.NamedArgs{"slug": t.Slug, "name": t.Name, "definition": t.Definition, "domain": t.Domain, "person": act.Who.Name}
}
