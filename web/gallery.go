package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"portreeve/web/ui"
)

// getGallery shows every component with its states. It is part of the demo only.
func (s *Server) getGallery(c echo.Context) error {
	return render(c, http.StatusOK, galleryView(s.shell(c, sectionUI, "Components", crumb{Text: "Components"})))
}

// galleryColumns are made-up figures for the gallery's chart; the page says so.
func galleryColumns() ui.Columns {
	c := ui.Columns{
		Name: "Sample figures: eight columns, one of them empty, the last one partial", Head: "Day", Unit: "Rows",
		Format: func(v float64) string { return short(int64(v)) },
	}
	for i, v := range []int64{820, 790, 0, 910, 1320, 640, 702, 310} {
		c.Data = append(c.Data, ui.Column{Label: number(int64(i+1)) + " Nov", Value: float64(v), Text: number(v), Part: i == 7})
	}
	return c
}

func galleryFacet() []ui.FacetValue {
	return []ui.FacetValue{
		{Value: "table", Label: "Table", Count: "86", Checked: true},
		{Value: "view", Label: "View", Count: "12"},
		{Value: "topic", Label: "Topic", Count: "0", Zero: true},
	}
}
