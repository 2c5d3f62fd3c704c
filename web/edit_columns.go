package web

import (
	"context"
	"math"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/web/ui"
)

// columnsEdited is how many columns a page has inputs for.
const columnsEdited = 200

// columnsEditPage is the page on which columns are described.
type columnsEditPage struct {
	editForm
	Columns []catalog.WholeColumn // of this page
	Offset  int
	Total   int
}

// editedColumns returns the page of columns that begins with the offset of the address.
func (s *Server) editedColumns(c echo.Context, h *datasetHead) (columnsEditPage, error) {
	p := columnsEditPage{}
	all, err := s.Catalog.WholeColumns(c.Request().Context(), &h.Whole, math.MaxInt32)
	if err != nil {
		return p, err
	}
	met := map[string]bool{} // key and value of a topic may have a column of the same name, which has the same words
	var columns []catalog.WholeColumn
	for _, col := range all {
		if !met[col.Path] {
			met[col.Path] = true
			columns = append(columns, col)
		}
	}
	p.Total = len(columns)
	if n, err := strconv.Atoi(c.QueryParam("offset")); err == nil {
		p.Offset = min(max(n, 0), p.Total)
	}
	p.Columns = columns[p.Offset:min(p.Total, p.Offset+columnsEdited)]
	return p, nil
}

// newColumnsForm returns the form on the columns of p as it is before anybody types.
func (s *Server) newColumnsForm(ctx context.Context, h *datasetHead, p *columnsEditPage) (editForm, error) {
	f := editForm{now: map[string]string{}}
	for _, col := range p.Columns {
		field := catalog.ColumnField(col.Path)
		f.fields, f.now[field] = append(f.fields, field), col.Comment
	}
	return f, s.begin(ctx, h, &f)
}

func (p *columnsEditPage) pager(h *datasetHead) ui.Pager {
	u := datasetURL(h.Key(), "columns") + "/edit?offset="
	pager := ui.Pager{Summary: number(int64(p.Offset+1)) + "–" + number(int64(p.Offset+len(p.Columns))) + " of " + plural(p.Total, "column", "columns")}
	if p.Offset > 0 {
		pager.Previous = u + strconv.Itoa(max(0, p.Offset-columnsEdited))
	}
	if p.Offset+len(p.Columns) < p.Total {
		pager.Next = u + strconv.Itoa(p.Offset+columnsEdited)
	}
	return pager
}

func (s *Server) getDatasetColumnsEdit(c echo.Context) error {
	h, err := s.editable(c)
	if h == nil {
		return err
	}
	p, err := s.editedColumns(c, h)
	if err != nil {
		return err
	}
	if p.editForm, err = s.newColumnsForm(c.Request().Context(), h, &p); err != nil {
		return err
	}
	return render(c, http.StatusOK, columnsEditView(s.editShell(c, h, "Describe columns"), h, &p))
}

func (s *Server) postDatasetColumnsEdit(c echo.Context) error {
	values, err := posted(c)
	if err != nil {
		return err
	}
	h, err := s.editable(c)
	if h == nil {
		return err
	}
	p, err := s.editedColumns(c, h)
	if err != nil {
		return err
	}
	if p.editForm, err = s.newColumnsForm(c.Request().Context(), h, &p); err != nil {
		return err
	}
	p.fill(values)
	edits, status, err := s.edit(c, h, &p.editForm, func(ctx context.Context, h *datasetHead) (editForm, error) {
		fresh, err := s.editedColumns(c, h)
		if err != nil {
			return editForm{}, err
		}
		p.Columns = fresh.Columns
		return s.newColumnsForm(ctx, h, &p)
	})
	if err != nil {
		return err
	}
	if status != 0 {
		return render(c, status, columnsEditView(s.editShell(c, h, "Describe columns"), h, &p))
	}
	return s.saved(c, h, "columns", savedEdits, edits, p.Newest)
}
