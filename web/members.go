package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/web/ui"
)

// membersOf is the part of those who are in a team or keep a domain that its page shows.
type membersOf struct {
	Heading string // the id of what stands above them
	People  []access.Member
	Total   int
	Pager   ui.Pager
	Post    string // where to send who is to be put in or taken out, or ""
	Moved   moved
}

// moved is who was just put into a team or a domain, or taken out.
type moved struct {
	Person int64 // 0 for nobody
	Text   string
	Out    bool
}

// pageOfMembers reads the members that an address asks for, which one parameter does beside those of the datasets.
func pageOfMembers(c echo.Context, path, heading string, read func(skip int) ([]access.Member, int, error)) (m membersOf, err error) {
	from, _ := strconv.Atoi(c.QueryParam("from"))
	from = min(max(from, 0), 1_000_000)
	m.Heading = heading
	if m.People, m.Total, err = read(from); err == nil && len(m.People) == 0 && from > 0 { // beyond the end, which nobody counted
		from = 0
		m.People, m.Total, err = read(from)
	}
	m.Pager = listPager(from, len(m.People), m.Total, peoplePageSize, "person", "people", func(offset int) string {
		values := url.Values{}
		for _, name := range []string{"wrong", "offset", "find"} {
			if v := c.QueryParam(name); v != "" {
				values.Set(name, v)
			}
		}
		values.Set("from", strconv.Itoa(offset))
		return path + "?" + values.Encode() + "#" + heading
	})
	return m, err
}

// moved returns who was just put into the team or the domain slug, or taken out, if the address says so and it still holds.
func (s *Server) moved(c echo.Context, slug string, domain bool) (m moved, err error) {
	id, err := strconv.ParseInt(c.QueryParam("moved"), 10, 64)
	if err != nil {
		return m, nil //nolint:nilerr // it says nothing, or nonsense
	}
	p, err := s.Access.Profile(c.Request().Context(), id)
	if fault.KindOf(err) == fault.NotFound {
		return m, nil
	}
	all, in, out := p.In, " is in this team now.", " is no longer in this team."
	if domain {
		all, in, out = p.Keeps, " is a steward of this domain now.", " is no longer a steward of this domain."
	}
	m = moved{Person: id, Text: cut(p.Name, 100) + in}
	if !slices.ContainsFunc(all, func(u access.Membership) bool { return u.Slug == slug }) {
		m.Text, m.Out = cut(p.Name, 100)+out, true
	}
	return m, err
}

// postedPerson is the person that a form names.
func postedPerson(form url.Values) (int64, error) {
	id, err := strconv.ParseInt(form.Get("person"), 10, 64)
	if err != nil {
		return 0, fault.Invalidf("person", "there is no such person")
	}
	return id, nil
}

// postTeamMember adds somebody to a team, or takes them out. It asks first whoever takes out themselves or the last who may decide.
func (s *Server) postTeamMember(c echo.Context) error {
	ctx, slug, who := c.Request().Context(), c.Param("slug"), principal(c)
	team, err := s.Access.Team(ctx, slug)
	if err != nil {
		return err
	}
	if !who.MayFill(slug) {
		return fault.Forbiddenf("who is in the team %s is for its own owners and for admins to say", slug)
	}
	form, err := posted(c)
	if err != nil {
		return err
	}
	person, err := postedPerson(form)
	switch remove := form.Get("do") == "remove"; {
	case err != nil:
	case remove && form.Get("sure") == "":
		var p access.Parting
		if p, err = s.Access.PartingMember(ctx, slug, person); err == nil && (p.Last || person == who.ID) {
			return s.askToTakeOut(c, person, p, ofTeam(&team))
		}
		fallthrough
	case remove:
		if err == nil {
			err = s.Access.RemoveMember(ctx, s.act(c, form.Get("reason")), slug, person)
		}
	default:
		err = s.Access.AddMember(ctx, s.act(c, form.Get("reason")), slug, person)
	}
	return s.movedTo(c, err, teamURL(slug), "h-members", person, s.showTeam)
}

