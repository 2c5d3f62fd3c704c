package web

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/web/ui"
)

// peopleRoutes returns the routes of teams, people, domains and what they own.
func (s *Server) peopleRoutes() []route {
	view, own, keep, admin := needs(access.Viewer), needs(access.Owner), needs(access.Steward), needs(access.Admin)
	return []route{
		{http.MethodGet, "/teams", view, s.getTeams},
		{http.MethodGet, "/teams/new", admin, s.getTeamNew},
		{http.MethodPost, "/teams", admin, s.postTeams},
		{http.MethodGet, "/teams/:slug", view, s.getTeam},
		{http.MethodGet, "/teams/:slug/edit", admin, s.getTeamEdit},
		{http.MethodPost, "/teams/:slug", admin, s.postTeam},
		{http.MethodGet, "/teams/:slug/retire", admin, s.getTeamRetire},
		{http.MethodPost, "/teams/:slug/retire", admin, s.postTeamRetire},
		{http.MethodPost, "/teams/:slug/members", own, s.postTeamMember},
		{http.MethodGet, "/domains", view, s.getDomains},
		{http.MethodGet, "/domains/new", admin, s.getDomainNew},
		{http.MethodPost, "/domains", admin, s.postDomains},
		{http.MethodGet, "/domains/:slug", view, s.getDomain},
		{http.MethodGet, "/domains/:slug/edit", admin, s.getDomainEdit},
		{http.MethodPost, "/domains/:slug", admin, s.postDomain},
		{http.MethodGet, "/domains/:slug/retire", admin, s.getDomainRetire},
		{http.MethodPost, "/domains/:slug/retire", admin, s.postDomainRetire},
		{http.MethodPost, "/domains/:slug/stewards", admin, s.postDomainSteward},
		{http.MethodGet, "/people", view, s.getPeople},
		{http.MethodGet, "/people/:id", view, s.getPerson},
		{http.MethodPost, "/people/:id/role", admin, s.postPersonRole},
		{http.MethodGet, "/people/:id/disable", admin, s.getPersonDisable},
		{http.MethodPost, "/people/:id/disable", admin, s.postPersonDisable},
		{http.MethodPost, "/people/:id/enable", admin, s.postPersonEnable},
		{http.MethodGet, "/ownership", own, s.getOwnership},
		{http.MethodGet, "/ownership.csv", own, s.getOwnershipCSV},
		{http.MethodPost, "/ownership", own, s.postOwnership},
		{http.MethodGet, "/glossary", view, s.getGlossary},
		{http.MethodGet, "/glossary/new", keep, s.getTermNew},
		{http.MethodPost, "/glossary", keep, s.postTerms},
		{http.MethodGet, "/glossary/:slug", view, s.getTerm},
		{http.MethodGet, "/glossary/:slug/edit", keep, s.getTermEdit},
		{http.MethodPost, "/glossary/:slug", keep, s.postTerm},
		{http.MethodPost, "/glossary/:slug/delete", keep, s.postTermDelete},
	}
}

// peoplePageSize is how many teams, people, members or datasets a page of them shows.
const peoplePageSize = 50

func teamURL(slug string) string   { return "/teams/" + url.PathEscape(slug) }
func domainURL(slug string) string { return "/domains/" + url.PathEscape(slug) }
func personURL(id int64) string    { return "/people/" + strconv.FormatInt(id, 10) }
func termURL(slug string) string   { return "/glossary/" + url.PathEscape(slug) }

// listAsked is the part of a list that an address asks for.
type listAsked struct {
	Path   string
	Text   string // to search for
	Offset int
	Keep   url.Values // what else the address says
}

// listAskedOf reads what part of a list an address asks for. What is out of bounds is brought within them. keep are the other
// parameters that its pages keep.
func listAskedOf(c echo.Context, keep ...string) listAsked {
	l := listAsked{Path: c.Request().URL.EscapedPath(), Text: strings.TrimSpace(cut(c.QueryParam("q"), 200)), Keep: url.Values{}}
	for _, name := range keep {
		if v := c.QueryParam(name); v != "" {
			l.Keep.Set(name, v)
		}
	}
	if n, err := strconv.Atoi(c.QueryParam("offset")); err == nil {
		l.Offset = min(max(n, 0), 1_000_000)
	}
	return l
}

// at is the address of the part of the list that begins at offset.
func (l listAsked) at(offset int) string {
	values := url.Values{}
	maps.Copy(values, l.Keep)
	if l.Text != "" {
		values.Set("q", l.Text)
	}
	if offset > 0 {
		values.Set("offset", strconv.Itoa(offset))
	}
	if len(values) == 0 {
		return l.Path
	}
	return l.Path + "?" + values.Encode()
}

// with is the address of the beginning of the list with another value of a parameter; "" takes it away.
func (l listAsked) with(name, value string) string {
	values := url.Values{}
	maps.Copy(values, l.Keep)
	values.Del(name)
	if value != "" {
		values.Set(name, value)
	}
	return listAsked{Path: l.Path, Text: l.Text, Keep: values}.at(0)
}

func (l listAsked) pager(shown, total int, one, many string) ui.Pager {
	return listPager(l.Offset, shown, total, peoplePageSize, one, many, l.at)
}

