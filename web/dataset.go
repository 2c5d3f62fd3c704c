package web

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/web/ui"
)

// datasetHead is what every tab of a dataset's page shows.
type datasetHead struct {
	catalog.Dataset
	Tab       string // as in datasetURL
	Note      string // of its source
	Twins     []catalog.Dataset
	Snapshots []catalog.Snapshot     // newest first
	Profile   *catalog.Profile       // nil before the first
	Links     map[string]catalog.Key // datasets that the page's texts name
	People    int                    // who opened it within 30 days
	Opens     int                    // how often they did
	Now       time.Time
}

// glanceColumns is how many columns the overview shows.
const glanceColumns = 8

// profiled returns how many columns' profiles a tab reads.
func profiled(tab string) int {
	if tab == "columns" {
		return math.MaxInt32
	}
	return 10 * glanceColumns
}

// snapshotsShown is how many commits a page shows; the chart and the rhythm of updates are made of the same ones.
const snapshotsShown = 40

// datasetHead loads the dataset that the path names. A name in another case is sent to the right one: then head is nil and
// the answer is written.
func (s *Server) datasetHead(c echo.Context, tab string) (*datasetHead, error) {
	ctx := c.Request().Context()
	key := catalog.Key{Source: c.Param("source"), Name: c.Param("name")}
	d, err := s.Catalog.Dataset(ctx, key)
	if err != nil {
		return nil, s.missing(ctx, key, err)
	}
	if d.Key() != key {
		return nil, c.Redirect(http.StatusFound, datasetURL(d.Key(), tab))
	}
	h := &datasetHead{Dataset: d, Tab: tab, Now: s.Now()}
	if err := s.fillHead(ctx, h); err != nil {
		return nil, err
	}
	return h, nil
}

func (s *Server) fillHead(ctx context.Context, h *datasetHead) error {
	src, err := s.Catalog.Source(ctx, h.Source)
	if err != nil {
		return err
	}
	h.Note = src.Note
	if h.Twins, err = s.Catalog.CaseTwins(ctx, h.Key()); err != nil {
		return err
	}
	if h.Snapshots, err = s.Catalog.Snapshots(ctx, h.ID, snapshotsShown); err != nil {
		return err
	}
	if h.People, h.Opens, err = s.Catalog.OpenedBy(ctx, h.ID); err != nil {
		return err
	}
	profile, err := s.Catalog.ProfileOfFirst(ctx, h.ID, profiled(h.Tab))
	if err == nil {
		h.Profile = &profile
	} else if fault.KindOf(err) != fault.NotFound {
		return err
	}
	return nil
}

func (s *Server) datasetShell(c echo.Context, h *datasetHead) shell {
	title := h.Key().String()
	if h.Tab != "" {
		title += " · " + facetLabel("kind", h.Tab)
	}
	return s.shell(c, sectionData, title,
		crumb{"Data", "/data"},
		crumb{h.Source, dataURL("/data", catalog.SearchQuery{Filters: map[string][]string{"source": {h.Source}}})},
		crumb{Text: h.Name})
}

func (s *Server) getDataset(c echo.Context) error {
	h, err := s.datasetHead(c, "")
	if h == nil {
		return err
	}
	ctx := c.Request().Context()
	columns, err := s.Catalog.FirstColumns(ctx, h.ID, 10*glanceColumns)
	if err != nil {
		return err
	}
	top := slices.DeleteFunc(columns, func(col catalog.Column) bool { return col.Depth() > 0 })
	glance := newColumnsPage(top[:min(len(top), glanceColumns)], h.Profile, nil)
	if err := s.link(ctx, h, append(comments(glance.Rows), h.Description, h.Deprecated)...); err != nil {
		return err
	}
	return render(c, http.StatusOK, datasetOverview(s.datasetShell(c, h), h, glance.Rows))
}

