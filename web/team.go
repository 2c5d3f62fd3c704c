package web

import (
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/notify"
)

// teamsPage is the list of teams.
type teamsPage struct {
	Teams     []access.Team
	Total     int
	Figures   map[string]catalog.OwnedFigures // by slug
	Strangers []catalog.NamedCount            // that data names and that are no teams
	List      listAsked
	MayAdd    bool
}

// teamPage is a team.
type teamPage struct {
	Watching bool // by who asks
	Team     access.Team
	Stranger bool // data names it and it is no team here
	Owned    ownedPage
	Audience []catalog.Audience
	Ask      []access.Member // who may decide on its data
	Members  membersOf
	Find     foundPeople
	MayEdit  bool
	Problem  string // why somebody could not be added or taken out
}

func (s *Server) getTeams(c echo.Context) error {
	ctx, p := c.Request().Context(), teamsPage{List: listAskedOf(c), MayAdd: principal(c).Role == access.Admin}
	var err error
	if p.Teams, p.Total, err = s.Access.Teams(ctx, p.List.Text, p.List.Offset, peoplePageSize); err != nil {
		return err
	}
	slugs := make([]string, len(p.Teams))
	for i := range p.Teams {
		slugs[i] = p.Teams[i].Slug
	}
	if p.Figures, err = s.Catalog.TeamFigures(ctx, slugs); err != nil {
		return err
	}
	if p.List.Text == "" && p.List.Offset == 0 {
		if p.Strangers, err = s.Catalog.Strangers(ctx, 20); err != nil {
			return err
		}
	}
	return render(c, http.StatusOK, teamsView(s.shell(c, sectionTeams, "Teams", crumb{Text: "Teams"}), p))
}

func (s *Server) getTeam(c echo.Context) error { return s.showTeam(c, http.StatusOK, "") }

// showTeam answers with the page of a team, and what was wrong with what was just asked of it.
func (s *Server) showTeam(c echo.Context, status int, problem string) error {
	ctx, slug, who := c.Request().Context(), c.Param("slug"), principal(c)
	p := teamPage{Problem: problem}
	var err error
	if p.Owned, err = s.owned(c, catalog.Holder{Team: slug}); err != nil {
		return err
	}
	p.Owned.List.Path = teamURL(slug)
	p.Team, err = s.Access.Team(ctx, slug)
	p.Stranger = fault.KindOf(err) == fault.NotFound && p.Owned.Figures.Datasets > 0
	if err != nil && !p.Stranger {
		return err
	}
	if p.Stranger {
		p.Team = access.Team{Slug: slug, Name: slug}
	}
	if p.Audience, err = s.Catalog.Audience(ctx, slug, 8); err != nil {
		return err
	}
	if err = s.fillMembers(c, &p); err != nil {
		return err
	}
	if p.Watching, err = s.Notify.Watching(ctx, who.ID, notify.OfTeam, slug); err != nil {
		return err
	}
	p.MayEdit = p.here() && who.Role == access.Admin && !p.Team.Declared()
	return render(c, status, teamView(s.shell(c, sectionTeams, p.Team.Name+" · Teams", crumb{"Teams", "/teams"}, crumb{Text: p.Team.Name}), p))
}

// here reports whether it is a team now.
func (p *teamPage) here() bool { return !p.Stranger && p.Team.GoneAt == nil }

// fillMembers reads who is in the team, and what who asks may change of that.
func (s *Server) fillMembers(c echo.Context, p *teamPage) (err error) {
	ctx, slug, who := c.Request().Context(), p.Team.Slug, principal(c)
	read := func(skip int) ([]access.Member, int, error) {
		return s.Access.Members(ctx, p.Team.ID, skip, peoplePageSize)
	}
	if p.Members, err = pageOfMembers(c, teamURL(slug), "h-members", read); err != nil {
		return err
	}
	first := p.Members.People
	if p.Members.Pager.Previous != "" {
		if first, _, err = read(0); err != nil {
			return err
		}
	}
	p.Ask = answering(first)
	if p.Members.Moved, err = s.moved(c, slug, false); err != nil || !p.here() || !who.MayFill(slug) {
		return err
	}
	p.Members.Post = teamURL(slug) + "/members"
	p.Find, err = s.look(c)
	return err
}

func (s *Server) getTeamNew(c echo.Context) error {
	return s.teamForm(c, http.StatusOK, access.Team{Slug: c.QueryParam("slug"), Name: c.QueryParam("slug")}, true, mistake{})
}

func (s *Server) getTeamEdit(c echo.Context) error {
	t, err := s.changeableTeam(c)
	if err != nil {
		return err
	}
	return s.teamForm(c, http.StatusOK, t, false, mistake{})
}

