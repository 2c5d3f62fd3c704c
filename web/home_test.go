package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
)

func TestHomeSaysWhatThereIs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	doc := s.page("/")
	wantText(t, doc, "main", "3 datasets with 9 columns in 1 source: 363 k rows, 4.9 MiB where it is known.")
	wantText(t, doc, "main", "Nothing yet. Datasets that you open stand here.")
	wantText(t, doc, ".list", "3 datasets first seen in lake, by crawl 1")
	if n := doc.Find(`.list a[title="clean.flights"]`).Length(); n != 0 {
		t.Error("what the first crawl saw is listed name by name")
	}
	s.now = s.now.Add(time.Hour)
	lake := flights(s.now)
	lake["clean"][0].Description = "Now with a better text."
	s.crawl(lake)
	doc = s.page("/")
	if href := doc.Find(`.list a[title="clean.flights"]`).AttrOr("href", ""); href != "/d/lake/clean.flights/history" {
		t.Errorf("news of clean.flights lead to %q", href)
	}
	if doc.Find("form[action='/data'] input[name=q]").Length() == 0 {
		t.Error("the search works only with a script")
	}
}

func TestHomeListsWhatIOpened(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	if a := s.do(http.MethodPost, "/d/lake/raw.weather/opened"); a.StatusCode != http.StatusNoContent {
		t.Fatalf("POST opened = %d %s", a.StatusCode, a.body)
	}
	s.page("/d/lake/clean.flights") // a look by GET is not noted
	doc := s.page("/")
	opened := doc.Find("section").FilterFunction(func(_ int, sec *selection) bool { return sec.Find("h2").Text() == "Opened by you" })
	if strings.Contains(words(doc, "h2"), "Popular") {
		t.Error("what I opened is listed twice")
	}
	if got := opened.Find("a.title").AttrOr("href", ""); got != "/d/lake/raw.weather" || opened.Find("a.title").Length() != 1 {
		t.Errorf("opened by me: %q, want only raw.weather", opened.Text())
	}
}

func TestHomeBeforeTheFirstCrawl(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wantText(t, s.page("/"), ".empty", "Nothing has been read yet")
	id := s.queue()
	s.exec(`UPDATE crawl SET state = 'running', scopes_total = 3, scopes_done = 1, scope = 'clean', seen = 2 WHERE id = $1`, id)
	doc := s.page("/")
	wantText(t, doc, ".empty", "The first look at your data is under way")
	wantText(t, doc, ".crawl-state", "1 of 3 schemas, 2 datasets seen. Reading clean.")
	if got := doc.Find(`[hx-sse\:connect]`).AttrOr("hx-sse:connect", ""); got != "/sources/lake/events" {
		t.Errorf("the crawl is watched at %q", got)
	}
}

func TestHomeSaysWhichSourceFailed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	lake := flights(s.now)
	lake["broken"] = nil
	s.crawl(lake)
	doc := s.page("/")
	wantText(t, doc, ".callout", "Parts of lake could not be read: 1 dataset or schema")
	wantText(t, doc, "main", "3 datasets") // the rest goes on
}

func TestHomeTellsOfManyTroublesInALine(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	s.source(catalog.Source{Slug: "other", Kind: "test"})
	s.exec(`INSERT INTO crawl (source_id, trigger, state, message, finished_at) SELECT id, 'schedule', 'failed', 'no answer', now() FROM source`)
	doc := s.page("/")
	wantText(t, doc, ".callout summary", "2 of 2 sources cannot be read")
	wantText(t, doc, ".callout li", "other could not be read: no answer")
	if n := doc.Find(".callout").Length(); n != 1 {
		t.Errorf("%d banners", n)
	}
}

func TestTellable(t *testing.T) {
	t.Parallel()
	merged := catalog.Change{Kind: catalog.AttributeEdited, Field: shownWith, New: "lake/a"}
	news := tellable([]catalog.DatasetVersion{
		{Changes: []catalog.Change{merged}},
		{Changes: []catalog.Change{{Kind: catalog.Created, CrawlID: 7}, merged}},
	})
	if len(news) != 1 || firstSeenBy(news[0]) != 7 {
		t.Errorf("got %+v, want the first sight alone", news)
	}
}

func TestLayoutShowsWhoAndHow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	doc := s.page("/sources")
	wantText(t, doc, "#me", "Ana Ruiz")
	if got := doc.Find(".top a.badge").AttrOr("href", ""); got != "/login?back=%2Fsources" {
		t.Errorf("the badge of the demo leads to %q", got)
	}
	if doc.Find(`.rail a[href="/ui"]`).Length() != 0 {
		t.Error("the rail offers the components of the portal to everyone")
	}
	wantText(t, doc, "footer", "Portreeve 1.2.3")
	if got := doc.Find(".rail [aria-current=page]").AttrOr("href", ""); got != "/sources" {
		t.Errorf("the rail marks %q", got)
	}
	if _, set := doc.Find("html").Attr("data-theme"); set {
		t.Error("a theme is set that nobody chose")
	}
	s.exec(`UPDATE person SET theme = 'dark', nav = 'icons' WHERE name = 'Ana Ruiz'`)
	doc = s.page("/sources")
	if html := doc.Find("html"); html.AttrOr("data-theme", "") != "dark" || html.AttrOr("data-nav", "") != "icons" {
		t.Error("the person's theme and rail are not used")
	}
	wantText(t, doc, ".rail form", "Expand")
}

