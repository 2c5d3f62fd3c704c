package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// GapKind is why nobody answers for a dataset.
type GapKind string

// The kinds of gaps.
const (
	GapNone GapKind = "none" // it has neither team nor owner
	GapLeft GapKind = "left" // all its owners have left
	GapTeam GapKind = "team" // its team is gone, or no team at all
)

// Gap is a live dataset that nobody answers for: no team that there is, no owner who is still here.
type Gap struct {
	ID        int64
	Source    string
	Name      string
	Scope     string
	Kind      Kind
	Title     string
	Gap       GapKind
	Team      string // that is gone or unknown
	Owners    []int64
	Domain    string
	Certified bool
	Usage     float32    // reads in 30 days
	Proposals []Proposal `db:"-"`
}

// Key returns the dataset's key.
func (g *Gap) Key() Key { return Key{g.Source, g.Name} }

// GapFilter narrows the list of gaps. Zero fields do not.
type GapFilter struct {
	Kind      GapKind
	Certified bool // only those that are certified all the same
	Domain    string
}

// GapCounts counts the gaps by kind.
type GapCounts struct {
	All, None, Left, Team, Certified int
}

// gapRows are all gaps. It finds the teams that datasets name and are none first, so that it reads no dataset that is owned.
const gapRows = allTeams + `, missing AS (
		SELECT t.team FROM teams t WHERE t.team IS NOT NULL AND NOT EXISTS (SELECT FROM team k WHERE k.slug = t.team AND k.gone_at IS NULL)
	), gap AS MATERIALIZED (
		SELECT e.dataset_id AS id, e.team, e.domain, e.certified, e.used, coalesce(o.owners, '{}') AS owners,
		       CASE WHEN e.team <> '' THEN 'team' WHEN coalesce(o.owners, '{}') <> '{}' THEN 'left' ELSE 'none' END AS gap
		FROM missing m JOIN search e ON e.team = m.team AND e.status < 2
		LEFT JOIN dataset_override o ON o.dataset_id = e.dataset_id AND o.owners IS NOT NULL
		WHERE o.owners IS NULL OR NOT EXISTS (SELECT FROM person p WHERE p.id = ANY (o.owners) AND p.disabled_at IS NULL)
	)`

// Gaps returns the datasets that nobody answers for, with proposals whom to give them to: those that are certified all the same
// first, then the most used, after the first skip ones, at most limit. It counts the gaps of all kinds too, of f.Domain unless that
// is "": both come of one look at them.
func (s *Store) Gaps(ctx context.Context, f GapFilter, skip, limit int) ([]Gap, GapCounts, error) {
	const q = gapRows + `, counted AS (
			SELECT count(*) AS "all", count(*) FILTER (WHERE gap = 'none') AS "none", count(*) FILTER (WHERE gap = 'left') AS "left",
			       count(*) FILTER (WHERE gap = 'team') AS "team", count(*) FILTER (WHERE certified) AS with_badge
			FROM gap WHERE @domain = '' OR domain = @domain
		), page AS (
			SELECT * FROM gap WHERE (@kind = '' OR gap = @kind) AND (NOT @certified OR certified) AND (@domain = '' OR domain = @domain)
			ORDER BY certified DESC, used DESC, id OFFSET @skip LIMIT @limit
		)
		SELECT c.*, coalesce(g.id, 0), coalesce(s.slug, ''), coalesce(d.name, ''), coalesce(d.scope, ''), coalesce(d.kind, ''),
		       coalesce(v.title, d.title, ''), coalesce(g.gap, ''), coalesce(g.team, ''), coalesce(g.owners, '{}'), coalesce(g.domain, ''),
		       coalesce(g.certified, false), coalesce(d.usage, 0)
		FROM counted c LEFT JOIN (page g JOIN dataset d ON d.id = g.id JOIN source s ON s.id = d.source_id) ON true
		LEFT JOIN dataset_override v ON v.dataset_id = d.id
		ORDER BY g.certified DESC, g.used DESC, g.id`
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{
		"kind": f.Kind, "certified": f.Certified, "domain": f.Domain, "skip": skip, "limit": limit,
	})
	var n GapCounts
	var g Gap
	var gaps []Gap
	into := []any{
		&n.All, &n.None, &n.Left, &n.Team, &n.Certified,
		&g.ID, &g.Source, &g.Name, &g.Scope, &g.Kind, &g.Title, &g.Gap, &g.Team, &g.Owners, &g.Domain, &g.Certified, &g.Usage,
	}
	_, err := pgx.ForEachRow(rows, into, func() error {
		if g.ID != 0 { // else nothing is like that: the row is there for the counts
			one := g
			one.Owners = slices.Clone(g.Owners)
			gaps = append(gaps, one)
		}
		return nil
	})
	if err != nil {
		return nil, GapCounts{}, fmt.Errorf("ownership gaps: %w", err)
	}
	return gaps, n, s.propose(ctx, gaps)
}

// Gap returns the gap of a dataset, if it has one.
func (s *Store) Gap(ctx context.Context, dataset int64) (g Gap, found bool, err error) {
	const q = `
		SELECT d.id, s.slug AS source, d.name, d.scope, d.kind, coalesce(v.title, d.title) AS title,
		       CASE WHEN coalesce(v.team, d.team) <> '' THEN 'team' WHEN coalesce(v.owners, '{}') <> '{}' THEN 'left' ELSE 'none' END AS gap,
		       coalesce(v.team, d.team) AS team, coalesce(v.owners, '{}') AS owners, coalesce(v.domain, d.domain) AS domain,
		       coalesce(v.certified, d.certified) AS certified, d.usage
		FROM dataset d JOIN source s ON s.id = d.source_id LEFT JOIN dataset_override v ON v.dataset_id = d.id
		WHERE d.id = $1 AND d.gone_at IS NULL
			AND NOT EXISTS (SELECT FROM team k WHERE k.slug = coalesce(v.team, d.team) AND k.gone_at IS NULL)
			AND NOT EXISTS (SELECT FROM person p WHERE p.id = ANY (v.owners) AND p.disabled_at IS NULL)`
	rows, _ := s.db.Query(ctx, q, dataset)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[Gap])
	if err != nil || len(all) == 0 {
		return Gap{}, false, err
	}
	return all[0], true, nil
}
