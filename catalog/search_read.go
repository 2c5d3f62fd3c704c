package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// visible is the condition that a dataset may be shown at all: whoever asks may know of it, and it has every phrase and
// every column.
const visible = `(s.vis IS NULL OR s.vis && @teams::text[])
	AND (cardinality(@phrases::text[]) = 0 OR NOT EXISTS (SELECT FROM unnest(@phrases::text[]) AS p WHERE NOT (` + holds + `)))
	AND (cardinality(@barred::text[]) = 0 OR NOT EXISTS (SELECT FROM unnest(@barred::text[]) AS p WHERE ` + holds + `))
	AND (cardinality(@within::text[]) = 0 OR NOT EXISTS (SELECT FROM unnest(@within::text[], @within_sure::text[]) AS w (pattern, sure)
		WHERE NOT (s.keys @@ w.sure::tsquery OR s.keys::text ~ w.pattern)))
	AND (cardinality(@without::text[]) = 0 OR NOT EXISTS (SELECT FROM unnest(@without::text[], @without_query::text[]) AS w (pattern, query)
		WHERE s.keys @@ w.query::tsquery AND s.keys::text ~ w.pattern))`

const holds = `s.path_key LIKE '%' || p || '%'
	OR EXISTS (SELECT FROM dataset_column c
		WHERE c.dataset_id = ANY (ARRAY(SELECT s.dataset_id UNION ALL SELECT o.id FROM dataset o WHERE o.main_id = s.dataset_id AND o.gone_at IS NULL)) AND regexp_replace(lower(c.path), '[^[:alnum:]]', '', 'g') LIKE '%' || p || '%')
	OR EXISTS (SELECT FROM dataset d WHERE (d.id = s.dataset_id OR d.main_id = s.dataset_id AND d.gone_at IS NULL) AND regexp_replace(lower(d.title || ' ' || d.description), '[^[:alnum:]]', '', 'g') LIKE '%' || p || '%')`

// facetCounts counts the values of each facet of c, as rows (facet, value, n).
const facetCounts = `
	SELECT 'total' AS facet, '' AS value, count(*) AS n FROM c
	UNION ALL (SELECT 'kind', kind, count(*) FROM c WHERE @facets GROUP BY 2)
	UNION ALL (SELECT 'source', known, count(*) FROM c, unnest(sources) AS known WHERE @facets GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT 50)
	UNION ALL (SELECT 'domain', domain, count(*) FROM c WHERE @facets AND domain <> '' GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT 50)
	UNION ALL (SELECT 'team', team, count(*) FROM c WHERE @facets AND team <> '' GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT 50)
	UNION ALL (SELECT 'tag', tag, count(*) FROM c, unnest(tags) AS tag WHERE @facets GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT 50)
	UNION ALL (SELECT 'status', (ARRAY['live', 'deprecated', 'gone'])[status + 1], count(*) FROM c WHERE @facets GROUP BY 2)
	UNION ALL (SELECT 'status', 'certified', count(*) FROM c WHERE @facets AND certified HAVING count(*) > 0)`

// read runs one look at the index. From level -1 on, it counts facets in a sample of this level in the same round trip;
// the counts of a facet with a choice are made as if there were none, so that its other values stay in sight.
func (a *ask) read(ctx context.Context, tx pgx.Tx, l look, level int) (findings, error) {
	f := findings{facets: map[string][]FacetValue{}}
	var b pgx.Batch
	a.queueLook(&b, l, &f)
	if !l.facets && level >= -1 {
		a.queueSample(&b, a.orAll(allOf([]string{a.anywhere(), a.must("")})), level, &f, "")
	}
	if l.facets || level >= -1 {
		a.queueChoices(&b, &f)
	}
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return f, fmt.Errorf("read: %w", err)
	}
	slices.SortFunc(f.hits, func(x, y found) int { return cmp.Compare(x.place, y.place) })
	return f, nil
}

// args returns the arguments that all looks share. Arrays are never nil: that would be NULL.
func (a *ask) args() pgx.NamedArgs {
	list := func(s []string) []string { return append([]string{}, s...) }
	within, sure, without, query := []string{}, []string{}, []string{}, []string{}
	for _, c := range a.within {
		within, sure = append(within, c.pattern), append(sure, c.sure)
	}
	for _, c := range a.without {
		without, query = append(without, c.pattern), append(query, c.query)
	}
	return pgx.NamedArgs{
		"teams": list(a.Teams), "phrases": list(a.phrases), "barred": list(a.barred), "must": a.orAll(a.must("")),
		"within": within, "within_sure": sure, "without": without, "without_query": query,
	}
}

