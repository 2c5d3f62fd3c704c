package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/web/ui"
)

// maxApply is how long a plan may take to be carried out. It goes on when who asked goes away.
const maxApply = 50 * time.Second

func (s *Server) getPlan(c echo.Context) error {
	p, err := s.plan(c)
	if err != nil {
		return err
	}
	return s.showPlan(c, http.StatusOK, p)
}

// showPlan looks at the plan as things are now, unless it is done or under way, and shows it.
func (s *Server) showPlan(c echo.Context, status int, p planPage) error {
	if p.Plan.AppliedAt == nil && p.Plan.BeganAt == nil {
		var err error
		if p.Preview, err = s.Catalog.Preview(c.Request().Context(), principal(c), &p.Plan, p.Page*planShown, planShown); err != nil {
			return err
		}
	}
	sh := s.shell(c, sectionData, "Edit "+p.Plan.Title, crumb{"Data", "/data"}, crumb{Text: "Edit many"})
	return render(c, status, planView(sh, p), planState)
}

// postPlan does what a button of the plan's page says: apply, others or undo.
func (s *Server) postPlan(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	p, err := s.plan(c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), maxApply)
	defer cancel()
	switch form.Get("do") {
	case "apply":
		seen, e := strconv.ParseInt(form.Get("seen"), 10, 64)
		if e != nil {
			return fault.Invalidf("seen", "the form does not say what was looked at")
		}
		err = s.Catalog.ApplyPlan(ctx, s.act(c, ""), p.Plan.ID, seen)
	case "others":
		return s.planOthers(c, p)
	case "undo":
		var left int
		if _, left, err = s.Catalog.UndoPlan(ctx, s.act(c, "undo of "+p.Plan.Title), p.Plan.ID); err == nil && left > 0 {
			return c.Redirect(http.StatusSeeOther, planURL(p.Plan.ID)+"?left="+strconv.Itoa(left))
		}
	default:
		return fault.Invalidf("do", "there is nothing of this name to do")
	}
	if err == nil {
		return c.Redirect(http.StatusSeeOther, planURL(p.Plan.ID))
	}
	return s.planRefused(c, p, err)
}

// planRefused shows the plan as things are now, and why it was not carried out.
func (s *Server) planRefused(c echo.Context, p planPage, err error) error {
	f := failureOf(err)
	if f.internal || f.status == http.StatusServiceUnavailable {
		return err
	}
	p.Problem = f.detail
	if conflict, ok := errors.AsType[*catalog.EditConflict](err); ok {
		p.Problem = "The " + editedField(conflict.Field) + " of " + conflict.Key.String() + " was changed by " + conflict.By + " after this was looked at. What would change now stands below."
	}
	if p.Plan, err = s.Catalog.Plan(c.Request().Context(), principal(c), p.Plan.ID); err != nil {
		return err
	}
	return s.showPlan(c, f.status, p)
}

// planOthers makes a plan without the datasets that are not theirs to change who made this one.
func (s *Server) planOthers(c echo.Context, p planPage) error {
	ctx := c.Request().Context()
	preview, err := s.Catalog.Preview(ctx, principal(c), &p.Plan, 0, 0)
	if err != nil {
		return err
	}
	id, err := s.Catalog.MakePlan(ctx, principal(c), p.Plan.Without(preview.Refused))
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, planURL(id))
}

// editedField is how a page writes a field.
func editedField(field string) string {
	if path, ok := catalog.ColumnOf(field); ok {
		return "words on " + path
	}
	if word, ok := map[string]string{"fresh_within": "freshness", "sunset": "sunset day"}[field]; ok {
		return word
	}
	return field
}

// ready reports whether the plan can be carried out as it is.
func (p planPage) ready() bool {
	return len(p.Preview.Problems) == 0 && len(p.Preview.Refused) == 0 && p.Preview.Changed > 0
}

// sentence says what the plan would do, or did.
func (p planPage) Sentence() string {
	switch {
	case p.Plan.UndoneAt != nil:
		return "It was carried out and taken back."
	case p.Plan.AppliedAt != nil:
		return plural(p.Plan.Changed, "dataset was", "datasets were") + " changed."
	case p.Plan.BeganAt != nil:
		return "It is being carried out."
	case p.Preview.Changed == 0 && len(p.Preview.Refused)+len(p.Preview.Problems) == 0:
		return "Nothing would change: all of it is so already."
	}
	text := plural(p.Preview.Changed, "dataset", "datasets") + " would change"
	if p.Preview.Unchanged > 0 {
		text += ", " + number(int64(p.Preview.Unchanged)) + " would stay as they are"
	}
	return text + ". Nothing has been changed yet."
}

func (p planPage) pager() ui.Pager {
	first := p.Page * planShown
	last := first + len(p.Preview.Changes)
	pager := ui.Pager{Summary: number(int64(first+1)) + "–" + number(int64(last)) + " of " + plural(p.Preview.Total, "change", "changes")}
	at := planURL(p.Plan.ID) + "?page="
	if p.Page > 0 {
		pager.Previous = at + strconv.Itoa(p.Page-1)
	}
	if last < p.Preview.Total {
		pager.Next = at + strconv.Itoa(p.Page+1)
	}
	return pager
}
