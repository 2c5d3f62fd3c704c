package web

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
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
	Snapshots []catalog.Snapshot // newest first
	Profile   *catalog.Profile   // nil before the first
	Now       time.Time
}

// glanceColumns is how many columns the overview shows.
const glanceColumns = 8

// profiled is how many columns' profiles a tab reads.
var profiled = map[string]int{"": 10 * glanceColumns, "columns": math.MaxInt32, "history": 1, "sample": 1}

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
	profile, err := s.Catalog.ProfileOfFirst(ctx, h.ID, profiled[h.Tab])
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
	columns, err := s.Catalog.FirstColumns(c.Request().Context(), h.ID, 10*glanceColumns)
	if err != nil {
		return err
	}
	top := slices.DeleteFunc(columns, func(col catalog.Column) bool { return col.Depth() > 0 })
	glance := newColumnsPage(top[:min(len(top), glanceColumns)], h.Profile, nil)
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

// name is the title of the page: the dataset's own title where it has one is said beside it.
func (h *datasetHead) lead() string {
	if h.Description == "" {
		return "No description: ask its owner, or look at the columns and a sample."
	}
	return firstSentence(h.Description, 240)
}

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

// fresh says how old the data is, and compares it with the dataset's own rhythm where that is known: nobody promised more.
func (h *datasetHead) fresh() ui.Cell {
	cell := ui.Cell{ID: "ev-fresh", Tone: ui.Muted, Title: "Freshness", Text: unknown}
	if h.DataAt == nil {
		return cell
	}
	old := h.Now.Sub(*h.DataAt)
	cell.Tone, cell.Text = ui.Info, age(old)+" old"
	usual := h.rhythm().usual
	switch {
	case usual <= 0:
		cell.Text += ", no usual rhythm"
	case old > 2*usual:
		cell.Tone, cell.Text = ui.Warn, cell.Text+", usually "+age(usual)
	default:
		cell.Tone, cell.Title, cell.Text = ui.Good, "Fresh", cell.Text+", usually "+age(usual)
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

// sentence says in one line what the table is for those who read no further.
func (h *datasetHead) shape() string {
	text := facetLabel("kind", string(h.Kind))
	if h.RowCount != nil {
		text += " of " + number(*h.RowCount) + " rows"
	}
	if h.ColumnCount > 0 {
		text += " and " + plural(h.ColumnCount, "column", "columns")
	}
	return text
}

// commitChart shows what each commit added, oldest first.
func (h *datasetHead) commitChart() (ui.Columns, bool) {
	chart := ui.Columns{Head: "Commit", Unit: "Rows added", Format: func(v float64) string { return short(int64(v)) }}
	var known, most int64
	oneDay := len(h.Snapshots) > 0 && sameDay(h.Snapshots[0].At, h.Snapshots[len(h.Snapshots)-1].At)
	for _, snap := range slices.Backward(h.Snapshots) {
		if snap.AddedRows == nil {
			continue
		}
		known++
		most = max(most, *snap.AddedRows)
		text := number(*snap.AddedRows)
		if snap.DeletedRows != nil && *snap.DeletedRows > 0 {
			text += ", " + number(*snap.DeletedRows) + " deleted"
		}
		chart.Data = append(chart.Data, ui.Column{
			Label: commitLabel(snap.At, h.Now, oneDay), Value: float64(*snap.AddedRows), Text: text, Part: snap.Operation != "append",
		})
	}
	chart.Name = "Rows added by each of the last " + strconv.FormatInt(known, 10) + " commits, at most " + number(most)
	return chart, known > 1
}

// commitLabel names a commit on an axis: by time where all are of one day, else by day.
func commitLabel(at, now time.Time, oneDay bool) string {
	switch {
	case oneDay:
		return at.UTC().Format("15:04")
	case sameDay(at, now):
		return "today"
	case now.Sub(at) < 300*24*time.Hour:
		return at.UTC().Format("2 Jan")
	}
	return at.UTC().Format("Jan 2006")
}

func sameDay(a, b time.Time) bool {
	return a.UTC().Format(time.DateOnly) == b.UTC().Format(time.DateOnly)
}

// commitNote says what the chart is made of.
func commitNote(h *datasetHead) string {
	first, last := h.Snapshots[len(h.Snapshots)-1].At, h.Snapshots[0].At
	text := "last " + plural(len(h.Snapshots), "commit", "commits")
	if sameDay(first, last) {
		return text + ", all on " + day(last)
	}
	return text + ", " + day(first) + " to " + day(last)
}
