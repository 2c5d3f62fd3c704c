package web

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// glossaryPage is the list of terms.
type glossaryPage struct {
	Terms  []catalog.Term
	Total  int
	List   listAsked
	MayAdd bool
}

// termPage is a term.
type termPage struct {
	Term    catalog.Term
	Owned   ownedPage
	MayEdit bool
	Problem string
}

func (s *Server) getGlossary(c echo.Context) error {
	p := glossaryPage{List: listAskedOf(c, "domain"), MayAdd: principal(c).Role.Includes(access.Steward)}
	var err error
	p.Terms, p.Total, err = s.Catalog.Terms(c.Request().Context(), p.List.Text, p.List.Keep.Get("domain"), p.List.Offset, peoplePageSize)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, glossaryView(s.shell(c, sectionGlossary, "Glossary", crumb{Text: "Glossary"}), p))
}

func (s *Server) getTerm(c echo.Context) error { return s.showTerm(c, http.StatusOK, "") }

func (s *Server) showTerm(c echo.Context, status int, problem string) error {
	p := termPage{Problem: problem}
	var err error
	if p.Term, err = s.Catalog.Term(c.Request().Context(), c.Param("slug")); err != nil {
		return err
	}
	who := principal(c)
	p.MayEdit = catalog.MayDefine(&who, p.Term.Domain)
	if p.Owned, err = s.owned(c, catalog.Holder{Term: p.Term.Slug}); err != nil {
		return err
	}
	p.Owned.List.Path = termURL(p.Term.Slug)
	return render(c, status, termView(s.shell(c, sectionGlossary, p.Term.Name+" · Glossary", crumb{"Glossary", "/glossary"}, crumb{Text: p.Term.Name}), p))
}

func (s *Server) getTermNew(c echo.Context) error {
	return s.termForm(c, http.StatusOK, catalog.Term{}, true, mistake{})
}

func (s *Server) getTermEdit(c echo.Context) error {
	t, err := s.Catalog.Term(c.Request().Context(), c.Param("slug"))
	if err != nil {
		return err
	}
	if who := principal(c); !catalog.MayDefine(&who, t.Domain) {
		return fault.Forbiddenf("terms of the domain %s are for its stewards and for admins to define", t.Domain)
	}
	return s.termForm(c, http.StatusOK, t, false, mistake{})
}

func (s *Server) termForm(c echo.Context, status int, t catalog.Term, fresh bool, m mistake) error {
	domains, _, err := s.Access.Domains(c.Request().Context(), "", 0, 1000)
	if err != nil {
		return err
	}
	choices := []choice{{"", "The whole company"}}
	for _, d := range domains {
		choices = append(choices, choice{d.Slug, d.Name})
	}
	f := unitForm{Title: "Edit " + t.Slug, Action: termURL(t.Slug), Back: termURL(t.Slug), Submit: "Save"}
	crumbs := []crumb{{"Glossary", "/glossary"}, {t.Slug, termURL(t.Slug)}, {Text: "Edit"}}
	if fresh {
		f.Title, f.Action, f.Back, f.Submit = "Add a term", "/glossary", "/glossary", "Add the term"
		crumbs = []crumb{{"Glossary", "/glossary"}, {Text: "Add"}}
	} else {
		f.Hidden = map[string]string{"seen": t.ChangedAt.UTC().Format(time.RFC3339Nano)}
	}
	f.Fields = []formField{
		{ID: "slug", Label: "Short name", Hint: "As datasets carry it: small letters, digits, hyphens. It stays.", Value: t.Slug, Fixed: !fresh},
		{ID: "name", Label: "Term", Hint: "As people say it.", Value: t.Name},
		{ID: "definition", Label: "What it means here", Hint: "Markdown. Begin with one sentence that stands alone.", Value: t.Definition, Long: true},
		{ID: "domain", Label: "Domain", Hint: "Its stewards keep the term.", Value: t.Domain, Choices: choices},
	}
	return s.unitForm(c, status, f, sectionGlossary, crumbs, m)
}

func (s *Server) postTerms(c echo.Context) error { return s.saveTerm(c, true) }
func (s *Server) postTerm(c echo.Context) error  { return s.saveTerm(c, false) }

func (s *Server) saveTerm(c echo.Context, fresh bool) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	ctx, act := c.Request().Context(), s.act(c, form.Get("reason"))
	t := catalog.Term{Slug: c.Param("slug"), Name: form.Get("name"), Definition: form.Get("definition"), Domain: form.Get("domain")}
	if t.Domain != "" {
		if d, domainErr := s.Access.Domain(ctx, t.Domain); domainErr != nil || d.GoneAt != nil {
			return s.termForm(c, http.StatusUnprocessableEntity, t, fresh, mistake{"domain", "There is no such domain."})
		}
	}
	if fresh {
		t.Slug = form.Get("slug")
		err = s.Catalog.AddTerm(ctx, act, t)
	} else {
		t.ChangedAt, _ = time.Parse(time.RFC3339Nano, form.Get("seen"))
		err = s.Catalog.SaveTerm(ctx, act, t, t.ChangedAt)
	}
	if err == nil {
		return c.Redirect(http.StatusSeeOther, termURL(t.Slug))
	}
	if fault.KindOf(err) == fault.Conflict { // the next try is against what holds now, which the message tells to look at
		if now, readErr := s.Catalog.Term(ctx, t.Slug); readErr == nil {
			t.ChangedAt = now.ChangedAt
			err = fault.Conflictf("%s has changed this in the meantime. It says now: %s Save again to replace that by what you wrote", now.Person, cut(now.Definition, 1000))
		}
	}
	m, err := mistakeIn(err)
	if err != nil {
		return err
	}
	return s.termForm(c, http.StatusUnprocessableEntity, t, fresh, m)
}

func (s *Server) postTermDelete(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	err = s.Catalog.DeleteTerm(c.Request().Context(), s.act(c, form.Get("reason")), c.Param("slug"))
	if err == nil {
		return c.Redirect(http.StatusSeeOther, "/glossary")
	}
	m, err := mistakeIn(err)
	if err != nil {
		return err
	}
	return s.showTerm(c, http.StatusConflict, m.Text)
}
