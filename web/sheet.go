package web

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// sheetRoutes returns the routes of editing many datasets at once.
func (s *Server) sheetRoutes() []route {
	owner := needs(access.Owner)
	return []route{
		{http.MethodGet, "/data/metadata.csv", needs(access.Viewer), s.getMetadataCSV},
		{http.MethodGet, "/data/edit", owner, s.getBulk},
		{http.MethodPost, "/data/edit", owner, s.postBulk},
		{http.MethodGet, "/data/edit/:id", owner, s.getPlan},
		{http.MethodPost, "/data/edit/:id", owner, s.postPlan},
		{http.MethodGet, "/data/sheet", owner, s.getSheet},
		{http.MethodPost, "/data/sheet", owner, s.postSheet},
	}
}

// maxFound is how many results of a search can be edited or written to a sheet at once.
const maxFound = catalog.MaxOffset

// bulkPage is the form by which many datasets are edited in the same way.
type bulkPage struct {
	choices
	Address string // of this page, with the search or the datasets
	Back    string // address of the search
	Title   string // what was chosen, in words
	Count   int
	Cut     bool // there are more than can be edited at once
	Values  url.Values
	Errors  map[string]string // sentences by field
	Problem string            // what is wrong with none of the fields
}

func (p bulkPage) value(name string) string { return p.Values.Get(name) }

func (p bulkPage) bad(field string) string { return p.Errors[field] }

// refuse puts what is wrong beside the fields, or else at the head.
func (p *bulkPage) refuse(err error) {
	wrong := invalids(err)
	p.Errors = map[string]string{}
	for _, e := range wrong {
		p.Errors[e.Field] = sentence(e.Msg)
	}
	if len(wrong) == 0 {
		p.Problem = failureOf(err).detail
	}
}

// pickedSet are the datasets that an address names: those that it lists, or else all that its search finds.
type pickedSet struct {
	keys  []catalog.Key
	title string
	cut   bool
}

func (s *Server) picked(ctx context.Context, values url.Values) (pickedSet, error) {
	var p pickedSet
	for _, text := range values["d"] {
		source, name, ok := strings.Cut(text, "/")
		if !ok {
			return p, fault.Invalidf("d", "%s is no dataset: it is written source/name", quote(text))
		}
		p.keys = append(p.keys, catalog.Key{Source: source, Name: name})
	}
	if len(p.keys) > 0 {
		p.title = plural(len(p.keys), "chosen dataset", "chosen datasets")
		return p, nil
	}
	if values.Get("pick") != "" {
		p.title = "no chosen dataset"
		return p, nil
	}
	q := searchQuery(values)
	err := s.eachFound(ctx, q, func(items []catalog.Hit) error {
		for i := range items {
			p.keys = append(p.keys, items[i].Key())
		}
		return nil
	})
	p.title, p.cut = "results of a search for "+quote(q.Text), len(p.keys) >= maxFound
	if q.Text == "" {
		p.title = "all datasets"
		if len(q.Filters) > 0 {
			p.title += " with some filters"
		}
	}
	return p, err
}

// eachFound passes on what a search finds, some at a time, at most maxFound in all.
func (s *Server) eachFound(ctx context.Context, q catalog.SearchQuery, each func([]catalog.Hit) error) error {
	q.Limit, q.Offset, q.Sort = 500, 0, "name"
	for q.Offset < maxFound {
		result, err := s.Catalog.Search(ctx, q)
		if err != nil {
			return err
		}
		if err := each(result.Items); err != nil || len(result.Items) < q.Limit {
			return err
		}
		q.Offset += len(result.Items)
	}
	return nil
}

// bulkAddress is the address of the form for the datasets that values name.
func bulkAddress(values url.Values) string {
	kept := url.Values{}
	for _, name := range slices.Concat([]string{"d", "pick", "q", "sort", "offset"}, facetNames) {
		if len(values[name]) > 0 {
			kept[name] = values[name]
		}
	}
	return "/data/edit?" + kept.Encode()
}

// backToData is the address of the search with what was chosen of it.
func backToData(values url.Values) string {
	back := dataURL("/data", searchQuery(values))
	chosen := url.Values{"d": values["d"]}.Encode()
	switch {
	case chosen == "":
		return back
	case strings.Contains(back, "?"):
		return back + "&" + chosen
	}
	return back + "?" + chosen
}

