package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"portreeve/access"
	"portreeve/fault"
)

// testProvider vouches for who it is told to. What tokens must be refused is proven where they are read.
type testProvider struct {
	mu        sync.Mutex
	ticket    access.Ticket
	fails     error // of all that it is asked
	exchanges int
	refreshes int
}

func (p *testProvider) Name() string { return "Company ID" }

func (p *testProvider) AuthURL(_ context.Context, state, nonce, verifier string) (string, error) {
	if nonce == "" || len(verifier) < 43 || nonce == state || nonce == verifier {
		return "", errors.New("a nonce and a verifier are needed")
	}
	return "https://id.example.com/auth?state=" + state, p.fails
}

func (p *testProvider) Exchange(_ context.Context, answer url.Values, nonce, verifier string) (access.Ticket, error) {
	p.exchanges++
	if answer.Get("code") == "" || nonce == "" || verifier == "" {
		return access.Ticket{}, fault.Forbiddenf("the sign-in did not work")
	}
	return p.ticket, p.fails
}

func (p *testProvider) Refresh(context.Context, access.Ticket) (access.Ticket, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refreshes++
	return p.ticket, p.fails
}

func (p *testProvider) EndURL(_ context.Context, idToken, back string) string {
	return "https://id.example.com/end?hint=" + idToken + "&back=" + url.QueryEscape(back)
}

func (p *testProvider) Ended(_ context.Context, token string) (access.SignedOut, error) {
	if token != "good" {
		return access.SignedOut{}, &fault.Error{Kind: fault.Forbidden, Msg: "no", Err: errors.New("the reason")}
	}
	return access.SignedOut{Issuer: p.ticket.Issuer, Subject: p.ticket.Subject, At: time.Now().Add(time.Minute)}, nil
}

// newLogin returns a portal with a provider that vouches for Ann of the group data, which makes people owners in the team bi.
func newLogin(t *testing.T) (*core, *testProvider) {
	t.Helper()
	p := &testProvider{ticket: access.Ticket{
		Identity: access.Identity{Issuer: "https://id.example.com", Subject: "a-1", Name: "Ann", Groups: []string{"data"}}, Refresh: "r", IDToken: "the-id-token",
	}}
	st := newCore(t, func(s *Server) { s.Login = p })
	st.exec(`INSERT INTO team (slug, name) VALUES ('bi', 'BI'); INSERT INTO group_rule (claim, role, team, declared_in) VALUES ('data', 'owner', 'bi', 'a:1')`)
	return st, p
}

// cookieOf returns a cookie that a response sets, or fails.
func cookieOf(t *testing.T, res *http.Response, name string) *http.Cookie {
	t.Helper()
	for _, c := range res.Cookies() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("status %d sets no cookie %s", res.StatusCode, name)
	return nil
}

// begin starts a login and returns the browser's half and the provider's.
func (st *core) begin(back string) (browser *http.Cookie, state string) {
	st.t.Helper()
	res := st.ask("GET", "/login/start?back="+url.QueryEscape(back))
	wantStatus(st.t, res, http.StatusSeeOther)
	to, err := res.Location()
	if err != nil {
		st.t.Fatal(err)
	}
	return cookieOf(st.t, res, loginCookie), to.Query().Get("state")
}

// enter signs in and returns the session.
func (st *core) enter() *http.Cookie {
	st.t.Helper()
	browser, state := st.begin("/")
	return cookieOf(st.t, st.ask("GET", "/login/callback?code=c&state="+state, withCookie(browser)), sessionCookie)
}

func TestLoginByProvider(t *testing.T) {
	t.Parallel()
	st, _ := newLogin(t)
	link := html(t, st.ask("GET", "/login?back=%2Fdata%3Fq%3Dx")).Find(`a[href^="/login/start"]`)
	if link.AttrOr("href", "") != "/login/start?back=%2Fdata%3Fq%3Dx" || strings.TrimSpace(link.Text()) != "Sign in with Company ID" {
		t.Errorf("the login page leads to %q by %q", link.AttrOr("href", ""), link.Text())
	}
	browser, state := st.begin("/data?q=x")
	if !browser.Secure || !browser.HttpOnly || browser.SameSite != http.SameSiteLaxMode || browser.Path != "/" || browser.Value == state {
		t.Errorf("cookie %+v", browser)
	}
	old := st.as(access.Viewer)
	res := st.ask("GET", "/login/callback?code=c&state="+state, withCookie(browser), old, func(r *http.Request) {
		r.Header.Set("Cookie", r.Header.Get("Cookie")+"; "+loginCookie+"="+browser.Value)
	}, header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"))
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/data?q=x" {
		t.Fatalf("status %d, leads to %q", res.StatusCode, res.Header.Get("Location"))
	}
	session := cookieOf(t, res, sessionCookie)
	if !session.Secure || !session.HttpOnly || session.SameSite != http.SameSiteLaxMode || time.Duration(session.MaxAge)*time.Second != access.SessionMax {
		t.Errorf("cookie %+v", session)
	}
	if c := cookieOf(t, res, loginCookie); c.MaxAge >= 0 {
		t.Error("the browser's half of the login stays")
	}
	who, err := st.Access.Session(t.Context(), session.Value)
	if err != nil || who.Name != "Ann" || who.Role != access.Owner || !who.In("bi") {
		t.Errorf("signed in as %+v, %v", who, err)
	}
	list, err := st.Access.Sessions(t.Context(), who.ID)
	if err != nil || len(list) != 1 || list[0].Agent != "Firefox on Linux" {
		t.Errorf("sessions %+v, %v", list, err)
	}
	if res := st.ask("GET", "/", old); res.StatusCode != http.StatusSeeOther {
		t.Errorf("the session that the browser had before goes on: status %d", res.StatusCode)
	}
	var plain bool
	if err := st.pool.QueryRow(t.Context(), `SELECT coalesce(bool_or(position('the-id-token'::bytea IN sealed) > 0), false) FROM session`).Scan(&plain); err != nil || plain {
		t.Errorf("the provider's tokens stand in the database as they are (%v)", err)
	}
}

