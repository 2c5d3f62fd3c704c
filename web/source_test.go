package web

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"portreeve/access"
	"portreeve/catalog"
)

func TestSourcesShowHealth(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	doc := s.page("/sources")
	wantText(t, doc, "tbody tr", "Never read")
	s.crawl(flights(s.now))
	doc = s.page("/sources")
	wantText(t, doc, ".head-sub", "1 source, 3 datasets.")
	wantText(t, doc, "tbody tr .good", "Read")
	wantText(t, doc, "tbody tr", "3 datasets seen, 3 new")
}

// One scope that fails is named where people look, and stops nothing else.
func TestSourceNamesWhatFailed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	lake := flights(s.now)
	lake["broken<b>"] = nil
	lake["raw"] = append(lake["raw"], catalog.Observation{Name: "raw.damaged"})
	s.crawl(lake)
	doc := s.page("/sources/lake")
	wantText(t, doc, "main", "permission denied")
	wantText(t, doc, "main", "raw.damaged")
	wantText(t, doc, "main", "its metadata file is missing")
	wantText(t, doc, ".head-sub", "3 datasets") // the rest is read
	wantText(t, doc, "tr:contains(raw) .warn", "1 of 2 failed")
	if doc.Find("main b").Length() > 0 {
		t.Error("the name of a scope is not escaped")
	}
}

func TestSourcePageShowsTheCrawlUnderWay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	id := s.queue()
	s.exec(`UPDATE crawl SET state = 'running', scopes_total = 4, scopes_done = 2 WHERE id = $1`, id)
	doc := s.page("/sources/lake")
	if p := doc.Find(".crawl-state progress"); p.AttrOr("value", "") != "2" || p.AttrOr("max", "") != "4" {
		t.Errorf("progress %s of %s", p.AttrOr("value", ""), p.AttrOr("max", ""))
	}
	wantText(t, doc, "noscript", "to see how far it is")
	part := s.do(http.MethodGet, "/sources/lake?part=crawl", "HX-Request-Type", "partial")
	if strings.Contains(part.body, "<html") || strings.Contains(part.body, "Schemas</h2>") || !strings.Contains(part.body, "2 of 4 schemas") {
		t.Errorf("the part that is refreshed:\n%s", cut(part.body, 800))
	}
}

// The stream says at once where the crawl stands and ends when there is none.
func TestSourceEventsEndWithoutACrawl(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.do(http.MethodGet, "/sources/lake/events")
	if !strings.Contains(a.body, "event: crawl-ended\n") || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/event-stream") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := s.do(http.MethodGet, "/sources/none/events"); a.StatusCode != http.StatusNotFound {
		t.Errorf("a source that is not there = %d", a.StatusCode)
	}
}

type startedBy struct{ who *[]string }

func (s startedBy) StartCrawl(_ context.Context, act access.Act, source string) (int64, error) {
	*s.who = append(*s.who, source+" by "+act.Who.Name)
	return 1, nil
}

func TestCrawlNow(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var started []string
	s.Crawls = startedBy{&started}
	if doc := s.page("/sources/lake"); doc.Find("form[action$='/crawl']").Length() != 0 {
		t.Error("an analyst is shown a button that is refused")
	}
	if a := s.do(http.MethodPost, "/sources/lake/crawl"); a.StatusCode != http.StatusForbidden || len(started) > 0 {
		t.Errorf("an analyst starts a crawl: %d, %v", a.StatusCode, started)
	}
	s.exec(`UPDATE person SET role = 'owner' WHERE name = 'Ana Ruiz'`)
	if doc := s.page("/sources/lake"); doc.Find("form[method=post][action='/sources/lake/crawl'] button").Length() != 1 {
		t.Error("an owner has no button")
	}
	a := s.do(http.MethodPost, "/sources/lake/crawl")
	if a.StatusCode != http.StatusSeeOther || a.Header.Get("Location") != "/sources/lake#crawl-now" || len(started) != 1 || started[0] != "lake by Ana Ruiz" {
		t.Errorf("%d to %q, started %v", a.StatusCode, a.Header.Get("Location"), started)
	}
	if a := s.do(http.MethodPost, "/sources/none/crawl"); a.StatusCode != http.StatusNotFound || len(started) != 1 {
		t.Errorf("a crawl of nothing = %d", a.StatusCode)
	}
}

// Whoever starts a crawl sees how it ended, also when that took no time.
func TestSourcePageKeepsTheOutcomeOfTheLastCrawl(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if s.page("/sources/lake").Find(".crawl").Length() != 0 {
		t.Error("a crawl is shown before the first")
	}
	s.crawl(flights(s.now))
	doc := s.page("/sources/lake")
	wantText(t, doc, ".crawl [role=status]", "Finished: 3 datasets seen, 3 new")
	wantText(t, doc, ".crawl a", "What changed")
	if doc.Find(".crawl progress, .crawl [hx-sse\\:connect]").Length() > 0 {
		t.Error("what has ended is shown as going on")
	}
	last := s.crawl(flights(s.now))
	doc = s.page("/sources/lake")
	wantText(t, doc, ".crawl [role=status]", "nothing new")
	if href := doc.Find(".crawl a").AttrOr("href", ""); href != crawlURL("lake", last.ID) {
		t.Errorf("the outcome leads to %q", href)
	}
	s.exec(`UPDATE person SET role = 'owner' WHERE name = 'Ana Ruiz'`)
	s.queue()
	button := s.page("/sources/lake").Find("#crawl-now")
	if _, off := button.Attr("disabled"); off || button.AttrOr("aria-disabled", "") != "true" {
		t.Error("while a crawl runs the button must say so and keep the focus")
	}
}

func TestSchemasLeadToTheirDatasets(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	doc := s.page("/sources/lake")
	href := doc.Find("table a[href^='/data']").First().AttrOr("href", "")
	if href != "/data?q=clean&source=lake" {
		t.Errorf("the schema clean leads to %q", href)
	}
	wantText(t, s.page(href), ".results", "clean.flights")
}
