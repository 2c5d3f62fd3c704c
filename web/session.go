package web

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/fault"
)

// sessionCookie holds the secret of a session. Browsers take a __Host- cookie only from its own host, for all paths, over
// HTTPS or from loopback.
const sessionCookie = "__Host-sid"

// tokenSession is how long a session lasts that was had for a token.
const tokenSession = 12 * time.Hour

func (s *Server) sessionRoutes() []route {
	routes := []route{
		{http.MethodGet, "/login", public, s.getLogin},
		{http.MethodPost, "/login", public, s.postLogin},
		{http.MethodPost, "/logout", public, s.postLogout},
		{http.MethodPost, "/preferences", needs(access.Viewer).forReaders(), s.postPreferences},
	}
	if s.Demo {
		routes = append(routes, route{http.MethodPost, "/session", public, s.postSession})
	}
	return routes
}

// signedOutCookie stands in place of a secret in a browser that signed out of the demo.
const signedOutCookie = "signed-out"

// signedInByCookie finds out who a browser's session belongs to. In the demo, someone who never had one is the first of the demo's
// people: nothing is written for that. Whoever signed out, or whose session was ended, is nobody there too.
func (s *Server) signedInByCookie(c echo.Context) (access.Principal, error) {
	ctx, cancel := context.WithTimeout(c.Request().Context(), patience)
	defer cancel()
	cookie, err := c.Cookie(sessionCookie)
	if err == nil {
		p, err := s.Access.Session(ctx, cookie.Value)
		if err == nil && p.CheckDue {
			p, err = s.recheck(c, p)
		}
		if err == nil || fault.KindOf(err) != fault.Forbidden {
			return p, err
		}
		if !s.Demo {
			setSession(c, "", -1)
		}
		return access.Principal{}, nil
	}
	if !s.Demo {
		return access.Principal{}, nil
	}
	first := access.DemoPeople()[0]
	who, err := s.Access.Principal(ctx, first.Issuer, first.Subject)
	if fault.KindOf(err) == fault.NotFound {
		return access.Principal{}, nil
	}
	return who, err
}

