package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/web/ui"
)

// sourcesPage is what the list of sources shows.
type sourcesPage struct {
	Sources  []catalog.SourceStatus
	Troubles map[string]catalog.Trouble // by slug
	Kind     func(string) string        // a kind as people say it
	Now      time.Time
}

// sourcePage is what a source's page shows.
type sourcePage struct {
	Source   catalog.SourceStatus
	Kind     string // as people say it
	Settings []settingView
	Trouble  catalog.Trouble // zero while it can be read
	Scopes   scopeList
	Crawls   []catalog.Crawl
	Errors   []catalog.CrawlError   // of the newest crawl
	Known    map[string]catalog.Key // datasets that Errors name
	MayCrawl bool
	Now      time.Time
}

const (
	crawlsShown   = 20
	errorsShown   = 100
	troublesShown = 20 // callouts above the list of sources
)

func sourceURL(slug string) string { return "/sources/" + url.PathEscape(slug) }

func (s *Server) getSources(c echo.Context) error {
	p := sourcesPage{Kind: s.kindTitle, Now: s.Now()}
	var err error
	if p.Sources, err = s.Catalog.Sources(c.Request().Context()); err != nil {
		return err
	}
	if p.Troubles, err = s.Catalog.Troubles(c.Request().Context(), ""); err != nil {
		return err
	}
	return render(c, http.StatusOK, sourcesView(s.shell(c, sectionSources, "Sources", crumb{Text: "Sources"}), p))
}

func (s *Server) getSource(c echo.Context) error {
	ctx, slug := c.Request().Context(), c.Param("slug")
	p := sourcePage{Now: s.Now(), MayCrawl: principal(c).Role.Includes(access.Owner)}
	var err error
	if p.Source, err = s.Catalog.SourceStatus(ctx, slug); err != nil {
		return err
	}
	scopes, err := s.Catalog.Scopes(ctx, slug)
	if err != nil {
		return err
	}
	troubles, err := s.Catalog.Troubles(ctx, slug)
	if err != nil {
		return err
	}
	p.Trouble, p.Kind, p.Settings = troubles[slug], s.kindTitle(p.Source.Kind), s.settings(&p.Source.Source)
	p.Scopes = newScopeList(&p.Source.Source, scopes, c.QueryParams())
	p.MayCrawl = p.MayCrawl && p.Source.RetiredAt == nil
	if p.Crawls, err = s.Catalog.Crawls(ctx, slug, crawlsShown); err != nil {
		return err
	}
	if p.Source.Last != nil {
		if p.Errors, err = s.Catalog.CrawlErrors(ctx, p.Source.Last.ID, errorsShown); err != nil {
			return err
		}
		if p.Known, err = s.Catalog.Named(ctx, slug, namesOf(p.Errors)); err != nil {
			return err
		}
	}
	sh := s.shell(c, sectionSources, slug+" · Sources", crumb{"Sources", "/sources"}, crumb{Text: slug})
	part := sourceLive
	if c.QueryParam("part") == "crawl" {
		part = sourceCrawl
	}
	return render(c, http.StatusOK, sourceView(sh, p), part)
}

// postSourceCrawl starts a crawl, or shows the one that is under way.
func (s *Server) postSourceCrawl(c echo.Context) error {
	ctx, slug := c.Request().Context(), c.Param("slug")
	if _, err := s.Catalog.SourceStatus(ctx, slug); err != nil {
		return err
	}
	if _, err := s.Crawls.StartCrawl(ctx, slug, principal(c).Name); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, sourceURL(slug)+"#crawl-now") // the button keeps the focus
}

// getSourceEvents says when a source's crawl goes on, and ends with it. What it has come to is asked for by the page.
func (s *Server) getSourceEvents(c echo.Context) error {
	ctx, slug := c.Request().Context(), c.Param("slug")
	return s.stream(c, []string{catalog.CrawlTopic}, func(string) (event string, data []byte, done bool, err error) {
		src, err := s.Catalog.SourceStatus(ctx, slug)
		switch {
		case err != nil:
			return "", nil, true, err
		case !crawling(&src):
			return "crawl-ended", []byte("{}"), true, nil
		}
		return "crawl", []byte(catalog.FormatID(src.Last.ID)), false, nil
	})
}