// changeableTeam returns the team of the path if its page may change it.
func (s *Server) changeableTeam(c echo.Context) (access.Team, error) {
	t, err := s.Access.Team(c.Request().Context(), c.Param("slug"))
	switch {
	case err != nil:
		return t, err
	case t.GoneAt != nil:
		return t, fault.NotFoundf("there is no team %s any more", t.Slug)
	case t.Declared():
		return t, fault.Conflictf("the team %s is declared in %s: change it there", t.Slug, t.DeclaredIn)
	}
	return t, nil
}

func (s *Server) teamForm(c echo.Context, status int, t access.Team, fresh bool, m mistake) error {
	f := unitForm{Title: "Edit " + t.Slug, Action: teamURL(t.Slug), Back: teamURL(t.Slug), Submit: "Save"}
	crumbs := []crumb{{"Teams", "/teams"}, {t.Slug, teamURL(t.Slug)}, {Text: "Edit"}}
	if fresh {
		f.Title, f.Action, f.Back, f.Submit = "Add a team", "/teams", "/teams", "Add the team"
		crumbs = []crumb{{"Teams", "/teams"}, {Text: "Add"}}
	}
	f.Fields = []formField{
		{ID: "slug", Label: "Short name", Hint: "As data and rules name it: small letters, digits, hyphens. It stays.", Value: t.Slug, Fixed: !fresh},
		{ID: "name", Label: "Name", Hint: "As people say it.", Value: t.Name},
		{ID: "contact", Label: "Where to ask", Hint: "A channel or an address, such as #data-eng.", Value: t.Contact, Optional: true},
		{ID: "description", Label: "What it does", Hint: "Markdown.", Value: t.Description, Long: true, Optional: true},
	}
	return s.unitForm(c, status, f, sectionTeams, crumbs, m)
}

// unitForm answers with a form, each mistake at its field.
func (s *Server) unitForm(c echo.Context, status int, f unitForm, section string, crumbs []crumb, m mistake) error {
	known := make([]string, len(f.Fields))
	for i := range f.Fields {
		f.Fields[i].Problem, known[i] = m.of(f.Fields[i].ID), f.Fields[i].ID
	}
	if !slices.Contains(known, m.Field) {
		f.Problem = m.Text
	}
	return render(c, status, unitFormView(s.shell(c, section, f.Title, crumbs...), f))
}

func (s *Server) postTeams(c echo.Context) error { return s.saveTeam(c, true) }
func (s *Server) postTeam(c echo.Context) error  { return s.saveTeam(c, false) }

func (s *Server) saveTeam(c echo.Context, fresh bool) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	t := access.Team{Slug: c.Param("slug"), Name: form.Get("name"), Contact: form.Get("contact"), Description: form.Get("description")}
	save := s.Access.SaveTeam
	if fresh {
		t.Slug, save = form.Get("slug"), s.Access.AddTeam
	}
	err = save(c.Request().Context(), s.act(c, form.Get("reason")), t)
	if err == nil {
		return c.Redirect(http.StatusSeeOther, teamURL(t.Slug))
	}
	m, err := mistakeIn(err)
	if err != nil {
		return err
	}
	return s.teamForm(c, http.StatusUnprocessableEntity, t, fresh, m)
}

func (s *Server) getTeamRetire(c echo.Context) error {
	t, err := s.changeableTeam(c)
	if err != nil {
		return err
	}
	f, err := s.Catalog.OwnedFigures(c.Request().Context(), catalog.Holder{Team: t.Slug})
	if err != nil {
		return err
	}
	p := confirmPage{
		Title: "Retire " + t.Name + "?", Action: teamURL(t.Slug) + "/retire", Submit: "Retire the team", Back: teamURL(t.Slug),
		Lines: []string{
			plural(f.Datasets, "dataset names", "datasets name") + " it as its owner. Nobody answers for them any more: they show among the ownership gaps until they are given away.",
			plural(t.Members, "person is", "people are") + " in it. They keep their roles and can no longer read restricted data because of this team.",
			"An admin can add a team of this name again; then all of this holds again.",
		},
	}
	return render(c, http.StatusOK, confirmView(s.shell(c, sectionTeams, p.Title, crumb{"Teams", "/teams"}, crumb{t.Name, teamURL(t.Slug)}, crumb{Text: "Retire"}), p))
}

func (s *Server) postTeamRetire(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	if err := s.Access.RetireTeam(c.Request().Context(), s.act(c, form.Get("reason")), c.Param("slug")); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, teamURL(c.Param("slug")))
}