// setSession puts the secret of a session into the browser, for age seconds; a negative age takes it out.
func setSession(c echo.Context, secret string, age int) {
	c.SetCookie(&http.Cookie{Name: sessionCookie, Value: secret, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func (s *Server) getLogin(c echo.Context) error {
	return render(c, http.StatusOK, loginPage(s.shell(c, "", "Sign in"), s.loginForm(loginForm{back: backTo(c.QueryParam("back"))})))
}

// loginForm is what the login page shows of an earlier try.
type loginForm struct {
	back      string
	provider  string // as people know it, or "" without one
	problem   string // with the token
	failed    string // what came of signing in at the provider
	requestID string // by which the log tells why
}

// postLogin exchanges an API token for a session of twelve hours. The token is in the body, so no log sees it.
func (s *Server) postLogin(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	back := backTo(form.Get("back"))
	who, err := s.Access.PrincipalByToken(c.Request().Context(), strings.TrimSpace(form.Get("token")))
	if err == nil && !who.Holds(access.ScopeRead) {
		err = fault.Forbiddenf("this token does not hold the scope read")
	}
	if fault.KindOf(err) == fault.Forbidden {
		s.Log.WarnContext(c.Request().Context(), "sign-in refused", "request_id", requestOf(c).id, "address", remoteHost(c.Request()))
		again := loginForm{back: back, problem: "This token is unknown, has ended, or does not hold the scope read."}
		return render(c, http.StatusForbidden, loginPage(s.shell(c, "", "Sign in"), s.loginForm(again)))
	}
	if err != nil {
		return err
	}
	return s.signIn(c, who, tokenSession, back)
}

// postSession switches to one of the demo's people. There is no such route outside of the demo.
func (s *Server) postSession(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	for _, p := range access.DemoPeople() {
		if p.Subject == form.Get("person") {
			person, err := s.Access.PersonBySubject(c.Request().Context(), p.Issuer, p.Subject)
			if err != nil {
				return err
			}
			return s.signIn(c, access.Principal{Person: person}, access.SessionMax, backTo(form.Get("back")))
		}
	}
	return fault.Invalidf("person", "the demo has no such person")
}

// act says who asks for something and how, for history and the audit log; reason is in their words.
func (s *Server) act(c echo.Context, reason string) access.Act {
	return access.Act{Who: principal(c), Via: "page", RequestID: requestOf(c).id, Address: clientHost(c.Request()), Reason: strings.TrimSpace(reason)}
}

// clientHost is the address of the connection that a request came by.
func clientHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// posted returns the form in the request's body; what stands in the address does not count.
func posted(c echo.Context) (url.Values, error) {
	err := c.Request().ParseForm()
	if _, large := errors.AsType[*http.MaxBytesError](err); err != nil && !large {
		err = echo.NewHTTPError(http.StatusBadRequest, "The form cannot be read.")
	}
	if err == nil {
		err = textOnly(c.Request().PostForm)
	}
	return c.Request().PostForm, err
}

// signIn ends the session that the browser had, if any, and starts one: a session's secret never outlives a change of person.
func (s *Server) signIn(c echo.Context, who access.Principal, ttl time.Duration, back string) error {
	if _, err := s.endSession(c); err != nil {
		return err
	}
	act := s.act(c, "")
	act.Who = who
	secret, err := s.Access.StartSession(c.Request().Context(), act, access.NewSession{
		TTL: ttl, TokenID: who.TokenID, Agent: agentOf(c.Request().UserAgent()),
	})
	if err != nil {
		return err
	}
	s.Log.InfoContext(c.Request().Context(), "signed in", "request_id", requestOf(c).id, "person", who.ID)
	setSession(c, secret, int(ttl.Seconds()))
	return c.Redirect(http.StatusSeeOther, back)
}

// endSession makes the browser's session useless, and returns what its provider would be asked with.
func (s *Server) endSession(c echo.Context) (sealed []byte, err error) {
	cookie, err := c.Cookie(sessionCookie)
	if errors.Is(err, http.ErrNoCookie) {
		return nil, nil
	}
	return s.Access.EndSession(c.Request().Context(), s.act(c, ""), cookie.Value)
}

func (s *Server) postLogout(c echo.Context) error {
	sealed, err := s.endSession(c)
	if err != nil {
		return err
	}
	if s.Demo {
		setSession(c, signedOutCookie, int(access.SessionMax.Seconds()))
	} else {
		setSession(c, "", -1)
	}
	c.Response().Header().Set("Clear-Site-Data", `"cache", "storage"`)
	requestOf(c).principal = access.Principal{}
	if done, err := s.signOutThere(c, sealed); done || err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/login")
}

// postPreferences keeps those of theme and nav that the form names, and goes back to where it was sent from.
func (s *Server) postPreferences(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	who := principal(c)
	theme, nav := who.Theme, who.Nav
	if form.Has("theme") {
		theme = form.Get("theme")
	}
	if form.Has("nav") {
		nav = form.Get("nav")
	}
	if err := s.Access.SetPreferences(c.Request().Context(), who.ID, theme, nav); err != nil {
		return err
	}
	if c.Request().Header.Get("HX-Request") != "" {
		return c.NoContent(http.StatusNoContent)
	}
	return c.Redirect(http.StatusSeeOther, backTo(form.Get("back")))
}

// backTo returns to when it is a page of ours, else the home page: a link to the login page must not lead elsewhere.
func backTo(to string) string {
	u, err := url.Parse(to)
	if err != nil || len(to) > 2000 || u.Scheme != "" || u.Host != "" || u.Opaque != "" || !strings.HasPrefix(to, "/") ||
		strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") || strings.HasPrefix(to, "/login") {
		return "/"
	}
	return to
}
