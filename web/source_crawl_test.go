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
}
