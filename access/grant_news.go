package access

import (
	"context"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// News is what a person is to be told of requests and grants.
type News struct {
	Person    int64
	DatasetID int64
	Event     string // request or grant
	Title     string
	Body      string
	Path      string // of the page about it
	Once      string // what happened, so that it is told once
}

// Told passes news on within the transaction of what happened.
type Told func(ctx context.Context, tx pgx.Tx, news []News) error

func (s *Store) tell(ctx context.Context, tx pgx.Tx, news ...News) error {
	if s.Told == nil || len(news) == 0 {
		return nil
	}
	return s.Told(ctx, tx, news)
}

// tellApprovers tells those who decide on a request of it.
func (s *Store) tellApprovers(ctx context.Context, tx pgx.Tx, r *Request, d Subject, title, once string) error {
	deciders, err := approvers(ctx, tx, d, r.PersonID)
	if err != nil {
		return err
	}
	news := make([]News, 0, len(deciders))
	for _, p := range deciders {
		news = append(news, News{
			Person: p.ID, DatasetID: r.DatasetID, Event: "request", Title: title, Body: r.Purpose, Path: r.path(),
			Once: fmt.Sprintf("request %d %s", r.ID, once),
		})
	}
	return s.tell(ctx, tx, news...)
}

// Approvers returns who decides on a request of person for d: its owners, those of its team who are owners, and the stewards of
// its domain; the admins when there is none of these. Nobody decides on their own. At most 50 are returned.
func (s *Store) Approvers(ctx context.Context, d Subject, person int64) ([]Person, error) {
	return approvers(ctx, s.db, d, person)
}

func approvers(ctx context.Context, db querier, d Subject, person int64) ([]Person, error) {
	const q = `
		WITH able AS (
			SELECT p.* FROM person p
			WHERE p.disabled_at IS NULL AND p.kind = 'person' AND p.id <> @person AND p.role IN ('owner', 'steward', 'admin')
		), near AS (
			SELECT p.* FROM able p
			WHERE p.id = ANY(@owners::bigint[]) OR (@team <> '' AND p.team = @team)
			   OR EXISTS (SELECT FROM team_member m JOIN team t ON t.id = m.team_id WHERE m.person_id = p.id AND t.slug = @team AND t.gone_at IS NULL)
			   OR p.role IN ('steward', 'admin') AND EXISTS (
			      SELECT FROM domain_steward m JOIN domain o ON o.id = m.domain_id WHERE m.person_id = p.id AND o.slug = @domain AND o.gone_at IS NULL)
		)
		SELECT ` + personColumns + ` FROM near p
		UNION ALL
		SELECT ` + personColumns + ` FROM able p WHERE p.role = 'admin' AND NOT EXISTS (SELECT FROM near)
		ORDER BY name, id LIMIT 50`
	owners := d.Owners
	if owners == nil {
		owners = []int64{}
	}
	rows, _ := db.Query(ctx, q, pgx.NamedArgs{"person": person, "owners": owners, "team": d.Team, "domain": d.Domain})
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Person])
	if err != nil {
		return nil, fmt.Errorf("who decides on dataset %d: %w", d.ID, err)
	}
	return found, nil
}

// datasetPath is the page on the access to a dataset.
func datasetPath(source, name string) string {
	return "/d/" + url.PathEscape(source) + "/" + url.PathEscape(name) + "/access"
}
