package web

import (
	"encoding/csv"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"portreeve/catalog"
)

func TestDataFindsAndSaysWhy(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	doc := s.page("/data?q=dep_delay")
	wantText(t, doc, "[role=status]", "match “dep_delay”, best first.")
	first := doc.Find("[data-results] > li").First()
	if got := first.Find("h2 a").AttrOr("href", ""); got != "/d/lake/clean.flights" {
		t.Fatalf("the first result leads to %q", got)
	}
	if got := first.Find(".why a").AttrOr("href", ""); got != "/d/lake/clean.flights/columns?filter=dep_delay" {
		t.Errorf("the column that matched leads to %q", got)
	}
	if got := first.Find(".why code").Text(); !strings.Contains(strings.ReplaceAll(got, " ", ""), "dep_delay") || first.Find(".why mark").Length() == 0 {
		t.Errorf("why it matched: %q", first.Find(".why").Text())
	}
}

// A mark in the middle of a name must not put spaces into it.
func TestMarksLeaveNamesWhole(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	for q, want := range map[string]string{"delays": "lake/marts.delays_old", "flights": "lake/clean.flights"} {
		doc := s.page("/data?q=" + q)
		link := doc.Find("[data-results] h2 a").FilterFunction(func(_ int, a *selection) bool { return a.Find("mark").Length() > 0 }).First()
		if got := strings.TrimSpace(link.Text()); got != want {
			t.Errorf("%s is shown as %q, want %q", q, got, want)
		}
	}
}

func TestDataAnswersHtmxWithAPart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	a := s.do(http.MethodGet, "/data?q=delay", "HX-Request", "true", "HX-Request-Type", "partial")
	doc := a.document(t)
	if strings.Contains(a.body, "<html") || doc.Find("[data-results] > li").Length() != 3 || doc.Find("input[name=kind]").Length() == 0 {
		t.Errorf("the part is\n%s", cut(a.body, 1000))
	}
	if doc.Find("#q").Length() > 0 {
		t.Error("the part holds the search field: typing would lose its focus")
	}
	if !strings.Contains(a.Header.Get("Vary"), "HX-Request-Type") {
		t.Error("a cache may mix up page and part")
	}
}

func TestDataFacetsAndChips(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	doc := s.page("/data?q=delay&kind=table&sort=name")
	if n := doc.Find("[data-results] > li").Length(); n != 2 {
		t.Errorf("%d tables, want 2", n)
	}
	if doc.Find(`input[name=kind][value=table][checked]`).Length() != 1 || doc.Find(`option[value=name][selected]`).Length() != 1 {
		t.Error("the form does not hold what the address says")
	}
	if got := doc.Find(".chip a").AttrOr("href", ""); got != "/data?q=delay&sort=name" {
		t.Errorf("the chip takes the filter off at %q", got)
	}
	wantText(t, doc, ".chip", "Kind: Table")
	doc = s.page("/data?kind=dashboard")
	if doc.Find(`input[name=kind][value=dashboard][checked]`).Length() != 1 {
		t.Error("a filter that finds nothing cannot be taken off")
	}
}

func TestDataNothingFoundSaysWhatToTry(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	doc := s.page("/data?q=zzzqqq&kind=table")
	wantText(t, doc, "[role=status]", "Nothing matches “zzzqqq”.")
	wantText(t, doc, ".empty", "Take off a filter")
	wantText(t, doc, ".empty", "names of columns")
}

func TestDataNothingFoundLeadsOn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	doc := s.page("/data?q=zzzqqq")
	if got := doc.Find(".empty a.btn").AttrOr("href", ""); got != "/data" {
		t.Errorf("the search is cleared at %q", got)
	}
	if n := doc.Find("select, .facets, a[download]").Length(); n != 0 {
		t.Errorf("nothing can be sorted, narrowed or downloaded, and there are %d ways to do so", n)
	}
	p := dataPage{Query: catalog.SearchQuery{Text: "clean.fligths"}, Near: []catalog.Dataset{{Source: "lake", Name: "clean.flights"}}}
	var page strings.Builder
	if err := nothingFound(p).Render(t.Context(), &page); err != nil || !strings.Contains(page.String(), `href="/d/lake/clean.flights"`) {
		t.Errorf("names like it are not shown: %s %v", page.String(), err)
	}
}

