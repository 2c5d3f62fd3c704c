package web

import (
	"cmp"
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/web/ui"
)

// datasetHead is what every tab of a dataset's page shows.
type datasetHead struct {
	catalog.Whole
	Tab        string // as in datasetURL
	Note       string // of its source
	SourceKind string // the connector of its source
	Arrival    string // under which other name it was asked for, in words, or ""
	Missed     string // what of the page was asked for and is not there, in words, or ""
	Twins      []catalog.Dataset
	Snapshots  []catalog.Snapshot     // newest first
	Profile    *catalog.Profile       // nil before the first
	Links      map[string]catalog.Key // datasets that the page's texts name
	Right      access.Right           // what who asks may read of its rows; Profile holds no more
	People     int                    // who opened it within 30 days
	Opens      int                    // how often they did
	Watching   bool                   // who asks watches it
	Asked      *ownRequest            // for its rows, that waits for an answer; nil: none
	Registered bool                   // right now, by who asks
	headEdits
	Now time.Time
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

// datasetHead loads the dataset that the path names. A name in another case, and the name of what another page shows, are sent
// to the right one: then head is nil and the answer is written.
func (s *Server) datasetHead(c echo.Context, tab string) (*datasetHead, error) {
	ctx := c.Request().Context()
	key := catalog.Key{Source: c.Param("source"), Name: c.Param("name")}
	d, w, err := s.whole(ctx, key)
	switch {
	case err != nil:
		return nil, err
	case w.ID != d.ID:
		return nil, ledTo(c, w.Key(), tab, &d)
	case d.Key() != key:
		return nil, ledTo(c, d.Key(), tab, nil)
	}
	h := &datasetHead{Whole: w, Tab: tab, Arrival: arrival(&w, c.QueryParam(cameFrom)), Registered: c.QueryParam(justRegistered) != "", Now: s.Now()}
	if err := errors.Join(s.fillHead(ctx, h), s.fillEdits(ctx, c, h), s.fillWatch(ctx, c, h), s.fillAsked(ctx, principal(c), h)); err != nil {
		return nil, err
	}
	return h, nil
}

func (s *Server) fillHead(ctx context.Context, h *datasetHead) error {
	src, err := s.Catalog.Source(ctx, h.Source)
	if err != nil {
		return err
	}
	h.Note, h.SourceKind = src.Note, src.Kind
	if h.Twins, err = s.Catalog.CaseTwins(ctx, h.Key()); err != nil {
		return err
	}
	if h.Snapshots, err = s.Catalog.Snapshots(ctx, h.ID, snapshotsShown); err != nil {
		return err
	}
	if h.People, h.Opens, err = s.Catalog.OpenedBy(ctx, h.ID); err != nil {
		return err
	}
	if h.Right, err = s.right(ctx, &h.Whole); err != nil {
		return err
	}
	profile, err := s.Catalog.ProfileOfFirst(ctx, h.ID, profiled(h.Tab))
	if err == nil {
		onlyReadable(&profile, h.Right)
		h.Profile = &profile
	} else if fault.KindOf(err) != fault.NotFound {
		return err
	}
	return nil
}

func (s *Server) datasetShell(c echo.Context, h *datasetHead) shell {
	title := h.Key().String()
	if h.Tab != "" {
		title += " · " + tabTitles[h.Tab]
	}
	sh := s.shell(c, sectionData, title,
		crumb{"Data", "/data"},
		crumb{h.Source, dataURL("/data", catalog.SearchQuery{Filters: map[string][]string{"source": {h.Source}}})},
		crumb{Text: h.Name})
	sh.Note = cmp.Or(h.withoutTab(c.QueryParam(noSuchPart)), h.Missed, sh.Note, h.Arrival)
	return sh
}

func (s *Server) getDataset(c echo.Context) error {
	h, err := s.datasetHead(c, "")
	if h == nil {
		return err
	}
	if c.QueryParam(asOf) != "" {
		return s.getDatasetAsOf(c, h)
	}
	p, err := s.overview(c.Request().Context(), h)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, datasetOverview(s.datasetShell(c, h), h, p))
}

// overviewPage is what only the overview shows.
type overviewPage struct {
	Glance  []columnRow
	KnownAs []knownAs
	Figures figures
	Keys    []keyRow
	Changed catalog.Changed
}

func (s *Server) overview(ctx context.Context, h *datasetHead) (p overviewPage, err error) {
	columns, err := s.Catalog.WholeColumns(ctx, &h.Whole, 10*glanceColumns)
	if err != nil {
		return p, err
	}
	p.KnownAs = h.knownAs(columns)
	if err = s.explain(ctx, p.KnownAs); err != nil {
		return p, err
	}
	top := slices.DeleteFunc(columns, func(col catalog.WholeColumn) bool { return col.Depth() > 0 })
	p.Glance = newColumnsPage(top[:min(len(top), glanceColumns)], h.Profile, nil).Rows
	if p.Changed, err = s.Catalog.Changed(ctx, &h.Whole); err != nil {
		return p, err
	}
	if p.Figures, err = s.figures(ctx, h); err != nil {
		return p, err
	}
	if p.Keys, err = s.keys(ctx, h); err != nil {
		return p, err
	}
	return p, s.link(ctx, h, append(comments(p.Glance), h.Description, h.Deprecated)...)
}

