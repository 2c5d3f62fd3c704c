package web

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
)

// The parameters by which a page learns what was just done on it: ids of edits, commas between.
const (
	savedEdits  = "saved"
	undoneEdits = "back"  // edits that took others back
	staleEdits  = "stale" // edits that could not be taken back, since somebody edited the same again
)

// savedShown is how many edits the page that follows them names.
const savedShown = 20

// saved leads to a tab of the dataset's page, which says by the parameter what was edited since the edits in before.
func (s *Server) saved(c echo.Context, h *datasetHead, tab, parameter string, edits []catalog.Edit, before map[string]int64) error {
	newest, err := s.Catalog.NewestEdits(c.Request().Context(), h.ID)
	if err != nil {
		return err
	}
	fields := map[string]bool{}
	for _, e := range edits {
		fields[e.Field] = true
		if e.Field == catalog.FieldDeprecated {
			fields[catalog.FieldCertified] = true // what is deprecated is no longer certified
		}
	}
	ids := []int64{}
	for field := range fields {
		if id := newest[field]; id > before[field] {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return c.Redirect(http.StatusSeeOther, datasetURL(h.Key(), tab)+"?"+formQuery(parameter, idsText(ids)))
}

// idsText writes ids for an address; none are 0.
func idsText(ids []int64) string {
	if len(ids) == 0 {
		return "0"
	}
	var texts []string
	for _, id := range ids[:min(len(ids), savedShown)] {
		texts = append(texts, catalog.FormatID(id))
	}
	return strings.Join(texts, ",")
}

// idsOf reads what idsText wrote.
func idsOf(text string) []int64 {
	var ids []int64
	for part := range strings.SplitSeq(text, ",") {
		if id, err := strconv.ParseInt(part, 10, 64); err == nil && id > 0 && len(ids) < savedShown {
			ids = append(ids, id)
		}
	}
	return ids
}

// postDatasetUndo takes edits of the dataset back, at once. Where one of them is no longer the newest of its field, none is, and
// the page says who edited the field since.
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
	tab := ""
	if values.Get("tab") == "history" {
		tab = "history"
	}
	ids := idsOf(strings.Join(values["edit"], ","))
	var edits []catalog.Edit
	for _, id := range ids {
		edits = append(edits, catalog.Edit{Field: of[id]})
	}
	stale := slices.ContainsFunc(ids, func(id int64) bool { return of[id] == "" })
	if !stale && len(ids) > 0 {
		_, err = s.Catalog.Undo(ctx, s.act(c, values.Get("reason")), ids...)
		conflict := (*catalog.EditConflict)(nil)
		if stale = errors.As(err, &conflict); !stale && err != nil {
			return err
		}
	}
	if stale {
		return c.Redirect(http.StatusSeeOther, datasetURL(h.Key(), tab)+"?"+url.Values{staleEdits: {idsText(ids)}}.Encode())
	}
	parameter := undoneEdits
	if values.Get("redo") != "" {
		parameter = savedEdits
	}
	return s.saved(c, h, tab, parameter, edits, newest)
}
