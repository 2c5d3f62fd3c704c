package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// editRoutes returns the routes of describing datasets.
func (s *Server) editRoutes() []route {
	owner := needs(access.Owner)
	return []route{
		{http.MethodGet, "/d/:source/:name/edit", owner, s.getDatasetEdit},
		{http.MethodPost, "/d/:source/:name/edit", owner, s.postDatasetEdit},
		{http.MethodPost, "/d/:source/:name/edit/preview", owner, s.postDatasetEditPreview},
		{http.MethodGet, "/d/:source/:name/columns/edit", owner, s.getDatasetColumnsEdit},
		{http.MethodPost, "/d/:source/:name/columns/edit", owner, s.postDatasetColumnsEdit},
		{http.MethodPost, "/d/:source/:name/take", owner, s.postDatasetTake},
		{http.MethodPost, "/d/:source/:name/undo", owner, s.postDatasetUndo},
		{http.MethodPost, "/d/:source/:name/announce", owner, s.postDatasetAnnounce},
		{http.MethodPost, "/d/:source/:name/announcements/:id/end", owner, s.postDatasetAnnouncementEnd},
	}
}

// editPage is what the page shows on which a dataset is described.
type editPage struct {
	editForm
	Teams         []access.Team
	Domains       []access.Domain
	People        []access.Colleague // some of those who can be owners
	Terms         []catalog.Term     // some of the glossary
	Announcements []catalog.Announcement
	Mine          bool // who asks owns the dataset already
	Preview       bool // the description is to be shown as it will read
	Now           time.Time
}

// hintsShown is how many names of teams, people or terms a page offers beside what can be typed.
const hintsShown = 200

// editable loads the dataset that the path names, for who asks to describe it. Where they may not, head is nil and the answer,
// which says who may, is written.
func (s *Server) editable(c echo.Context) (*datasetHead, error) {
	key := catalog.Key{Source: c.Param("source"), Name: c.Param("name")}
	d, w, err := s.whole(c.Request().Context(), key)
	switch {
	case err != nil:
		return nil, err
	case w.ID != d.ID && c.Request().Method == http.MethodGet:
		return nil, ledTo(c, w.Key(), "edit", &d)
	}
	h := &datasetHead{Whole: w, Tab: "edit", Now: s.Now()}
	if w.MayEdit(principal(c)) {
		return h, nil
	}
	if h.OwnerNames, err = s.ownerNames(c.Request().Context(), w.Owners); err != nil {
		return nil, err
	}
	return nil, render(c, http.StatusForbidden, editRefused(s.editShell(c, h, "Edit"), h))
}

func (s *Server) editShell(c echo.Context, h *datasetHead, title string) shell {
	return s.shell(c, sectionData, title+" "+h.Key().String(),
		crumb{"Data", "/data"},
		crumb{h.Source, dataURL("/data", catalog.SearchQuery{Filters: map[string][]string{"source": {h.Source}}})},
		crumb{h.Name, datasetURL(h.Key(), "")},
		crumb{Text: title})
}

func (s *Server) getDatasetEdit(c echo.Context) error {
	h, err := s.editable(c)
	if h == nil {
		return err
	}
	f, err := s.newEditForm(c.Request().Context(), h)
	if err != nil {
		return err
	}
	return s.showEdit(c, http.StatusOK, h, f)
}

// showEdit renders the form with what helps to fill it in.
func (s *Server) showEdit(c echo.Context, status int, h *datasetHead, f editForm) (err error) {
	ctx, who := c.Request().Context(), principal(c)
	p := editPage{editForm: f, Mine: who.Owns(h.Subject()), Now: h.Now}
	p.Preview = f.Values.Get("preview") != ""
	if p.Teams, _, err = s.Access.Teams(ctx, "", 0, hintsShown); err != nil {
		return err
	}
	if p.Domains, _, err = s.Access.Domains(ctx, "", 0, hintsShown); err != nil {
		return err
	}
	if p.People, _, err = s.Access.Colleagues(ctx, "", false, 0, hintsShown); err != nil {
		return err
	}
	if p.Terms, _, err = s.Catalog.Terms(ctx, "", "", 0, hintsShown); err != nil {
		return err
	}
	if p.Announcements, err = s.Catalog.Announcements(ctx, &h.Whole); err != nil {
		return err
	}
	if h.OwnerNames, err = s.ownerNames(ctx, append(f.owners(), h.Owners...)); err != nil {
		return err
	}
	return render(c, status, editView(s.editShell(c, h, "Edit"), h, p))
}