// getBulk shows the form. Where none of the results was chosen, it leads back to them, where that is said.
func (s *Server) getBulk(c echo.Context) error {
	if values := c.QueryParams(); values.Get("pick") != "" && len(values["d"]) == 0 {
		values = maps.Clone(values)
		values.Set("pick", "1")
		return c.Redirect(http.StatusSeeOther, "/data?"+values.Encode())
	}
	return s.showBulk(c, http.StatusOK, bulkPage{Values: url.Values{}})
}

func (s *Server) showBulk(c echo.Context, status int, p bulkPage) error {
	chosen, err := s.picked(c.Request().Context(), c.QueryParams())
	if err != nil {
		return err
	}
	p.Address, p.Title, p.Count, p.Cut = bulkAddress(c.QueryParams()), chosen.title, len(chosen.keys), chosen.cut
	p.Back = backToData(c.QueryParams())
	if p.choices, err = s.choices(c.Request().Context()); err != nil {
		return err
	}
	sh := s.shell(c, sectionData, "Edit "+p.Title, crumb{"Data", "/data"}, crumb{Text: "Edit many"})
	return render(c, status, bulkView(sh, p))
}

// postBulk keeps what is to be changed and shows what that would do. Nothing is changed yet.
func (s *Server) postBulk(c echo.Context) error {
	ctx := c.Request().Context()
	form, err := posted(c)
	if err != nil {
		return err
	}
	p := bulkPage{Values: form}
	edits, err := s.bulkEdits(ctx, form)
	if err = errors.Join(err, catalog.CheckEdits(edits)); fault.KindOf(err) == fault.Invalid {
		p.refuse(err)
		return s.showBulk(c, http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	if len(edits) == 0 {
		p.Problem = "Fill in what is to change"
		return s.showBulk(c, http.StatusUnprocessableEntity, p)
	}
	chosen, err := s.picked(ctx, c.QueryParams())
	if err != nil {
		return err
	}
	plan := catalog.EditPlan{
		Title: chosen.title, Reason: strings.TrimSpace(form.Get("reason")), Back: backToData(c.QueryParams()),
		Items: []catalog.PlanItem{{Keys: chosen.keys, Edits: edits}},
	}
	id, err := s.Catalog.MakePlan(ctx, principal(c), plan)
	if fault.KindOf(err) == fault.Invalid {
		p.refuse(err)
		return s.showBulk(c, http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, planURL(id))
}

// bulkEdits are the edits that the filled fields of the form want.
func (s *Server) bulkEdits(ctx context.Context, form url.Values) ([]catalog.Edit, error) {
	var edits []catalog.Edit
	for _, field := range []string{
		catalog.FieldTeam, catalog.FieldDomain, catalog.FieldCertified, catalog.FieldDeprecated, catalog.FieldSunset, catalog.FieldSuccessor, catalog.FieldAccess,
	} {
		if v := strings.TrimSpace(form.Get(field)); v != "" {
			edits = append(edits, catalog.Edit{Field: field, Value: &v})
		}
	}
	for _, field := range []string{catalog.FieldTags, catalog.FieldTerms} {
		e := catalog.Edit{Field: field, Add: items(form.Get("add_" + field)), Remove: items(form.Get("remove_" + field))}
		if len(e.Add)+len(e.Remove) > 0 {
			edits = append(edits, e)
		}
	}
	add, _, err := s.peopleCalled(ctx, form.Get("add_owners"))
	remove, _, other := s.peopleCalled(ctx, form.Get("remove_owners"))
	if len(add)+len(remove) > 0 {
		edits = append(edits, catalog.Edit{Field: catalog.FieldOwners, Add: add, Remove: remove})
	}
	return edits, cmp.Or(err, other)
}

// items reads a list that is parted by commas.
func items(text string) []string {
	var out []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.Join(strings.Fields(item), " "); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// sheetPage is where a CSV is sent, and what is wrong with the last one.
type sheetPage struct {
	Reason   string
	Name     string // of the file
	Problem  string
	Problems []catalog.SheetProblem
}

func (s *Server) getSheet(c echo.Context) error { return s.showSheet(c, http.StatusOK, sheetPage{}) }

func (s *Server) showSheet(c echo.Context, status int, p sheetPage) error {
	return render(c, status, sheetView(s.shell(c, sectionData, "Edit by CSV", crumb{"Data", "/data"}, crumb{Text: "Edit by CSV"}), p))
}

// postSheet reads a CSV and shows what it would do. Nothing is changed yet.
func (s *Server) postSheet(c echo.Context) error {
	u, err := uploaded(c)
	if err != nil {
		return err
	}
	p := sheetPage{Reason: strings.TrimSpace(u.values.Get("reason")), Name: cut(u.name, 120)}
	if u.file == nil {
		p.Problem = "Choose a file"
		return s.showSheet(c, http.StatusUnprocessableEntity, p)
	}
	sheet, problems, err := catalog.ReadSheet(u.file)
	var id int64
	if err == nil && len(problems) == 0 {
		title := strings.ToValidUTF8(strings.ReplaceAll(p.Name, "\x00", ""), "")
		id, err = s.Catalog.MakePlan(c.Request().Context(), principal(c), catalog.EditPlan{Title: title, Reason: p.Reason, Items: sheet.Items, Places: sheet.Places})
	}
	switch {
	case fault.KindOf(err) == fault.Invalid && err != nil:
		p.Problem = failureOf(err).detail
		return s.showSheet(c, http.StatusUnprocessableEntity, p)
	case err != nil:
		return err
	case len(problems) > 0:
		p.Problems = problems
		return s.showSheet(c, http.StatusUnprocessableEntity, p)
	}
	return c.Redirect(http.StatusSeeOther, planURL(id))
}

// getMetadataCSV writes what is said of the datasets that a search finds, as a sheet that can be sent back. columns=1 writes the
// words on their columns; bom=1 begins it with the mark by which spreadsheets know UTF-8.
func (s *Server) getMetadataCSV(c echo.Context) error {
	ctx := c.Request().Context()
	fields, name := catalog.SheetFields, "metadata.csv"
	ofColumns := c.QueryParam("columns") == "1"
	if ofColumns {
		fields, name = catalog.SheetColumnFields, "columns.csv"
	}
	var w *catalog.SheetWriter
	begin := func() (err error) {
		if w == nil {
			csvDownload(c, name)
			w, err = catalog.NewSheetWriter(c.Response(), fields, c.QueryParam("bom") == "1")
		}
		return err
	}
	err := s.eachFound(ctx, searchQuery(c.QueryParams()), func(items []catalog.Hit) error {
		if err := begin(); err != nil {
			return err
		}
		if ofColumns {
			return s.writeColumns(ctx, w, items)
		}
		return s.writeDatasets(ctx, w, items)
	})
	if err != nil {
		return err
	}
	return w.Flush()
}

func (s *Server) writeDatasets(ctx context.Context, w *catalog.SheetWriter, hits []catalog.Hit) error {
	ids := map[int64]bool{}
	for i := range hits {
		for _, id := range hits[i].Owners {
			ids[id] = true
		}
	}
	people, err := s.Access.Names(ctx, slices.Collect(maps.Keys(ids)))
	if err != nil {
		return err
	}
	names := map[int64]string{}
	for id, p := range people {
		names[id] = p.Name
	}
	for i := range hits {
		if err := w.Dataset(&hits[i].Dataset, names); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) writeColumns(ctx context.Context, w *catalog.SheetWriter, hits []catalog.Hit) error {
	for i := range hits {
		columns, err := s.Catalog.Columns(ctx, hits[i].ID)
		if err != nil {
			return err
		}
		for j := range columns {
			if err := w.Column(hits[i].Key(), &columns[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

func planURL(id int64) string { return "/data/edit/" + catalog.FormatID(id) }

// planPage is what a plan would do, how far it is, or what it did.
type planPage struct {
	Plan       catalog.EditPlan
	Preview    catalog.Preview            // once it is carried out, of it only Changes and Total
	Page       int                        // of the changes, from 0
	Undone     string                     // what an undo did, or ""
	OwnerNames map[int64]access.Colleague // by id
	Now        time.Time
}

const planShown = 100 // changes on a page

func (s *Server) plan(c echo.Context) (planPage, error) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return planPage{}, fault.NotFoundf("there is no such plan")
	}
	p := planPage{Now: s.Now()}
	if n, err := strconv.Atoi(c.QueryParam("page")); err == nil {
		p.Page = min(max(n, 0), 10_000)
	}
	p.Plan, err = s.Catalog.Plan(c.Request().Context(), principal(c), id)
	return p, err
}

// searchValues is a search as an address holds it.
func searchValues(q catalog.SearchQuery) url.Values {
	values := url.Values(maps.Clone(q.Filters))
	if values == nil {
		values = url.Values{}
	}
	values.Set("q", q.Text)
	return values
}
