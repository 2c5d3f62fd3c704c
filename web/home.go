package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
)

// homePage is what the first page shows.
type homePage struct {
	Totals  catalog.Totals
	Opened  []catalog.Dataset // by this person
	Popular []catalog.Dataset
	News    []catalog.DatasetVersion
	Sources []catalog.SourceStatus
	Now     time.Time
}

func (s *Server) getHome(c echo.Context) error {
	ctx := c.Request().Context()
	p := homePage{Now: s.Now()}
	var err error
	if p.Totals, err = s.Catalog.Totals(ctx); err != nil {
		return err
	}
	if p.Sources, err = s.Catalog.Sources(ctx); err != nil {
		return err
	}
	if p.Totals.Datasets > 0 {
		if p.Opened, err = s.Catalog.Opened(ctx, principal(c).ID, 6); err != nil {
			return err
		}
		if p.Popular, err = s.Catalog.Popular(ctx, 6); err != nil {
			return err
		}
		if p.News, err = s.Catalog.News(ctx, 12); err != nil {
			return err
		}
	}
	sh := s.shell(c, sectionHome, "Home", crumb{Text: "Home"})
	return render(c, http.StatusOK, homeView(sh, p))
}

// Sentence answers what there is.
func (p homePage) Sentence() string {
	t := p.Totals
	text := plural(t.Datasets, "dataset", "datasets") + " with " + plural(t.Columns, "column", "columns") +
		" in " + plural(t.Sources, "source", "sources")
	if t.Rows > 0 {
		text += ": " + short(t.Rows) + " rows, " + size(t.Bytes) + " where it is known"
	}
	return text + "."
}

// troubled returns the sources whose last crawl left something unread.
func (p homePage) troubled() []catalog.SourceStatus {
	var bad []catalog.SourceStatus
	for _, src := range p.Sources {
		if sourceProblem(&src) != "" {
			bad = append(bad, src)
		}
	}
	return bad
}

// running returns the sources that are being read now.
func (p homePage) running() []catalog.SourceStatus {
	var now []catalog.SourceStatus
	for _, src := range p.Sources {
		if crawling(&src) {
			now = append(now, src)
		}
	}
	return now
}
