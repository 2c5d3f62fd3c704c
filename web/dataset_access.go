package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// right returns what who asks may read of the rows of w.
func (s *Server) right(ctx context.Context, w *catalog.Whole) (access.Right, error) {
	return s.Access.Right(ctx, requestIn(ctx).principal, w.Subject())
}

// onlyReadable takes out of a profile what r does not reach. What the profile could not do may quote a value.
func onlyReadable(p *catalog.Profile, r access.Right) {
	p.Columns = slices.DeleteFunc(p.Columns, func(c catalog.ColumnProfile) bool { return !r.Reads(c.Name) })
	if !r.Allowed || r.Columns != nil {
		p.Problem = ""
	}
}

// readableSample is sample without the columns that r does not reach, whatever the engine read.
func readableSample(sample catalog.Sample, r access.Right) catalog.Sample {
	if r.Allowed && r.Columns == nil {
		return sample
	}
	out := catalog.Sample{Key: sample.Key, SnapshotID: sample.SnapshotID, Cut: sample.Cut}
	var kept []int
	for i, c := range sample.Columns {
		if r.Reads(c.Name) {
			kept, out.Columns = append(kept, i), append(out.Columns, c)
		}
	}
	for _, row := range sample.Rows {
		values := make([]*string, 0, len(kept))
		for _, i := range kept {
			if i < len(row) {
				values = append(values, row[i])
			}
		}
		if len(kept) > 0 {
			out.Rows = append(out.Rows, values)
		}
	}
	return out
}

// barred says that rows and values of a dataset are not for who asks, and what to do.
func barred(k catalog.Key) error {
	return fault.Forbiddenf("rows and values of %s are restricted: ask for access at %s", k, datasetURL(k, "access"))
}

// readableDataset returns the dataset that an address names and what who asks may read of its rows, which is something.
func (s *Server) readableDataset(ctx context.Context, in DatasetPath) (catalog.Dataset, access.Right, error) {
	d, w, err := s.whole(ctx, catalog.Key{Source: in.Source, Name: in.Name})
	if err != nil {
		return d, access.Right{}, err
	}
	right, err := s.right(ctx, &w)
	if err == nil && !right.Allowed {
		err = barred(w.Key())
	}
	return d, right, err
}

// valued reports whether the page has room for values: there are some, and who asks may read them.
func (h *datasetHead) valued() bool { return h.samplable() && h.Right.Allowed }

// restricted reports whether not everyone may read its rows.
func (h *datasetHead) restricted() bool { return h.Subject().Restricted }

// accessPage is the page on who may read a dataset's rows.
type accessPage struct {
	Who      access.Principal
	Columns  []catalog.WholeColumn // at the top
	Deciders []access.Approver
	Mine     []access.Request // of who asks for this dataset, newest first
	Held     []access.Grant   // by who asks
	Decides  bool             // who asks decides who else reads it; then the two below are filled in
	Asked    []access.Request
	Grants   []access.Grant
	More     bool // who asks wants to ask for more than they have
	Form     askForm
	Revoke   revokeForm
}

// revokeForm is what the page shows of a refused try to end a grant.
type revokeForm struct {
	Grant   int64
	Problem string
}

const (
	accessShown = 200 // requests and grants on a page
	picksShown  = 500 // columns to choose from
)

func (s *Server) getDatasetAccess(c echo.Context) error {
	h, err := s.datasetHead(c, "access")
	if h == nil {
		return err
	}
	p, err := s.accessPage(c.Request().Context(), h)
	if err != nil {
		return err
	}
	p.Form, p.More = askForm{For: "90"}, c.QueryParam("more") != ""
	if id, err := strconv.ParseInt(c.QueryParam("extend"), 10, 64); err == nil {
		p.extend(id, h.Now)
	}
	return render(c, http.StatusOK, datasetAccessView(s.accessShell(c, h), h, p))
}

