package web

import (
	"net/http"
	"strconv"
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
	case catalog.CrawlFailed:
		return "It ended early: " + crawlFound(c) + " until then."
	case catalog.CrawlFinished, catalog.CrawlPartial:
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

type crawlCount struct {
	What string
	N    int
}
