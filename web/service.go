package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/fault"
)

// serviceRoutes returns the routes of services: programs with tokens of their own.
func (s *Server) serviceRoutes() []route {
	admin := needs(access.Admin)
	return []route{
		{http.MethodGet, "/admin/services", admin, s.getServices},
		{http.MethodPost, "/admin/services", admin, s.postService},
		{http.MethodGet, "/admin/services/:id", admin, s.getService},
		{http.MethodPost, "/admin/services/:id/tokens", admin, s.postServiceToken},
		{http.MethodGet, "/admin/services/:id/tokens/:token/revoke", admin, s.getRevokeServiceToken},
		{http.MethodPost, "/admin/services/:id/tokens/:token/revoke", admin, s.postRevokeServiceToken},
		{http.MethodGet, "/admin/services/:id/disable", admin, s.getDisableService},
		{http.MethodPost, "/admin/services/:id/disable", admin, s.postDisableService},
		{http.MethodPost, "/admin/services/:id/enable", admin, s.postEnableService},
	}
}

// maxServices is how many services the page lists.
const maxServices = 500

// servicesPage is the list of services and the form for another.
type servicesPage struct {
	Services []access.Service
	Form     access.Person     // as it was typed
	Problem  map[string]string // by field
	Now      time.Time
}

var servicesCrumb = crumb{"Services", "/admin/services"}

func (s *Server) getServices(c echo.Context) error {
	return s.services(c, http.StatusOK, servicesPage{Form: access.Person{Role: access.Viewer}})
}

func (s *Server) services(c echo.Context, code int, p servicesPage) error {
	var err error
	if p.Services, err = s.Access.Services(c.Request().Context(), maxServices); err != nil {
		return err
	}
	p.Now = s.Now()
	return render(c, code, servicesView(s.shell(c, "", "Services", crumb{Text: "Services"}), p))
}

func (s *Server) postService(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	p := servicesPage{Form: access.Person{
		Subject: strings.TrimSpace(form.Get("subject")), Name: form.Get("name"), Team: form.Get("team"), Role: access.Role(form.Get("role")),
	}}
	id, err := s.Access.CreateService(c.Request().Context(), s.act(c, ""), p.Form)
	if field := fieldOf(err); field != "" {
		p.Problem = map[string]string{field: sentence(fault.Message(err))}
		return s.services(c, http.StatusUnprocessableEntity, p)
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, serviceURL(id))
}

func serviceURL(id int64) string { return "/admin/services/" + strconv.FormatInt(id, 10) }

// servicePage is one service with its tokens.
type servicePage struct {
	Service access.Service
	Tokens  tokensPart
	Now     time.Time
}

func (s *Server) getService(c echo.Context) error {
	return s.service(c, http.StatusOK, emptyToken())
}

// serviceIn returns the service that the path names.
func (s *Server) serviceIn(c echo.Context) (access.Service, error) {
	id, err := numberIn(c, "id")
	if err != nil {
		return access.Service{}, err
	}
	return s.Access.Service(c.Request().Context(), id)
}

func (s *Server) service(c echo.Context, code int, form newTokenForm) error {
	v, err := s.serviceIn(c)
	if err != nil {
		return err
	}
	p := servicePage{Service: v, Now: s.Now()}
	p.Tokens = tokensPart{Base: serviceURL(v.ID), Role: v.Role, Form: form, Secret: s.shownOnce(c, serviceURL(v.ID)), Now: p.Now}
	switch {
	case v.DisabledAt != nil:
		p.Tokens.Closed = "The service is disabled: none of its tokens works."
	case principal(c).Scopes != nil:
		p.Tokens.Closed = "You are signed in by a token, and a token makes no other. Sign in as yourself."
	}
	if p.Tokens.Tokens, err = s.Access.Tokens(c.Request().Context(), v.ID); err != nil {
		return err
	}
	return render(c, code, serviceView(s.shell(c, "", v.Name, servicesCrumb, crumb{Text: v.Name}), p))
}

func (s *Server) postServiceToken(c echo.Context) error {
	v, err := s.serviceIn(c)
	if err != nil {
		return err
	}
	return s.makeToken(c, v.ID, serviceURL(v.ID), s.service)
}

func (s *Server) getRevokeServiceToken(c echo.Context) error {
	v, err := s.serviceIn(c)
	if err != nil {
		return err
	}
	return s.askRevoke(c, v.ID, revokePage{Base: serviceURL(v.ID), Of: v.Name}, servicesCrumb, crumb{v.Name, serviceURL(v.ID)})
}

func (s *Server) postRevokeServiceToken(c echo.Context) error {
	v, err := s.serviceIn(c)
	if err != nil {
		return err
	}
	return s.revoke(c, v.ID, serviceURL(v.ID))
}

func (s *Server) getDisableService(c echo.Context) error {
	v, err := s.serviceIn(c)
	if err != nil {
		return err
	}
	title := "Disable " + v.Name
	sh := s.shell(c, "", title, servicesCrumb, crumb{v.Name, serviceURL(v.ID)}, crumb{Text: "Disable"})
	return render(c, http.StatusOK, disableServiceView(sh, v))
}

func (s *Server) postDisableService(c echo.Context) error {
	return s.switchService(c, s.Access.DisablePerson)
}

func (s *Server) postEnableService(c echo.Context) error {
	return s.switchService(c, s.Access.EnablePerson)
}

// switchService does something to the service that the path names, and to no person.
func (s *Server) switchService(c echo.Context, do func(context.Context, access.Act, int64) error) error {
	v, err := s.serviceIn(c)
	if err != nil {
		return err
	}
	if err := do(c.Request().Context(), s.act(c, ""), v.ID); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, serviceURL(v.ID))
}