// postDatasetOpened notes that the person opened a dataset. The page's script sends it: a GET writes nothing.
func (s *Server) postDatasetOpened(c echo.Context) error {
	ctx := c.Request().Context()
	d, err := s.Catalog.Dataset(ctx, catalog.Key{Source: c.Param("source"), Name: c.Param("name")})
	if err != nil {
		return err
	}
	if err := s.Catalog.MarkOpened(ctx, principal(c).ID, d.ID); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (h *datasetHead) tabs() []ui.Link {
	link := func(text, tab, count string) ui.Link {
		return ui.Link{Text: text, URL: datasetURL(h.Key(), tab), Count: count, Current: h.Tab == tab}
	}
	columns := ""
	if h.ColumnCount > 0 {
		columns = number(int64(h.ColumnCount))
	}
	return []ui.Link{link("Overview", "", ""), link("Columns", "columns", columns), link("History", "history", ""), link("Sample", "sample", "")}
}

// lead says in a sentence what the dataset is, or where to find out.
func (h *datasetHead) lead() string {
	switch {
	case h.Description != "":
		return firstSentence(h.Description, 240)
	case h.Team != "":
		return "No description: ask " + cut(h.Team, 60) + ", or look at the columns and a sample."
	}
	return "No description and no owner: the columns and a sample are all there is to go by."
}

// unwritten reports whether it is known that no data was ever written.
func (h *datasetHead) unwritten() bool {
	return h.RowCount != nil && *h.RowCount == 0 && h.SnapshotID == "" && h.DataAt == nil && len(h.Snapshots) == 0
}

// noData is said wherever data would be shown.
const noData = "No data has been written yet"

// rhythm is how often a dataset's data changes, learned from its commits.
type rhythm struct {
	commits int
	usual   time.Duration // the median time between commits; 0 when there are too few to tell
}

// rhythm needs five commits over an hour or more: fewer tell of a load, not of a habit.
func (h *datasetHead) rhythm() rhythm {
	r := rhythm{commits: len(h.Snapshots)}
	if r.commits < 5 || h.Snapshots[0].At.Sub(h.Snapshots[r.commits-1].At) < time.Hour {
		return r
	}
	var gaps []time.Duration
	for i := range h.Snapshots[1:] {
		gaps = append(gaps, h.Snapshots[i].At.Sub(h.Snapshots[i+1].At))
	}
	slices.Sort(gaps)
	r.usual = gaps[len(gaps)/2]
	return r
}

// fresh says when the data was written and up to when it tells, and compares its age with the dataset's own rhythm where
// that is known: nobody promised more.
func (h *datasetHead) fresh() ui.Cell {
	cell := ui.Cell{ID: "ev-fresh", Tone: ui.Muted, Title: "Freshness", Text: unknown}
	if h.unwritten() {
		cell.Title, cell.Text = "No data", "nothing has been written yet"
		return cell
	}
	if h.DataAt == nil {
		return cell
	}
	old := h.Now.Sub(*h.DataAt)
	cell.Tone, cell.Text = ui.Info, "written "+ago(*h.DataAt, h.Now)
	if to, ok := h.dataUpTo(); ok {
		cell.Text = "data up to " + to + ", " + cell.Text
	}
	usual := h.rhythm().usual
	switch {
	case usual <= 0:
	case old > 2*usual:
		cell.Tone, cell.Text = ui.Warn, cell.Text+", usually every "+age(usual)
	default:
		cell.Tone, cell.Title, cell.Text = ui.Good, "Fresh", cell.Text+", usually every "+age(usual)
	}
	return cell
}

// used says how many people look at it here; reads elsewhere are not known.
func (h *datasetHead) used() ui.Cell {
	cell := ui.Cell{ID: "ev-used", Tone: ui.Muted, Title: "Not opened", Text: "by nobody here in 30 days"}
	if h.People > 0 {
		cell.Tone, cell.Title, cell.Text = ui.Info, "Opened", "by "+plural(h.People, "person", "people")+" in 30 days"
	}
	return cell
}

func (h *datasetHead) documentation() ui.Cell {
	cell := ui.Cell{ID: "ev-doc", Tone: ui.Muted, Title: "Documentation", Text: "no columns known"}
	if h.ColumnCount == 0 {
		return cell
	}
	cell.Text = number(int64(h.Documented)) + " of " + plural(h.ColumnCount, "column", "columns")
	switch {
	case h.Documented == h.ColumnCount && h.Description != "":
		cell.Tone, cell.Title = ui.Good, "Documented"
	case h.Documented == 0 && h.Description == "":
		cell.Tone, cell.Title = ui.Warn, "Not documented"
	default:
		cell.Tone, cell.Title = ui.Info, "Documented in part"
	}
	return cell
}

func (h *datasetHead) ownership() ui.Cell {
	if h.Team == "" {
		return ui.Cell{ID: "ev-own", Tone: ui.Warn, Title: "No owner", Text: "nobody to ask"}
	}
	return ui.Cell{ID: "ev-own", Tone: ui.Good, Title: "Owned", Text: "by " + cut(h.Team, 40)}
}

// profiled says whether the numbers on the columns page are there, whole and of the current data.
func (h *datasetHead) profiled() ui.Cell {
	cell := ui.Cell{ID: "ev-prof", Tone: ui.Muted, Title: "Not profiled", Text: "values not looked at yet"}
	switch p := h.Profile; {
	case h.unwritten():
		cell.Text = "there are no values yet"
	case p == nil:
	case p.Problem != "":
		cell.Tone, cell.Text = ui.Warn, "could not be read"
	case p.SnapshotID != h.SnapshotID:
		cell.Tone, cell.Title, cell.Text = ui.Info, "Profiled", "before the last change"
	case p.Sampled():
		cell.Tone, cell.Title, cell.Text = ui.Good, "Profiled", "a sample of "+percent(p.RowsRead, p.RowsTotal)
	default:
		cell.Tone, cell.Title, cell.Text = ui.Good, "Profiled", "all "+short(p.RowsRead)+" rows"
	}
	return cell
}

// shape says in a few words what the dataset is made of.
func (h *datasetHead) shape() string {
	text := facetLabel("kind", string(h.Kind))
	var parts []string
	if h.RowCount != nil {
		parts = append(parts, plural(int(*h.RowCount), "row", "rows"))
	}
	if h.ColumnCount > 0 {
		parts = append(parts, plural(h.ColumnCount, "column", "columns"))
	}
	if len(parts) == 0 {
		return text
	}
	return text + " of " + strings.Join(parts, " and ")
}
