package web

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
)

func TestAPIDataset(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	got := get[datasetAnswer](st, 200, "/api/v1/datasets/lake/raw.flights")
	if got.Source != "lake" || got.Name != "raw.flights" || got.Kind != "table" || got.URL != "/d/lake/raw.flights" || got.Problem != nil || got.GoneAt != nil {
		t.Errorf("got %+v", got)
	}
	if got.RowCount.Value == nil || *got.RowCount.Value != 336776 || got.ByteCount.Value != nil {
		t.Errorf("rows %v, bytes %v; want 336776 and unknown", got.RowCount.Value, got.ByteCount.Value)
	}
	if got.Team.Value != "flight-ops" || got.Team.Origin != "observed" || !got.Team.AsOf.Equal(got.SeenAt) || got.SeenAt.IsZero() {
		t.Errorf("team %+v; every value has its origin and its age", got.Team)
	}
	if got.ColumnCount.Value != 2 || got.Documented.Value != 1 || got.SnapshotID.Value != "s2" || got.Tags.Value == nil || got.Properties.Value == nil {
		t.Errorf("got %+v", got)
	}
	if name, _ := got.DataAt.Value.Zone(); name != "UTC" {
		t.Errorf("data_at is in zone %s", name)
	}
}

func TestAPIDatasetWithAProblem(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	st.exec(`UPDATE dataset SET problem = 'metadata is missing', problem_since = now(), gone_at = now() WHERE name = 'a/b'`)
	got := get[datasetAnswer](st, 200, "/api/v1/datasets/lake/a%2Fb")
	if got.Problem == nil || got.Problem.Message != "metadata is missing" || got.Problem.Since == nil || got.GoneAt == nil {
		t.Errorf("got %+v", got)
	}
}

func TestAPIDatasetThatIsNotThere(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	res := st.ask("GET", "/api/v1/datasets/lake/raw.flihgts", st.reader())
	got := read[problem](st, 404, res)
	want := problem{
		Type: "about:blank", Title: "Nothing here", Status: 404, Detail: "There is no dataset lake/raw.flihgts.",
		RequestID: res.Header.Get("X-Request-Id"), Near: got.Near,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(problem{})); diff != "" {
		t.Errorf("problem (-want +got):\n%s", diff)
	}
	if !slices.Contains(got.Near, DatasetName{"lake", "raw.flights"}) {
		t.Errorf("near names are %v, without raw.flights", got.Near)
	}
	for _, below := range []string{"/columns", "/history", "/snapshots", "/profile", "/sample"} {
		get[problem](st, 404, "/api/v1/datasets/lake/none"+below)
		get[problem](st, 404, "/api/v1/datasets/pond/raw.flights"+below)
	}
}

func TestAPIColumns(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	target := "/api/v1/datasets/lake/raw.flights/columns"
	got := get[columnsAnswer](st, 200, target)
	if got.Profile != nil || *got.Total != 3 || got.NextCursor != "" {
		t.Errorf("got %+v", got)
	}
	of := DatasetName{"lake", "raw.flights"}
	want := []columnAnswer{
		{Position: 0, Path: "carrier", Name: "carrier", Type: "string", Comment: "Who flies", From: of, Describe: &of},
		{Position: 1, Path: "origin", Name: "origin", Type: "struct<code string>", Nullable: true, From: of},
		{Position: 2, Path: "origin.code", Name: "code", Depth: 1, Type: "string", From: of},
	}
	if diff := cmp.Diff(want, got.Items); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}

	profile := st.profile("raw.flights")
	got = get[columnsAnswer](st, 200, target)
	if got.Profile == nil || !got.Profile.Sampled || got.Profile.RowsRead != 100 || got.Profile.SnapshotID != "s2" {
		t.Errorf("profile %+v", got.Profile)
	}
	if diff := cmp.Diff(&profile.Columns[0], got.Items[0].Profile); diff != "" {
		t.Errorf("profile of carrier (-want +got):\n%s", diff)
	}
	if got.Items[2].Profile != nil {
		t.Error("the field code has the profile of the column code")
	}
	whole := get[profileAnswer](st, 200, "/api/v1/datasets/lake/raw.flights/profile")
	if diff := cmp.Diff(profile.Columns, whole.Columns); diff != "" || whole.RowsTotal != 336776 {
		t.Errorf("profile (-want +got):\n%s", diff)
	}
}

