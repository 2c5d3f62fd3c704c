package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/fault"
)

// postRegistered changes what of a registered dataset is changed as a whole: do is look or save for its columns, rename, remove
// or restore.
func (s *Server) postRegistered(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	p, err := s.registered(c)
	if err != nil {
		return err
	}
	ctx, act, key := c.Request().Context(), s.act(c, form.Get("reason")), p.Dataset.Key()
	switch form.Get("do") {
	case "look", "save":
		return s.saveColumns(c, p, form)
	case "rename":
		p.Name = strings.TrimSpace(form.Get("name"))
		to, err := s.Catalog.Rename(ctx, act, key, p.Name)
		if err != nil {
			return s.registeredRefused(c, p, "name", err)
		}
		return c.Redirect(http.StatusSeeOther, datasetURL(to, ""))
	case "remove":
		if form.Get("sure") != "yes" {
			return s.registeredRefused(c, p, "sure", fault.Invalidf("sure", "tick the box: people will find it no longer"))
		}
		if err := s.Catalog.Remove(ctx, act, key); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, registeredURL(key.Name))
	case "restore":
		if err := s.Catalog.Restore(ctx, act, key); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, datasetURL(key, ""))
	}
	return fault.Invalidf("do", "there is nothing of this name to do")
}

func (s *Server) saveColumns(c echo.Context, p registeredPage, form url.Values) error {
	held := p.Text
	p.Text, p.Looked = form.Get("columns"), true
	base, err := strconv.ParseInt(form.Get("base"), 10, 64)
	if err != nil {
		return fault.Invalidf("base", "the form does not say what it was made from")
	}
	p.Base = base
	if p.Columns, _, err = catalog.ReadColumns(p.Text); err != nil {
		return s.registeredRefused(c, p, "columns", err)
	}
	if form.Get("do") == "look" {
		return s.showRegistered(c, http.StatusOK, p)
	}
	err = s.Catalog.SetColumns(c.Request().Context(), s.act(c, form.Get("reason")), p.Dataset.Key(), p.Columns, base)
	if conflict, ok := errors.AsType[*catalog.EditConflict](err); ok {
		p.Theirs, p.By, p.Base = held, conflict.By, conflict.EditID
		return s.showRegistered(c, http.StatusConflict, p)
	}
	if err != nil {
		return s.registeredRefused(c, p, "columns", err)
	}
	return c.Redirect(http.StatusSeeOther, datasetURL(p.Dataset.Key(), "columns"))
}

// registeredRefused shows the page again with what is wrong at the field.
func (s *Server) registeredRefused(c echo.Context, p registeredPage, field string, err error) error {
	f := failureOf(err)
	if f.status != http.StatusUnprocessableEntity && f.status != http.StatusConflict {
		return err
	}
	p.Field, p.Problem = field, f.detail
	return s.showRegistered(c, f.status, p)
}
