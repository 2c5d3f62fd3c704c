package web

import (
	"context"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// headEdits is what the head of a dataset's page shows of what people say of it.
type headEdits struct {
	OwnerNames    map[int64]access.Colleague // by id
	Announcements []catalog.Announcement     // that hold now
	Origins       map[string]catalog.Origin  // by field
	Editable      bool                       // who asks may edit it
	headOwner
	Past   *catalog.Past         // the page is of another time; nil: of now
	Newest map[string]int64      // by field: the newest edit, which can be undone
	Saved  []savedEdit           // what they just saved, nil: they come from elsewhere
	Undone bool                  // Saved took back what was edited before
	Newer  []catalog.NewerEdit   // why what they wanted to take back was not
	Ended  *catalog.Announcement // that they just took down
}

// savedEdit is an edit that its author may undo at once.
type savedEdit struct {
	ID    int64
	Field string
}

// fillEdits fills in what people say of the dataset, and what who asks may do about it.
func (s *Server) fillEdits(ctx context.Context, c echo.Context, h *datasetHead) (err error) {
	who := principal(c)
	h.Editable = h.MayEdit(who)
	if h.OwnerNames, err = s.ownerNames(ctx, h.Owners); err != nil {
		return err
	}
	if err = s.fillOwner(ctx, &who, h); err != nil {
		return err
	}
	if h.Announcements, err = s.Catalog.Announcements(ctx, &h.Whole); err != nil {
		return err
	}
	if h.Origins, err = s.Catalog.Origins(ctx, h.ID); err != nil {
		return err
	}
	if !h.Editable {
		return nil
	}
	if h.Newest, err = s.Catalog.NewestEdits(ctx, h.ID); err != nil {
		return err
	}
	return s.fillDone(ctx, c, h)
}

// fillDone fills in what the address says was just done.
func (s *Server) fillDone(ctx context.Context, c echo.Context, h *datasetHead) (err error) {
	if ids := c.QueryParam(savedEdits); ids != "" {
		h.fillSaved(idsOf(ids))
	} else if ids := c.QueryParam(undoneEdits); ids != "" {
		h.fillSaved(idsOf(ids))
		h.Undone = true
	}
	if ids := c.QueryParam(staleEdits); ids != "" {
		if h.Newer, err = s.Catalog.NewerEdits(ctx, h.ID, idsOf(ids)); err != nil {
			return err
		}
	}
	if ids := idsOf(c.QueryParam(endedAnnouncement)); len(ids) == 1 {
		a, err := s.Catalog.TakenDown(ctx, ids[0])
		if err == nil && a.Key() == h.Key() {
			h.Ended = &a
		} else if err != nil && fault.KindOf(err) != fault.NotFound {
			return err
		}
	}
	return nil
}

// fillSaved finds the fields of edits that are still the newest.
func (h *datasetHead) fillSaved(ids []int64) {
	h.Saved = []savedEdit{}
	for field, id := range h.Newest {
		if slices.Contains(ids, id) {
			h.Saved = append(h.Saved, savedEdit{id, field})
		}
	}
	slices.SortFunc(h.Saved, func(a, b savedEdit) int { return int(a.ID - b.ID) })
}

// undoable reports whether the edit can be undone by who asks: nobody has edited its field since.
func (h *datasetHead) undoable(edit int64) bool {
	for _, id := range h.Newest {
		if id == edit && edit != 0 {
			return true
		}
	}
	return false
}

// savedNames names the fields that were just saved.
func (h *datasetHead) savedNames() string {
	var names []string
	for _, e := range h.Saved {
		names = append(names, fieldLabel(e.Field))
	}
	return strings.Join(names, ", ")
}

// editedBy says that a value was edited or declared, and by whom or where; "" where it is only observed.
func (h *datasetHead) editedBy(field string) string {
	o, ok := h.Origins[field]
	if !ok {
		return ""
	}
	text := o.String()
	if o.Origin == "edited" {
		text += ", " + ago(o.At, h.Now)
	}
	if o.Reason != "" {
		text += ": " + cut(o.Reason, 120)
	}
	return text
}

// describedIn says where the description comes from.
func (h *datasetHead) describedIn() string {
	if text := h.editedBy(catalog.FieldDescription); text != "" {
		return upperFirst(text)
	}
	return "Observed in " + h.observedIn("description")
}

// newerText is what somebody made of a field, as people read it.
func (h *datasetHead) newerText(e catalog.NewerEdit) string {
	if e.New == nil {
		return "what " + h.Source + " says"
	}
	f := editForm{}
	return "“" + cut(orNothing(f.said(h, e.Field, *e.New)), 200) + "”"
}

// origin says where a value in the head comes from, which may be only that it was observed; "" where there is none.
func (h *datasetHead) origin(field string) string {
	if text := h.editedBy(field); text != "" {
		return upperFirst(text)
	}
	if v := h.Value(field); v == "" || v == "[]" {
		return ""
	}
	return "Observed in " + h.observedIn(field)
}

// originIcon tells what was edited or declared from what was observed.
func (h *datasetHead) originIcon(field string) string {
	switch h.Origins[field].Origin {
	case "edited":
		return "user"
	case "declared":
		return "lock"
	}
	return "info"
}
