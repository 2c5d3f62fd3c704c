package web

import (
	"math"
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
	Columns      int              // of the dataset
	Nested       int              // fields within them; what a list or a map holds without a name of its own is none
	Total        int              // rows that pass the filter
	Without      int              // columns without a comment, filter aside
	Rows         []columnRow      // of this page
	Profile      *catalog.Profile // nil before the first, or when it has no columns
}

// columnRow is a column and its profile, which fields of structs do not have.
type columnRow struct {
	catalog.WholeColumn
	Profile *catalog.ColumnProfile
	Head    string // stands above the row where another part of a topic begins, else ""
}

func (s *Server) getDatasetColumns(c echo.Context) error {
	h, err := s.datasetHead(c, "columns")
	if h == nil {
		return err
	}
	columns, err := s.Catalog.WholeColumns(c.Request().Context(), &h.Whole, math.MaxInt32)
	if err != nil {
		return err
	}
	p := newColumnsPage(columns, h.Profile, c.QueryParams())
	if err := s.link(c.Request().Context(), h, append(comments(p.Rows), h.lead(), h.Deprecated)...); err != nil {
		return err
	}
	return render(c, http.StatusOK, datasetColumnsView(s.datasetShell(c, h), h, p), columnsFound)
}

func newColumnsPage(columns []catalog.WholeColumn, profile *catalog.Profile, values url.Values) columnsPage {
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
	words := strings.Fields(strings.ToLower(p.Filter))
	types := map[string]string{}
	for _, col := range columns {
		types[col.Part+"\x00"+col.Path] = col.Type
		without := col.Depth() == 0 && col.Comment == ""
		p.count(col, types, without)
		if p.Undocumented && !without || !columnHas(col.Column, words) {
			continue
		}
		p.Total++
		if p.Total <= p.Offset || len(p.Rows) == columnsPageSize {
			continue
		}
		row := columnRow{WholeColumn: col}
		if col.Depth() == 0 && col.Part == "" {
			row.Profile = byName[col.Leaf()]
		}
		if n := len(p.Rows); col.Part != "" && (n == 0 || p.Rows[n-1].Part != col.Part) {
			row.Head = upperFirst(col.Part) + " of the messages, from " + whose(col.From)
		}
		p.Rows = append(p.Rows, row)
	}
	return p
}

// count adds a column or a field of the dataset, whose parents' types are known.
func (p *columnsPage) count(col catalog.WholeColumn, types map[string]string, without bool) {
	parts := catalog.SplitPath(col.Path)
	switch {
	case len(parts) == 1:
		p.Columns++
	case !unnamed(types[col.Part+"\x00"+catalog.JoinPath(parts[:len(parts)-1]...)], col.Leaf()):
		p.Nested++
	}
	if without {
		p.Without++
	}
}

// unnamed reports whether a field is what a list or a map holds, rather than one that somebody named.
func unnamed(parent, leaf string) bool {
	parent = strings.ToLower(parent)
	return leaf == "element" && (strings.HasPrefix(parent, "list") || strings.HasPrefix(parent, "array")) ||
		(leaf == "key" || leaf == "value") && strings.HasPrefix(parent, "map")
}

// extent says how many columns there are, by the same rule wherever columns are counted.
func (p columnsPage) extent() string {
	text := plural(p.Columns, "column", "columns")
	if p.Nested > 0 {
		text += ", " + number(int64(p.Columns+p.Nested)) + " with nested fields"
	}
	return text
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
		{Text: "All", URL: p.url(h, false, 0), Count: number(int64(p.Columns)), Current: !p.Undocumented},
		{Text: "Undocumented", URL: p.url(h, true, 0), Count: number(int64(p.Without)), Current: p.Undocumented},
	}
}

func (p columnsPage) pager(h *datasetHead) ui.Pager {
	pager := ui.Pager{Summary: p.extent()}
	switch {
	case p.Offset > 0 || p.Offset+len(p.Rows) < p.Total:
		what := " columns"
		if p.Nested > 0 {
			what += " and fields"
		}
		pager.Summary = number(int64(p.Offset+1)) + "–" + number(int64(p.Offset+len(p.Rows))) + " of " + number(int64(p.Total)) + what
	case p.Filter != "" || p.Undocumented:
		pager.Summary = plural(p.Total, "match", "matches") + " in " + p.extent()
	}
	if p.Offset > 0 {
		pager.Previous = p.url(h, p.Undocumented, max(0, p.Offset-columnsPageSize))
	}
	if p.Offset+len(p.Rows) < p.Total {
		pager.Next = p.url(h, p.Undocumented, p.Offset+columnsPageSize)
	}
	return pager
}