func TestLoginByProviderRefuses(t *testing.T) {
	t.Parallel()
	st, p := newLogin(t)
	browser, state := st.begin("/")
	callback := "/login/callback?code=c&state="
	other, _ := st.begin("/")
	_, another := st.begin("/")
	_, bare := st.begin("/")
	st.ask("GET", callback+state, withCookie(browser))
	for _, tt := range []struct {
		name, target string
		cookie       *http.Cookie
	}{
		{"a state that was used", callback + state, browser},
		{"another browser's state", callback + another, other},
		{"a browser without its half", callback + bare, &http.Cookie{Name: "x", Value: "y"}},
		{"a made-up state", callback + "x", browser},
		{"nothing", "/login/callback", browser},
	} {
		before := p.exchanges
		res := st.ask("GET", tt.target, withCookie(tt.cookie))
		wantStatus(t, res, http.StatusForbidden)
		text := html(t, res).Find("main [role=alert]").Text()
		if sessionOf(res) != nil || !strings.Contains(text, "The sign-in did not work.") || !strings.Contains(text, res.Header.Get("X-Request-Id")) {
			t.Errorf("%s: the page says %q", tt.name, text)
		}
		if p.exchanges != before {
			t.Errorf("%s: the code was shown to the provider", tt.name)
		}
	}
	lines := st.logged.lines(t, "sign-in refused")
	if len(lines) != 5 || !strings.Contains(fmt.Sprint(lines), "begun in another browser") {
		t.Errorf("the log holds %v", lines)
	}
	browser, state = st.begin("/")
	p.fails = &fault.Error{Kind: fault.Forbidden, Msg: "the sign-in did not work", Err: errors.New("signed with another key")}
	res := st.ask("GET", callback+state, withCookie(browser))
	wantStatus(t, res, http.StatusForbidden)
	if text := html(t, res).Text(); strings.Contains(text, "another key") {
		t.Error("the caller learns why a token was refused")
	}
	if !strings.Contains(st.logged.text(), "signed with another key") {
		t.Error("the log does not learn it")
	}
}

func TestProviderAwayShowsAPage(t *testing.T) {
	t.Parallel()
	st, p := newLogin(t)
	session := st.enter()
	p.fails = fault.Unavailablef(errors.New("refused"), "Company ID has not answered since 09:30")
	res := st.ask("GET", "/login/start?back=%2Fdata")
	wantStatus(t, res, http.StatusServiceUnavailable)
	doc := html(t, res)
	if text := doc.Find("main [role=alert]").Text(); !strings.Contains(text, "has not answered since 09:30") || res.Header.Get("Retry-After") == "" {
		t.Errorf("the page says %q", text)
	}
	if got := doc.Find(`a[href="/login/start?back=%2Fdata"]`).Length(); got != 1 {
		t.Errorf("the page has %d links to try again", got)
	}
	st.exec(`UPDATE session SET checked_at = now() - interval '16 minutes'`)
	wantStatus(t, st.ask("GET", "/", withCookie(session)), http.StatusOK)
	wantStatus(t, st.ask("GET", "/", withCookie(session)), http.StatusOK)
	if p.refreshes != 1 {
		t.Errorf("a provider that does not answer was asked %d times within a minute", p.refreshes)
	}
}

func TestGroupsChangeInASession(t *testing.T) {
	t.Parallel()
	st, p := newLogin(t)
	session := st.enter()
	ask := func() access.Principal {
		t.Helper()
		wantStatus(t, st.ask("GET", "/", withCookie(session)), http.StatusOK)
		who, err := st.Access.Session(t.Context(), session.Value)
		if err != nil {
			t.Fatal(err)
		}
		return who
	}
	p.ticket.Groups = nil
	if who := ask(); who.Role != access.Owner || p.refreshes != 0 {
		t.Errorf("asked the provider %d times within 15 minutes", p.refreshes)
	}
	st.exec(`UPDATE session SET checked_at = now() - interval '16 minutes'`)
	res := st.ask("GET", "/", withCookie(session))
	wantStatus(t, res, http.StatusOK)
	if who := ask(); who.Role != access.Viewer || who.In("bi") || p.refreshes != 1 {
		t.Errorf("after 16 minutes %s, in the team: %v, asked %d times", who.Role, who.In("bi"), p.refreshes)
	}
	st.exec(`UPDATE session SET checked_at = now() - interval '16 minutes'`)
	p.fails = fault.Forbiddenf("signed out there")
	if res := st.ask("GET", "/", withCookie(session)); res.StatusCode != http.StatusSeeOther {
		t.Errorf("who was signed out at the provider goes on: status %d", res.StatusCode)
	}
	if n := len(st.logged.lines(t, "session ended by the provider")); n != 1 {
		t.Errorf("the log tells of it %d times", n)
	}
}

