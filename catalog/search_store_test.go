package catalog_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/bench/corpus"
	"portreeve/catalog"
	"portreeve/fault"
)

// TestSearchLarge asks a catalog in which common words have more datasets than are ever looked at.
func TestSearchLarge(t *testing.T) {
	t.Parallel()
	s, db := searchable(t, 6000)
	t.Run("paging", func(t *testing.T) { t.Parallel(); testPaging(t, s) })
	t.Run("sorting", func(t *testing.T) { t.Parallel(); testSorting(t, s) })
	t.Run("facets", func(t *testing.T) { t.Parallel(); testFacets(t, s, db) })
	t.Run("operators", func(t *testing.T) { t.Parallel(); testOperators(t, s) })
	t.Run("refusals", func(t *testing.T) { t.Parallel(); testRefusals(t, s) })
	t.Run("browsing", func(t *testing.T) { t.Parallel(); testBrowsing(t, s) })
	t.Run("nothing restricted is counted", func(t *testing.T) { t.Parallel(); testHidden(t, s, db) })
}

func keys(r catalog.SearchResult) []string {
	out := []string{}
	for _, h := range r.Items {
		out = append(out, h.Key().String())
	}
	return out
}

func testPaging(t *testing.T, s *catalog.Store) {
	t.Helper()
	for _, q := range []catalog.SearchQuery{{Text: "payment"}, {}, {Text: "booking", Sort: "used"}, {Text: "booking", Sort: "name"}, {Text: "zzzqq payment"}} {
		q.Limit = 100
		all := search(t, s, q)
		var paged []string
		q.Limit = 25
		for q.Offset = 0; q.Offset < 100; q.Offset += 25 {
			paged = append(paged, keys(search(t, s, q))...)
		}
		if diff := gocmp.Diff(keys(all), paged); diff != "" {
			t.Errorf("%q sorted by %q: four pages are not the first hundred:\n%s", q.Text, q.Sort, diff)
		}
		slices.Sort(paged)
		if n := len(slices.Compact(paged)); n != 100 {
			t.Errorf("%q sorted by %q: %d different datasets in the first hundred", q.Text, q.Sort, n)
		}
	}
	deep := search(t, s, catalog.SearchQuery{Text: "booking", Offset: 1500, Limit: 5})
	if len(deep.Items) != 5 {
		t.Errorf("%d of 5 items at offset 1500 of %d", len(deep.Items), deep.Total)
	}
}

func testSorting(t *testing.T, s *catalog.Store) {
	t.Helper()
	byUse := func(x, y catalog.Hit) int { return cmp.Compare(y.Usage, x.Usage) }
	byDate := func(x, y catalog.Hit) int { return y.DataAt.Compare(*x.DataAt) }
	for _, text := range []string{"", "booking", "payment customer"} {
		for sort, order := range map[string]func(x, y catalog.Hit) int{"used": byUse, "fresh": byDate} {
			r := search(t, s, catalog.SearchQuery{Text: text, Sort: sort, Limit: 20, Filters: map[string][]string{"status": {"live"}}})
			if len(r.Items) < 20 || !slices.IsSortedFunc(r.Items, order) {
				t.Errorf("%q is not sorted by %s", text, sort)
			}
		}
	}
	most := search(t, s, catalog.SearchQuery{Text: "kind:table", Sort: "used", Limit: 1})
	for _, h := range search(t, s, catalog.SearchQuery{Text: "kind:table", Limit: 500}).Items {
		if h.Usage > most.Items[0].Usage && h.GoneAt == nil {
			t.Errorf("%s has %g reads, the first by use %g", h.Name, h.Usage, most.Items[0].Usage)
		}
	}
}

