package web

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
)

// colleaguesPage is the list of people.
type colleaguesPage struct {
	People []access.Colleague
	Total  int
	Left   bool // those who are disabled
	List   listAsked
	Mail   bool // e-mail addresses may be shown
}

// personPage is a person.
type personPage struct {
	Who     access.Profile
	Owned   ownedPage
	Admin   bool // is looking
	Mail    bool // the e-mail address may be shown
	Self    bool
	Problem string
}

// mayMail reports whether who may see the e-mail addresses of colleagues: those who answer for data, since they have to write to
// those who use it.
func mayMail(who access.Principal) bool { return who.Role.Includes(access.Owner) }

func (s *Server) getPeople(c echo.Context) error {
	p := colleaguesPage{List: listAskedOf(c, "left"), Mail: mayMail(principal(c))}
	p.Left = p.List.Keep.Get("left") == "yes"
	var err error
	p.People, p.Total, err = s.Access.Colleagues(c.Request().Context(), p.List.Text, p.Left, p.List.Offset, peoplePageSize)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, colleaguesView(s.shell(c, sectionTeams, "People", crumb{"Teams", "/teams"}, crumb{Text: "People"}), p))
}

func (s *Server) getPerson(c echo.Context) error { return s.showPerson(c, http.StatusOK, "") }

// showPerson answers with the page of a person, and what was wrong with what was just asked of it.
func (s *Server) showPerson(c echo.Context, status int, problem string) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	who := principal(c)
	p := personPage{Problem: problem, Admin: who.Role == access.Admin, Self: who.ID == id, Mail: mayMail(who) || who.ID == id}
	if p.Who, err = s.Access.Profile(c.Request().Context(), id); err != nil {
		return err
	}
	if p.Owned, err = s.owned(c, catalog.Holder{Person: id}); err != nil {
		return err
	}
	p.Owned.List.Path = personURL(id)
	name := cut(p.Who.Name, 100)
	return render(c, status, personView(s.shell(c, sectionTeams, name+" · People", crumb{"Teams", "/teams"}, crumb{"People", "/people"}, crumb{Text: name}), p))
}

// roleChoices are what an admin may make of a person.
func roleChoices(p *access.Profile) []choice {
	all := []choice{{"", "As the rules of their groups say"}}
	if p.Issuer == access.LocalIssuer {
		all[0].Text = "As it was made here"
	}
	for _, r := range []access.Role{access.Viewer, access.Analyst, access.Owner, access.Steward, access.Admin} {
		all = append(all, choice{string(r), string(r)})
	}
	return all
}

// given is the role that an admin gave, or "".
func given(p *access.Profile) string {
	if p.GivenRole == nil {
		return ""
	}
	return string(*p.GivenRole)
}

func (s *Server) postPersonRole(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	id, err := pathID(c)
	if err != nil {
		return err
	}
	return s.personChanged(c, id, s.Access.GiveRole(c.Request().Context(), s.act(c, form.Get("reason")), id, access.Role(form.Get("role"))))
}

// personChanged leads back to a person after a change, or shows why there was none.
func (s *Server) personChanged(c echo.Context, id int64, err error) error {
	if err == nil {
		return c.Redirect(http.StatusSeeOther, personURL(id))
	}
	m, err := mistakeIn(err)
	if err != nil {
		return err
	}
	return s.showPerson(c, http.StatusUnprocessableEntity, m.Text)
}

func (s *Server) getPersonDisable(c echo.Context) error {
	id, err := pathID(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	who, err := s.Access.Profile(ctx, id)
	if err != nil {
		return err
	}
	ties, err := s.Access.Ties(ctx, id)
	if err != nil {
		return err
	}
	f, err := s.Catalog.OwnedFigures(ctx, catalog.Holder{Person: id})
	if err != nil {
		return err
	}
	p := confirmPage{
		Title: "Disable " + cut(who.Name, 100) + "?", Action: personURL(id) + "/disable", Submit: "Disable", Back: personURL(id),
		Lines: []string{
			plural(ties.Sessions, "session ends", "sessions end") + " at once, and " + plural(ties.Tokens, "token stops", "tokens stop") + " working: what they run by them fails.",
			plural(f.Datasets, "dataset loses", "datasets lose") + " an owner; those that have no other one show among the ownership gaps.",
			"What they did stays in history and in the audit log. An admin can enable them again.",
		},
	}
	return render(c, http.StatusOK, confirmView(s.shell(c, sectionTeams, p.Title, crumb{"People", "/people"}, crumb{who.Name, personURL(id)}, crumb{Text: "Disable"}), p))
}

func (s *Server) postPersonDisable(c echo.Context) error {
	return s.changePerson(c, s.Access.DisablePerson)
}

func (s *Server) postPersonEnable(c echo.Context) error {
	return s.changePerson(c, s.Access.EnablePerson)
}

func (s *Server) changePerson(c echo.Context, change func(context.Context, access.Act, int64) error) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	id, err := pathID(c)
	if err != nil {
		return err
	}
	return s.personChanged(c, id, change(c.Request().Context(), s.act(c, form.Get("reason")), id))
}
