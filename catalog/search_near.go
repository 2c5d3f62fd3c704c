package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

const (
	comparable = 20_000 // names of a source that are all compared
	beginLike  = 2000   // names compared of a larger one: those that begin alike
	maxLike    = 120    // runes of a name that are compared
)

// Near returns live datasets that everyone may see whose names are like key's, the likest first: those that differ in a few
// letters, whatever their descriptions say; names of other sources after those of the same. There may be none.
func (s *Store) Near(ctx context.Context, key Key, limit int) ([]Dataset, error) {
	const q = `
SELECT dataset_id, source, kind, name, rank FROM (
	(SELECT s.dataset_id, s.source, s.kind, d.name, s.rank FROM dataset d JOIN search s ON s.dataset_id = d.id
		WHERE d.source_id = (SELECT id FROM source WHERE slug = @source) AND d.gone_at IS NULL AND s.vis IS NULL LIMIT @all)
	UNION (SELECT s.dataset_id, s.source, s.kind, d.name, s.rank FROM search s JOIN dataset d ON d.id = s.dataset_id
		WHERE s.name_key >= @begin AND s.name_key < @after AND s.status < 2 AND s.vis IS NULL ORDER BY s.name_key LIMIT @some)
) x ORDER BY rank DESC, dataset_id`
	const read = datasetSelect + `WHERE d.id = ANY ($1) ORDER BY array_position($1, d.id)`
	own := ownName("", key.Name)
	begin := cutAt(squash(own), 3)
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{
		"source": key.Source, "all": comparable, "begin": begin, "after": successor(begin), "some": beginLike,
	})
	type candidate struct {
		ID     int64
		Source string
		Kind   Kind
		Name   string
		Rank   float64
	}
	names, err := pgx.CollectRows(rows, pgx.RowToStructByPos[candidate])
	if err != nil {
		return nil, fmt.Errorf("names like %s: %w", key, err)
	}
	far := map[int64]int{}
	names = slices.DeleteFunc(names, func(c candidate) bool {
		d, near := unlike(key, Key{Source: c.Source, Name: c.Name}, c.Kind)
		far[c.ID] = d
		return !near
	})
	slices.SortStableFunc(names, func(x, y candidate) int { return cmp.Compare(far[x.ID], far[y.ID]) })
	ids := make([]int64, min(max(limit, 0), len(names)))
	for i := range ids {
		ids[i] = names[i].ID
	}
	return s.datasets(ctx, read, ids)
}

// unlike returns how far two names are from each other: the letters that differ, or if that is less those of the last part
// and two for another folder; two more for another source. Names that share no more than a few letters are not near.
func unlike(want, is Key, kind Kind) (far int, near bool) {
	slashes := strings.NewReplacer("/", ".")
	w, n := slashes.Replace(fold(want.Name)), slashes.Replace(fold(is.Name))
	wOwn, nOwn := ownName(kind, w), ownName(kind, n)
	own := distance(wOwn, nOwn)
	far = own
	if w != wOwn || n != nOwn { // a folder is part of them
		far = min(distance(w, n), own+2)
	}
	if strings.HasPrefix(nOwn, wOwn) && len(wOwn) >= 4 {
		own = min(own, 2)
		far = min(far, 4)
	}
	if want.Source != is.Source {
		far += 2
	}
	return far, own <= 1+len(wOwn)/4
}

// NearSources returns the sources whose slugs are like slug, the likest first. There may be none.
func (s *Store) NearSources(ctx context.Context, slug string, limit int) ([]Source, error) {
	const q = `SELECT id, slug, kind, title, namespace, note, config, crawl_every FROM source ORDER BY slug`
	rows, _ := s.db.Query(ctx, q)
	sources, err := pgx.CollectRows(rows, pgx.RowToStructByName[Source])
	if err != nil {
		return nil, fmt.Errorf("sources like %s: %w", slug, err)
	}
	want := fold(slug)
	far := func(src Source) int {
		if len(want) >= 2 && strings.HasPrefix(src.Slug, want) {
			return 1
		}
		return distance(want, src.Slug)
	}
	sources = slices.DeleteFunc(sources, func(src Source) bool { return far(src) > 1+len(want)/4 })
	slices.SortStableFunc(sources, func(x, y Source) int { return cmp.Compare(far(x), far(y)) })
	return sources[:min(max(limit, 0), len(sources))], nil
}

// distance returns how many letters must be added, left out, replaced or swapped with the next to make b of a: the optimal
// string alignment distance. Only the first letters of long texts are compared.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	x, y = x[:min(len(x), maxLike)], y[:min(len(y), maxLike)]
	before, last, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			change := last[j-1]
			if x[i-1] != y[j-1] {
				change++
			}
			row[j] = min(last[j]+1, row[j-1]+1, change)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(y)]
}
