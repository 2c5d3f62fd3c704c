package web

import (
	"context"
	"errors"
	"net/http"
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
		{http.MethodGet, "/d/:source/:name/announce", owner, s.getDatasetAnnounce},
		{http.MethodPost, "/d/:source/:name/announce", owner, s.postDatasetAnnounce},
		{http.MethodPost, "/d/:source/:name/announcements/:id/end", owner, s.postDatasetAnnouncementEnd},
		{http.MethodPost, "/d/:source/:name/announcements/:id/back", owner, s.postDatasetAnnouncementBack},
	}
}

// editPage is what the page shows on which a dataset is described.
type editPage struct {
	editForm
	choices
	Mine    bool // who asks owns the dataset already
	Preview bool // the description is to be shown as it will read
	Now     time.Time
}

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
	if p.choices, err = s.choices(ctx); err != nil {
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
	return s.saved(c, h, "", savedEdits, edits, f.Newest)
}

// edit carries out what the author of a form changed. Where that cannot be, status is that of the answer, which shows the form again
// with what is wrong: 422, or 409 where somebody else changed the same. again makes the form of what holds by then.
func (s *Server) edit(
	c echo.Context, h *datasetHead, f *editForm, again func(context.Context, *datasetHead) (editForm, error),
) (edits []catalog.Edit, status int, err error) {
	ctx := c.Request().Context()
	if edits, err = s.editsOf(ctx, f); err == nil && len(edits) > 0 {
		err = s.Catalog.Edit(ctx, s.act(c, f.Values.Get("reason")), h.Key(), edits...)
	} else if err != nil && len(edits) > 0 {
		err = errors.Join(err, s.Catalog.TryEdit(ctx, principal(c), h.Key(), edits...))
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
	if err := s.fillEdits(c.Request().Context(), c, h); err != nil {
		return err
	}
	if h.Gap == "" {
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
	return s.saved(c, h, "", savedEdits, []catalog.Edit{edit}, before)
}