// formField is a field of a form with what somebody typed.
type formField struct {
	ID       string
	Label    string
	Hint     string
	Value    string
	Problem  string // what is wrong with it, or ""
	Long     bool   // several lines
	Fixed    bool   // it cannot be changed
	Optional bool
	Choices  []choice // it is one of these
}

// choice is a value of a field that has a few.
type choice struct{ Value, Text string }

// mistake is what is wrong with what somebody typed, and in which field.
type mistake struct{ Field, Text string }

// mistakeIn returns what of err its author can mend, or err itself.
func mistakeIn(err error) (mistake, error) {
	kind := fault.KindOf(err)
	if err == nil || kind != fault.Invalid && kind != fault.Conflict {
		return mistake{}, err
	}
	var m mistake
	if e, ok := errors.AsType[*fault.Error](err); ok {
		m.Field = e.Field
	}
	m.Text = sentence(fault.Message(err))
	return m, nil
}

// of returns the mistake where it is in that field.
func (m mistake) of(field string) string {
	if m.Field == field {
		return m.Text
	}
	return ""
}

// unitForm is the form of a team, a domain or a term.
type unitForm struct {
	Title   string
	Action  string // where it is sent to
	Back    string
	Submit  string
	Fields  []formField
	Hidden  map[string]string
	Problem string // with the whole
}

// confirmPage asks before something happens that is hard to take back.
type confirmPage struct {
	Title   string
	Lines   []string // what will happen, to whom
	Action  string
	Submit  string
	Back    string
	Hidden  map[string]string
	Problem string
}

// ownedPage is a list of datasets with what is wrong with them.
type ownedPage struct {
	Rows    []catalog.OwnedDataset
	Figures catalog.OwnedFigures
	Wrong   string
	List    listAsked
}

// owned reads the part of a holder's datasets that an address asks for.
func (s *Server) owned(c echo.Context, of catalog.Holder) (p ownedPage, err error) {
	ctx := c.Request().Context()
	p.List = listAskedOf(c, "wrong", "from")
	p.Wrong = p.List.Keep.Get("wrong")
	if p.Figures, err = s.Catalog.OwnedFigures(ctx, of); err != nil {
		return p, err
	}
	p.Rows, err = s.Catalog.Owned(ctx, of, p.Wrong, p.List.Offset, peoplePageSize)
	return p, err
}

// rowsAreRead reports whether rows of such a dataset are read at all: of others, nobody knows whether they could be.
func rowsAreRead(d *catalog.OwnedDataset) bool {
	h := datasetHead{Whole: catalog.Whole{Dataset: catalog.Dataset{Kind: d.Kind}}, SourceKind: d.SourceKind}
	return h.samplable()
}

// found is how many datasets the list has that is shown.
func (p ownedPage) found() int {
	switch p.Wrong {
	case catalog.WrongUnreadable:
		return p.Figures.Unreadable
	case catalog.WrongLate:
		return p.Figures.Late
	case catalog.WrongUnsaid:
		return p.Figures.Unsaid
	case catalog.WrongRequests:
		return p.Figures.Requests
	}
	return p.Figures.Datasets
}

// filters lead to the datasets with each thing that is wrong.
func (p ownedPage) filters() []ui.Link {
	link := func(text, wrong string, n int) ui.Link {
		return ui.Link{Text: text, URL: p.List.with("wrong", wrong), Count: number(int64(n)), Current: p.Wrong == wrong}
	}
	return []ui.Link{
		link("All", "", p.Figures.Datasets), link("Cannot be read", catalog.WrongUnreadable, p.Figures.Unreadable),
		link("Late", catalog.WrongLate, p.Figures.Late), link("Undescribed", catalog.WrongUnsaid, p.Figures.Unsaid),
		link("Access asked for", catalog.WrongRequests, p.Figures.Requests),
	}
}

// peopleTabs are the neighbours of the pages of teams, people and domains.
func peopleTabs(who access.Person, current string) []ui.Link {
	links := []ui.Link{{Text: "Teams", URL: "/teams"}, {Text: "People", URL: "/people"}, {Text: "Domains", URL: "/domains"}}
	if who.Role.Includes(access.Owner) {
		links = append(links, ui.Link{Text: "Ownership gaps", URL: "/ownership"})
	}
	for i := range links {
		links[i].Current = links[i].URL == current
	}
	return links
}

// foundPeople are those whom somebody looks for to put them into a team or a domain.
type foundPeople struct {
	Text   string
	People []access.Colleague
	Total  int
}

// look finds people by the parameter find of the address.
func (s *Server) look(c echo.Context) (f foundPeople, err error) {
	const shown = 10
	if f.Text = strings.TrimSpace(cut(c.QueryParam("find"), 200)); f.Text == "" {
		return f, nil
	}
	f.People, f.Total, err = s.Access.Colleagues(c.Request().Context(), f.Text, false, 0, shown)
	return f, err
}

// pathID reads an id from the path.
func pathID(c echo.Context) (int64, error) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil || id <= 0 {
		return 0, echo.ErrNotFound
	}
	return id, nil
}