// profile keeps a sampled profile of a dataset, which also has a column called like a field of another.
func (st *core) profile(name string) catalog.Profile {
	st.t.Helper()
	d, err := st.Catalog.Dataset(st.t.Context(), catalog.Key{Source: "lake", Name: name})
	if err != nil {
		st.t.Fatal(err)
	}
	nine, low := int64(9), "9E"
	p := catalog.Profile{SnapshotID: "s2", RowsTotal: 336776, RowsRead: 100, TookMS: 7, Columns: []catalog.ColumnProfile{
		{Name: "carrier", Type: "VARCHAR", Rows: 100, Nulls: 1, Distinct: &nine, Min: &low, Top: []catalog.TopValue{{Value: "UA", Rows: 50}}},
		{Name: "code", Type: "VARCHAR", Rows: 100},
	}}
	if err := st.Catalog.PutProfile(st.t.Context(), d.ID, p); err != nil {
		st.t.Fatal(err)
	}
	return p
}

func TestAPIHistory(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	st.exec(`INSERT INTO dataset_change (dataset_id, at, kind, field, old, new)
		SELECT id, now() + n * interval '1 hour', 'column_retyped', 'carrier', 'v' || n, 'v' || n + 1 FROM dataset, generate_series(1, 3) n WHERE name = 'raw.flights'`)
	target := "/api/v1/datasets/lake/raw.flights/history"
	all := get[List[versionAnswer]](st, 200, target)
	if len(all.Items) != 4 || all.Items[0].Number != 4 || all.Items[3].Changes[0].Kind != "created" || all.NextCursor != "" || all.Items[3].CrawlID == "" {
		t.Fatalf("got %+v", all)
	}
	if diff := cmp.Diff(changeAnswer{"column_retyped", "carrier", "v3", "v4", DatasetName{"lake", "raw.flights"}}, all.Items[0].Changes[0]); diff != "" {
		t.Errorf("change (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(all.Items, pageThrough[versionAnswer](st, target, 3)); diff != "" {
		t.Errorf("page by page (-all +paged):\n%s", diff)
	}
}

// pageThrough reads a list in pages of limit items.
func pageThrough[T any](st *core, target string, limit int) []T {
	st.t.Helper()
	reader, items, cursor := st.reader(), []T{}, ""
	for range 100 {
		got := get[List[T]](st, 200, fmt.Sprintf("%s?limit=%d&cursor=%s", target, limit, cursor), reader)
		if len(got.Items) > limit {
			st.t.Fatalf("%d items on a page of %d", len(got.Items), limit)
		}
		items = append(items, got.Items...)
		if cursor = got.NextCursor; cursor == "" {
			return items
		}
	}
	st.t.Fatal("the list does not end")
	return nil
}

func TestAPISnapshots(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	target := "/api/v1/datasets/lake/raw.flights/snapshots"
	all := get[List[snapshotAnswer]](st, 200, target)
	if len(all.Items) != 2 || all.Items[0].ID != "s2" || *all.Items[0].TotalRows != 336776 || all.Items[0].AddedRows != nil || all.Items[1].ID != "s1" {
		t.Fatalf("got %+v", all)
	}
	if diff := cmp.Diff(all.Items, pageThrough[snapshotAnswer](st, target, 1)); diff != "" {
		t.Errorf("page by page (-all +paged):\n%s", diff)
	}
}

func TestAPISample(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	got := get[sampleAnswer](st, 200, "/api/v1/datasets/lake/raw.flights/sample?limit=3")
	if len(got.Rows) != 3 || got.Rows[0][0] != nil || *got.Rows[1][0] != "UA" || got.SnapshotID != "s2" || got.Columns[0].Type != "VARCHAR" {
		t.Errorf("got %+v", got)
	}
	if got := get[sampleAnswer](st, 200, "/api/v1/datasets/lake/raw.flights/sample?limit=200"); len(got.Rows) != 200 {
		t.Errorf("%d rows of 200", len(got.Rows))
	}
	get[problem](st, 422, "/api/v1/datasets/lake/raw.flights/sample?limit=201")
	res := st.ask("GET", "/api/v1/datasets/lake/a%2Fb/sample", st.reader())
	if p := read[problem](st, 503, res); p.Detail != "A data file is missing." || res.Header.Get("Retry-After") != "5" {
		t.Errorf("problem %+v, Retry-After %q", p, res.Header.Get("Retry-After"))
	}
}

func TestAPISampleWithoutAWorker(t *testing.T) {
	t.Parallel()
	st := newCore(t, func(s *Server) { s.Rows = nil })
	get[problem](st, 503, "/api/v1/datasets/lake/raw.flights/sample")
}

func TestAPISearch(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	got := get[searchAnswer](st, 200, "/api/v1/search?q=raw.flights")
	if got.Total == 0 || got.TotalRelation != "exact" || len(got.Items) == 0 {
		t.Fatalf("got %+v", got)
	}
	first := got.Items[0]
	if first.Name != "raw.flights" || first.Source != "lake" || first.Kind != "table" || first.Tags == nil || len(first.Matched) == 0 {
		t.Errorf("first is %+v", first)
	}
	for _, m := range first.Matched {
		for _, mk := range m.Marks {
			if mk.Start < 0 || mk.Start >= mk.End || mk.End > len(m.Snippet) {
				t.Errorf("mark %+v lies outside of %q", mk, m.Snippet)
			}
		}
	}
	if len(got.Facets["source"]) == 0 || got.Facets["source"][0] != (facetCount{"lake", got.Total}) {
		t.Errorf("facets %v", got.Facets)
	}
	none := get[searchAnswer](st, 200, "/api/v1/search?q=raw.flights&source=pond")
	if none.Total != 0 || none.Items == nil {
		t.Errorf("another source has %+v", none)
	}
	both := get[searchAnswer](st, 200, "/api/v1/search?q=raw.flights&source=pond&source=lake")
	if both.Total != got.Total {
		t.Errorf("either source has %d, want %d", both.Total, got.Total)
	}
}

func TestAPISearchPages(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	reader, seen, cursor := st.reader(), map[DatasetName]bool{}, ""
	for range 20 {
		got := get[searchAnswer](st, 200, "/api/v1/search?sort=name&limit=5&cursor="+cursor, reader)
		for _, item := range got.Items {
			if seen[item.DatasetName] {
				t.Errorf("%v is on two pages", item.DatasetName)
			}
			seen[item.DatasetName] = true
		}
		if cursor = got.NextCursor; cursor == "" {
			break
		}
	}
	for _, name := range oddNames {
		if !seen[DatasetName{"lake", name}] {
			t.Errorf("%q is on no page", name)
		}
	}
}

func TestShowMatch(t *testing.T) {
	t.Parallel()
	got := showMatch(catalog.Match{Field: "name", Snippet: []catalog.Span{{Text: "raw."}, {Text: "flüg", Hit: true}, {Text: "e"}, {Text: "!", Hit: true}}})
	want := searchMatch{Field: "name", Snippet: "raw.flüge!", Marks: []mark{{4, 9}, {10, 11}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("match (-want +got):\n%s", diff)
	}
}

func TestAPISources(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	if _, err := st.Catalog.PutSource(t.Context(), catalog.Source{Slug: "pond", Kind: "test", Config: map[string]string{"path": "/var/lib/pond"}}); err != nil {
		t.Fatal(err)
	}
	all := get[List[sourceAnswer]](st, 200, "/api/v1/sources")
	if len(all.Items) != 2 || all.Items[0].Slug != "lake" || all.Items[1].Slug != "pond" {
		t.Fatalf("got %+v", all)
	}
	lake := all.Items[0]
	if lake.Datasets != len(oddNames) || lake.Problems != 0 || lake.LastCrawl == nil || lake.LastCrawl.State != "partial" || lake.LastOKAt == nil || lake.CrawlEverySeconds != 3600 {
		t.Errorf("lake is %+v, last crawl %+v", lake, lake.LastCrawl)
	}
	if pond := all.Items[1]; pond.LastCrawl != nil || pond.LastOKAt != nil {
		t.Errorf("pond was never crawled and is %+v", pond)
	}
	if diff := cmp.Diff(all.Items, pageThrough[sourceAnswer](st, "/api/v1/sources", 1)); diff != "" {
		t.Errorf("page by page (-all +paged):\n%s", diff)
	}
	one := get[sourceAnswer](st, 200, "/api/v1/sources/lake")
	if diff := cmp.Diff(lake, one); diff != "" {
		t.Errorf("alone and in the list (-list +alone):\n%s", diff)
	}
	scopes := get[List[scopeAnswer]](st, 200, "/api/v1/sources/lake/scopes")
	if len(scopes.Items) != 1 || scopes.Items[0].Name != "raw" || scopes.Items[0].Datasets != len(oddNames) {
		t.Errorf("scopes %+v", scopes)
	}
	for _, below := range []string{"", "/scopes", "/crawls"} {
		get[problem](st, 404, "/api/v1/sources/none"+below)
	}
}

func TestAPIInputIsChecked(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	for target, pointer := range map[string]string{
		"/api/v1/sources?limit=0":                            "/query/limit",
		"/api/v1/sources?limit=501":                          "/query/limit",
		"/api/v1/sources?limit=x":                            "/query/limit",
		"/api/v1/sources?cursor=%21":                         "/query/cursor",
		"/api/v1/sources?cursor=" + strings.Repeat("x", 201): "/query/cursor",
		"/api/v1/sources?cursor=" + cursorOf("-1"):           "/query/cursor",
		"/api/v1/sources?cursor=" + cursorOf("9999999999"):   "/query/cursor",
		"/api/v1/search?sort=colour":                         "/query/sort",
		"/api/v1/search?q=" + strings.Repeat("x", 2001):      "/query/q",
		"/api/v1/search?q=a%00b":                             "/query/q",
		"/api/v1/search?q=a%ffb":                             "/query/q",
		"/api/v1/crawls/x":                                   "/path/id",
		"/api/v1/crawls/-1":                                  "/path/id",
		"/api/v1/crawls/9999999999999999999999":              "/path/id",
	} {
		p := get[problem](st, 422, target)
		if len(p.Errors) != 1 || p.Errors[0].Pointer != pointer || p.Errors[0].Message == "" || p.RequestID == "" {
			t.Errorf("%.60s: problem %+v, want one error at %s", target, p, pointer)
		}
	}
	if got := get[List[sourceAnswer]](st, 200, "/api/v1/sources?limit=500&cursor="+cursorOf("7")); len(got.Items) != 0 || got.Items == nil {
		t.Errorf("a cursor beyond the end answers %+v, want an empty list", got)
	}
}

func cursorOf(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// GETs change nothing but the notes of when a session or a token was last used.
func TestAPIReadsChangeNothing(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	reader := st.reader()
	sum := func() (sums string) {
		const q = `SELECT string_agg(md5(t), ',') FROM (
			SELECT (SELECT string_agg(d::text, '|' ORDER BY id) FROM dataset d) AS t UNION ALL
			SELECT (SELECT string_agg(c::text, '|' ORDER BY id) FROM crawl c) UNION ALL
			SELECT (SELECT string_agg(s::text, '|' ORDER BY id) FROM source s) UNION ALL
			SELECT (SELECT string_agg(o::text, '|') FROM dataset_open o) UNION ALL
			SELECT (SELECT string_agg(p::text, '|' ORDER BY id) FROM person p)) x`
		if err := st.pool.QueryRow(t.Context(), q).Scan(&sums); err != nil {
			t.Fatal(err)
		}
		return sums
	}
	before := sum()
	for line := range strings.Lines(accessMatrix) {
		if cells := strings.Fields(line); len(cells) > 1 && cells[0] == "GET" {
			st.ask("GET", cells[1], reader)
			st.ask("GET", cells[1], reader)
		}
	}
	if after := sum(); after != before {
		t.Error("reading changed what is stored")
	}
}

func TestAPICompresses(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	reader := st.reader()
	if got := st.ask("GET", "/api/v1/search", reader, header("Accept-Encoding", "gzip")).Header.Get("Content-Encoding"); got != "gzip" {
		t.Errorf("a long answer is sent as %q", got)
	}
	if got := st.ask("GET", "/api/v1/search", reader).Header.Get("Content-Encoding"); got != "" {
		t.Errorf("a client that did not ask for it gets %q", got)
	}
}

func TestAPITimesAreUTC(t *testing.T) {
	t.Parallel()
	berlin := time.FixedZone("CET", 3600)
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, berlin)
	if got := utc(&at).Format(time.RFC3339); got != "2026-11-21T09:00:00Z" {
		t.Errorf("got %s", got)
	}
	if utc(nil) != nil {
		t.Error("an unknown time became one")
	}
}