func TestDataSaysHowItReadTheQuestion(t *testing.T) {
	t.Parallel()
	p := dataPage{
		Query:  catalog.SearchQuery{Text: "fligt foo:bar"},
		Result: catalog.SearchResult{Total: 1, Items: make([]catalog.Hit, 1), Corrected: "flight", Suggestion: "night", Notes: []string{"foo: is no operator"}},
	}
	var page strings.Builder
	if err := found(p).Render(t.Context(), &page); err != nil {
		t.Fatal(err)
	}
	doc := response{body: page.String()}.document(t)
	wantText(t, doc, ".callout", "foo: is no operator")
	wantText(t, doc, "p", "Showing results for flight.")
	wantText(t, doc, "p", "Did you mean night?")
}

func TestDataSaysWhatOfItsAddressMeansNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	for path, want := range map[string]string{
		"/data?kind=zzz":          "There is no kind “zzz”: it is one of table, view",
		"/data?status=zzz":        "There is no status “zzz”",
		"/data?sort=zzz":          "There is no order “zzz”; this is best first.",
		"/data?page=9&x=1":        "A search does not know “page”, “x” in its address.",
		"/data?q=delay&offset=90": "There are only 3 results",
	} {
		wantText(t, s.page(path), "main", want)
	}
	doc := s.page("/data?kind=zzz")
	wantText(t, doc, "[role=status]", "0 datasets.")
	wantText(t, doc, ".chip", "Kind: zzz")
	doc = s.page("/data?q=delay&sort=name&kind=table&source=lake")
	if n := doc.Find("main .callout").Length(); n != 0 {
		t.Errorf("an address of ours is found fault with: %s", words(doc, "main .callout"))
	}
	wantText(t, doc, ".drawer-open .count", "2")
	wantText(t, doc, ".drawer-foot", "Show 2 results")
	if doc.Find(".pager [aria-disabled]").Length() != 0 {
		t.Error("one page has ways to others")
	}
}

func TestDataSaysWhatItCannotRead(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.do(http.MethodGet, "/data?q="+strings.Repeat("word+", 2000))
	if a.StatusCode >= http.StatusInternalServerError {
		t.Errorf("a question of 2,000 words = %d", a.StatusCode)
	}
}

func TestDataEscapesQuestionAndNames(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	evil := `raw.<script>alert("1")</script>'\🛩`
	s.crawl(scopesOf{"raw": {{Name: evil, Kind: catalog.Table, Description: "<b>bold</b>", Tags: []string{`"><img src=x>`}, Columns: []catalog.Column{{Path: "<script>", Type: "int"}}}}})
	doc := s.page("/data?q=" + url.QueryEscape(`<script>alert("1")</script>`))
	if doc.Find("main script, main b, main img").Length() > 0 {
		t.Error("the page holds what a name wrote")
	}
	doc = s.page("/data")
	link := doc.Find("[data-results] h2 a")
	if got := strings.TrimSpace(link.Text()); got != "lake/"+evil {
		t.Errorf("the name is shown as %q", got)
	}
	doc = s.page(link.AttrOr("href", ""))
	if got := strings.TrimSpace(doc.Find("h1").Text()); got != evil {
		t.Errorf("its page is headed %q", got)
	}
}

func TestDataCSV(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(scopesOf{"raw": {{Name: "raw.a", Kind: catalog.Table, Description: "=HYPERLINK(1)", RowCount: new(int64(-0))}, {Name: "raw.b", Kind: catalog.View}}})
	a := s.do(http.MethodGet, "/data.csv?kind=table")
	if got := a.Header.Get("Content-Type"); got != "text/csv; charset=utf-8" {
		t.Errorf("Content-Type %q", got)
	}
	rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows, %v\n%s", len(rows), err, a.body)
	}
	if diff := cmp.Diff([]string{"lake", "raw.a", "table", "'=HYPERLINK(1)"}, rows[1][:4]); diff != "" {
		t.Error(diff)
	}
}

