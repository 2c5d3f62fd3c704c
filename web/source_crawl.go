package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/web/ui"
)

const (
	crawlErrorsShown  = 1000
	crawlChangesShown = 100
)

// crawlPage is one crawl of a source: what it changed and what it could not read.
type crawlPage struct {
	Crawl   catalog.Crawl
	Errors  []catalog.CrawlError
	Changed []catalog.Key
	Known   map[string]catalog.Key // datasets that Errors name
	Source  catalog.SourceStatus
	Kind    *catalog.Connector // nil: not known here
	Now     time.Time
}

func crawlURL(slug string, id int64) string {
	return sourceURL(slug) + "/crawls/" + catalog.FormatID(id)
}

func (s *Server) getSourceCrawl(c echo.Context) error {
	ctx, slug, number := c.Request().Context(), c.Param("slug"), c.Param("id")
	p := crawlPage{Now: s.Now()}
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return fault.NotFoundf("there is no crawl %s of %s", cut(number, 40), cut(slug, 80))
	}
	if p.Crawl, err = s.Catalog.Crawl(ctx, id); err != nil {
		return err
	}
	if p.Crawl.Source != slug {
		return fault.NotFoundf("there is no crawl %d of %s", id, cut(slug, 80))
	}
	if p.Source, err = s.Catalog.SourceStatus(ctx, slug); err != nil {
		return err
	}
	p.Kind = s.connector(p.Source.Kind)
	if p.Errors, err = s.Catalog.CrawlErrors(ctx, id, crawlErrorsShown); err != nil {
		return err
	}
	if p.Known, err = s.Catalog.Named(ctx, slug, namesOf(p.Errors)); err != nil {
		return err
	}
	if p.Changed, err = s.Catalog.ChangedBy(ctx, &p.Crawl, crawlChangesShown); err != nil {
		return err
	}
	sh := s.shell(c, sectionSources, "Crawl "+number+" · "+slug,
		crumb{"Sources", "/sources"}, crumb{slug, sourceURL(slug)}, crumb{Text: "Crawl " + number})
	return render(c, http.StatusOK, crawlView(sh, p))
}

// namesOf returns the datasets that errors are about, each once for each error.
func namesOf(errors []catalog.CrawlError) []string {
	var names []string
	for _, e := range errors {
		if e.Name != "" {
			names = append(names, e.Name)
		}
	}
	return names
}

// crawlTone is a crawl's state in a word.
func crawlTone(c *catalog.Crawl) (ui.Tone, string) {
	switch c.State {
	case catalog.CrawlQueued:
		return ui.Live, "Queued"
	case catalog.CrawlRunning:
		return ui.Live, "Running"
	case catalog.CrawlFinished:
		return ui.Good, "Finished"
	case catalog.CrawlPartial:
		return ui.Warn, "Finished in part"
	case catalog.CrawlFailed:
		return ui.Bad, "Failed"
	}
	return ui.Muted, string(c.State)
}

// crawlTook is how long a crawl lasted, or has lasted until now.
func crawlTook(c *catalog.Crawl, now time.Time) string {
	if c.FinishedAt != nil {
		return took(c.FinishedAt.Sub(c.StartedAt))
	}
	return took(now.Sub(c.StartedAt))
}

// underWay reports whether a crawl has not ended.
func underWay(c *catalog.Crawl) bool {
	return c.State == catalog.CrawlQueued || c.State == catalog.CrawlRunning
}

// crawlBy says who asked for a crawl.
func crawlBy(c *catalog.Crawl) string {
	if c.Trigger == "schedule" {
		return "the schedule"
	}
	return cut(c.Trigger, 80)
}

// Sentence answers how the crawl went.
func (p *crawlPage) Sentence() string {
	c := &p.Crawl
	switch c.State {
	case catalog.CrawlQueued:
		return "It waits for its turn."
	case catalog.CrawlRunning:
		return "It is under way: " + crawlFound(c) + "."
	case catalog.CrawlFailed, catalog.CrawlPartial:
		if unread(c) {
			return "Nothing was read."
		}
		if c.State == catalog.CrawlPartial {
			break
		}
		return "It ended early: " + crawlFound(c) + " until then."
	case catalog.CrawlFinished:
	}
	return "It ended: " + crawlFound(c) + "."
}

// Counts are the figures of a crawl with what they count.
func (p *crawlPage) Counts() []crawlCount {
	c := &p.Crawl
	return []crawlCount{
		{"Seen", c.Seen}, {"New", c.Added}, {"Changed", c.Changed}, {"Renamed", c.Renamed}, {"Gone", c.Gone}, {"Could not be read", c.Failed},
	}
}

// Text is the figure; what could not be read of a crawl that read nothing is all of it.
func (p *crawlPage) Text(count crawlCount) string {
	if count.What == "Could not be read" && unread(&p.Crawl) {
		return "all of it"
	}
	return number(int64(count.N))
}

// Scopes says how many parts of the source were gone through.
func (p *crawlPage) Scopes() string {
	c := &p.Crawl
	if c.ScopesTotal == 0 && !underWay(c) {
		return "none listed"
	}
	return number(int64(c.ScopesDone)) + " of " + number(int64(c.ScopesTotal)) + " done"
}

// Unread says what could not be read when no error tells it.
func (p *crawlPage) Unread() string {
	c := &p.Crawl
	parts := strings.ToLower(scopesTitle(p.Source.Kind))
	if p.Source.Kind == "trino" {
		parts = "catalogs"
	}
	switch {
	case underWay(c):
		return "Nothing so far."
	case c.State == catalog.CrawlFailed && c.ScopesTotal == 0:
		return "Nothing was read: the list of " + parts + " could not be fetched."
	case c.State == catalog.CrawlFailed:
		return "It ended early: " + number(int64(c.ScopesTotal-c.ScopesDone)) + " of " + number(int64(c.ScopesTotal)) + " " +
			strings.ToLower(scopesTitle(p.Source.Kind)) + " were not read to the end."
	case c.Failed > 0:
		return "What it was is kept no longer."
	}
	return "Nothing: all that the source listed was read."
}

// known reports whether the source ever gave anything.
func (p *crawlPage) known() bool { return p.Source.Datasets+p.Source.Gone > 0 }

type crawlCount struct {
	What string
	N    int
}
