package web

import (
	"encoding/csv"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/web/ui"
)

const (
	dataPageSize = 20
	dataOffset   = 10_000 // the most that one can page to; nobody reads that far
	dataCSVRows  = 5_000
)

// facetNames are the facets that an address may hold, in the order in which they are shown.
var facetNames = []string{"kind", "source", "domain", "team", "tag", "status"}

var facetTitles = map[string]string{
	"kind": "Kind", "source": "Source", "domain": "Domain", "team": "Team", "tag": "Tag", "status": "Status",
}

// dataPage is what a search shows.
type dataPage struct {
	Query   catalog.SearchQuery
	Result  catalog.SearchResult
	Problem string // why the question could not be read, or ""
	Notes   []string
	Watch   searchWatch
	MayEdit bool              // results can be chosen and edited
	Chosen  []string          // of the results, as source/name
	Near    []catalog.Dataset // with names like the question, where nothing was found
	Now     time.Time
}

// searchQuery reads a search from its address. What is out of bounds is brought within them: an address must never be an
// error page because someone edited it.
func searchQuery(values url.Values) catalog.SearchQuery {
	q := catalog.SearchQuery{Text: strings.TrimSpace(values.Get("q")), Filters: map[string][]string{}, Limit: dataPageSize}
	for _, name := range facetNames {
		for _, v := range values[name] {
			if v != "" && !slices.Contains(q.Filters[name], v) {
				q.Filters[name] = append(q.Filters[name], v)
			}
		}
	}
	if sort := values.Get("sort"); slices.Contains(sortNames, sort) {
		q.Sort = sort
	}
	if n, err := strconv.Atoi(values.Get("offset")); err == nil {
		q.Offset = min(max(n, 0), dataOffset)
	}
	return q
}

// dataURL returns the address of a search at path, without what has its usual value.
func dataURL(path string, q catalog.SearchQuery) string {
	values := url.Values{}
	if q.Text != "" {
		values.Set("q", q.Text)
	}
	for _, name := range facetNames {
		for _, v := range q.Filters[name] {
			values.Add(name, v)
		}
	}
	if q.Sort != "" && q.Sort != "relevance" {
		values.Set("sort", q.Sort)
	}
	if q.Offset > 0 {
		values.Set("offset", strconv.Itoa(q.Offset))
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

func (s *Server) getData(c echo.Context) error {
	ctx := c.Request().Context()
	p := dataPage{Query: searchQuery(c.QueryParams()), Notes: addressNotes(c.QueryParams()), Now: s.Now()}
	code := http.StatusOK
	var err error
	p.Result, err = s.Catalog.Search(ctx, p.Query)
	if fault.KindOf(err) == fault.Invalid {
		code, p.Problem = http.StatusBadRequest, fault.Message(err)
	} else if err != nil {
		return err
	}
	if p.Query.Text != "" && p.Problem == "" && p.Result.Total == 0 {
		if p.Near, err = s.Catalog.Near(ctx, catalog.Key{Name: p.Query.Text}, 5); err != nil {
			return err
		}
	}
	p.MayEdit = principal(c).Role.Includes(access.Owner)
	p.Chosen = c.QueryParams()["d"]
	if p.MayEdit && c.QueryParam("pick") != "" {
		p.Notes = append(p.Notes, "Nothing is chosen: tick the boxes of some results first.")
	}
	if p.Watch, err = s.searchWatch(c); err != nil {
		return err
	}
	title := "Data"
	if p.Query.Text != "" {
		title = p.Query.Text + " · Data"
	}
	sh := s.shell(c, sectionData, title, crumb{Text: "Data"})
	return render(c, code, dataPageView(sh, p), dataFound)
}

func (s *Server) getDataCSV(c echo.Context) error {
	q := searchQuery(c.QueryParams())
	q.Limit, q.Offset = 500, 0
	result, err := s.Catalog.Search(c.Request().Context(), q)
	if err != nil {
		return err
	}
	w := csvDownload(c, "datasets.csv")
	write := func(row []string) error { return w.Write(guardFormulas(row)) }
	err = write([]string{
		"source", "name", "kind", "description", "team", "domain", "tags", "certified", "deprecated",
		"rows", "bytes", "columns", "documented_columns", "data_changed_at", "gone_at",
	})
	for err == nil && len(result.Items) > 0 {
		for i := range result.Items {
			if err = write(csvRow(&result.Items[i].Dataset)); err != nil {
				return err
			}
		}
		q.Offset += len(result.Items)
		if q.Offset >= dataCSVRows || len(result.Items) < q.Limit {
			break
		}
		result, err = s.Catalog.Search(c.Request().Context(), q)
	}
	w.Flush()
	return err
}

func csvRow(d *catalog.Dataset) []string {
	count := func(n *int64) string {
		if n == nil {
			return ""
		}
		return strconv.FormatInt(*n, 10)
	}
	at := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return isoTime(*t)
	}
	return []string{
		d.Source, d.Name, string(d.Kind), d.Description, d.Team, d.Domain, strings.Join(d.Tags, " "),
		strconv.FormatBool(d.Certified), d.Deprecated, count(d.RowCount), count(d.ByteCount),
		strconv.Itoa(d.ColumnCount), strconv.Itoa(d.Documented), at(d.DataAt), at(d.GoneAt),
	}
}

// csvDownload begins an answer that browsers save as a file.
func csvDownload(c echo.Context, name string) *csv.Writer {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/csv; charset=utf-8")
	h.Set(echo.HeaderContentDisposition, `attachment; filename="`+name+`"; filename*=UTF-8''`+url.PathEscape(name))
	c.Response().WriteHeader(http.StatusOK)
	return csv.NewWriter(c.Response())
}

// guardFormulas puts an apostrophe before what a spreadsheet would run: OWASP, CSV injection. A negative number stays one.
func guardFormulas(row []string) []string {
	for i, v := range row {
		if first, _ := utf8.DecodeRuneInString(v); v == "" || !strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
			continue
		}
		if _, err := strconv.ParseFloat(v, 64); err != nil {
			row[i] = "'" + v
		}
	}
	return row
}

