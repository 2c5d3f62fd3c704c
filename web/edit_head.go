package web

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
)

// headEdits is what the head of a dataset's page shows of what people say of it.
type headEdits struct {
	OwnerNames    map[int64]access.Colleague // by id
	Announcements []catalog.Announcement     // that hold now
	Origins       map[string]catalog.Origin  // by field
	Editable      bool                       // who asks may edit it
	Takers        []string                   // the teams for which who asks may take it, where nobody owns it
	Takable       bool                       // who asks may take it
	Past          *catalog.Past              // the page is of another time; nil: of now
	Newest        map[string]int64           // by field: the newest edit, which can be undone
	Saved         []savedEdit                // what they just saved, nil: they come from elsewhere
}

// savedEdit is an edit that its author may undo at once.
type savedEdit struct {
	ID    int64
	Field string
}

// savedEdits is the parameter by which a page learns what was just saved on it: ids of edits, commas between.
const savedEdits = "saved"

// savedShown is how many edits the page that follows them names.
const savedShown = 20

// fillEdits fills in what people say of the dataset, and what who asks may do about it.
func (s *Server) fillEdits(ctx context.Context, c echo.Context, h *datasetHead) (err error) {
	who := principal(c)
	h.Editable = h.MayEdit(who)
	if h.Unowned() && h.Editable {
		h.Takable, h.Takers = true, who.Teams
	}
	if h.OwnerNames, err = s.ownerNames(ctx, h.Owners); err != nil {
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
	if h.Newest, err = s.Catalog.NewestEdits(ctx, h.ID); err == nil && c.QueryParam(savedEdits) != "" {
		h.fillSaved(strings.Split(c.QueryParam(savedEdits), ","))
	}
	return err
}

// fillSaved finds the fields of edits that are still the newest.
func (h *datasetHead) fillSaved(ids []string) {
	h.Saved = []savedEdit{}
	for field, id := range h.Newest {
		if slices.Contains(ids, strconv.FormatInt(id, 10)) {
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

// originOf says where a value comes from that the dataset's own source does not say.
func (h *datasetHead) originOf(field string) string {
	if text := h.editedBy(field); text != "" {
		return text
	}
	return h.fromOf(field)
}

// describedIn says where the description comes from.
func (h *datasetHead) describedIn() string {
	if text := h.editedBy(catalog.FieldDescription); text != "" {
		return upperFirst(text)
	}
	return "Observed in " + h.observedIn("description")
}
