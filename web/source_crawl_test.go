package web

import (
	"net/http"
	"strings"
	"testing"

	"portreeve/catalog"
)

func TestCrawlPageShowsAllThatFailed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	lake := flights(s.now)
	s.crawl(lake)
	lake["broken<b>"] = nil
	lake["raw"] = []catalog.Observation{{Name: "raw.weather"}, {Name: "raw.damaged"}} // the first was read before
	bad := s.crawl(lake)
	long := strings.Repeat("a long reason ", 100)
	s.exec(`UPDATE crawl_error SET message = $1 WHERE name = 'raw.damaged'`, long)
	good := s.crawl(flights(s.now)) // and now the source's page knows nothing of it

	doc := s.page(crawlURL("lake", bad.ID))
	wantText(t, doc, "h1 + .status", "Finished in part")
	wantText(t, doc, ".list", "Schema broken<b>")
	wantText(t, doc, ".list", "permission denied")
	wantText(t, doc, ".list", strings.TrimSpace(long)) // whole
	wantText(t, doc, "main", "What to do")
	wantText(t, doc, ".facts", "Could not be read3")
	if href := doc.Find(".list a").AttrOr("href", ""); href != "/d/lake/raw.weather" || doc.Find(".list a").Length() != 1 {
		t.Errorf("of what failed, %d lead somewhere, to %q; want the one that is known", doc.Find(".list a").Length(), href)
	}
	if doc.Find("main b").Length() > 0 {
		t.Error("the name of a schema is not escaped")
	}
	doc = s.page(crawlURL("lake", good.ID))
	wantText(t, doc, "main", "Nothing: all that the source listed was read.")
	if doc = s.page("/sources/lake"); doc.Find("table a[href='"+crawlURL("lake", bad.ID)+"']").Length() != 1 {
		t.Error("the list of crawls does not lead to one that failed")
	}
}

func TestCrawlPageShowsWhatChanged(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	lake := flights(s.now)
	first := s.crawl(lake)
	lake["raw"][0].Description = "Hourly weather."
	second := s.crawl(lake)
	doc := s.page(crawlURL("lake", first.ID))
	wantText(t, doc, ".head-sub", "3 datasets seen, 3 new")
	if n := doc.Find(".changed-list a").Length(); n != 3 {
		t.Errorf("%d datasets are new, want 3", n)
	}
	doc = s.page(crawlURL("lake", second.ID))
	if got := words(doc, ".changed-list"); got != "raw.weather" {
		t.Errorf("changed: %q", got)
	}
	if href := doc.Find(".changed-list a").AttrOr("href", ""); href != "/d/lake/raw.weather/history" {
		t.Errorf("what changed leads to %q", href)
	}
}

func TestCrawlPageOfNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.source(catalog.Source{Slug: "other", Kind: "test"})
	run := s.crawl(flights(s.now))
	for name, path := range map[string]string{
		"a crawl of another source": crawlURL("other", run.ID),
		"no such crawl":             crawlURL("lake", run.ID+99),
		"no number":                 "/sources/lake/crawls/first",
		"nought":                    "/sources/lake/crawls/0",
		"too large a number":        "/sources/lake/crawls/99999999999999999999",
		"no such source":            crawlURL("none", run.ID),
	} {
		if a := s.do(http.MethodGet, path); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: GET %s = %d, want 404", name, path, a.StatusCode)
		}
	}
}

func TestCrawlPageUnderWay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.queue()
	wantText(t, s.page(crawlURL("lake", id)), ".head-sub", "It waits for its turn.")
	s.exec(`UPDATE crawl SET state = 'running', scopes_total = 4, scopes_done = 2, seen = 7 WHERE id = $1`, id)
	doc := s.page(crawlURL("lake", id))
	wantText(t, doc, ".head-sub", "It is under way: 7 datasets seen.")
	wantText(t, doc, "main", "Nothing so far.")
	s.exec(`UPDATE crawl SET state = 'failed', finished_at = now(), message = 'the catalog cannot be reached' WHERE id = $1`, id)
	doc = s.page(crawlURL("lake", id))
	wantText(t, doc, ".callout", "the catalog cannot be reached")
	wantText(t, doc, ".head-sub", "It ended early")
	wantText(t, doc, "main", "2 of 4 schemas were not read to the end")
}

// A crawl that read nothing says so everywhere, and what to do about its cause.
func TestCrawlThatReadNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	src, kind := warehouse()
	s.Connectors = []catalog.Connector{kind}
	s.source(src)
	s.exec(`INSERT INTO crawl (source_id, trigger, state, message, finished_at)
		SELECT id, 'schedule', 'failed', 'Trino at t:8443 answers with the status 404', now() FROM source WHERE slug = 'warehouse'`)
	st, err := s.Catalog.SourceStatus(t.Context(), "warehouse")
	if err != nil {
		t.Fatal(err)
	}
	doc := s.page(crawlURL("warehouse", st.Last.ID))
	wantText(t, doc, ".head-sub", "Nothing was read.")
	wantText(t, doc, "main", "Nothing was read: the list of catalogs could not be fetched.")
	wantText(t, doc, ".callout", "Nothing of it is known yet.")
	wantText(t, doc, ".facts", "none listed")
	wantText(t, doc, ".facts", "all of it")
	wantText(t, doc, ".prose", "that of the coordinator of Trino")
	wantText(t, doc, ".prose code", "portreeve source check warehouse")
	for _, wrong := range []string{"all that the source listed was read", "shown unchanged", "Its page", "A schema that fails", "0 of 0"} {
		if strings.Contains(words(doc, "main"), wrong) {
			t.Errorf("of a crawl that read nothing it says %q", wrong)
		}
	}
	row := words(s.page("/sources"), "tbody tr:contains(warehouse)")
	for _, want := range []string{"Cannot be read", "nothing read: Trino at t:8443 answers with the status 404", "never"} {
		if !strings.Contains(row, want) {
			t.Errorf("the list says %q, want %q in it", row, want)
		}
	}
}

func TestCrawlAdviceFitsTheCause(t *testing.T) {
	t.Parallel()
	kind := catalog.Connector{Settings: []catalog.ConnectorSetting{{Name: "catalogs", List: true}, {Name: "timeout"}}}
	for message, want := range map[string]string{
		"Trino took longer than 1m0s to read lake": "raise timeout, or set catalogs",
		"Trino at t does not accept the login":     "Check the user and the password",
		"Trino at t does not answer":               "whether it runs",
	} {
		p := crawlPage{Kind: &kind, Crawl: catalog.Crawl{State: catalog.CrawlFailed, Message: message}}
		if got := strings.Join(p.advice(), "\n"); !strings.Contains(got, want) || strings.Contains(got, "stays") {
			t.Errorf("%s: %q, want %q", message, got, want)
		}
	}
}

// Every part failed and nothing was ever read: that is not "in part".
func TestSourceOfWhichEveryPartFailed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(map[string][]catalog.Observation{"broken": nil, "broken<b>": nil})
	doc := s.page("/sources/lake")
	wantText(t, doc, ".callout.bad", "lake could not be read: all 2 parts of it failed")
	wantText(t, doc, ".callout", "Nothing of it is known yet.")
	wantText(t, s.page("/sources"), "tbody tr .bad", "Cannot be read")
}