// Sentence answers what was found.
func (p dataPage) Sentence() string {
	n := plural(p.Result.Total, "dataset", "datasets")
	if p.Result.TotalAbout {
		n = "about " + n
	}
	switch {
	case p.Problem != "":
		return "The question could not be read."
	case p.Query.Text != "" && p.Result.Total == 0:
		return "Nothing matches " + quote(p.Query.Text) + "."
	case p.Query.Text != "":
		verb := " match "
		if p.Result.Total == 1 {
			verb = " matches "
		}
		return n + verb + quote(p.Query.Text) + ", " + orders[p.Query.Sort] + "."
	case p.Result.Total == 0:
		return n + "."
	case p.filtered():
		return n + " with these filters, " + orders[p.Query.Sort] + "."
	}
	return n + " in all, " + orders[p.Query.Sort] + "."
}

// interpreted says how the question was read, where that is more than its words.
func (p dataPage) interpreted() string {
	text := strings.Join(p.Result.Interpreted, ", ")
	if !strings.ContainsAny(p.Query.Text, `:"-`) || text == p.Query.Text { // plain words are read as they stand
		return ""
	}
	return cut(text, 200)
}

var orders = map[string]string{"": "best first", "used": "most used first", "fresh": "freshest first", "name": "by name"}

// pastTheEnd reports whether the address asks for a page after the last one.
func (p dataPage) pastTheEnd() bool {
	return len(p.Result.Items) == 0 && p.Result.Total > 0 && p.Query.Offset > 0
}

// firstPage is the same question from its first result on.
func (p dataPage) firstPage() catalog.SearchQuery {
	q := p.Query
	q.Offset = 0
	return q
}

// nothing says what is not there.
func (p dataPage) nothing() string {
	if kinds := p.Query.Filters["kind"]; p.Query.Text == "" && p.filters() == 1 && len(kinds) == 1 && slices.Contains(kindWords(), kinds[0]) {
		return "There is no " + kinds[0] + " here yet"
	}
	return "No dataset matches"
}

// filters is how many filters are on.
func (p dataPage) filters() int {
	n := 0
	for _, values := range p.Query.Filters {
		n += len(values)
	}
	return n
}

