package notify

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/catalog"
	"portreeve/fault"
)

const (
	lookEvery = 15 * time.Minute // at most so often is a search compared
	lookAt    = 100              // searches that one run compares, those that waited longest first
	lookPage  = 500
	lookMost  = 1000 // datasets of a search that are compared
)

// Searcher finds datasets.
type Searcher interface {
	Search(ctx context.Context, q catalog.SearchQuery) (catalog.SearchResult, error)
}

// Look compares watched searches with what they found before and tells of what is new. The first look tells nothing: it is what later ones
// are compared with.
func (s *Store) Look(ctx context.Context, in Searcher) error {
	const q = `
		SELECT id, person_id, target, looked_at FROM watch
		WHERE kind = 'search' AND (looked_at IS NULL OR looked_at <= now() - @every::interval) ORDER BY looked_at NULLS FIRST LIMIT @most`
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"every": lookEvery, "most": lookAt})
	due, err := pgx.CollectRows(rows, pgx.RowToStructByName[look])
	if err != nil {
		return err
	}
	for _, l := range due {
		hits, problem, err := found(ctx, in, l.Target)
		if err != nil {
			return fmt.Errorf("compare search %d: %w", l.ID, err)
		}
		if err := s.compare(ctx, l, hits, problem); err != nil {
			return fmt.Errorf("compare search %d: %w", l.ID, err)
		}
	}
	return nil
}

// look is a search that is due.
type look struct {
	ID, PersonID int64
	Target       string
	LookedAt     *time.Time
}

// found returns what a search finds, as far as it is compared. problem says what is wrong with it, in words, or is "".
func found(ctx context.Context, in Searcher, target string) (hits []catalog.Hit, problem string, err error) {
	values, err := url.ParseQuery(target)
	if err != nil {
		return nil, "", err
	}
	q := searchOf(values)
	q.Limit = lookPage
	for q.Offset = 0; q.Offset < lookMost; q.Offset += lookPage {
		result, err := in.Search(ctx, q)
		if fault.KindOf(err) == fault.Invalid {
			return nil, fault.Message(err), nil
		}
		if err != nil {
			return nil, "", err
		}
		hits = append(hits, result.Items...)
		if len(result.Items) < lookPage {
			return hits, "", nil
		}
	}
	return hits, fmt.Sprintf("it finds %d datasets or more: only the first %d are compared; narrow it to hear of all", lookMost, lookMost), nil
}

// compare tells of the hits that are new. Whoever compares a search first in a round does so alone.
func (s *Store) compare(ctx context.Context, l look, hits []catalog.Hit, problem string) error {
	const claim = `
		UPDATE watch SET looked_at = clock_timestamp(), problem = @problem WHERE id = @id AND looked_at IS NOT DISTINCT FROM @before`
	const add = `INSERT INTO watch_seen (watch_id, dataset_id) SELECT @id, d.id FROM dataset d WHERE d.id = ANY(@hits) ON CONFLICT DO NOTHING RETURNING dataset_id`
	ids := make([]int64, len(hits))
	for i := range hits {
		ids[i] = hits[i].ID
	}
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, claim, pgx.NamedArgs{"id": l.ID, "problem": problem, "before": l.LookedAt})
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		rows, _ := tx.Query(ctx, add, pgx.NamedArgs{"id": l.ID, "hits": ids})
		added, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil || l.LookedAt == nil {
			return err
		}
		fresh := newHits(hits, added, l, len(hits) >= lookMost)
		if len(fresh) == 0 {
			return nil
		}
		return Insert(ctx, tx, []New{matches(l, fresh)})
	})
}

// newHits returns the hits that were added. Where not all are compared, one that only moved up among them is not new.
func newHits(hits []catalog.Hit, added []int64, l look, cut bool) []catalog.Hit {
	is := map[int64]bool{}
	for _, id := range added {
		is[id] = true
	}
	var out []catalog.Hit
	for _, h := range hits {
		if is[h.ID] && h.GoneAt == nil && (!cut || h.CreatedAt.After(*l.LookedAt)) {
			out = append(out, h)
		}
	}
	return out
}

// matches words what a search found anew.
func matches(l look, fresh []catalog.Hit) New {
	n := New{PersonID: l.PersonID, WatchID: l.ID, Event: Match, Once: fmt.Sprintf("match %d %d", l.ID, l.LookedAt.UnixMicro())}
	if len(fresh) == 1 {
		d := fresh[0]
		n.DatasetID, n.Path, n.Title = d.ID, datasetPath(d.Key(), ""), d.Key().String()+" is found by "+SearchWords(l.Target)
		n.Body = line(d.Description)
		return n
	}
	var names []string
	for _, d := range fresh {
		names = append(names, d.Key().String())
	}
	n.Path, n.Title, n.Body = "/data?"+l.Target, count(len(fresh), "more dataset is", "more datasets are")+" found by "+SearchWords(l.Target), some(names)
	return n
}
