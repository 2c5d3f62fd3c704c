package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/fault"
)

// Provider is the company's OpenID provider. One that does not answer is Unavailable; what it refuses, or what is wrong with its
// answers, is Forbidden, with the reason as the cause, for the log.
type Provider interface {
	// Name is what people know it by.
	Name() string
	// AuthURL returns where the browser signs in.
	AuthURL(ctx context.Context, state, nonce, verifier string) (string, error)
	// Exchange redeems what the browser came back with.
	Exchange(ctx context.Context, answer url.Values, nonce, verifier string) (access.Ticket, error)
	// Refresh asks who somebody is now.
	Refresh(ctx context.Context, t access.Ticket) (access.Ticket, error)
	// EndURL returns where the browser signs out, to come back to back; "" is nowhere.
	EndURL(ctx context.Context, idToken, back string) string
	// Ended reads a token that says who was signed out.
	Ended(ctx context.Context, token string) (access.SignedOut, error)
}

// loginCookie ties a login under way to the browser that began it.
const loginCookie = "__Host-login"

// unasked is how long a session lasts about which the provider cannot be asked again, because it gave no refresh token: what it
// said of the person's groups may be that old.
const unasked = time.Hour

// askTimeout bounds how long a request waits for what the provider says of its person.
const askTimeout = 4 * time.Second

// loginRoutes returns the routes of what signing in through the provider needs.
func (s *Server) loginRoutes() []route {
	return []route{
		{http.MethodGet, "/login/start", public, s.withProvider(s.getLoginStart)},
		{http.MethodGet, "/login/callback", public, s.withProvider(s.getLoginCallback)},
		{http.MethodPost, "/login/backchannel", public, s.withProvider(s.postLoginBackchannel)},
	}
}

// withProvider is h where there is a provider, and nothing elsewhere.
func (s *Server) withProvider(h handler) handler {
	if s.Login == nil {
		return func(echo.Context) error { return echo.ErrNotFound }
	}
	return h
}

// getLoginStart sends the browser to the provider.
func (s *Server) getLoginStart(c echo.Context) error {
	browser := ""
	if cookie, err := c.Cookie(loginCookie); err == nil {
		browser = cookie.Value // so that two tabs can sign in at once
	}
	back := backTo(c.QueryParam("back"))
	flow, err := s.Access.BeginLogin(c.Request().Context(), browser, back)
	if err != nil {
		return err
	}
	to, err := s.Login.AuthURL(c.Request().Context(), flow.State, flow.Nonce, flow.Verifier)
	if err != nil {
		return s.loginFailed(c, back, err)
	}
	setLogin(c, flow.Browser, 15*60)
	return c.Redirect(http.StatusSeeOther, to)
}