func TestGuardFormulas(t *testing.T) {
	t.Parallel()
	got := guardFormulas([]string{"=1+1", "+x", "-x", "@x", "\tx", "\rx", "-4", "+1.5", "a=b", ""})
	want := []string{"'=1+1", "'+x", "'-x", "'@x", "'\tx", "'\rx", "-4", "+1.5", "a=b", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// An address says the same search after it was written and read again.
func TestSearchAddressRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := catalog.SearchQuery{
			Text: strings.TrimSpace(rapid.String().Draw(t, "text")), Filters: map[string][]string{}, Limit: dataPageSize,
			Sort: rapid.SampledFrom([]string{"", "used", "fresh", "name"}).Draw(t, "sort"), Offset: rapid.IntRange(0, dataOffset).Draw(t, "offset"),
		}
		for _, name := range facetNames {
			if values := rapid.SliceOfNDistinct(rapid.StringN(1, 8, -1), 0, 3, rapid.ID[string]).Draw(t, name); len(values) > 0 {
				q.Filters[name] = values
			}
		}
		u, err := url.Parse(dataURL("/data", q))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(q, searchQuery(u.Query())); diff != "" {
			t.Fatal(u, diff)
		}
	})
}

func TestSearchAddressOutOfBounds(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"offset=-5", "offset=x", "offset=99999999999999999999", "sort=drop", "kind=", "nonsense=1"} {
		values, _ := url.ParseQuery(query)
		q := searchQuery(values)
		if q.Offset < 0 || q.Offset > dataOffset || q.Sort != "" || len(q.Filters["kind"]) > 0 {
			t.Errorf("%s gives %+v", query, q)
		}
	}
}

func TestDataPages(t *testing.T) {
	t.Parallel()
	p := dataPage{Query: catalog.SearchQuery{Text: "x", Offset: 20}, Result: catalog.SearchResult{Total: 45, Items: make([]catalog.Hit, 20)}}
	pager := p.pager()
	if pager.Summary != "21–40 of 45" || pager.Previous != "/data?q=x" || pager.Next != "/data?offset=40&q=x" {
		t.Errorf("%+v", pager)
	}
	p.Query.Offset, p.Result.Items, p.Result.TotalAbout = 40, p.Result.Items[:5], true
	if pager := p.pager(); pager.Next != "" || pager.Summary != "41–45 of about 45" {
		t.Errorf("%+v", pager)
	}
}

func TestReasonsAreGrouped(t *testing.T) {
	t.Parallel()
	column := func(name string) catalog.Match {
		return catalog.Match{Field: "column", Snippet: []catalog.Span{{Text: name, Hit: true}}}
	}
	h := &catalog.Hit{Matched: []catalog.Match{{Field: "name", Snippet: []catalog.Span{{Text: "x"}}}, column("a"), column("b"), column("c"), column("d"), column("e")}}
	got := reasons(h)
	if len(got) != 2 || got[1].label() != "columns" || len(got[1].snippets) != 3 || got[1].more != 2 {
		t.Errorf("%+v", got)
	}
}

// Whatever kinds there are, the address, the facet and the help know the same ones.
func TestEveryKindCanBeAskedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	for _, kind := range catalog.Kinds() {
		doc := s.page("/data?kind=" + string(kind))
		if text := words(doc, "main"); strings.Contains(text, "There is no kind") {
			t.Errorf("%s: %s", kind, text)
		}
		if label := words(doc, "#f-kind-"+string(kind)+" + span"); label != upperFirst(string(kind)) {
			t.Errorf("the facet calls %s %q", kind, label)
		}
		wantText(t, doc, "#operators", string(kind))
	}
	wantText(t, s.page("/data?kind=schema"), ".empty", "There is no schema here yet")
	wantText(t, s.page("/data?kind=rock"), "main", "There is no kind “rock”: it is one of table, view, topic, model, dashboard, file, schema, api.")
}