// crawling reports whether a source is being read or about to be.
func crawling(src *catalog.SourceStatus) bool {
	return src.Last != nil && underWay(src.Last)
}

// sourceProblem returns what is wrong with a source, or "".
func sourceProblem(src *catalog.SourceStatus) string {
	switch {
	case src.Last == nil || src.RetiredAt != nil:
		return ""
	case src.Last.State == catalog.CrawlFailed && src.Last.Message != "":
		return src.Slug + " could not be read: " + cut(src.Last.Message, 300)
	case src.Last.State == catalog.CrawlFailed:
		return src.Slug + " could not be read"
	case src.Last.State == catalog.CrawlPartial:
		return "Parts of " + src.Slug + " could not be read: " + plural(src.Last.Failed, "dataset or schema", "datasets or schemas")
	case src.Problems > 0:
		return plural(src.Problems, "dataset", "datasets") + " of " + src.Slug + " could not be read"
	}
	return ""
}

// troubledSources returns the first limit of those sources with which something is wrong.
func troubledSources(sources []catalog.SourceStatus, limit int) []catalog.SourceStatus {
	var bad []catalog.SourceStatus
	for i := range sources {
		if len(bad) < limit && sourceProblem(&sources[i]) != "" {
			bad = append(bad, sources[i])
		}
	}
	return bad
}

// sourceHealth is a source's state in a word.
func sourceHealth(src *catalog.SourceStatus) (ui.Tone, string) {
	switch {
	case src.RetiredAt != nil:
		return ui.Muted, "Retired"
	case src.Last == nil:
		return ui.Muted, "Never read"
	case src.Last.State == catalog.CrawlQueued:
		return ui.Live, "Waiting to be read"
	case src.Last.State == catalog.CrawlRunning:
		return ui.Live, "Being read"
	case src.Last.State == catalog.CrawlFailed:
		return ui.Bad, "Cannot be read"
	case sourceProblem(src) != "":
		return ui.Warn, "Read in part"
	}
	return ui.Good, "Read"
}

// crawlFound is what a crawl found different, in words.
func crawlFound(c *catalog.Crawl) string {
	parts := []string{plural(c.Seen, "dataset", "datasets") + " seen"}
	for _, part := range []struct {
		n    int
		what string
	}{{c.Added, "new"}, {c.Changed, "changed"}, {c.Renamed, "renamed"}, {c.Gone, "gone"}, {c.Failed, "failed"}} {
		if part.n > 0 {
			parts = append(parts, number(int64(part.n))+" "+part.what)
		}
	}
	if c.Added+c.Changed+c.Renamed+c.Gone+c.Failed == 0 && c.FinishedAt != nil {
		parts = append(parts, "nothing new")
	}
	return strings.Join(parts, ", ")
}

func sourcesSentence(sources []catalog.SourceStatus) string {
	datasets, troubled, running := 0, 0, 0
	for i := range sources {
		datasets += sources[i].Datasets
		if sourceProblem(&sources[i]) != "" {
			troubled++
		}
		if crawling(&sources[i]) {
			running++
		}
	}
	text := plural(len(sources), "source", "sources") + ", " + plural(datasets, "dataset", "datasets") + "."
	if troubled > 0 {
		text += " " + plural(troubled, "has", "have") + " something that could not be read; the rest is not affected."
	}
	if running > 0 {
		text += " " + plural(running, "is", "are") + " being read now."
	}
	return text
}

// schemaURL returns the address of the datasets of a source that its scope's name finds.
func schemaURL(slug, scope string) string {
	return dataURL("/data", catalog.SearchQuery{Text: scope, Filters: map[string][]string{"source": {slug}}})
}

func (p sourcePage) Sentence() string {
	src := &p.Source
	text := plural(src.Datasets, "dataset", "datasets")
	if src.Gone > 0 {
		text += ", " + number(int64(src.Gone)) + " more that are gone"
	}
	switch {
	case crawling(src):
		return text + "; it is being read now."
	case src.LastOKAt == nil:
		return text + "; it has never been read to the end."
	}
	return text + "; last read " + ago(*src.LastOKAt, p.Now) + "."
}