// findByName walks the index by name: what many datasets match is met soon. It is the one order that tiers cannot give.
func (a *ask) findByName(ctx context.Context, tx pgx.Tx) (findings, error) {
	const q = `
SELECT s.dataset_id FROM search s
WHERE (s.keys @@ @query::tsquery) IS TRUE AND ` + visible + ` AND (s.status < 2 OR @gone)
ORDER BY s.name_key, s.dataset_id LIMIT @limit OFFSET @offset`
	f := findings{facets: map[string][]FacetValue{}}
	query := a.orAll(allOf([]string{a.anywhere(), a.must("")}))
	args := a.args()
	args["query"], args["limit"], args["offset"] = query, a.Limit, a.Offset
	args["gone"] = slices.ContainsFunc(a.narrow, func(n narrowing) bool { return slices.Contains(n.keys, "#is:gone") })
	var b pgx.Batch
	b.Queue(q, args).Query(func(rows pgx.Rows) error {
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		for _, id := range ids {
			f.hits = append(f.hits, found{ID: id, Base: baseAnywhere})
		}
		return err
	})
	a.queueSample(&b, query, a.sample(a.expect(false)*a.share("")), &f, "")
	a.queueChoices(&b, &f)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return f, fmt.Errorf("read by name: %w", err)
	}
	return f, nil
}

// queueChoices queues the counting of each facet with a choice, as if there were none.
func (a *ask) queueChoices(b *pgx.Batch, f *findings) {
	for facet := range a.Filters {
		query := a.orAll(allOf([]string{a.anywhere(), a.must(facet)}))
		a.queueSample(b, query, a.sample(a.expect(false)*a.share(facet)), f, facet)
	}
}

const looked = `s.dataset_id, s.name_key, s.path_key, s.words, s.source, s.sources, s.kind, s.team, s.domain, s.tags, s.certified,
	s.status, s.rank, s.used, s.fresh, s.keys`

// lookQuery reads the candidates c of a look, ranks them, and counts their facets: rows (facet, value, n, base, score, place), of
// which those without a facet are the datasets n.
const lookQuery = `
WITH c AS MATERIALIZED (
	SELECT DISTINCT ON (dataset_id) * FROM (
		(SELECT ` + looked + ` FROM search s
			WHERE s.name_key = ANY (@names::text[]) AND (s.keys @@ @must::tsquery) IS TRUE AND ` + visible + `
			ORDER BY rank DESC LIMIT 100)
		UNION ALL (SELECT ` + looked + ` FROM search s
			WHERE s.name_key >= @whole AND s.name_key < @after AND (s.keys @@ @must::tsquery) IS TRUE AND ` + visible + `
			LIMIT @nearest)
		UNION ALL (SELECT s.* FROM unnest(@queries::text[]) AS u (query), LATERAL (
			SELECT ` + looked + ` FROM search s WHERE s.keys @@ u.query::tsquery AND ` + visible + `
			ORDER BY CASE @sort WHEN 'used' THEN s.used WHEN 'fresh' THEN s.fresh ELSE s.rank END DESC LIMIT @each) s)
	) x
), based AS MATERIALIZED ( -- else the CASE is evaluated wherever base is named
	SELECT *, CASE
		WHEN @whole = '' THEN 0
		WHEN name_key = @whole THEN 1000
		WHEN path_key = @whole OR translate(source, '_-', '') || path_key = @whole THEN 990
		WHEN words = @asked AND keys @@ @whole_words::tsquery THEN 900 -- the name but for plurals and the order
		WHEN keys @@ @column::tsquery THEN 800
		WHEN starts_with(name_key, @whole) THEN 600
		WHEN keys @@ @whole_words::tsquery THEN 540 + 40 * least(1, @asked::float8 / greatest(words, 1))
		WHEN keys @@ @in_name::tsquery THEN 500 + 40 * least(1, @asked::float8 / greatest(words, 1))
		WHEN keys @@ @anywhere::tsquery THEN CASE WHEN path_key ~ ALL (@in_path::text[]) THEN 480
			WHEN keys @@ @some_name::tsquery THEN 340 WHEN path_key ~ @some_path THEN 320 ELSE 300 END
		ELSE (SELECT 180 * coalesce(sum(w.weight) FILTER (WHERE keys @@ w.query::tsquery), 0) / greatest(sum(w.weight), 1)
			FROM unnest(@each_word::text[], @weights::float8[]) AS w (query, weight))
			+ CASE WHEN keys @@ @some_name::tsquery THEN 80 WHEN path_key ~ @some_path THEN 40 ELSE 0 END
	END + CASE WHEN keys @@ @polite::tsquery THEN 15 ELSE 0 END AS base,
	100 * (rank + CASE WHEN status = 0 -- freshness: 1 today, 0 after a year
		THEN .15 * greatest(0, 1 - ln(1 + greatest(0, extract(epoch FROM now())::float8 - fresh) / 86400) / 5.9) ELSE 0 END) AS worth
	FROM c
), scored AS (
	SELECT dataset_id, name_key, used, fresh, base, base + worth - CASE WHEN base >= 990 THEN 10 ELSE 150 END * status AS score,
		CASE WHEN base >= 300 OR @whole = '' THEN 0 ELSE 3 END -- some words after all words, and in each what is gone last
			+ CASE WHEN base >= 990 THEN 0 WHEN @sort IN ('', 'relevance') THEN status WHEN status = 2 THEN 1 ELSE 0 END AS class
	FROM based
), top AS (
	SELECT dataset_id, base, score, row_number() OVER () AS place FROM (SELECT * FROM scored
		ORDER BY class, CASE WHEN @sort = 'name' THEN name_key END,
			CASE @sort WHEN 'used' THEN used WHEN 'fresh' THEN fresh ELSE score END DESC, dataset_id
		LIMIT @limit OFFSET @offset) x
)
SELECT '' AS facet, '' AS value, dataset_id AS n, base, score, place FROM top
UNION ALL SELECT facet, value, n, 0, 0, 0 FROM (` + facetCounts + `) x`