func (s *Server) accessShell(c echo.Context, h *datasetHead) shell {
	sh := s.datasetShell(c, h)
	sh.Title = "Access to " + h.Key().String()
	sh.Crumbs[len(sh.Crumbs)-1].URL = datasetURL(h.Key(), "")
	sh.Crumbs = append(sh.Crumbs, crumb{Text: "Access"})
	return sh
}

func (s *Server) accessPage(ctx context.Context, h *datasetHead) (p accessPage, err error) {
	p.Who = requestIn(ctx).principal
	d := h.Subject()
	columns, err := s.Catalog.WholeColumns(ctx, &h.Whole, 10*picksShown)
	if err != nil {
		return p, err
	}
	p.Columns = slices.DeleteFunc(columns, func(c catalog.WholeColumn) bool { return c.Depth() > 0 })
	if p.Deciders, err = s.Access.Approvers(ctx, d, 0); err != nil {
		return p, err
	}
	mine, err := s.Access.RequestsOf(ctx, p.Who.ID, accessShown)
	if err != nil {
		return p, err
	}
	p.Mine = slices.DeleteFunc(mine, func(r access.Request) bool { return r.DatasetID != h.ID })
	held, err := s.Access.GrantsOf(ctx, p.Who.ID, accessShown)
	if err != nil {
		return p, err
	}
	p.Held = slices.DeleteFunc(held, func(g access.Grant) bool { return g.DatasetID != h.ID || !g.Live })
	if p.Decides = p.Who.Owns(d); !p.Decides {
		return p, nil
	}
	if p.Asked, err = s.Access.RequestsOn(ctx, h.ID, accessShown); err != nil {
		return p, err
	}
	p.Grants, err = s.Access.GrantsOn(ctx, h.ID, accessShown)
	return p, err
}

// pending is the request of who asks that waits for an answer, or nil.
func (p *accessPage) pending() *access.Request {
	for i := range p.Mine {
		if p.Mine[i].State == access.Pending {
			return &p.Mine[i]
		}
	}
	return nil
}

// extend makes the form ask for more time on a grant that who asks holds.
func (p *accessPage) extend(id int64, now time.Time) {
	g := p.extended(id)
	if g == nil {
		return
	}
	p.Form.Extends, p.Form.Purpose, p.Form.Columns, p.Form.Some = id, g.Purpose, g.Columns, g.Columns != nil
	if later := p.terms(now); len(later) == 0 {
		p.Form.For = "date"
	} else if !slices.Contains(later, p.Form.For) {
		p.Form.For = later[0]
	}
}

// extended is the grant that the form asks to extend, or nil.
func (p *accessPage) extended(id int64) *access.Grant {
	for i := range p.Held {
		if p.Held[i].ID == id {
			return &p.Held[i]
		}
	}
	return nil
}

// mayAsk reports whether there is something to ask for.
func (p *accessPage) mayAsk(h *datasetHead) bool {
	all := h.Right.Allowed && h.Right.Columns == nil
	return h.restricted() && h.GoneAt == nil && p.pending() == nil && (!all || p.Form.Extends != 0)
}

// asks reports whether the form stands on the page: who has a grant already is shown that first, and the form when they want it.
func (p *accessPage) asks(h *datasetHead) bool {
	return p.mayAsk(h) && (len(p.Held) == 0 || p.More || p.Form.Extends != 0 || len(p.Form.Problem) > 0)
}

// sentence says what who asks may read, and by what.
func (p *accessPage) sentence(h *datasetHead) string {
	switch {
	case !h.restricted():
		return "Everyone who is signed in may read its rows. There is nothing to ask for."
	case h.Right.Why == "own":
		return "You may read it: " + tieOfYours(p.Who.Tie(h.Subject()), h) + "."
	case h.Right.Allowed && h.Right.Columns != nil:
		return "You may read " + plural(len(h.Right.Columns), "column", "columns") + " of it until " + stamp(*h.Right.Until) + "."
	case h.Right.Allowed:
		return "You may read it until " + stamp(*h.Right.Until) + "."
	}
	return "Its rows and values are restricted. What it is, its columns and its history are open to everyone signed in."
}

