package access

import (
	"context"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// News is what a person is to be told of requests, grants, and what they belong to.
type News struct {
	Person    int64  // 0: nobody, it only Settles
	DatasetID int64  // 0: none
	Event     string // request, grant or membership
	Title     string
	Body      string
	Path      string // of the page about it
	Once      string // what happened, so that it is told once
	Settles   bool   // what others were told of the same page needs them no more
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

// Approver is someone who decides on requests for a dataset.
type Approver struct {
	Person
	Tie Tie // that makes them decide
}

// Approvers returns who decides on a request of person for d: its owners, those of its team who are owners, and the stewards of
// its domain; the admins when there is none of these. Nobody decides on their own; of person 0 these are all who ever do. At most
// 50 are returned.
func (s *Store) Approvers(ctx context.Context, d Subject, person int64) ([]Approver, error) {
	return approvers(ctx, s.db, d, person)
}

func approvers(ctx context.Context, db querier, d Subject, person int64) ([]Approver, error) {
	const q = `
		WITH able AS (
			SELECT p.* FROM person p
			WHERE p.disabled_at IS NULL AND p.kind = 'person' AND p.id <> @person AND p.role IN ('owner', 'steward', 'admin')
		), tied AS (
			SELECT p.*, CASE
				WHEN p.id = ANY(@owners::bigint[]) THEN 'owner'
				WHEN @team <> '' AND p.team = @team OR EXISTS (
					SELECT FROM team_member m JOIN team t ON t.id = m.team_id WHERE m.person_id = p.id AND t.slug = @team AND t.gone_at IS NULL) THEN 'team'
				WHEN p.role IN ('steward', 'admin') AND EXISTS (
					SELECT FROM domain_steward m JOIN domain o ON o.id = m.domain_id
					WHERE m.person_id = p.id AND o.slug = @domain AND o.gone_at IS NULL) THEN 'steward' END AS tie
			FROM able p
		)
		SELECT ` + personColumns + `, tie FROM tied p WHERE tie IS NOT NULL
		UNION ALL
		SELECT ` + personColumns + `, 'admin' AS tie FROM able p WHERE p.role = 'admin' AND NOT EXISTS (SELECT FROM tied WHERE tie IS NOT NULL)
		ORDER BY name, id LIMIT 50`
	owners := d.Owners
	if owners == nil {
		owners = []int64{}
	}
	rows, _ := db.Query(ctx, q, pgx.NamedArgs{"person": person, "owners": owners, "team": d.Team, "domain": d.Domain})
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[Approver])
	if err != nil {
		return nil, fmt.Errorf("who decides on dataset %d: %w", d.ID, err)
	}
	return found, nil
}

// datasetPath is the page on the access to a dataset.
func datasetPath(source, name string) string {
	return "/d/" + url.PathEscape(source) + "/" + url.PathEscape(name) + "/access"
}
