package web

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/web/ui"
)

// planPatience is how long who asked waits for a plan to be carried out, before its page shows how far it is.
const planPatience = 400 * time.Millisecond

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
	} else if p.Plan.AppliedAt != nil {
		var err error
		p.Preview.Changes, p.Preview.Total, err = s.Catalog.PlanChanges(c.Request().Context(), principal(c), &p.Plan, p.Page*planShown, planShown)
		if err != nil {
			return err
		}
	}
	var owners []int64
	for _, x := range p.Preview.Changes {
		if x.Field == catalog.FieldOwners {
			owners = append(owners, idsOf(strings.ReplaceAll(x.Before+","+x.After, " ", ""))...)
		}
	}
	var err error
	if p.OwnerNames, err = s.ownerNames(c.Request().Context(), owners); err != nil {
		return err
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
	act := s.act(c, "")
	switch form.Get("do") {
	case "apply":
		seen, e := strconv.ParseInt(form.Get("seen"), 10, 64)
		if e != nil {
			return fault.Invalidf("seen", "the form does not say what was looked at")
		}
		err = s.carryOut(c, func(ctx context.Context) error { return s.Catalog.ApplyPlan(ctx, act, p.Plan.ID, seen) })
	case "others":
		return s.planOthers(c, p)
	case "undo":
		act.Reason = "undo of " + p.Plan.Title
		err = s.carryOut(c, func(ctx context.Context) error { return s.Catalog.UndoPlan(ctx, act, p.Plan.ID) })
	default:
		return fault.Invalidf("do", "there is nothing of this name to do")
	}
	if err == nil {
		return c.Redirect(http.StatusSeeOther, planURL(p.Plan.ID))
	}
	return s.planRefused(c, p, err)
}

// carryOut does something that goes on when who asked has gone away, or has waited for planPatience; then it returns nil.
func (s *Server) carryOut(c echo.Context, do func(context.Context) error) error {
	ctx, id := context.WithoutCancel(c.Request().Context()), requestOf(c).id
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- fmt.Errorf("panic: %v\n%s", r, debug.Stack())
			}
		}()
		done <- do(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(planPatience):
	}
	go func() {
		if err := <-done; err != nil && fault.KindOf(err) == fault.Internal {
			s.Log.ErrorContext(ctx, "plan not carried out", "request_id", id, "err", err)
		}
	}()
	return nil
}

// planRefused shows the plan as things are now, and why it was not carried out.
func (s *Server) planRefused(c echo.Context, p planPage, err error) error {
	f := failureOf(err)
	if f.internal || f.status == http.StatusServiceUnavailable {
		return err
	}
	if p.Plan, err = s.Catalog.Plan(c.Request().Context(), principal(c), p.Plan.ID); err != nil {
		return err
	}
	if p.Plan.Problem == "" { // it is being carried out by another request, or is done
		p.Plan.Problem = f.detail
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

// text is a value of a field as people read it.
func (p planPage) text(field, value string) string {
	h := datasetHead{headEdits: headEdits{OwnerNames: p.OwnerNames}}
	return h.changedText(catalog.Change{Kind: catalog.AttributeEdited, Field: field}, value)
}

// back is where somebody came from who made the plan.
func (p planPage) back() string {
	if strings.HasPrefix(p.Plan.Back, "/data?") {
		return p.Plan.Back
	}
	return "/data"
}

// columnsOfChanges are the heads of the old and the new values.
func (p planPage) columnsOfChanges() [2]string {
	if p.Plan.AppliedAt != nil {
		return [2]string{"Before", "After"}
	}
	return [2]string{"Now", "Then"}
}

func (p planPage) changesTitle() string {
	if p.Plan.AppliedAt != nil {
		return "What it changed"
	}
	return "What would change"
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