func TestSessionWithoutRefreshTokenLastsAnHour(t *testing.T) {
	t.Parallel()
	st, p := newLogin(t)
	p.ticket.Refresh = ""
	if c := st.enter(); c.MaxAge != 3600 {
		t.Errorf("the cookie lasts %d s", c.MaxAge)
	}
}

func TestTwoReplicasShareSessions(t *testing.T) {
	t.Parallel()
	st, _ := newLogin(t)
	other := &core{Server: &Server{
		Catalog: st.Catalog, Access: access.NewStore(st.pool), Key: st.Key, Login: st.Login, Rows: st.Rows, Crawls: st, Events: st.Events, Log: st.Log, Now: st.Now,
		Version: st.Version, BaseURL: st.BaseURL, Notify: st.Notify,
	}, t: t, pool: st.pool}
	other.Access.Audit = st.Access.Audit
	h, err := other.Handler()
	if err != nil {
		t.Fatal(err)
	}
	other.handler = h
	browser, state := st.begin("/data")
	res := other.ask("GET", "/login/callback?code=c&state="+state, withCookie(browser))
	session := cookieOf(t, res, sessionCookie)
	if got := res.Header.Get("Location"); got != "/data" {
		t.Errorf("a login that one replica began ends at another with %q", got)
	}
	wantStatus(t, st.ask("GET", "/", withCookie(session)), http.StatusOK)
	wantStatus(t, st.ask("POST", "/logout", withCookie(session)), http.StatusOK)
	if res := other.ask("GET", "/", withCookie(session)); res.StatusCode != http.StatusSeeOther {
		t.Errorf("a session that one replica ended goes on at another: status %d", res.StatusCode)
	}
}

func TestLogoutLeadsToTheProvider(t *testing.T) {
	t.Parallel()
	st, _ := newLogin(t)
	session := st.enter()
	res := st.ask("POST", "/logout", withCookie(session))
	wantStatus(t, res, http.StatusOK)
	const to = "https://id.example.com/end?hint=the-id-token&back=https%3A%2F%2Fdata.example.com%2Flogin"
	if got := res.Header.Get("Refresh"); got != "0; url="+to {
		t.Errorf("leads on to %q", got)
	}
	if got := html(t, res).Find("main a").AttrOr("href", ""); got != to {
		t.Errorf("the link leads to %q", got)
	}
	if c := sessionOf(res); c == nil || c.MaxAge >= 0 || res.Header.Get("Clear-Site-Data") == "" {
		t.Error("the browser keeps the session")
	}
	if res := st.ask("POST", "/logout", withCookie(session)); res.Header.Get("Location") != "/login" {
		t.Errorf("a second logout leads to %q", res.Header.Get("Location"))
	}
	res = st.ask("POST", "/logout", st.as(access.Viewer)) // signed in by other means
	if res.Header.Get("Location") != "/login" {
		t.Errorf("leads to %q", res.Header.Get("Location"))
	}
}

func TestBackchannelLogout(t *testing.T) {
	t.Parallel()
	st, _ := newLogin(t)
	session := st.enter()
	res := st.ask("POST", "/login/backchannel", form("logout_token", "bad"))
	wantStatus(t, res, http.StatusBadRequest)
	wantStatus(t, st.ask("GET", "/", withCookie(session)), http.StatusOK)
	wantStatus(t, st.ask("POST", "/login/backchannel", form("logout_token", "good")), http.StatusOK)
	wantStatus(t, st.ask("GET", "/", withCookie(session)), http.StatusSeeOther)
	if !strings.Contains(st.logged.text(), "the reason") {
		t.Error("the log does not say why a logout was refused")
	}
}

func TestWithoutProviderItsPathsAreMissing(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	for _, path := range []string{"/login/start", "/login/callback?code=c&state=s"} {
		wantStatus(t, st.ask("GET", path), http.StatusNotFound)
	}
	wantStatus(t, st.ask("POST", "/login/backchannel", form("logout_token", "good")), http.StatusNotFound)
}

func TestAgent(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                  "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36":                         "Chrome on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0":               "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15":                   "Safari on macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1": "Safari on iPhone",
		"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36":                   "Chrome on Android",
		"curl/8.9.1": "curl", "": "", "<script>alert(1)</script>": "",
	} {
		if got := agentOf(header); got != want {
			t.Errorf("agentOf(%q) = %q, want %q", header, got, want)
		}
	}
}
