package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/web/ui"
)

// sectionRequests is the section of asking for access and deciding.
const sectionRequests = "requests"

// requestRoutes returns the routes of asking for access and deciding.
func (s *Server) requestRoutes() []route {
	view, own := needs(access.Viewer), needs(access.Owner)
	return []route{
		{http.MethodGet, datasetRoute + "/access", view, s.getDatasetAccess},
		{http.MethodPost, datasetRoute + "/access", view, s.postDatasetAccess},
		{http.MethodGet, "/requests", view, s.getRequests},
		{http.MethodGet, "/requests/:id", view, s.getRequest},
		{http.MethodPost, "/requests/:id/approve", own, s.postRequestApprove},
		{http.MethodPost, "/requests/:id/deny", own, s.postRequestDeny},
		{http.MethodPost, "/requests/:id/withdraw", view, s.postRequestWithdraw},
		{http.MethodPost, "/requests/:id/opened", view.forReaders(), s.postRequestOpened},
		{http.MethodPost, "/grants/:id/revoke", view, s.postGrantRevoke},
	}
}

func requestURL(id int64) string { return "/requests/" + strconv.FormatInt(id, 10) }

func grantURL(id int64) string { return "/grants/" + strconv.FormatInt(id, 10) }

func isoDay(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// requestsPage is what a person asked for, was granted, and is asked.
type requestsPage struct {
	View    string // waiting, asked or have
	Decides bool   // who asks may decide on requests at all
	Waiting []access.Request
	Asked   []access.Request
	Have    []access.Grant
	Now     time.Time
}

const requestsShown = 500

func (s *Server) getRequests(c echo.Context) error {
	ctx, who := c.Request().Context(), principal(c)
	p := requestsPage{View: c.QueryParam("view"), Decides: who.Role.Includes(access.Owner), Now: s.Now()}
	var err error
	if p.Waiting, err = s.waiting(ctx, who); err != nil {
		return err
	}
	if p.Asked, err = s.Access.RequestsOf(ctx, who.ID, requestsShown); err != nil {
		return err
	}
	if p.Have, err = s.Access.GrantsOf(ctx, who.ID, requestsShown); err != nil {
		return err
	}
	if !slices.Contains([]string{"waiting", "asked", "have"}, p.View) || p.View == "waiting" && !p.Decides {
		p.View = "asked"
		if len(p.Waiting) > 0 {
			p.View = "waiting"
		}
	}
	return render(c, http.StatusOK, requestsView(s.shell(c, sectionRequests, "Requests", crumb{Text: "Requests"}), p))
}

// waiting returns the requests that who may decide on, oldest first.
func (s *Server) waiting(ctx context.Context, who access.Principal) ([]access.Request, error) {
	if !who.Role.Includes(access.Owner) {
		return nil, nil
	}
	all, err := s.Access.PendingRequests(ctx, requestsShown)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	ids := make([]int64, len(all))
	for i := range all {
		ids[i] = all[i].DatasetID
	}
	subjects, err := s.Catalog.Subjects(ctx, ids)
	return slices.DeleteFunc(all, func(r access.Request) bool {
		d, known := subjects[r.DatasetID]
		return !known || r.PersonID == who.ID || !who.Owns(d)
	}), err
}

// waitsFor reports whether a request of who asks waits for an answer on that dataset.
func (p requestsPage) waitsFor(dataset int64) bool {
	return slices.ContainsFunc(p.Asked, func(r access.Request) bool { return r.DatasetID == dataset && r.State == access.Pending })
}

func (p requestsPage) tabs() []ui.Link {
	live := 0
	for i := range p.Have {
		if p.Have[i].Live {
			live++
		}
	}
	links := []ui.Link{
		{Text: "I asked", URL: "/requests?view=asked", Count: number(int64(len(p.Asked))), Current: p.View == "asked"},
		{Text: "I have", URL: "/requests?view=have", Count: number(int64(live)), Current: p.View == "have"},
	}
	if p.Decides {
		first := ui.Link{Text: "Waiting for me", URL: "/requests?view=waiting", Count: number(int64(len(p.Waiting))), Current: p.View == "waiting"}
		links = append([]ui.Link{first}, links...)
	}
	return links
}

// requestPage is one request with what it takes to decide on it.
type requestPage struct {
	access.Request
	Own       bool // who asks made it
	Decides   bool // who asks may decide on it
	Tags      []string
	Columns   []catalog.WholeColumn // that they would see
	Approvers []access.Approver
	Before    []access.Request // of the same person for the same dataset
	Grant     *access.Grant    // what came of it
	Form      decideForm
	Now       time.Time
}

// Key names the dataset.
func (p *requestPage) Key() catalog.Key {
	return catalog.Key{Source: p.Source, Name: p.Dataset}
}

// decideForm is the form of a decision as it was filled in.
type decideForm struct {
	Until   string
	Some    bool // only Columns of those that were asked for
	Columns []string
	Reason  string
	Problem map[string]string // by field
}

func (s *Server) getRequest(c echo.Context) error {
	p, err := s.requestPage(c)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, requestView(s.requestShell(c, p), p))
}

func (s *Server) requestShell(c echo.Context, p *requestPage) shell {
	name := "Request " + strconv.FormatInt(p.ID, 10)
	return s.shell(c, sectionRequests, name, crumb{"Requests", "/requests"}, crumb{Text: name})
}

// heading says who asks for what.
func (p *requestPage) heading() string {
	return p.Person + " asks for " + wish(&p.Request) + " " + cut(p.Source+"/"+p.Dataset, 120)
}