// queueLook queues the reading of candidates and their ranking.
func (a *ask) queueLook(b *pgx.Batch, l look, f *findings) {
	args := a.args()
	args["names"], args["whole"], args["after"], args["nearest"] = a.ends, a.whole, "", nearest
	if len(a.whole) >= 3 && len(a.words) > 0 && !a.words[len(a.words)-1].exact {
		args["after"] = successor(a.whole)
	}
	l.queries = slices.DeleteFunc(slices.Clone(l.queries), func(q string) bool { return q == "" })
	args["queries"], args["each"], args["sort"], args["facets"] = l.queries, l.limit, a.Sort, l.facets
	args["limit"], args["offset"] = a.Limit, a.Offset
	never := lexeme("#never")
	args["column"], args["asked"] = cmp.Or(a.column, never), len(a.words)
	args["whole_words"], args["in_name"] = cmp.Or(a.said("n/", true), never), cmp.Or(a.said("n/", false), never)
	args["anywhere"] = cmp.Or(a.anywhere(), never)
	each, weights, named, path := []string{}, []float64{}, []string{}, []string{}
	for _, w := range a.words {
		each, weights = append(each, w.query("", false)), append(weights, a.weight(w))
		named, path = append(named, w.query("n/", false)), append(path, w.pattern())
	}
	args["each_word"], args["weights"] = each, weights
	args["some_name"], args["in_path"], args["some_path"] = cmp.Or(anyOf(named), never), path, strings.Join(path, "|")
	args["polite"] = cmp.Or(allOf(lexemes("n/", a.polite)), never)
	b.Queue(lookQuery, args).Query(func(rows pgx.Rows) error {
		var facet, value string
		var n, place int64
		var base, score float64
		_, err := pgx.ForEachRow(rows, []any{&facet, &value, &n, &base, &score, &place}, func() error {
			switch facet {
			case "":
				f.hits = append(f.hits, found{n, base, score, place})
			case "total":
				f.read = int(n)
			default:
				f.facets[facet] = append(f.facets[facet], FacetValue{Value: value, Count: int(n)})
			}
			return nil
		})
		return err
	})
}

// queueSample queues the counting of a sample: of all facets and the total, or of one facet only.
func (a *ask) queueSample(b *pgx.Batch, query string, level int, f *findings, only string) {
	const q = `
WITH c AS MATERIALIZED (
	SELECT s.sources, s.kind, s.team, s.domain, s.tags, s.certified, s.status FROM search s
	WHERE s.keys @@ @query::tsquery AND ` + visible + ` LIMIT @most
)` + facetCounts
	times := 1
	if level >= 0 {
		query = allOf([]string{query, lexeme("#s" + strconv.Itoa(level))})
		times = 1 << (2 * (level + 1))
	}
	args := a.args()
	args["query"], args["most"], args["facets"] = query, tooMany, true
	b.Queue(q, args).Query(func(rows pgx.Rows) error {
		var facet, value string
		var n int
		before := f.facets[only]
		delete(f.facets, only)
		_, err := pgx.ForEachRow(rows, []any{&facet, &value, &n}, func() error {
			switch {
			case facet == "total" && only == "":
				f.total, f.about = n*times, level >= 0 || n >= tooMany
			case facet != "total" && (facet == only || only == ""):
				f.facets[facet] = append(f.facets[facet], FacetValue{Value: value, Count: n * times})
			}
			return nil
		})
		if only != "" && len(f.facets[only]) == 0 { // nothing has all words: keep what was counted of some
			f.facets[only] = before
		}
		return err
	})
}

// facets returns the facets in order, with the chosen values marked and always there.
func (a *ask) facets(f findings) []Facet {
	var out []Facet
	for _, name := range facetNames {
		values := f.facets[name]
		for _, chosen := range a.Filters[name] {
			i := slices.IndexFunc(values, func(v FacetValue) bool { return slug(v.Value) == slug(chosen) })
			if i < 0 {
				i, values = len(values), append(values, FacetValue{Value: chosen})
			}
			values[i].Selected = true
		}
		slices.SortFunc(values, func(x, y FacetValue) int {
			return cmp.Or(cmp.Compare(y.Count, x.Count), strings.Compare(x.Value, y.Value))
		})
		if len(values) > 0 {
			out = append(out, Facet{name, values})
		}
	}
	return out
}