// columnsWide is how many columns a table has when those of values are left out where values are not read.
func (h *datasetHead) columnsWide(all, values int) int {
	if h.valued() {
		return all
	}
	return all - values
}

// described says whom the row's comment is from where that is not the one that says what columns there are.
func (r columnRow) described() string {
	if r.Comment == "" || r.CommentFrom == r.From || r.CommentFrom == (catalog.Key{}) {
		return ""
	}
	return "from " + whose(r.CommentFrom)
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

// distinct says so where it is approximate.
func (r columnRow) distinct() string {
	if r.Profile == nil || r.Profile.Distinct == nil {
		return "–"
	}
	if r.Profile.DistinctExact {
		return short(*r.Profile.Distinct)
	}
	return "~" + short(*r.Profile.Distinct)
}

const (
	rangeShown = 40 // characters of an end of a range
	textShown  = 24 // the same of texts, which may be long
	fewValues  = 5  // so many different texts are named one by one
)

// valueRange is the column's lowest and highest value, or its values where they are few texts: of those lowest means nothing.
func (r columnRow) valueRange() string {
	p := r.Profile
	if p == nil || p.Min == nil || p.Max == nil {
		return ""
	}
	low, high := cut(shownValue(p.Type, *p.Min), rangeShown), cut(shownValue(p.Type, *p.Max), rangeShown)
	if strings.HasPrefix(p.Type, "VARCHAR") {
		low, high = "“"+cut(*p.Min, textShown)+"”", "“"+cut(*p.Max, textShown)+"”"
		if few := r.allValues(); few != "" {
			return few
		}
	}
	switch {
	case *p.Min == *p.Max:
		return high + " only"
	case strings.HasSuffix(high, " UTC"):
		low = strings.TrimSuffix(low, " UTC")
	}
	return low + " to " + high
}

// allValues names the values of a column that has few, most frequent first, or is "".
func (r columnRow) allValues() string {
	p := r.Profile
	if !p.DistinctExact || p.Distinct == nil || *p.Distinct > fewValues || *p.Distinct < 2 || int64(len(p.Top)) != *p.Distinct {
		return ""
	}
	values := make([]string, 0, len(p.Top))
	for _, v := range p.Top {
		values = append(values, cut(v.Value, textShown))
	}
	return strings.Join(values, ", ")
}

// variety says in words what there is no picture for.
func (r columnRow) variety() string {
	p := r.Profile
	values := p.Rows - p.Nulls
	switch {
	case values <= 0:
		return "no values"
	case p.Distinct == nil:
		return "nested values"
	case p.DistinctExact && *p.Distinct == values:
		return "all different"
	case !p.DistinctExact && 50**p.Distinct >= 49*values: // an estimate is off by some percent
		return "about all different"
	}
	return "mostly different"
}

// clipped says what the histogram leaves out, or "".
func (r columnRow) clipped() string {
	p := r.Profile
	if p == nil || p.Histogram == nil || p.Histogram.Below+p.Histogram.Above == 0 {
		return ""
	}
	return "The picture shows the middle 98 %, " + shownValue(p.Type, p.Histogram.Low) + " to " + shownValue(p.Type, p.Histogram.High) + ": " +
		number(p.Histogram.Below) + " rows lie below and " + number(p.Histogram.Above) + " above."
}

// pictureName says in words what the histogram shows.
func (r columnRow) pictureName() string {
	text := "Values of " + cut(r.Leaf(), 80) + ", " + r.valueRange()
	if note := r.clipped(); note != "" {
		text += ". " + note
	}
	return text
}

var quantileNames = []string{"5 %", "25 %", "median", "75 %", "95 %"}

// figure writes a number that a profile computed.
func figure(v float64) string { return thousands(rounded(v, 4)) }
