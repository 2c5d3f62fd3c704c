package catalog

import (
	"context"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// everything is a key that all datasets have.
const everything = "#all"

const (
	live       = 0
	deprecated = 1
	gone       = 2
)

// entry is a dataset as search keeps it; see migrations/0002_search.sql.
type entry struct {
	DatasetID int64    `json:"dataset_id"`
	NameKey   string   `json:"name_key"`
	PathKey   string   `json:"path_key"`
	Words     int      `json:"words"`
	Source    string   `json:"source"`
	Sources   []string `json:"sources"`
	Kind      Kind     `json:"kind"`
	Team      string   `json:"team"`
	Domain    string   `json:"domain"`
	Tags      []string `json:"tags"`
	Certified bool     `json:"certified"`
	Status    int      `json:"status"`
	Rank      float64  `json:"rank"`
	Used      float64  `json:"used"`
	Fresh     float64  `json:"fresh"`
	Keys      []string `json:"keys"`

	named, said []string // words of the name, and all others
}

// indexDatasets brings the search entries of datasets up to date, in the transaction that changed them. Of several datasets
// that are the same thing, one has an entry, which finds all.
func indexDatasets(ctx context.Context, tx pgx.Tx, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	const mains = `SELECT DISTINCT coalesce(main_id, id) FROM dataset WHERE id = ANY($1) ORDER BY 1`
	rows, _ := tx.Query(ctx, mains, ids)
	shown, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM search WHERE dataset_id = ANY($1) AND NOT dataset_id = ANY($2)`, ids, shown); err != nil {
		return err
	}
	for some := range slices.Chunk(shown, batchDatasets) {
		if err := indexWholes(ctx, tx, some); err != nil {
			return err
		}
	}
	return nil
}

// indexWholes writes the entries of datasets that have a page of their own.
func indexWholes(ctx context.Context, tx pgx.Tx, ids []int64) error {
	wholes, err := wholesOf(ctx, tx, ids)
	if err != nil {
		return err
	}
	entries := make([]entry, len(wholes))
	for i := range wholes {
		w := &wholes[i]
		entries[i] = newEntry(&w.Dataset, w.columns)
		entries[i].alsoKnown(w.others)
	}
	if err := writePageColumns(ctx, tx, wholes); err != nil {
		return err
	}
	return writeEntries(ctx, tx, entries)
}

// writePageColumns keeps how many columns the pages of datasets have to which others add, or people.
func writePageColumns(ctx context.Context, tx pgx.Tx, wholes []head) error {
	const q = `
		UPDATE dataset d SET page_columns = v.columns, page_documented = v.documented
		FROM (SELECT id, CASE WHEN own THEN NULL ELSE columns END AS columns, CASE WHEN own THEN NULL ELSE documented END AS documented
		      FROM (SELECT id, columns, documented, alone AND NOT EXISTS (SELECT FROM dataset_column_doc c WHERE c.dataset_id = id) AS own
		            FROM unnest($1::bigint[], $2::int[], $3::int[], $4::boolean[]) AS u (id, columns, documented, alone)) w) v
		WHERE d.id = v.id AND (d.page_columns, d.page_documented) IS DISTINCT FROM (v.columns, v.documented)`
	var ids []int64
	var columns, documented []int
	var alone []bool
	for i := range wholes {
		w := &wholes[i]
		ids, alone = append(ids, w.ID), append(alone, len(w.others) == 0)
		columns, documented = append(columns, w.ColumnCount), append(documented, w.Documented)
	}
	if _, err := tx.Exec(ctx, q, ids, columns, documented, alone); err != nil {
		return fmt.Errorf("columns of pages: %w", err)
	}
	return nil
}

// alsoKnown makes an entry findable by the names of others that are the same thing.
func (e *entry) alsoKnown(others []Same) {
	if len(others) == 0 {
		return
	}
	keys, said := map[string]bool{}, map[string]bool{}
	for i := range others {
		addWords(said, others[i].Name, false)
		keys[facetKey("source", others[i].Source)] = true
		if !slices.Contains(e.Sources, others[i].Source) {
			e.Sources = append(e.Sources, others[i].Source)
		}
	}
	for w := range said {
		keys[w] = true
		if !slices.Contains(e.named, w) && !slices.Contains(e.said, w) {
			e.said = append(e.said, w)
		}
	}
	for k := range keys {
		if !slices.Contains(e.Keys, k) {
			e.Keys = append(e.Keys, k)
		}
	}
	slices.Sort(e.said)
	slices.Sort(e.Keys)
}

func newEntry(d *Dataset, columns []Column) entry {
	own := ownName(d.Kind, d.Name)
	e := entry{
		DatasetID: d.ID, NameKey: squash(own), PathKey: squash(d.Name), Source: d.Source, Sources: []string{d.Source}, Kind: d.Kind, Team: d.Team,
		Domain: d.Domain, Tags: d.Tags, Certified: d.Certified, Status: statusOf(d), Rank: rankOf(d), Words: len(tokens(own)),
	}
	if e.Tags == nil {
		e.Tags = []string{}
	}
	// Datasets that are alike are told apart by rank, so that the best 1/1024 by use are that many before anything is used.
	e.Used, e.Fresh = float64(d.Usage)+e.Rank/1000, e.Rank
	if d.DataAt != nil {
		e.Fresh += float64(d.DataAt.Unix())
	}
	e.collect(d, own, columns)
	return e
}

// collect makes the entry's keys.
func (e *entry) collect(d *Dataset, own string, columns []Column) {
	named, said, keys := map[string]bool{}, map[string]bool{}, map[string]bool{everything: true}
	addWords(named, own, true)
	for _, text := range slices.Concat([]string{d.Name, d.Title, cutAt(d.Description, maxProse), d.Team, d.Domain}, d.Tags, d.Terms) {
		addWords(said, text, false)
	}
	for _, c := range columns {
		addWords(said, c.Path, false)
		if len(said) < maxWords {
			addWords(said, cutAt(c.Comment, maxProse), false)
		}
		keys["c/"+squash(c.Leaf())] = true
		keys["c/"+squash(c.Path)] = true
	}
	for w := range named {
		delete(said, w)
		keys[w], keys["n/"+w] = true, true
	}
	for w := range said {
		keys[w] = true
	}
	e.addFacets(keys, d)
	for i := range bits.TrailingZeros64(scatter(d.ID)|1<<10) / 2 {
		keys[fmt.Sprintf("#s%d", i)] = true
	}
	e.named, e.said, e.Keys = sorted(named), sorted(said), sorted(keys)
}

// maxWords is the most words of one dataset that count, beyond its names and its columns' names.
const maxWords = 4000

func (e *entry) addFacets(keys map[string]bool, d *Dataset) {
	keys[facetKey("source", d.Source)] = true
	keys[facetKey("kind", string(d.Kind))] = true
	for name, value := range map[string]string{"team": d.Team, "domain": d.Domain} {
		if value != "" {
			keys[facetKey(name, value)] = true
		}
	}
	for _, tag := range d.Tags {
		keys[facetKey("tag", tag)] = true
	}
	for _, term := range d.Terms {
		keys[facetKey("term", term)] = true
	}
	state := func(is bool, yes, no string) {
		if !is {
			yes = no
		}
		keys[facetKey("is", yes)] = true
	}
	state(d.Certified, "certified", "uncertified")
	state(d.Team != "" || len(d.Owners) > 0, "owned", "unowned")
	state(d.Access == Restricted, "restricted", "open")
	state(strings.TrimSpace(d.Description) != "", "documented", "undocumented")
	keys[facetKey("is", []string{"live", "deprecated", "gone"}[e.Status])] = true
}

func facetKey(facet, value string) string { return "#" + facet + ":" + slug(value) }

// addWords adds the words of text. In a name the little words count as well, and orders2 is also orders.
func addWords(to map[string]bool, text string, name bool) {
	for _, t := range tokens(text) {
		if !name && stops[t.raw] {
			continue
		}
		to[t.text] = true
		if s := stem(t.text); s != "" {
			to[s] = true
		}
	}
}

func sorted(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for s := range set {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

func statusOf(d *Dataset) int {
	switch {
	case d.GoneAt != nil:
		return gone
	case d.Deprecated != "":
		return deprecated
	}
	return live
}

// rankOf returns how much a dataset is worth before any question, 0 to 1: 55 parts use, 20 documentation, 15 certification,
// 10 an owner; deprecated and gone ones keep three tenths. Freshness changes by itself and is added when a question is asked.
func rankOf(d *Dataset) float64 {
	rank := .55 * min(1, math.Log1p(max(0, float64(d.Usage)))/9) // full at 8,100 reads in 30 days
	if strings.TrimSpace(d.Description) != "" {
		rank += .1
	}
	if d.ColumnCount > 0 {
		rank += .1 * min(1, float64(d.Documented)/float64(d.ColumnCount))
	}
	if d.Team != "" || len(d.Owners) > 0 {
		rank += .1
	}
	if d.Certified {
		rank += .15
	}
	if statusOf(d) != live {
		rank *= .3
	}
	return rank + float64(scatter(d.ID)>>44)/(1<<20)/1000 // tell equals apart
}

// scatter is a hash of an id: splitmix64's finalizer.
func scatter(id int64) uint64 {
	h := uint64(id) + 0x9e3779b97f4a7c15 //nolint:gosec // bits, not a number
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}

// writeEntries puts entries and their words into the index. Which tiers an entry is in is decided by the thresholds in
// force; SearchMaintain moves both.
func writeEntries(ctx context.Context, tx pgx.Tx, entries []entry) error {
	const q = `
INSERT INTO search AS s (dataset_id, name_key, path_key, words, source, sources, kind, team, domain, tags, certified, status,
	rank, used, fresh, rank_tier, used_tier, fresh_tier, keys)
SELECT e.dataset_id, e.name_key, e.path_key, e.words, e.source, e.sources, e.kind, e.team, e.domain, e.tags, e.certified, e.status,
	e.rank, e.used, e.fresh, l.h, l.u, l.f,
	array_to_tsvector(e.keys || (ARRAY['#h0','#h1','#h2','#h3','#h4'])[:l.h]
		|| (ARRAY['#u0','#u1','#u2','#u3','#u4'])[:l.u] || (ARRAY['#f0','#f1','#f2','#f3','#f4'])[:l.f])
FROM jsonb_to_recordset($1) AS e (dataset_id bigint, name_key text, path_key text, words int, source text, sources text[], kind text, team text,
	domain text, tags text[], certified boolean, status int, rank float8, used float8, fresh float8, keys text[]),
search_tier t,
LATERAL (SELECT width_bucket(e.rank, t.rank) h, width_bucket(e.used, t.used) u, width_bucket(e.fresh, t.fresh) f) l
ORDER BY e.dataset_id
ON CONFLICT (dataset_id) DO UPDATE SET name_key = excluded.name_key, path_key = excluded.path_key, words = excluded.words,
	source = excluded.source, sources = excluded.sources, kind = excluded.kind, team = excluded.team, domain = excluded.domain, tags = excluded.tags,
	certified = excluded.certified, status = excluded.status, rank = excluded.rank, used = excluded.used,
	fresh = excluded.fresh, rank_tier = excluded.rank_tier, used_tier = excluded.used_tier,
	fresh_tier = excluded.fresh_tier, keys = excluded.keys`
	if err := writeTerms(ctx, tx, entries); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, q, entries); err != nil {
		return fmt.Errorf("index for search: %w", err)
	}
	return nil
}

// writeTerms notes words that are new. Known ones cost a read and no lock, and all writers take them in one order; counts
// of known words wait for SearchMaintain, else every writer would queue on the common ones.
func writeTerms(ctx context.Context, tx pgx.Tx, entries []entry) error {
	const q = `
INSERT INTO term (term, df, ndf)
SELECT t, 1, n FROM unnest($1::text[], $2::int[]) u (t, n)
WHERE NOT EXISTS (SELECT FROM term x WHERE x.term = u.t AND x.df > 0 AND (x.ndf > 0 OR u.n = 0))
ORDER BY t
ON CONFLICT (term) DO UPDATE SET df = greatest(term.df, 1), ndf = greatest(term.ndf, excluded.ndf)`
	inName := map[string]int32{}
	for _, e := range entries {
		for _, w := range e.said {
			inName[w] |= 0
		}
		for _, w := range e.named {
			inName[w] = 1
		}
	}
	words, in := make([]string, 0, len(inName)), make([]int32, 0, len(inName))
	for w, n := range inName {
		words, in = append(words, w), append(in, n)
	}
	if _, err := tx.Exec(ctx, q, words, in); err != nil {
		return fmt.Errorf("words for search: %w", err)
	}
	return nil
}

// Reindex makes the search entry of every dataset anew from the dataset tables, in small transactions beside normal work,
// and then runs SearchMaintain. It changes nothing unless an entry was wrong or the rules of this version are new.
func (s *Store) Reindex(ctx context.Context) error {
	for after := int64(0); ; {
		last, err := s.reindexFrom(ctx, after, math.MaxInt64, 500)
		if err != nil {
			return err
		}
		if last == 0 {
			return s.SearchMaintain(ctx)
		}
		after = last
	}
}

// ReindexDataset makes the search entry of one dataset anew. There need not be such a dataset.
func (s *Store) ReindexDataset(ctx context.Context, id int64) error {
	_, err := s.reindexFrom(ctx, id-1, id, 1)
	return err
}

// reindexFrom indexes the next n datasets with ids above after, not above upTo, and returns the last id, or 0 when there were none.
func (s *Store) reindexFrom(ctx context.Context, after, upTo int64, n int) (last int64, err error) {
	const lock = `SELECT id FROM dataset WHERE id > @after AND id <= @up_to ORDER BY id LIMIT @n FOR NO KEY UPDATE`
	err = s.retry(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, lock, pgx.NamedArgs{"after": after, "up_to": upTo, "n": n})
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil || len(ids) == 0 {
			last = 0
			return err
		}
		last = ids[len(ids)-1]
		return indexDatasets(ctx, tx, ids)
	})
	if err != nil {
		return 0, fmt.Errorf("rebuild search after dataset %d: %w", after, err)
	}
	return last, nil
}
