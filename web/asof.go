package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/fault"
)

// asOf is the parameter that asks for a dataset as it was: a day, whose end counts, or a moment, UTC where it does not say.
const asOf = "as_of"

// momentOf returns the time that an address asks for.
func momentOf(text string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t.AddDate(0, 0, 1).Add(-time.Microsecond), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, strings.ReplaceAll(text, " ", "+")); err == nil { // a plus in an address is a space
			return t, nil
		}
	}
	return time.Time{}, fault.Invalidf("/query/"+asOf, "a time is written like 2026-11-20 or 2026-11-20T14:30:00Z")
}

// asOfURL is the address of a dataset's page as it was.
func asOfURL(key catalog.Key, at time.Time) string {
	return datasetURL(key, "") + "?" + formQuery(asOf, at.UTC().Format(time.RFC3339Nano))
}

// getDatasetAsOf shows a dataset as it was at the time that the address asks for.
func (s *Server) getDatasetAsOf(c echo.Context, h *datasetHead) error {
	at, err := momentOf(c.QueryParam(asOf))
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	past, err := s.Catalog.AsOf(ctx, &h.Whole, at)
	if err != nil {
		return err
	}
	h.Past, h.Whole, h.Profile, h.Snapshots = &past, past.Whole, nil, nil
	for field, o := range h.Origins { // where values come from now says nothing of then
		if o.At.After(at) {
			delete(h.Origins, field)
		}
	}
	if h.OwnerNames, err = s.ownerNames(ctx, h.Owners); err != nil {
		return err
	}
	return render(c, http.StatusOK, datasetPast(s.datasetShell(c, h), h))
}

// pastShown is how many columns the page of a dataset as it was shows.
const pastShown = 1000