// postDatasetOpened notes that the person opened a dataset. The page's script sends it: a GET writes nothing.
func (s *Server) postDatasetOpened(c echo.Context) error {
	ctx := c.Request().Context()
	d, err := s.Catalog.Dataset(ctx, catalog.Key{Source: c.Param("source"), Name: c.Param("name")})
	if err != nil {
		return err
	}
	if d.MainID != nil {
		d.ID = *d.MainID
	}
	if err := s.Catalog.MarkOpened(ctx, principal(c).ID, d.ID); err != nil {
		return err
	}
	if err := s.Notify.MarkSeen(ctx, principal(c).ID, d.ID); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// tabs are the parts of the page that this dataset has: no empty shells.
func (h *datasetHead) tabs() []ui.Link {
	var links []ui.Link
	add := func(there bool, text, tab string, count int) {
		if !there && h.Tab != tab {
			return
		}
		l := ui.Link{Text: text, URL: datasetURL(h.Key(), tab), Current: h.Tab == tab}
		if count > 0 {
			l.Count = number(int64(count))
		}
		links = append(links, l)
	}
	topic := h.Detail.Topic
	if topic == nil {
		topic = &catalog.TopicDetail{}
	}
	shaped := h.Kind == catalog.Table || h.Kind == catalog.View || h.Kind == catalog.File || h.Kind == catalog.Schema
	add(true, "Overview", "", 0)
	add(h.Detail.Topic != nil, "Partitions", "partitions", len(topic.Partitions))
	add(h.Detail.Topic != nil, "Consumers", "consumers", len(topic.Groups))
	add(len(h.subjects()) > 0, "Schemas", "schemas", versionsOf(h.subjects()))
	add(shaped || h.ColumnCount > 0, "Columns", "columns", h.ColumnCount)
	add(len(h.definitions()) > 0, "Definition", "definition", 0)
	add(len(h.models()) > 0, "dbt", "dbt", 0)
	add(true, "History", "history", 0)
	add(h.samplable(), "Sample", "sample", 0)
	return links
}

// lead says in a sentence what the dataset is, or where to find out.
func (h *datasetHead) lead() string {
	look, all := "the columns and a sample", " are all there is to go by."
	if !h.samplable() {
		look, all = "what stands below", " is all there is to go by."
	}
	switch {
	case h.markdown():
		return firstSentence(plainText(h.Description), 240)
	case h.Description != "":
		return firstSentence(h.Description, 240)
	case h.Gap == "" && !h.Unowned():
		return "No description: ask " + cut(h.asked(), 60) + ", or look at " + look + "."
	}
	return "No description and no owner: " + look + all
}

// moreThanLead reports whether the description says more than the head of the page does.
func (h *datasetHead) moreThanLead() bool {
	return h.Description != "" && h.lead() != strings.Join(strings.Fields(h.Description), " ")
}

// markdown reports whether the description is Markdown, as people write here; what a crawl observed is plain text.
func (h *datasetHead) markdown() bool {
	_, written := h.Origins[catalog.FieldDescription]
	if h.Past != nil {
		_, written = h.Past.Said[catalog.FieldDescription]
	}
	return written && h.Description != ""
}

// unwritten reports whether it is known that no data was ever written. A table without rows may have lost them: only files
// and offsets tell.
func (h *datasetHead) unwritten() bool {
	if t := h.Detail.Topic; t != nil {
		return len(t.Partitions) > 0 && !slices.ContainsFunc(t.Partitions, func(p catalog.Partition) bool { return p.End > 0 || p.Problem != "" || p.Leader < 0 })
	}
	return h.FileCount != nil && h.RowCount != nil && *h.RowCount == 0 && h.SnapshotID == "" && h.DataAt == nil && len(h.Snapshots) == 0
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
	case h.FreshWithin != nil:
		return h.kept(cell, old)
	case usual <= 0:
	case old > 2*usual:
		cell.Tone, cell.Text = ui.Warn, cell.Text+", usually every "+age(usual)
	default:
		cell.Tone, cell.Title, cell.Text = ui.Good, "Fresh", cell.Text+", usually every "+age(usual)
	}
	return cell
}

// kept compares the age of the data with what its owners say of it: late is up to twice that, beyond it is stale.
func (h *datasetHead) kept(cell ui.Cell, old time.Duration) ui.Cell {
	within := time.Duration(*h.FreshWithin) * time.Second
	cell.Tone, cell.Title = ui.Good, "Fresh"
	if old > within {
		cell.Tone, cell.Title = ui.Warn, "Late"
	}
	if old > 2*within {
		cell.Tone, cell.Title = ui.Bad, "Stale"
	}
	cell.Text += ", expected within " + h.promised()
	return cell
}

// promised is within which time new data is expected, which must be said.
func (h *datasetHead) promised() string {
	n, unit := freshIn(catalog.FormatID(*h.FreshWithin))
	if n == "1" {
		unit = strings.TrimSuffix(unit, "s")
	}
	return n + " " + unit
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
	case h.Documented == 0:
		cell.Tone, cell.Title, cell.Text = ui.Info, "Columns undocumented", "none of "+plural(h.ColumnCount, "column", "columns")
	default:
		cell.Tone, cell.Title = ui.Info, "Documented in part"
	}
	return cell
}

// profiled says whether the numbers on the columns page are there, whole and of the current data.
func (h *datasetHead) profiled() ui.Cell {
	cell := ui.Cell{ID: "ev-prof", Tone: ui.Muted, Title: "Not profiled", Text: "values not looked at yet"}
	switch p := h.Profile; {
	case !h.samplable():
		cell.Text = h.unread() + " are not read"
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
		parts = append(parts, h.about("rows", number(*h.RowCount))+" "+h.rowWord(*h.RowCount))
	}
	if h.ColumnCount > 0 {
		parts = append(parts, plural(h.ColumnCount, "column", "columns"))
	}
	if len(parts) == 0 {
		return text
	}
	return text + " of " + strings.Join(parts, " and ")
}
