package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/fault"
)

// accountRoutes returns the routes of a person's own account, sessions and tokens, and of the services that admins keep.
func (s *Server) accountRoutes() []route {
	return append([]route{
		{http.MethodGet, "/me", needs(access.Viewer), s.getAccount},
		{http.MethodPost, "/me/tokens", needs(access.Viewer), s.postToken},
		{http.MethodGet, "/me/tokens/:token/revoke", needs(access.Viewer), s.getRevokeToken},
		{http.MethodPost, "/me/tokens/:token/revoke", needs(access.Viewer), s.postRevokeToken},
		{http.MethodPost, "/me/sessions/end", needs(access.Viewer).forReaders(), s.postEndSessions},
		{http.MethodPost, "/me/sessions/:session/end", needs(access.Viewer).forReaders(), s.postEndSession},
	}, s.serviceRoutes()...)
}

// accountPage is what people see of themselves.
type accountPage struct {
	Profile  access.Profile
	Who      access.Principal
	Sessions []access.Session
	Tokens   tokensPart
	Now      time.Time
}

// tokensPart is the list of somebody's tokens and the form for another.
type tokensPart struct {
	Base   string // address of the page that it is on
	Role   access.Role
	Tokens []access.Token
	Form   newTokenForm
	Secret string // of the token that was just made, shown this once
	Closed string // why no token can be made here, or ""
	Now    time.Time
}

// newTokenForm is what was typed, and what is wrong with it by field.
type newTokenForm struct {
	Name    string
	Scopes  []string
	Days    int
	Problem map[string]string
}

// tokenDays are the lives that a token can be given.
var tokenDays = []int{7, 30, 90, 365}

// tokenSoon is how long before its end a token is shown as ending.
const tokenSoon = 7 * 24 * time.Hour

func emptyToken() newTokenForm { return newTokenForm{Scopes: []string{access.ScopeRead}, Days: 30} }

func (s *Server) getAccount(c echo.Context) error {
	return s.account(c, http.StatusOK, emptyToken())
}

// account answers with the account page.
func (s *Server) account(c echo.Context, code int, form newTokenForm) error {
	ctx, who := c.Request().Context(), principal(c)
	p := accountPage{Who: who, Now: s.Now()}
	var err error
	if p.Profile, err = s.Access.Profile(ctx, who.ID); err != nil {
		return err
	}
	if p.Sessions, err = s.Access.Sessions(ctx, who.ID); err != nil {
		return err
	}
	p.Tokens = tokensPart{Base: "/me", Role: p.Profile.Role, Form: form, Secret: s.shownOnce(c, "/me"), Now: p.Now}
	if who.Scopes != nil {
		p.Tokens.Closed = "You are signed in by a token, and a token makes no other. Sign in as yourself, or ask whoever runs this portal for portreeve token create."
	}
	if p.Tokens.Tokens, err = s.Access.Tokens(ctx, who.ID); err != nil {
		return err
	}
	return render(c, code, accountView(s.shell(c, "", "Your account", crumb{Text: "Your account"}), p))
}

func (s *Server) postToken(c echo.Context) error {
	return s.makeToken(c, principal(c).ID, "/me", s.account)
}