// ownerNames returns the names of people by id.
func (s *Server) ownerNames(ctx context.Context, ids []int64) (map[int64]access.Colleague, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return s.Access.Names(ctx, ids)
}

func (s *Server) postDatasetEdit(c echo.Context) error {
	values, err := posted(c)
	if err != nil {
		return err
	}
	h, err := s.editable(c)
	if h == nil {
		return err
	}
	ctx := c.Request().Context()
	f, err := s.newEditForm(ctx, h)
	if err != nil {
		return err
	}
	f.fill(values)
	if values.Get("preview") != "" {
		return s.showEdit(c, http.StatusOK, h, f)
	}
	edits, status, err := s.edit(c, h, &f, s.newEditForm)
	if err != nil {
		return err
	}
	if status != 0 {
		return s.showEdit(c, status, h, f)
	}
	return s.saved(c, h, "", edits, f.Newest)
}

// edit carries out what the author of a form changed. Where that cannot be, status is that of the answer, which shows the form again
// with what is wrong: 422, or 409 where somebody else changed the same. again makes the form of what holds by then.
func (s *Server) edit(
	c echo.Context, h *datasetHead, f *editForm, again func(context.Context, *datasetHead) (editForm, error),
) (edits []catalog.Edit, status int, err error) {
	ctx := c.Request().Context()
	if edits, err = s.editsOf(ctx, f); err == nil && len(edits) > 0 {
		err = s.Catalog.Edit(ctx, s.act(c, f.Values.Get("reason")), h.Key(), edits...)
	}
	if err == nil {
		return edits, 0, nil
	}
	if f.refused(err) {
		return nil, http.StatusUnprocessableEntity, nil
	}
	found, ok := errors.AsType[*catalog.EditConflict](err)
	if !ok {
		return nil, 0, err
	}
	_, w, err := s.whole(ctx, h.Key())
	if err != nil {
		return nil, 0, err
	}
	h.Whole = w
	fresh, err := again(ctx, h)
	f.compare(&fresh, found)
	return nil, http.StatusConflict, err
}

// saved leads to a tab of the dataset's page, which says what was edited since the edits in before.
func (s *Server) saved(c echo.Context, h *datasetHead, tab string, edits []catalog.Edit, before map[string]int64) error {
	newest, err := s.Catalog.NewestEdits(c.Request().Context(), h.ID)
	if err != nil {
		return err
	}
	var ids []string
	for _, e := range edits {
		if id := newest[e.Field]; id > before[e.Field] && len(ids) < savedShown {
			ids = append(ids, catalog.FormatID(id))
		}
	}
	if ids == nil {
		ids = []string{"0"} // nothing was
	}
	return c.Redirect(http.StatusSeeOther, datasetURL(h.Key(), tab)+"?"+formQuery(savedEdits, strings.Join(ids, ",")))
}

// postDatasetEditPreview answers with a description as it will read.
func (s *Server) postDatasetEditPreview(c echo.Context) error {
	values, err := posted(c)
	if err != nil {
		return err
	}
	h, err := s.editable(c)
	if h == nil {
		return err
	}
	text := values.Get(catalog.FieldDescription)
	if err := catalog.CheckEdits([]catalog.Edit{{Field: catalog.FieldDescription, Value: &text}}); err != nil {
		return err
	}
	if err := s.link(c.Request().Context(), h, text); err != nil {
		return err
	}
	return render(c, http.StatusOK, editPreview(h, text))
}