// postDomainSteward makes somebody a steward of a domain, or ends that. It asks first as postTeamMember does.
func (s *Server) postDomainSteward(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	ctx, slug := c.Request().Context(), c.Param("slug")
	domain, err := s.Access.Domain(ctx, slug)
	if err != nil {
		return err
	}
	person, err := postedPerson(form)
	switch remove := form.Get("do") == "remove"; {
	case err != nil:
	case remove && form.Get("sure") == "":
		var p access.Parting
		if p, err = s.Access.PartingSteward(ctx, slug, person); err == nil && (p.Last || person == principal(c).ID) {
			return s.askToTakeOut(c, person, p, ofDomain(&domain))
		}
		fallthrough
	case remove:
		if err == nil {
			err = s.Access.RemoveSteward(ctx, s.act(c, form.Get("reason")), slug, person)
		}
	default:
		err = s.Access.AddSteward(ctx, s.act(c, form.Get("reason")), slug, person)
	}
	return s.movedTo(c, err, domainURL(slug), "h-stewards", person, s.showDomain)
}

// movedTo leads back to the page of a team or a domain after somebody was put in or taken out, or shows why they were not.
func (s *Server) movedTo(c echo.Context, err error, at, heading string, person int64, show func(echo.Context, int, string) error) error {
	if err == nil {
		return c.Redirect(http.StatusSeeOther, at+"?moved="+catalog.FormatID(person)+"#"+heading)
	}
	m, err := mistakeIn(err)
	if err != nil {
		return err
	}
	return show(c, http.StatusUnprocessableEntity, m.Text)
}

// parted is what somebody is taken out of, in the words of the page that asks.
type parted struct {
	Name, URL, Post string
	Of              catalog.Holder
	Crumb           crumb
	Self, Last      string // what it means, up to how many datasets it has
	Back            string // how one comes back who is no admin
}

func ofTeam(t *access.Team) parted {
	return parted{
		Name: t.Name, URL: teamURL(t.Slug), Post: teamURL(t.Slug) + "/members", Of: catalog.Holder{Team: t.Slug}, Crumb: crumb{"Teams", "/teams"},
		Self: "You lose what you may do by being in it: it owns ",
		Last: "Nobody else in it has the role owner. Without them nobody in the team can describe what it owns, or decide who reads it: ",
		Back: "You cannot put yourself back: an owner in the team can, or an admin.",
	}
}

func ofDomain(d *access.Domain) parted {
	return parted{
		Name: d.Name, URL: domainURL(d.Slug), Post: domainURL(d.Slug) + "/stewards", Of: catalog.Holder{Domain: d.Slug}, Crumb: crumb{"Domains", "/domains"},
		Self: "You lose what you may do as its steward: it holds ",
		Last: "It has no other steward. Without them only owners and admins describe what it holds, and decide who reads it: ",
	}
}

// askToTakeOut says what it means that somebody is taken out, before they are.
func (s *Server) askToTakeOut(c echo.Context, person int64, p access.Parting, of parted) error {
	f, err := s.Catalog.OwnedFigures(c.Request().Context(), of.Of)
	if err != nil {
		return err
	}
	who, datasets := principal(c), plural(f.Datasets, "dataset", "datasets")+"."
	ask := confirmPage{
		Title: "Take " + cut(p.Name, 100) + " out of " + of.Name + "?", Action: of.Post, Submit: "Take out", Back: of.URL,
		Hidden: map[string]string{"person": catalog.FormatID(person), "do": "remove", "sure": "yes"},
	}
	if person == who.ID {
		ask.Title = "Leave " + of.Name + "?"
		ask.Submit = "Leave"
		ask.Lines = append(ask.Lines, of.Self+datasets)
		if who.Role != access.Admin {
			ask.Lines = append(ask.Lines, of.Back)
		}
	}
	if p.Last {
		ask.Lines = append(ask.Lines, of.Last+datasets)
	}
	return render(c, http.StatusOK, confirmView(s.shell(c, sectionTeams, ask.Title, of.Crumb, crumb{of.Name, of.URL}, crumb{Text: ask.Submit}), ask))
}