// makeToken makes a token for a person as the form says, and leads to the page at path, which shows its secret, or answers by
// page with what is wrong.
func (s *Server) makeToken(c echo.Context, person int64, path string, page func(c echo.Context, code int, form newTokenForm) error) error {
	values, err := posted(c)
	if err != nil {
		return err
	}
	form := newTokenForm{Name: strings.TrimSpace(values.Get("name")), Scopes: values["scopes"]}
	form.Days, _ = strconv.Atoi(values.Get("days"))
	if form.Problem = form.problems(); len(form.Problem) > 0 {
		return page(c, http.StatusUnprocessableEntity, form)
	}
	ttl := time.Duration(form.Days) * 24 * time.Hour
	secret, _, err := s.Access.CreateToken(c.Request().Context(), s.act(c, ""), person, form.Name, form.Scopes, ttl)
	if field := fieldOf(err); field != "" {
		form.Problem = map[string]string{field: sentence(fault.Message(err))}
		return page(c, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	if err := s.showOnce(c, path, secret); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, path+"#tokens")
}

// problems says what of a form no store needs to be asked about.
func (f *newTokenForm) problems() map[string]string {
	p := map[string]string{}
	if f.Name == "" {
		p["name"] = "Say what will use the token, so that you know it again."
	}
	if len(f.Scopes) == 0 {
		p["scopes"] = "Tick what the token may be used for."
	}
	if !slices.Contains(tokenDays, f.Days) {
		p["days"] = "Choose how long the token lives."
	}
	return p
}

// fieldOf returns the field of a form that err is about, or "".
func fieldOf(err error) string {
	if fault.KindOf(err) != fault.Invalid {
		return ""
	}
	return failureOf(err).field
}

// revokePage asks whether a token shall be revoked.
type revokePage struct {
	Base     string
	Of       string // whose token, "" for one's own
	Token    access.Token
	Sessions int // that end with it
	Now      time.Time
}

func (s *Server) getRevokeToken(c echo.Context) error {
	return s.askRevoke(c, principal(c).ID, revokePage{Base: "/me"}, crumb{"Your account", "/me"})
}

func (s *Server) askRevoke(c echo.Context, person int64, p revokePage, crumbs ...crumb) error {
	id, err := numberIn(c, "token")
	if err != nil {
		return err
	}
	if p.Token, p.Sessions, err = s.Access.Token(c.Request().Context(), person, id); err != nil {
		return err
	}
	p.Now = s.Now()
	title := "Revoke " + tokenName(&p.Token)
	return render(c, http.StatusOK, revokeView(s.shell(c, "", title, append(crumbs, crumb{Text: title})...), p))
}

func (s *Server) postRevokeToken(c echo.Context) error {
	return s.revoke(c, principal(c).ID, "/me")
}

func (s *Server) revoke(c echo.Context, person int64, base string) error {
	id, err := numberIn(c, "token")
	if err != nil {
		return err
	}
	if err := s.Access.RevokeToken(c.Request().Context(), s.act(c, ""), person, id); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, base+"#tokens")
}

func (s *Server) postEndSession(c echo.Context) error {
	id, err := numberIn(c, "session")
	if err != nil {
		return err
	}
	if err := s.Access.EndSessionByID(c.Request().Context(), s.act(c, ""), principal(c).ID, id); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/me#sessions")
}

func (s *Server) postEndSessions(c echo.Context) error {
	if _, err := s.Access.EndAllSessions(c.Request().Context(), s.act(c, ""), principal(c).ID); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, "/me#sessions")
}

// numberIn returns the parameter of the path that is an id. What is none names nothing.
func numberIn(c echo.Context, name string) (int64, error) {
	id, err := strconv.ParseInt(c.Param(name), 10, 64)
	if err != nil || id <= 0 {
		return 0, echo.ErrNotFound
	}
	return id, nil
}

// tokenName is how a page names a token.
func tokenName(t *access.Token) string {
	if t.Name == "" {
		return "token " + strconv.FormatInt(t.ID, 10)
	}
	return "“" + cut(t.Name, 80) + "”"
}

// roleFrom says where a person's role comes from.
func roleFrom(p *access.Profile) string {
	switch {
	case p.GivenRole != nil:
		return "given by an admin"
	case p.Issuer == access.LocalIssuer:
		return "given when this account was made here"
	case len(p.Groups) > 0:
		return "by your groups at " + issuerHost(p.Issuer)
	}
	return "that of everyone who signs in"
}

// membershipFrom says where a membership comes from.
func membershipFrom(m access.Membership) string {
	switch {
	case m.ByRule && m.ByHand:
		return "by a group, and by hand"
	case m.ByRule:
		return "by a group"
	case m.ByHand:
		return "by hand"
	}
	return "with the account"
}

// issuerHost names a provider as people know it: by its host.
func issuerHost(issuer string) string {
	if u, err := url.Parse(issuer); err == nil && u.Host != "" {
		return u.Host
	}
	return issuer
}