// postDatasetTake makes a dataset that nobody owns the team's or the person's who asks.
func (s *Server) postDatasetTake(c echo.Context) error {
	values, err := posted(c)
	if err != nil {
		return err
	}
	h, err := s.editable(c)
	if h == nil {
		return err
	}
	if !h.Unowned() {
		return fault.Conflictf("%s has an owner by now", h.Key())
	}
	edit := catalog.Edit{Field: catalog.FieldOwners, Add: []string{catalog.FormatID(principal(c).ID)}}
	if team := values.Get("team"); team != "" {
		edit = catalog.Edit{Field: catalog.FieldTeam, Value: &team}
	}
	before, err := s.Catalog.NewestEdits(c.Request().Context(), h.ID)
	if err != nil {
		return err
	}
	base := before[edit.Field]
	edit.Base = &base
	if err := s.Catalog.Edit(c.Request().Context(), s.act(c, "took ownership"), h.Key(), edit); err != nil {
		return err
	}
	return s.saved(c, h, "", []catalog.Edit{edit}, before)
}

// postDatasetUndo takes back edits of the dataset that are the newest of their fields.
func (s *Server) postDatasetUndo(c echo.Context) error {
	values, err := posted(c)
	if err != nil {
		return err
	}
	h, err := s.editable(c)
	if h == nil {
		return err
	}
	ctx := c.Request().Context()
	newest, err := s.Catalog.NewestEdits(ctx, h.ID)
	if err != nil {
		return err
	}
	of := map[int64]string{}
	for field, id := range newest {
		of[id] = field
	}
	var edits []catalog.Edit
	for _, text := range values["edit"] {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || of[id] == "" {
			return fault.Conflictf("what this edit changed was edited again since, so it cannot be undone")
		}
		if _, err := s.Catalog.Undo(ctx, s.act(c, values.Get("reason")), id); err != nil {
			return err
		}
		edits = append(edits, catalog.Edit{Field: of[id]})
	}
	tab := ""
	if values.Get("tab") == "history" {
		tab = "history"
	}
	return s.saved(c, h, tab, edits, newest)
}

func (s *Server) postDatasetAnnounce(c echo.Context) error {
	values, err := posted(c)
	if err != nil {
		return err
	}
	h, err := s.editable(c)
	if h == nil {
		return err
	}
	ctx := c.Request().Context()
	a := catalog.Announcement{Text: values.Get("text"), Tone: values.Get("tone")}
	if a.EndsAt, err = lastMoment(values.Get("until")); err == nil {
		_, err = s.Catalog.Announce(ctx, s.act(c, ""), h.Key(), a)
	}
	e, invalid := errors.AsType[*fault.Error](err)
	if !invalid || e.Kind != fault.Invalid {
		if err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, datasetURL(h.Key(), ""))
	}
	f, err := s.newEditForm(ctx, h)
	if err != nil {
		return err
	}
	f.Errors = map[string]string{e.Field: sentence(e.Msg)}
	f.Announce = values
	return s.showEdit(c, http.StatusUnprocessableEntity, h, f)
}

// lastMoment returns when a day such as 2026-12-31 ends, UTC; nil without one.
func lastMoment(text string) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return nil, fault.Invalidf("until", "a day is written like 2026-12-31")
	}
	t = t.AddDate(0, 0, 1)
	return &t, nil
}

func (s *Server) postDatasetAnnouncementEnd(c echo.Context) error {
	h, err := s.editable(c)
	if h == nil {
		return err
	}
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return fault.NotFoundf("there is no announcement %s", c.Param("id"))
	}
	key, err := s.Catalog.EndAnnouncement(c.Request().Context(), s.act(c, ""), id)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, datasetURL(key, ""))
}

// announced returns what was typed of an announcement that was refused.
func (f *editForm) announced(name string) string {
	return f.Announce.Get(name)
}
