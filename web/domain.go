package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// domainsPage is the list of domains.
type domainsPage struct {
	Domains []access.Domain
	Total   int
	Figures map[string]catalog.OwnedFigures // by slug
	List    listAsked
	MayAdd  bool
}

// domainPage is a domain.
type domainPage struct {
	Domain   access.Domain
	Stranger bool // data names it and it is no domain here
	Owned    ownedPage
	Stewards membersOf
	Terms    []catalog.Term
	Find     foundPeople
	Admin    bool // is looking
	Problem  string
}

func (s *Server) getDomains(c echo.Context) error {
	ctx, p := c.Request().Context(), domainsPage{List: listAskedOf(c), MayAdd: principal(c).Role == access.Admin}
	var err error
	if p.Domains, p.Total, err = s.Access.Domains(ctx, p.List.Text, p.List.Offset, peoplePageSize); err != nil {
		return err
	}
	slugs := make([]string, len(p.Domains))
	for i := range p.Domains {
		slugs[i] = p.Domains[i].Slug
	}
	if p.Figures, err = s.Catalog.DomainFigures(ctx, slugs); err != nil {
		return err
	}
	return render(c, http.StatusOK, domainsView(s.shell(c, sectionTeams, "Domains", crumb{"Teams", "/teams"}, crumb{Text: "Domains"}), p))
}

func (s *Server) getDomain(c echo.Context) error { return s.showDomain(c, http.StatusOK, "") }

// showDomain answers with the page of a domain, and what was wrong with what was just asked of it.
func (s *Server) showDomain(c echo.Context, status int, problem string) error {
	ctx, slug := c.Request().Context(), c.Param("slug")
	p := domainPage{Problem: problem, Admin: principal(c).Role == access.Admin}
	var err error
	if p.Owned, err = s.owned(c, catalog.Holder{Domain: slug}); err != nil {
		return err
	}
	p.Owned.List.Path = domainURL(slug)
	p.Domain, err = s.Access.Domain(ctx, slug)
	p.Stranger = fault.KindOf(err) == fault.NotFound && p.Owned.Figures.Datasets > 0
	if err != nil && !p.Stranger {
		return err
	}
	if p.Stranger {
		p.Domain = access.Domain{Slug: slug, Name: slug}
	}
	if err = s.fillStewards(c, &p); err != nil {
		return err
	}
	if p.Terms, _, err = s.Catalog.Terms(ctx, "", slug, 0, 20); err != nil {
		return err
	}
	name := p.Domain.Name
	return render(c, status, domainView(s.shell(c, sectionTeams, name+" · Domains", crumb{"Teams", "/teams"}, crumb{"Domains", "/domains"}, crumb{Text: name}), p))
}

func (p domainPage) mayFill() bool { return p.Admin && !p.Stranger && p.Domain.GoneAt == nil }

// fillStewards reads who keeps the domain, and what who asks may change of that.
func (s *Server) fillStewards(c echo.Context, p *domainPage) (err error) {
	at := domainURL(p.Domain.Slug)
	p.Stewards, err = pageOfMembers(c, at, "h-stewards", func(skip int) ([]access.Member, int, error) {
		return s.Access.Stewards(c.Request().Context(), p.Domain.ID, skip, peoplePageSize)
	})
	if err != nil {
		return err
	}
	if p.Stewards.Moved, err = s.moved(c, p.Domain.Slug, true); err != nil || !p.mayFill() {
		return err
	}
	p.Stewards.Post = at + "/stewards"
	p.Find, err = s.look(c)
	return err
}

func (s *Server) getDomainNew(c echo.Context) error {
	return s.domainForm(c, http.StatusOK, access.Domain{Slug: c.QueryParam("slug"), Name: c.QueryParam("slug")}, true, mistake{})
}

func (s *Server) getDomainEdit(c echo.Context) error {
	d, err := s.changeableDomain(c)
	if err != nil {
		return err
	}
	return s.domainForm(c, http.StatusOK, d, false, mistake{})
}