func TestNoPageHoldsInlineCode(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	if err := s.Catalog.PutProfile(t.Context(), s.dataset("clean.flights"), profileOfFlights(s.now)); err != nil {
		t.Fatal(err)
	}
	s.rows.sample = sampleOfFlights()
	for _, path := range []string{
		"/", "/data", "/data?q=delay", "/d/lake/clean.flights", "/d/lake/clean.flights/columns",
		"/d/lake/clean.flights/history", "/d/lake/clean.flights/sample", "/sources", "/sources/lake", "/ui",
	} {
		doc := s.page(path)
		if doc.Find("[style], style, script:not([src])").Length() > 0 {
			t.Errorf("%s has inline style or script, which the policy forbids", path)
		}
		seen := map[string]bool{}
		doc.Find("[id]").Each(func(_ int, e *selection) {
			if id := e.AttrOr("id", ""); seen[id] {
				t.Errorf("%s has two elements with the id %q", path, id)
			} else {
				seen[id] = true
			}
		})
		doc.Find("[popovertarget]").Each(func(_ int, e *selection) {
			if id := e.AttrOr("popovertarget", ""); !seen[id] {
				t.Errorf("%s opens %q, which is not there", path, id)
			}
		})
	}
}

func TestGalleryIsPartOfTheDemoOnly(t *testing.T) {
	t.Parallel()
	for _, demo := range []bool{true, false} {
		found := false
		for _, rt := range (&Server{Demo: demo}).pageRoutes() {
			found = found || rt.path == "/ui"
		}
		if found != demo {
			t.Errorf("demo %v has the gallery: %v", demo, found)
		}
	}
}

func TestPalette(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	doc := s.page("/palette?q=clean")
	if got := doc.Find("[role=option]").First().AttrOr("href", ""); got != datasetURL(catalog.Key{Source: "lake", Name: "clean.flights"}, "") {
		t.Errorf("the first choice leads to %q", got)
	}
	wantText(t, doc, "[role=option]", "Search all data for “clean”")
	wantText(t, s.page("/palette?q=sou"), "[role=option]", "Sources and their crawls")
	wantText(t, s.page("/palette"), "[role=option]", "Home")
	wantText(t, s.page("/palette?q=wind_delay"), "[role=option] .end", "column wind_delay")
	s.do(http.MethodPost, "/d/lake/raw.weather/opened")
	if got := s.page("/palette").Find("[role=option]").First().AttrOr("href", ""); got != "/d/lake/raw.weather" {
		t.Errorf("before typing the first choice is %q, want what was opened last", got)
	}
	if doc := s.page("/palette?for=home"); doc.Find("[role=option]").Length() != 0 {
		t.Error("the box of the home page lists something before anyone types")
	}
	if doc := s.page("/palette?q=%22half"); doc.Find("[role=option]").Length() == 0 {
		t.Error("half a question leaves nothing to choose")
	}
}

func TestBeginsAWord(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text, prefix string
		want         bool
	}{{"Sources and crawls", "cra", true}, {"Sources", "our", false}, {"Sources", "", true}, {"", "x", false}, {"Two  spaces", "spa", true}} {
		if got := beginsAWord(tt.text, tt.prefix); got != tt.want {
			t.Errorf("beginsAWord(%q, %q) = %v", tt.text, tt.prefix, got)
		}
	}
}

func TestPaletteOffersWhatOneMayDo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	wantText(t, s.page("/palette?q=dark"), "[role=option]", "Theme: dark")
	s.crawl(flights(s.now))
	if got := s.page("/palette?q=keyboard+keys+").Find("[role=option]").First().AttrOr("data-opens", ""); got != "keys" {
		t.Errorf("an action named by two words is not the first choice: %q", got)
	}
	crawl := `button[form=palette-do][formaction="/sources/lake/crawl"]`
	if s.page("/palette?q=crawl+lake").Find(crawl).Length() != 0 {
		t.Error("an analyst is offered to crawl")
	}
	s.exec(`UPDATE person SET role = 'owner' WHERE name = 'Ana Ruiz'`)
	if s.page("/palette?q=crawl+lake").Find(crawl).Length() != 1 {
		t.Error("an owner is not offered to crawl")
	}
	if s.page("/palette?q=crawl+other").Find(crawl).Length() != 0 {
		t.Error("the crawl of another source is offered")
	}
	if doc := s.page("/data"); doc.Find("form#palette-do input[name=back]").AttrOr("value", "") != "/data" || doc.Find("dialog#keys").Length() != 1 {
		t.Error("what the actions of the palette need is not on the page")
	}
}

func TestGroupNews(t *testing.T) {
	t.Parallel()
	seen := func(crawl int64) catalog.DatasetVersion {
		return catalog.DatasetVersion{Changes: []catalog.Change{{Kind: catalog.Created, CrawlID: crawl}}}
	}
	edited := catalog.DatasetVersion{Changes: []catalog.Change{{Kind: catalog.ColumnAdded, CrawlID: 9}}}
	items := groupNews([]catalog.DatasetVersion{seen(9), edited, seen(8), seen(8), seen(8), seen(7), seen(7)})
	var firsts []int
	for _, item := range items {
		firsts = append(firsts, item.First)
	}
	if diff := cmp.Diff([]int{0, 0, 3, 0, 0}, firsts); diff != "" {
		t.Error(diff)
	}
	many := make([]catalog.DatasetVersion, newsRead)
	for i := range many {
		many[i] = seen(1)
	}
	if items = groupNews(many); len(items) != 1 || items[0].firstSeen() != "At least 40 datasets first seen" {
		t.Errorf("got %+v", items)
	}
}
