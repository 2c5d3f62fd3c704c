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
	comparable = 3000 // datasets of a source that are all compared; of a larger one
	beside     = 500  // names before and after in the alphabet, and those with one letter wrong
	maxLike    = 120  // runes of a name that are compared
)

const likeFields = `s.dataset_id, s.source, s.path_key, s.name_key, s.rank`

// Near returns live datasets that everyone may see whose names are like key's, the likest first: those that differ in a few
// letters, whatever their descriptions say; names of other sources after those of the same. There may be none.
func (s *Store) Near(ctx context.Context, key Key, limit int) ([]Dataset, error) {
	const q = `
SELECT dataset_id, source, path_key, name_key FROM (
	(SELECT ` + likeFields + ` FROM search s WHERE s.keys @@ @source::tsquery AND s.status < 2 AND s.vis IS NULL LIMIT @comparable)
	UNION (SELECT ` + likeFields + ` FROM search s WHERE s.name_key >= @own AND s.status < 2 AND s.vis IS NULL ORDER BY s.name_key LIMIT @beside)
	UNION (SELECT ` + likeFields + ` FROM search s WHERE s.name_key < @own AND s.status < 2 AND s.vis IS NULL ORDER BY s.name_key DESC LIMIT @beside)
	UNION (SELECT ` + likeFields + ` FROM search s WHERE s.name_key = ANY (@edits::text[]) AND s.status < 2 AND s.vis IS NULL LIMIT @beside)
) x ORDER BY rank DESC, dataset_id`
	const read = datasetSelect + `WHERE d.id = ANY ($1) ORDER BY array_position($1, d.id)`
	own := squash(ownName("", key.Name))
	if own == "" {
		return nil, nil
	}
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{
		"source": lexeme(facetKey("source", key.Source)), "comparable": comparable,
		"own": own, "beside": beside, "edits": append(edits(own), own),
	})
	names, err := pgx.CollectRows(rows, pgx.RowToStructByPos[likeName])
	if err != nil {
		return nil, fmt.Errorf("names like %s: %w", key, err)
	}
	want := likeName{Source: key.Source, Path: squash(key.Name), Own: own}
	far := map[int64]int{}
	names = slices.DeleteFunc(names, func(n likeName) bool {
		d, near := want.unlike(n)
		far[n.ID] = d
		return !near
	})
	slices.SortStableFunc(names, func(x, y likeName) int { return cmp.Compare(far[x.ID], far[y.ID]) })
	ids := make([]int64, min(max(limit, 0), len(names)))
	for i := range ids {
		ids[i] = names[i].ID
	}
	return s.datasets(ctx, read, ids)
}

// likeName is a dataset's name as it is compared: letters and digits of all of it, and of its last part.
type likeName struct {
	ID                int64
	Source, Path, Own string
}

// unlike returns how far two names are from each other: the letters that differ, or if that is less those of the last part
// and two for another folder; two more for another source. Names whose last parts share only a few letters are not near.
func (want likeName) unlike(is likeName) (far int, near bool) {
	own := distance(want.Own, is.Own)
	far = min(distance(want.Path, is.Path), own+2)
	if strings.HasPrefix(is.Own, want.Own) && len(want.Own) >= 4 {
		own, far = min(own, 2), min(far, 4)
	}
	if want.Source != is.Source {
		far += 2
	}
	return far, own <= 1+len(want.Own)/4
}

// NearSources returns the sources whose slugs are like slug, the likest first. There may be none.
func (s *Store) NearSources(ctx context.Context, slug string, limit int) ([]Source, error) {
	const q = `
		SELECT id, slug, kind, title, namespace, aliases, note, config, crawl_every, declared_in, retired_at FROM source ORDER BY slug`
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