// changeableDomain returns the domain of the path if its page may change it.
func (s *Server) changeableDomain(c echo.Context) (access.Domain, error) {
	d, err := s.Access.Domain(c.Request().Context(), c.Param("slug"))
	switch {
	case err != nil:
		return d, err
	case d.GoneAt != nil:
		return d, fault.NotFoundf("there is no domain %s any more", d.Slug)
	case d.Declared():
		return d, fault.Conflictf("the domain %s is declared in %s: change it there", d.Slug, d.DeclaredIn)
	}
	return d, nil
}

func (s *Server) domainForm(c echo.Context, status int, d access.Domain, fresh bool, m mistake) error {
	f := unitForm{Title: "Edit " + d.Slug, Action: domainURL(d.Slug), Back: domainURL(d.Slug), Submit: "Save"}
	crumbs := []crumb{{"Teams", "/teams"}, {"Domains", "/domains"}, {d.Slug, domainURL(d.Slug)}, {Text: "Edit"}}
	if fresh {
		f.Title, f.Action, f.Back, f.Submit = "Add a domain", "/domains", "/domains", "Add the domain"
		crumbs = []crumb{{"Teams", "/teams"}, {"Domains", "/domains"}, {Text: "Add"}}
	}
	f.Fields = []formField{
		{ID: "slug", Label: "Short name", Hint: "As data and rules name it: small letters, digits, hyphens. It stays.", Value: d.Slug, Fixed: !fresh},
		{ID: "name", Label: "Name", Hint: "As people say it.", Value: d.Name},
		{ID: "description", Label: "What belongs to it", Hint: "Markdown.", Value: d.Description, Long: true, Optional: true},
	}
	return s.unitForm(c, status, f, sectionTeams, crumbs, m)
}

func (s *Server) postDomains(c echo.Context) error { return s.saveDomain(c, true) }
func (s *Server) postDomain(c echo.Context) error  { return s.saveDomain(c, false) }

func (s *Server) saveDomain(c echo.Context, fresh bool) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	d := access.Domain{Slug: c.Param("slug"), Name: form.Get("name"), Description: form.Get("description")}
	save := s.Access.SaveDomain
	if fresh {
		d.Slug, save = form.Get("slug"), s.Access.AddDomain
	}
	err = save(c.Request().Context(), s.act(c, form.Get("reason")), d)
	if err == nil {
		return c.Redirect(http.StatusSeeOther, domainURL(d.Slug))
	}
	m, err := mistakeIn(err)
	if err != nil {
		return err
	}
	return s.domainForm(c, http.StatusUnprocessableEntity, d, fresh, m)
}

func (s *Server) getDomainRetire(c echo.Context) error {
	d, err := s.changeableDomain(c)
	if err != nil {
		return err
	}
	f, err := s.Catalog.OwnedFigures(c.Request().Context(), catalog.Holder{Domain: d.Slug})
	if err != nil {
		return err
	}
	p := confirmPage{
		Title: "Retire " + d.Name + "?", Action: domainURL(d.Slug) + "/retire", Submit: "Retire the domain", Back: domainURL(d.Slug),
		Lines: []string{
			plural(f.Datasets, "dataset stays", "datasets stay") + " in it by name.",
			plural(d.Stewards, "steward keeps", "stewards keep") + " their role and can no longer describe these datasets, nor decide who reads them, because of this domain.",
		},
	}
	return render(c, http.StatusOK, confirmView(s.shell(c, sectionTeams, p.Title, crumb{"Domains", "/domains"}, crumb{d.Name, domainURL(d.Slug)}, crumb{Text: "Retire"}), p))
}

func (s *Server) postDomainRetire(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	if err := s.Access.RetireDomain(c.Request().Context(), s.act(c, form.Get("reason")), c.Param("slug")); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, domainURL(c.Param("slug")))
}
