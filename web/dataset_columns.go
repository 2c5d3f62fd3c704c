package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/web/ui"
)

// columnsPageSize keeps a page of columns with their pictures well under the weight of a first screen.
const columnsPageSize = 150

// columnsPage is a page of a dataset's columns with what their profile tells.
type columnsPage struct {
	Filter       string
	Undocumented bool // only those without a comment
	Offset       int
	All          int              // columns and fields within them
	Total        int              // of those that pass the filter
	Without      int              // columns without a comment, filter aside
	Rows         []columnRow      // of this page
	Profile      *catalog.Profile // nil before the first, or when it has no columns
}

// columnRow is a column and its profile, which fields of structs do not have.
type columnRow struct {
	catalog.Column
	Profile *catalog.ColumnProfile
}

func (s *Server) getDatasetColumns(c echo.Context) error {
	h, err := s.datasetHead(c, "columns")
	if h == nil {
		return err
	}
	columns, err := s.Catalog.Columns(c.Request().Context(), h.ID)
	if err != nil {
		return err
	}
	p := newColumnsPage(columns, h.Profile, c.QueryParams())
	return render(c, http.StatusOK, datasetColumnsView(s.datasetShell(c, h), h, p), columnsFound)
}

func newColumnsPage(columns []catalog.Column, profile *catalog.Profile, values url.Values) columnsPage {
	p := columnsPage{Filter: strings.TrimSpace(values.Get("filter")), Undocumented: values.Get("show") == "undocumented"}
	if n, err := strconv.Atoi(values.Get("offset")); err == nil {
		p.Offset = max(n, 0)
	}
	byName := map[string]*catalog.ColumnProfile{}
	if profile != nil && len(profile.Columns) > 0 {
		p.Profile = profile
		for i := range profile.Columns {
			byName[profile.Columns[i].Name] = &profile.Columns[i]
		}
	}
	p.All = len(columns)
	words := strings.Fields(strings.ToLower(p.Filter))
	for _, col := range columns {
		if col.Comment == "" {
			p.Without++
		}
		if p.Undocumented && col.Comment != "" || !columnHas(col, words) {
			continue
		}
		p.Total++
		if p.Total <= p.Offset || len(p.Rows) == columnsPageSize {
			continue
		}
		row := columnRow{Column: col}
		if col.Depth() == 0 {
			row.Profile = byName[col.Leaf()]
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}

// columnHas reports whether every word is somewhere in the column's path, type or comment.
func columnHas(col catalog.Column, words []string) bool {
	text := strings.ToLower(col.Path + "\n" + col.Type + "\n" + col.Comment)
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

func (p columnsPage) url(h *datasetHead, undocumented bool, offset int) string {
	values := url.Values{}
	if p.Filter != "" {
		values.Set("filter", p.Filter)
	}
	if undocumented {
		values.Set("show", "undocumented")
	}
	if offset > 0 {
		values.Set("offset", strconv.Itoa(offset))
	}
	u := datasetURL(h.Key(), "columns")
	if len(values) > 0 {
		u += "?" + values.Encode()
	}
	return u
}

func (p columnsPage) views(h *datasetHead) []ui.Link {
	return []ui.Link{
		{Text: "All", URL: p.url(h, false, 0), Count: number(int64(p.All)), Current: !p.Undocumented},
		{Text: "Undocumented", URL: p.url(h, true, 0), Count: number(int64(p.Without)), Current: p.Undocumented},
	}
}

func (p columnsPage) pager(h *datasetHead) ui.Pager {
	pager := ui.Pager{Summary: number(int64(p.Offset+1)) + "–" + number(int64(p.Offset+len(p.Rows))) + " of " + plural(p.Total, "column", "columns")}
	if p.Offset > 0 {
		pager.Previous = p.url(h, p.Undocumented, max(0, p.Offset-columnsPageSize))
	}
	if p.Offset+len(p.Rows) < p.Total {
		pager.Next = p.url(h, p.Undocumented, p.Offset+columnsPageSize)
	}
	return pager
}

// indent is the class of a field's depth; deeper than six looks like six.
func (r columnRow) indent() string { return "in-" + strconv.Itoa(min(r.Depth(), 6)) }

// id names the row's evidence on the page.
func (r columnRow) id() string { return "col-" + strconv.Itoa(r.Position) }

func (r columnRow) nulls() string {
	if r.Profile == nil {
		return "–"
	}
	return percent(r.Profile.Nulls, r.Profile.Rows)
}

// distinct is approximate, and says so.
func (r columnRow) distinct() string {
	if r.Profile == nil || r.Profile.Distinct == nil {
		return "–"
	}
	return "~" + short(*r.Profile.Distinct)
}

// valueRange is the column's lowest and highest value.
func (r columnRow) valueRange() string {
	p := r.Profile
	switch {
	case p == nil || p.Min == nil || p.Max == nil:
		return ""
	case *p.Min == *p.Max:
		return cut(*p.Min, 24) + " only"
	}
	return cut(*p.Min, 24) + " to " + cut(*p.Max, 24)
}

// pictureName says in words what the histogram shows.
func (r columnRow) pictureName() string {
	return "Values of " + cut(r.Leaf(), 80) + ", " + r.valueRange()
}

var quantileNames = []string{"5 %", "25 %", "median", "75 %", "95 %"}

// figure writes a number that a profile computed: six digits, no exponent where people would not expect one.
func figure(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