func testFacets(t *testing.T, s *catalog.Store, db *pgxpool.Pool) {
	t.Helper()
	value := func(r catalog.SearchResult, facet, value string) catalog.FacetValue {
		for _, f := range r.Facets {
			for _, v := range f.Values {
				if f.Name == facet && v.Value == value {
					return v
				}
			}
		}
		return catalog.FacetValue{}
	}
	count := func(where string) (n int) {
		t.Helper()
		const q = `SELECT count(*) FROM search WHERE vis IS NULL AND `
		if err := db.QueryRow(t.Context(), q+where).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	r := search(t, s, catalog.SearchQuery{Text: "invoice", Filters: map[string][]string{"kind": {"view", "model"}}})
	if want := count(`keys @@ '''invoice'' & (''#kind:view'' | ''#kind:model'')'`); r.TotalAbout || r.Total < want {
		t.Errorf("total %d, about: %t, want %d: any of the chosen values", r.Total, r.TotalAbout, want)
	}
	for _, h := range r.Items {
		if h.Kind != catalog.View && h.Kind != catalog.Model {
			t.Errorf("%s is a %s", h.Name, h.Kind)
		}
	}
	if v := value(r, "kind", "view"); !v.Selected {
		t.Errorf("view is not marked: %+v", v)
	}
	free := search(t, s, catalog.SearchQuery{Text: "invoice"})
	if v, want := value(r, "kind", "table"), value(free, "kind", "table"); v.Selected || v.Count == 0 || v.Count != want.Count {
		t.Errorf("what is not chosen has %+v, want the count it would have: %d", v, want.Count)
	}
	if v, want := value(r, "status", "deprecated"), count(`status = 1 AND keys @@ '''invoice'' & (''#kind:view'' | ''#kind:model'')'`); v.Count < want {
		t.Errorf("%d deprecated, want %d", v.Count, want)
	}
	none := search(t, s, catalog.SearchQuery{Text: "invoice", Filters: map[string][]string{"team": {"nobody"}}})
	if v := value(none, "team", "nobody"); none.Total != 0 || !v.Selected || v.Count != 0 {
		t.Errorf("a chosen value without results went away: %+v", none.Facets)
	}
	many := search(t, s, catalog.SearchQuery{Text: "booking"})
	if v, want := value(many, "kind", "table").Count, count(`kind = 'table' AND keys @@ '''booking'''`); !many.TotalAbout || v < want*8/10 || v > want*12/10 {
		t.Errorf("%d tables of the commonest word (about: %t), want about %d", v, many.TotalAbout, want)
	}
}

func testOperators(t *testing.T, s *catalog.Store) {
	t.Helper()
	tests := map[string]func(h catalog.Hit) bool{
		"kind:topic":          func(h catalog.Hit) bool { return h.Kind == catalog.Topic },
		"booking -kind:table": func(h catalog.Hit) bool { return h.Kind != catalog.Table },
		"team:team-001":       func(h catalog.Hit) bool { return h.Team == "team-001" },
		"tag:TAG-000 tag:tag-001": func(h catalog.Hit) bool {
			return slices.Contains(h.Tags, "tag-000") && slices.Contains(h.Tags, "tag-001")
		},
		"source:source03 payment":           func(h catalog.Hit) bool { return h.Source == "source03" },
		"domain:domain-05":                  func(h catalog.Hit) bool { return h.Domain == "domain-05" },
		"is:certified":                      func(h catalog.Hit) bool { return h.Certified },
		"is:gone":                           func(h catalog.Hit) bool { return h.GoneAt != nil },
		"is:deprecated customer":            func(h catalog.Hit) bool { return h.Deprecated != "" },
		"is:undocumented":                   func(h catalog.Hit) bool { return h.Description == "" },
		"is:unowned":                        func(h catalog.Hit) bool { return h.Team == "" },
		"name:booking":                      func(h catalog.Hit) bool { return strings.Contains(strings.ToLower(h.Name), "booking") },
		"-booking -payment source:source01": func(h catalog.Hit) bool { return !strings.Contains(h.Name+h.Description, "booking") },
	}
	for text, holds := range tests {
		for _, sort := range []string{"", "name"} {
			r := search(t, s, catalog.SearchQuery{Text: text, Sort: sort, Limit: 50})
			if len(r.Items) == 0 {
				t.Errorf("%q finds nothing", text)
			}
			for _, h := range r.Items {
				if !holds(h) {
					t.Errorf("%q sorted by %q finds %s %s", text, sort, h.Kind, h.Key())
				}
			}
		}
	}
}

func testRefusals(t *testing.T, s *catalog.Store) {
	t.Helper()
	tests := map[string]struct {
		q     catalog.SearchQuery
		field string
	}{
		"text too long":    {catalog.SearchQuery{Text: strings.Repeat("a", 1001)}, "q"},
		"a NUL":            {catalog.SearchQuery{Text: "a\x00"}, "q"},
		"unknown sort":     {catalog.SearchQuery{Sort: "price"}, "sort"},
		"too many":         {catalog.SearchQuery{Limit: 501}, "limit"},
		"too deep":         {catalog.SearchQuery{Offset: catalog.MaxOffset + 1}, "offset"},
		"before the first": {catalog.SearchQuery{Offset: -1}, "offset"},
		"unknown facet":    {catalog.SearchQuery{Filters: map[string][]string{"colour": {"red"}}}, "colour"},
	}
	for name, tt := range tests {
		_, err := s.Search(t.Context(), tt.q)
		if e, ok := err.(*fault.Error); !ok || e.Kind != fault.Invalid || e.Field != tt.field { //nolint:errorlint // it is not wrapped
			t.Errorf("%s: %v, want Invalid of %s", name, err, tt.field)
		}
	}
}

func testBrowsing(t *testing.T, s *catalog.Store) {
	t.Helper()
	r := search(t, s, catalog.SearchQuery{Limit: 100})
	if r.Total < 4000 || len(r.Items) != 100 || len(r.Facets) < 5 || r.Took <= 0 {
		t.Fatalf("total %d, %d items, %d facets, took %v", r.Total, len(r.Items), len(r.Facets), r.Took)
	}
	if !slices.IsSortedFunc(r.Items, func(x, y catalog.Hit) int { return cmp.Compare(y.Score, x.Score) }) {
		t.Error("not the best first")
	}
	for _, h := range r.Items {
		if h.GoneAt != nil || h.Deprecated != "" {
			t.Errorf("%s is among the best hundred", h.Name)
		}
	}
}

func testHidden(t *testing.T, s *catalog.Store, db *pgxpool.Pool) {
	t.Helper()
	// A topic of its own source, so that no other test counts it.
	id := plant(t, db, catalog.Dataset{Name: "hidden.okapi_salaries", Team: "okapi-keepers", Tags: []string{"okapi-tag"}}, "okapi_id")
	if _, err := db.Exec(t.Context(), `UPDATE search SET vis = '{keepers}' WHERE dataset_id = $1`, id); err != nil {
		t.Fatal(err)
	}
	for _, q := range []catalog.SearchQuery{
		{Text: "okapi"},
		{Text: `"okapi salaries"`},
		{Text: "hidden.okapi_salaries"},
		{Text: "column:okapi_id"},
		{Text: "okapi sallaries"},
		{Text: "okapi", Sort: "name"},
		{Text: "tag:okapi-tag"},
		{Text: "owner:okapi"},
		{Filters: map[string][]string{"team": {"okapi-keepers"}}},
	} {
		r := search(t, s, q)
		for _, h := range r.Items {
			if h.ID == id {
				t.Errorf("%+v finds it", q)
			}
		}
		for _, f := range r.Facets {
			for _, v := range f.Values {
				if strings.Contains(v.Value, "okapi") && v.Count > 0 {
					t.Errorf("%+v counts it: %+v", q, v)
				}
			}
		}
		if strings.Contains(r.Suggestion+r.Corrected, "salar") || strings.Contains(r.Suggestion, "keepers") {
			t.Errorf("%+v suggests %q and is corrected to %q", q, r.Suggestion, r.Corrected)
		}
	}
}

func TestSearchFollowsTheTransaction(t *testing.T) {
	t.Parallel()
	s, db := searchable(t, 50)
	id := plant(t, db, catalog.Dataset{Name: "x.numbat_log"}, "numbat_id")
	if got := names(search(t, s, catalog.SearchQuery{Text: "numbat"})); !slices.Equal(got, []string{"x.numbat_log"}) {
		t.Fatalf("right after its transaction: %q", got)
	}
	err := pgx.BeginFunc(t.Context(), db, func(tx pgx.Tx) error {
		d := catalog.Dataset{ID: id, Source: "source00", Name: "x.quoll_log", Kind: catalog.Table}
		if err := catalog.IndexDataset(t.Context(), tx, &d, nil); err != nil {
			return err
		}
		return errors.New("no")
	})
	if err == nil || len(search(t, s, catalog.SearchQuery{Text: "quoll"}).Items) != 0 {
		t.Error("a change that was rolled back is found")
	}
	if _, err := db.Exec(t.Context(), `DELETE FROM dataset WHERE id = $1`, id); err != nil {
		t.Fatal(err)
	}
	if r := search(t, s, catalog.SearchQuery{Text: "numbat"}); r.Total != 0 {
		t.Errorf("a deleted dataset is found: %+v", names(r))
	}
}

// dump returns the search tables as text, without words that are about to leave.
func dump(t *testing.T, db *pgxpool.Pool) []string {
	t.Helper()
	const q = `SELECT s::text FROM search s UNION ALL SELECT t::text FROM term t WHERE df > 0 UNION ALL SELECT x::text FROM search_tier x ORDER BY 1`
	rows, _ := db.Query(t.Context(), q)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func TestReindexEqualsIncremental(t *testing.T) {
	t.Parallel()
	s, db := searchable(t, 400)
	plantGolden(t, db)
	c := corpus.New(9, time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))
	for i := range 60 {
		it := c.Next(0)
		it.Name = fmt.Sprintf("late.%s_%d", c.Word(), i)
		plant(t, db, it.Dataset, strings.Join([]string{c.ColumnName(), "extra_" + c.Word()}, " "))
	}
	if _, err := db.Exec(t.Context(), `DELETE FROM dataset WHERE id % 7 = 0`); err != nil {
		t.Fatal(err)
	}
	if err := s.SearchMaintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	incremental := dump(t, db)
	if err := s.SearchMaintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(incremental, dump(t, db)); diff != "" {
		t.Errorf("maintaining twice differs from once:\n%s", diff)
	}
	if _, err := db.Exec(t.Context(), `DELETE FROM search; DELETE FROM term`); err != nil {
		t.Fatal(err)
	}
	if err := s.Reindex(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(incremental, dump(t, db)); diff != "" {
		t.Errorf("rebuilt differs from incremental:\n%s", diff)
	}
}

func TestSearchMaintainMovesTiers(t *testing.T) {
	t.Parallel()
	s, db := searchable(t, 2000)
	const shares = `
SELECT array_agg(n ORDER BY key)::int[] FROM (
	SELECT key, (SELECT count(*) FROM search WHERE keys @@ quote_literal(key)::tsquery) AS n
	FROM unnest('{#h0,#h1,#h2,#h3,#u0,#u1,#u2,#f0,#f1}'::text[]) AS key) x`
	tiers := func() (n []int32) {
		t.Helper()
		if err := db.QueryRow(t.Context(), shares).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	within := func(when string) {
		t.Helper()
		got := tiers()
		for i, want := range []int32{500, 125, 500, 125, 31, 8, 500, 125, 31} { // by key: f0 f1 h0 h1 h2 h3 u0 u1 u2
			if got[i] < want*7/10-1 || got[i] > want*13/10+2 {
				t.Errorf("%s: tiers hold %d, want about %d at %d", when, got, want, i)
			}
		}
	}
	within("after the first count")
	first := dump(t, db)
	if err := s.SearchMaintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(first, dump(t, db)); diff != "" {
		t.Errorf("a count without changes moved something:\n%s", diff)
	}
	if _, err := db.Exec(t.Context(), `UPDATE dataset SET usage = usage * 40 + id, certified = id % 3 = 0`); err != nil {
		t.Fatal(err)
	}
	if err := s.Reindex(t.Context()); err != nil {
		t.Fatal(err)
	}
	within("after everything is used more")
}

// TestSearchNeverCounted asks a catalog whose words were never counted: right, only slower.
func TestSearchNeverCounted(t *testing.T) {
	t.Parallel()
	s, db := searchable(t, 5000)
	const reset = `UPDATE term SET df = 1, ndf = least(ndf, 1);
UPDATE search_tier SET datasets = 0, rank = array_fill('Infinity'::float8, '{5}'), used = rank, fresh = rank;
UPDATE search SET rank_tier = 0, used_tier = 0, fresh_tier = 0, keys = ts_delete(keys, '{#h0,#h1,#h2,#h3,#h4,#u0,#u1,#u2,#u3,#u4,#f0,#f1,#f2,#f3,#f4}')`
	if _, err := db.Exec(t.Context(), reset); err != nil {
		t.Fatal(err)
	}
	for _, q := range []catalog.SearchQuery{{Text: "booking"}, {}, {Sort: "fresh"}, {Text: "payment", Filters: map[string][]string{"kind": {"table"}}}} {
		if r := search(t, s, q); len(r.Items) != 20 || r.Total < 100 {
			t.Errorf("%+v: %d items of %d", q, len(r.Items), r.Total)
		}
	}
}

func TestIndexHostileDataset(t *testing.T) {
	t.Parallel()
	s, db := searchable(t, 10)
	for i, name := range []string{"🙂", `a"b'c\d`, "x." + strings.Repeat("é", 900), "x.' & !(|) :* '", "…", "x.<script>"} {
		var cols []string
		for j := range 300 {
			cols = append(cols, fmt.Sprintf(`%s'\_%d`, strings.Repeat("w", 200), j))
		}
		id := plant(t, db, catalog.Dataset{
			Name: name, Description: strings.Repeat("loris ", 200_000), Tags: []string{`t'a\g`, "a b", ""}, Team: "'", Domain: `\`,
		}, strings.Join(cols, " "))
		q := catalog.SearchQuery{Text: name, Filters: map[string][]string{"tag": {"a b"}, "team": {"'"}}}
		if i == 4 { // no letter in it: only found by browsing
			q.Text = "loris"
		}
		if r := search(t, s, q); !slices.ContainsFunc(r.Items, func(h catalog.Hit) bool { return h.ID == id }) {
			t.Errorf("%.40q is not found: %.200q", name, names(r))
		}
	}
}