func quote(s string) string { return "“" + cut(s, 80) + "”" }

func (p dataPage) filtered() bool { return p.filters() > 0 }

// chip is a filter that is on and the address without it.
type chip struct{ text, without string }

func (p dataPage) chips() []chip {
	var chips []chip
	for _, name := range facetNames {
		for i, v := range p.Query.Filters[name] {
			q := p.Query
			q.Offset = 0
			q.Filters = maps.Clone(p.Query.Filters)
			q.Filters[name] = slices.Delete(slices.Clone(p.Query.Filters[name]), i, i+1)
			chips = append(chips, chip{facetTitles[name] + ": " + cut(facetLabel(name, v), 60), dataURL("/data", q)})
		}
	}
	return chips
}

// facets returns the tick boxes of one facet: those of the result, and the chosen ones even where nothing has them.
func (p dataPage) facets(name string) []ui.FacetValue {
	chosen := p.Query.Filters[name]
	var values []ui.FacetValue
	for _, f := range p.Result.Facets {
		if f.Name != name {
			continue
		}
		for _, v := range f.Values {
			values = append(values, ui.FacetValue{
				Value: v.Value, Label: facetLabel(name, v.Value), Count: p.count(v.Count),
				Checked: slices.Contains(chosen, v.Value), Zero: v.Count == 0,
			})
		}
	}
	for _, v := range chosen {
		if !slices.ContainsFunc(values, func(f ui.FacetValue) bool { return f.Value == v }) {
			values = append(values, ui.FacetValue{Value: v, Label: facetLabel(name, v), Count: "0", Checked: true, Zero: true})
		}
	}
	return values
}

func (p dataPage) count(n int) string {
	if p.Result.TotalAbout {
		return "~" + short(int64(n))
	}
	return number(int64(n))
}

// openFacet reports whether a facet's boxes are shown at once: where there is nothing to choose between, its head is enough.
// The kind always is.
func openFacet(name string, values []ui.FacetValue) bool {
	return name == "kind" || len(values) > 1 || slices.ContainsFunc(values, func(v ui.FacetValue) bool { return v.Checked })
}

// facetLabel is how a page writes a facet's value. What is no word of ours stays as it was written.
func facetLabel(name, value string) string {
	if slices.Contains(facetWords[name], value) {
		words := strings.ReplaceAll(value, "_", " ")
		return strings.ToUpper(words[:1]) + words[1:]
	}
	return value
}

func (p dataPage) pager() ui.Pager {
	first, last := p.Query.Offset+1, p.Query.Offset+len(p.Result.Items)
	of := number(int64(p.Result.Total))
	if p.Result.TotalAbout {
		of = "about " + of
	}
	pager := ui.Pager{Summary: number(int64(first)) + "–" + number(int64(last)) + " of " + of}
	q := p.Query
	if q.Offset > 0 {
		q.Offset = max(0, p.Query.Offset-dataPageSize)
		pager.Previous = dataURL("/data", q)
	}
	if last < p.Result.Total && len(p.Result.Items) > 0 && p.Query.Offset+dataPageSize <= dataOffset {
		q.Offset = p.Query.Offset + dataPageSize
		pager.Next = dataURL("/data", q)
	}
	return pager
}

// chosen reports whether a result is chosen.
func (p dataPage) chosen(h *catalog.Hit) bool { return slices.Contains(p.Chosen, h.Key().String()) }

// chosenElsewhere are those that are chosen and not among the results on this page.
func (p dataPage) chosenElsewhere() []string {
	return slices.DeleteFunc(slices.Clone(p.Chosen), func(key string) bool {
		return slices.ContainsFunc(p.Result.Items, func(h catalog.Hit) bool { return h.Key().String() == key })
	})
}

// address is the search as a form sends it: names with their values.
func (p dataPage) address() [][2]string {
	_, query, _ := strings.Cut(dataURL("/data", p.Query), "?")
	values, _ := url.ParseQuery(query) // it was just written
	var pairs [][2]string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		for _, v := range values[name] {
			pairs = append(pairs, [2]string{name, v})
		}
	}
	return pairs
}
