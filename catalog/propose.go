package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Proposal is who might take a dataset: a team or a person, and why.
type Proposal struct {
	Team     string // slug; "" when it is a person
	Person   int64
	Name     string   // as people say it
	Evidence []string // sentences without a full stop, the strongest first
	score    int
}

// maxProposals is how many proposals a gap has at most.
const maxProposals = 3

// propose adds proposals to gaps.
func (s *Store) propose(ctx context.Context, gaps []Gap) error {
	if len(gaps) == 0 {
		return nil
	}
	ids := make([]int64, len(gaps))
	byID := make(map[int64]*Gap, len(gaps))
	for i := range gaps {
		ids[i] = gaps[i].ID
		byID[gaps[i].ID] = &gaps[i]
	}
	for _, evidence := range []func(context.Context, []int64, map[int64]*Gap) error{s.byNeighbours, s.byOpens, s.byWords, s.byName} {
		if err := evidence(ctx, ids, byID); err != nil {
			return fmt.Errorf("proposals for ownership gaps: %w", err)
		}
	}
	for i := range gaps {
		p := gaps[i].Proposals
		slices.SortStableFunc(p, func(a, b Proposal) int { return cmp.Compare(b.score, a.score) })
		gaps[i].Proposals = p[:min(len(p), maxProposals)]
	}
	return nil
}

// suggest adds a piece of evidence for a team, or for a person where team is "".
func (g *Gap) suggest(team string, person int64, name string, score int, evidence string) {
	i := slices.IndexFunc(g.Proposals, func(p Proposal) bool { return p.Team == team && p.Person == person })
	if i < 0 {
		g.Proposals, i = append(g.Proposals, Proposal{Team: team, Person: person, Name: name}), len(g.Proposals)
	}
	g.Proposals[i].score += score
	g.Proposals[i].Evidence = append(g.Proposals[i].Evidence, evidence)
}

// byNeighbours asks who owns the rest of the scope; of a big scope, some of it.
func (s *Store) byNeighbours(ctx context.Context, ids []int64, gaps map[int64]*Gap) error {
	const q = `
		WITH place AS (SELECT DISTINCT source_id, scope FROM dataset WHERE id = ANY ($1) AND scope <> ''),
		owned AS (
			SELECT p.source_id, p.scope, t.slug, t.name, count(*) AS n FROM place p
			CROSS JOIN LATERAL (SELECT id FROM dataset d WHERE d.source_id = p.source_id AND d.scope = p.scope AND d.gone_at IS NULL LIMIT 400) d
			JOIN search e ON e.dataset_id = d.id JOIN team t ON t.slug = e.team AND t.gone_at IS NULL
			GROUP BY p.source_id, p.scope, t.id
		), ranked AS (
			SELECT *, row_number() OVER (PARTITION BY source_id, scope ORDER BY n DESC, slug) AS place, sum(n) OVER (PARTITION BY source_id, scope) AS total
			FROM owned
		)
		SELECT d.id, r.slug, r.name, r.n, r.total FROM dataset d JOIN ranked r ON r.source_id = d.source_id AND r.scope = d.scope AND r.place <= 2
		WHERE d.id = ANY ($1) ORDER BY d.id, r.place`
	rows, _ := s.db.Query(ctx, q, ids)
	var id int64
	var slug, name string
	var n, total int
	_, err := pgx.ForEachRow(rows, []any{&id, &slug, &name, &n, &total}, func() error {
		g := gaps[id]
		g.suggest(slug, 0, name, 60*n/total, fmt.Sprintf("owns %d of %d datasets beside it in %s that have a team", n, total, g.Scope))
		return nil
	})
	return err
}

// byOpens asks whose people open it most, else who does.
func (s *Store) byOpens(ctx context.Context, ids []int64, gaps map[int64]*Gap) error {
	const q = `
		WITH opened AS (
			SELECT v.dataset_id, coalesce(t.slug, '') AS slug, CASE WHEN t.id IS NULL THEN p.id ELSE 0 END AS person,
			       min(coalesce(t.name, p.name)) AS name, count(*) AS people, sum(v.opens) AS opens
			FROM dataset_open v JOIN person p ON p.id = v.person_id AND p.disabled_at IS NULL AND p.kind = 'person'
			LEFT JOIN team t ON t.slug = p.team AND t.gone_at IS NULL
			WHERE v.dataset_id = ANY ($1) AND v.opened_at > now() - interval '90 days' GROUP BY 1, 2, 3
		)
		SELECT dataset_id, slug, person, name, people, opens FROM (
			SELECT *, row_number() OVER (PARTITION BY dataset_id ORDER BY opens DESC, slug, person) AS place FROM opened) o
		WHERE place <= 2 ORDER BY dataset_id, place`
	rows, _ := s.db.Query(ctx, q, ids)
	var id, person int64
	var slug, name string
	var people, opens int
	_, err := pgx.ForEachRow(rows, []any{&id, &slug, &person, &name, &people, &opens}, func() error {
		evidence := fmt.Sprintf("opened it %s in 90 days", times(opens))
		if slug != "" {
			evidence = fmt.Sprintf("its people (%d) opened it %s in 90 days", people, times(opens))
		}
		gaps[id].suggest(slug, person, name, min(40, 5+5*opens), evidence)
		return nil
	})
	return err
}

// byWords asks who described it.
func (s *Store) byWords(ctx context.Context, ids []int64, gaps map[int64]*Gap) error {
	const q = `
		SELECT e.dataset_id, coalesce(t.slug, ''), CASE WHEN t.id IS NULL THEN p.id ELSE 0 END, coalesce(t.name, p.name), p.name, max(e.at)
		FROM dataset_edit e JOIN person p ON p.id = e.person_id AND p.disabled_at IS NULL AND p.kind = 'person'
		LEFT JOIN team t ON t.slug = p.team AND t.gone_at IS NULL
		WHERE e.dataset_id = ANY ($1) AND (e.field IN ('title', 'description', 'terms') OR e.field LIKE 'column:%')
		GROUP BY e.dataset_id, t.id, p.id ORDER BY e.dataset_id, max(e.at) DESC`
	rows, _ := s.db.Query(ctx, q, ids)
	var id, person int64
	var slug, name, who string
	var at time.Time
	_, err := pgx.ForEachRow(rows, []any{&id, &slug, &person, &name, &who, &at}, func() error {
		gaps[id].suggest(slug, person, name, 30, fmt.Sprintf("%s described it on %s", who, at.UTC().Format("2 Jan 2006")))
		return nil
	})
	return err
}

// byName asks which team's name stands in the name of the dataset, the longest one first.
func (s *Store) byName(ctx context.Context, _ []int64, gaps map[int64]*Gap) error {
	const q = `SELECT slug, name FROM team WHERE gone_at IS NULL AND length(slug) >= 4 ORDER BY length(slug) DESC, slug`
	rows, _ := s.db.Query(ctx, q)
	squashed := make(map[int64]string, len(gaps))
	for id, g := range gaps {
		squashed[id] = squash(g.Name)
	}
	var slug, name string
	_, err := pgx.ForEachRow(rows, []any{&slug, &name}, func() error {
		part := squash(slug)
		for id, g := range gaps {
			if strings.Contains(squashed[id], part) {
				g.suggest(slug, 0, name, 25, "its name stands in the name of the dataset")
			}
		}
		return nil
	})
	return err
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// Said returns why a proposal is made, as one sentence.
func (p *Proposal) Said() string { return p.Name + " " + strings.Join(p.Evidence, "; ") }