// setLogin puts the browser's half of a login into it, for age seconds; a negative age takes it out.
func setLogin(c echo.Context, browser string, age int) {
	c.SetCookie(&http.Cookie{Name: loginCookie, Value: browser, Path: "/", MaxAge: age, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// getLoginCallback is where the provider sends the browser back to.
func (s *Server) getLoginCallback(c echo.Context) error {
	ctx, answer := c.Request().Context(), c.QueryParams()
	browser, err := c.Cookie(loginCookie)
	if err != nil {
		browser = &http.Cookie{}
	}
	flow, err := s.Access.TakeLogin(ctx, answer.Get("state"), browser.Value)
	if err != nil {
		return s.loginFailed(c, "/", err)
	}
	ticket, err := s.Login.Exchange(ctx, answer, flow.Nonce, flow.Verifier)
	if err != nil {
		return s.loginFailed(c, flow.Back, err)
	}
	sealed, err := s.sealed(ticket)
	if err != nil {
		return err
	}
	if _, err := s.endSession(c); err != nil {
		return err
	}
	n := access.NewSession{TTL: s.Access.Max, Agent: agentOf(c.Request().UserAgent()), Provider: ticket.Session, Sealed: sealed}
	if ticket.Refresh == "" {
		n.TTL = min(n.TTL, unasked)
	}
	secret, who, err := s.Access.SignIn(ctx, s.act(c, ""), ticket.Identity, n)
	if err != nil {
		return s.loginFailed(c, flow.Back, err)
	}
	s.Log.InfoContext(ctx, "signed in", "request_id", requestOf(c).id, "person", who.ID)
	setLogin(c, "", -1)
	setSession(c, secret, int(n.TTL.Seconds()))
	return c.Redirect(http.StatusSeeOther, flow.Back)
}

// loginFailed shows the login page again, with what the person may know of why. The log holds the reason.
func (s *Server) loginFailed(c echo.Context, back string, err error) error {
	status := http.StatusForbidden
	switch fault.KindOf(err) {
	case fault.Forbidden:
	case fault.Unavailable:
		status = http.StatusServiceUnavailable
		retryIn(c, 30*time.Second)
	case fault.Internal, fault.Invalid, fault.NotFound, fault.Conflict:
		return err
	}
	s.Log.WarnContext(c.Request().Context(), "sign-in refused", "request_id", requestOf(c).id, "address", remoteHost(c.Request()), "err", err)
	again := loginForm{back: back, failed: sentence(fault.Message(err)), requestID: requestOf(c).id}
	return render(c, status, loginPage(s.shell(c, "", "Sign in"), s.loginForm(again)))
}

// loginForm adds what the login page shows of the provider.
func (s *Server) loginForm(f loginForm) loginForm {
	if s.Login != nil {
		f.provider = s.Login.Name()
	}
	return f
}

// ticketPurpose is what the key seals tickets for.
const ticketPurpose = "session"

// heldTicket is what of a ticket is kept to ask the provider again.
type heldTicket struct {
	Subject string `json:"subject"`
	Refresh string `json:"refresh"`
	IDToken string `json:"id_token"`
}

func (s *Server) sealed(t access.Ticket) ([]byte, error) {
	text, err := json.Marshal(heldTicket{t.Subject, t.Refresh, t.IDToken})
	if err != nil {
		return nil, err
	}
	return s.Key.Seal(ticketPurpose, string(text))
}

func (s *Server) unsealed(sealed []byte) (t access.Ticket, err error) {
	text, err := s.Key.Open(ticketPurpose, sealed)
	if err != nil {
		return t, err
	}
	var a heldTicket
	err = json.Unmarshal([]byte(text), &a)
	t.Subject, t.Refresh, t.IDToken = a.Subject, a.Refresh, a.IDToken
	return t, err
}

// recheck asks the provider about the person of a session, if it is time to and nobody else does. Who is no longer signed in
// there is Forbidden, and the session ends; while the provider does not answer, things stay as they are.
func (s *Server) recheck(c echo.Context, who access.Principal) (access.Principal, error) {
	// A browser that goes away must not make us lose the provider's next token.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request().Context()), askTimeout)
	defer cancel()
	sealed, err := s.Access.ClaimCheck(ctx, who.SessionID)
	if err != nil || sealed == nil {
		return who, err
	}
	act := s.act(c, "")
	act.Who = who
	now, err := s.askAgain(ctx, act, sealed)
	switch fault.KindOf(err) {
	case fault.Forbidden:
		s.Log.WarnContext(ctx, "session ended by the provider", "request_id", requestOf(c).id, "person", who.ID, "err", err)
		act.Reason = "the provider no longer vouches for it"
		if end := s.Access.EndSessionByID(ctx, act, who.ID, who.SessionID); end != nil && fault.KindOf(end) != fault.NotFound {
			return access.Principal{}, end
		}
		return access.Principal{}, err
	case fault.Unavailable:
		s.Log.WarnContext(ctx, "provider could not be asked", "request_id", requestOf(c).id, "person", who.ID, "err", err)
		return who, nil
	case fault.Internal, fault.Invalid, fault.NotFound, fault.Conflict:
	}
	return now, err
}

// askAgain asks the provider who is at a session and returns who they are now.
func (s *Server) askAgain(ctx context.Context, act access.Act, sealed []byte) (access.Principal, error) {
	old, err := s.unsealed(sealed)
	if err != nil || s.Login == nil { // the key, or the provider, is another one now
		return access.Principal{}, fault.Forbiddenf("the session cannot be asked about")
	}
	if old.Refresh == "" {
		return act.Who, nil
	}
	t, err := s.Login.Refresh(ctx, old)
	if err != nil {
		return access.Principal{}, err
	}
	if t.Refresh == "" {
		t.Refresh = old.Refresh
	}
	if sealed, err = s.sealed(t); err != nil {
		return access.Principal{}, err
	}
	return s.Access.Checked(ctx, act, t.Identity, sealed)
}

// postLoginBackchannel is where the provider tells that somebody signed out there. It is a machine that asks: it gets no page.
func (s *Server) postLoginBackchannel(c echo.Context) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	out, err := s.Login.Ended(c.Request().Context(), form.Get("logout_token"))
	if err == nil {
		act := access.Act{Via: "provider", RequestID: requestOf(c).id, Address: clientHost(c.Request()), Reason: "signed out at the provider"}
		_, err = s.Access.EndForProvider(c.Request().Context(), act, out)
	}
	if fault.KindOf(err) == fault.Forbidden && err != nil {
		s.Log.WarnContext(c.Request().Context(), "logout refused", "request_id", requestOf(c).id, "address", remoteHost(c.Request()), "err", err)
		return c.JSON(http.StatusBadRequest, map[string]string{"error": "invalid_request"})
	}
	if err != nil {
		return err
	}
	return c.NoContent(http.StatusOK)
}

// signOutThere answers a logout with a page that leads on to the provider, which signs the browser out too. It is a page and no
// redirect: our content policy lets forms lead to us alone, and browsers hold it against the redirects after a form as well.
func (s *Server) signOutThere(c echo.Context, sealed []byte) (done bool, err error) {
	if s.Login == nil || sealed == nil {
		return false, nil
	}
	t, err := s.unsealed(sealed)
	if err != nil {
		return false, nil //nolint:nilerr // sealed by another key: there is nothing to tell the provider
	}
	to := s.Login.EndURL(c.Request().Context(), t.IDToken, strings.TrimRight(s.BaseURL, "/")+"/login")
	if to == "" {
		return false, nil
	}
	c.Response().Header().Set("Refresh", "0; url="+to)
	return true, render(c, http.StatusOK, leavingPage(s.shell(c, "", "Signing out"), s.Login.Name(), to))
}
