package web

import (
	"math"
	"net/http"
	"time"

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

// gallerySteps are made-up figures with a stretch of which nothing is known.
func gallerySteps() ui.Steps {
	from := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	s := ui.Steps{
		Name: "Sample figures: rising by steps, unknown for two days", Until: from.AddDate(0, 0, 14), Format: func(v float64) string { return short(int64(v)) },
		When: func(at time.Time) string { return at.Format("2 Jan") }, Marks: []time.Time{from, from.AddDate(0, 0, 3), from.AddDate(0, 0, 10)},
	}
	for i, v := range []float64{12_000, 12_900, math.NaN(), 14_100, 13_700} {
		s.Data = append(s.Data, ui.Step{At: from.AddDate(0, 0, []int{0, 3, 6, 8, 11}[i]), Value: v})
	}
	return s
}

func galleryCode() ui.Code {
	return ui.Code{
		ID: "gallery-sql", Name: "a sample of SQL", Lang: "sql",
		Text: "SELECT carrier, count(*) AS flights -- one row per airline\nFROM {{ ref('flights') }}\nWHERE dep_delay > 15 AND origin <> 'it''s <b>'\nGROUP BY carrier",
	}
}

func galleryFacet() []ui.FacetValue {
	return []ui.FacetValue{
		{Value: "table", Label: "Table", Count: "86", Checked: true},
		{Value: "view", Label: "View", Count: "12"},
		{Value: "topic", Label: "Topic", Count: "0", Zero: true},
	}
}
