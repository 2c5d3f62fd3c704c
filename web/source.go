package web

import (
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
)

// sourcesPage is what the list of sources shows.
type sourcesPage struct {
	Sources  []catalog.SourceStatus // that are read
	Retired  []catalog.SourceStatus
	Estate   EstateState                // as far as the reader may see it
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
	crawlsShown = 20
	errorsShown = 100
)

func sourceURL(slug string) string { return "/sources/" + url.PathEscape(slug) }

func (s *Server) getSources(c echo.Context) error {
	p := sourcesPage{Kind: s.kindTitle, Now: s.Now()}
	all, err := s.Catalog.Sources(c.Request().Context())
	if err != nil {
		return err
	}
	p.Sources, p.Retired = apart(all)
	if s.Estate != nil && principal(c).Role.Includes(access.Owner) {
		p.Estate = s.Estate()
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
	p.MayCrawl = p.MayCrawl && p.Source.RetiredAt == nil && p.Source.Kind != catalog.Registered
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
	p.Scopes = newScopeList(&p.Source.Source, scopes, c.QueryParams())
	p.Scopes.count(p.Errors, p.Known)
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
	if _, err := s.Crawls.StartCrawl(ctx, s.act(c, ""), slug); err != nil {
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
	read := lastRead(src)
	switch {
	case src.RetiredAt != nil:
		return text + "; retired " + day(*src.RetiredAt) + "."
	case crawling(src):
		return text + "; it is being read now."
	case src.Kind == catalog.Registered:
		return text + "; people told of them, nothing is read."
	case read == nil:
		return text + "; it has never been read."
	}
	return text + "; last read " + ago(*read, p.Now) + "."
}