// tieOfYours says what makes a dataset one's own.
func tieOfYours(tie access.Tie, h *datasetHead) string {
	switch tie {
	case access.ByOwner:
		return "you are one of its owners"
	case access.ByTeam:
		return "it belongs to your team " + h.Team
	case access.BySteward:
		return "you are a steward of its domain " + h.Domain
	case access.ByAdmin:
	}
	return "you are an admin"
}

func (s *Server) postDatasetAccess(c echo.Context) error {
	h, err := s.datasetHead(c, "access")
	if h == nil {
		return err
	}
	form, err := posted(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	p, err := s.accessPage(ctx, h)
	if err != nil {
		return err
	}
	p.Form = newAskForm(form)
	ask, err := p.Form.ask(s.Now(), p.Columns)
	if err == nil {
		var id int64
		if id, err = s.Access.Ask(ctx, s.act(c, ""), h.Subject(), ask); err == nil {
			return c.Redirect(http.StatusSeeOther, requestURL(id))
		}
	}
	if fault.KindOf(err) != fault.Invalid {
		return err
	}
	p.Form.Problem[failureOf(err).field] = failureOf(err).detail
	return render(c, http.StatusUnprocessableEntity, datasetAccessView(s.accessShell(c, h), h, p))
}

// postGrantRevoke ends a grant: its holder gives it back, or those whose dataset it is take it, and say why.
func (s *Server) postGrantRevoke(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	ctx, act := c.Request().Context(), s.act(c, form.Get("reason"))
	id, err := idOf(c, "grant")
	if err != nil {
		return err
	}
	g, d, err := s.grantAndSubject(ctx, id)
	if err == nil {
		err = s.Access.Revoke(ctx, act, d, id)
	}
	switch {
	case fault.KindOf(err) == fault.Invalid:
		return s.revokeAgain(c, &g, err)
	case err != nil:
		return err
	case g.PersonID == act.Who.ID:
		return c.Redirect(http.StatusSeeOther, "/requests?view=have")
	}
	return c.Redirect(http.StatusSeeOther, datasetURL(catalog.Key{Source: g.Source, Name: g.Dataset}, "access")+"#granted")
}

// revokeAgain shows the page on which the grant stands, with what was wrong.
func (s *Server) revokeAgain(c echo.Context, g *access.Grant, problem error) error {
	ctx := c.Request().Context()
	_, w, err := s.whole(ctx, catalog.Key{Source: g.Source, Name: g.Dataset})
	if err != nil {
		return err
	}
	h := &datasetHead{Whole: w, Tab: "access", Now: s.Now()}
	if err := s.fillHead(ctx, h); err != nil {
		return err
	}
	p, err := s.accessPage(ctx, h)
	if err != nil {
		return err
	}
	p.Revoke = revokeForm{g.ID, failureOf(problem).detail}
	return render(c, http.StatusUnprocessableEntity, datasetAccessView(s.accessShell(c, h), h, p))
}

// grantAndSubject returns a grant and what decides about it.
func (s *Server) grantAndSubject(ctx context.Context, id int64) (access.Grant, access.Subject, error) {
	g, err := s.Access.Grant(ctx, id)
	if err != nil {
		return g, access.Subject{}, err
	}
	subjects, err := s.Catalog.Subjects(ctx, []int64{g.DatasetID})
	return g, subjects[g.DatasetID], err
}

// idOf reads the id in the path; what is no id is what is missing.
func idOf(c echo.Context, what string) (int64, error) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil || id < 1 {
		return 0, fault.NotFoundf("there is no such %s", what)
	}
	return id, nil
}

// sensitive returns the tags that say that a dataset is about people or secret.
func sensitive(tags []string) []string {
	var found []string
	for _, tag := range tags {
		low := strings.ToLower(tag)
		for _, word := range []string{"pii", "gdpr", "personal", "sensitive", "confidential", "secret", "hipaa", "pci"} {
			if strings.Contains(low, word) && !slices.Contains(found, tag) {
				found = append(found, tag)
			}
		}
	}
	return found
}