// requestPage loads the request that the path names for who made it or may decide on it; to others there is none.
func (s *Server) requestPage(c echo.Context) (*requestPage, error) {
	ctx, who := c.Request().Context(), principal(c)
	r, d, err := s.shownRequest(c)
	if err != nil {
		return nil, err
	}
	p := &requestPage{Request: r, Own: r.PersonID == who.ID, Now: s.Now()}
	p.Decides = !p.Own && r.State == access.Pending
	p.Form = decideForm{Until: isoDay(r.Until), Problem: map[string]string{}}
	_, w, err := s.whole(ctx, p.Key())
	if err != nil {
		return nil, err
	}
	p.Tags = sensitive(w.Tags)
	columns, err := s.Catalog.WholeColumns(ctx, &w, 10*picksShown)
	if err != nil {
		return nil, err
	}
	for _, col := range columns {
		if col.Depth() == 0 && (r.Columns == nil || slices.Contains(r.Columns, col.Leaf())) {
			p.Columns = append(p.Columns, col)
		}
	}
	if p.Approvers, err = s.Access.Approvers(ctx, d, r.PersonID); err != nil {
		return nil, err
	}
	return p, s.fillRequest(ctx, p)
}

// fillRequest adds what went before the request, and what came of it.
func (s *Server) fillRequest(ctx context.Context, p *requestPage) error {
	before, err := s.Access.RequestsOf(ctx, p.PersonID, accessShown)
	if err != nil {
		return err
	}
	p.Before = slices.DeleteFunc(before, func(r access.Request) bool { return r.ID == p.ID || r.DatasetID != p.DatasetID })
	if p.GrantID == nil {
		return nil
	}
	g, err := s.Access.Grant(ctx, *p.GrantID)
	p.Grant = &g
	return err
}

// shownRequest is requestAndSubject for who made the request or may decide on it; to others there is none.
func (s *Server) shownRequest(c echo.Context) (access.Request, access.Subject, error) {
	who := principal(c)
	r, d, err := s.requestAndSubject(c)
	if err == nil && r.PersonID != who.ID && !who.Owns(d) {
		err = fault.NotFoundf("there is no such request")
	}
	return r, d, err
}

// requestAndSubject returns the request that the path names and what decides about it.
func (s *Server) requestAndSubject(c echo.Context) (access.Request, access.Subject, error) {
	id, err := idOf(c, "request")
	if err != nil {
		return access.Request{}, access.Subject{}, err
	}
	return s.requestOn(c.Request().Context(), id)
}

func (s *Server) requestOn(ctx context.Context, id int64) (access.Request, access.Subject, error) {
	r, err := s.Access.Request(ctx, id)
	if err != nil {
		return r, access.Subject{}, err
	}
	subjects, err := s.Catalog.Subjects(ctx, []int64{r.DatasetID})
	return r, subjects[r.DatasetID], err
}

func (s *Server) postRequestApprove(c echo.Context) error {
	return s.decided(c, func(ctx context.Context, act access.Act, d access.Subject, r *access.Request, f decideForm) error {
		a, err := f.approval(r)
		if err == nil {
			_, err = s.Access.Approve(ctx, act, d, r.ID, a)
		}
		return err
	})
}

func (s *Server) postRequestDeny(c echo.Context) error {
	return s.decided(c, func(ctx context.Context, act access.Act, d access.Subject, r *access.Request, _ decideForm) error {
		return s.Access.Deny(ctx, act, d, r.ID)
	})
}

// approval returns what the form grants of r. A form that leaves the end and the columns as they were asked for grants just that.
func (f *decideForm) approval(r *access.Request) (a access.Approval, err error) {
	if f.Until != "" && f.Until != isoDay(r.Until) {
		if a.Until, err = lastDay(f.Until); err != nil {
			return a, err
		}
	}
	if f.Some {
		a.Columns = append([]string{}, f.Columns...)
	}
	return a, nil
}

// decided runs do on the request with the form that was sent, and shows the request: with what is wrong, or as it is then.
func (s *Server) decided(c echo.Context, do func(context.Context, access.Act, access.Subject, *access.Request, decideForm) error) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	r, d, err := s.requestAndSubject(c)
	if err != nil {
		return err
	}
	f := newDecideForm(form)
	err = do(c.Request().Context(), s.act(c, f.Reason), d, &r, f)
	if err == nil {
		return c.Redirect(http.StatusSeeOther, requestURL(r.ID))
	}
	if fault.KindOf(err) != fault.Invalid {
		return err
	}
	p, pageErr := s.requestPage(c)
	if pageErr != nil {
		return pageErr
	}
	f.Problem[failureOf(err).field] = failureOf(err).detail
	p.Form = f
	return render(c, http.StatusUnprocessableEntity, requestView(s.requestShell(c, p), p))
}

func newDecideForm(form url.Values) decideForm {
	f := decideForm{Until: form.Get("until"), Reason: form.Get("reason"), Problem: map[string]string{}}
	f.Some, f.Columns = form.Get("which") == "some", form["column"]
	return f
}

func (s *Server) postRequestWithdraw(c echo.Context) error {
	id, err := idOf(c, "request")
	if err == nil {
		err = s.Access.Withdraw(c.Request().Context(), s.act(c, ""), id)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, requestURL(id))
}

// postRequestOpened marks as read what who asks was told of the request, which they have opened. The page's script sends it.
func (s *Server) postRequestOpened(c echo.Context) error {
	r, _, err := s.shownRequest(c)
	if err != nil {
		return err
	}
	if err := s.Notify.MarkPathSeen(c.Request().Context(), principal(c).ID, requestURL(r.ID)); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func keyOfGrant(g *access.Grant) catalog.Key {
	return catalog.Key{Source: g.Source, Name: g.Dataset}
}
