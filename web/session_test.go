package web

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"portreeve/access"
)

// sessionOf returns the session cookie that a response sets, or nil.
func sessionOf(res *http.Response) *http.Cookie {
	for _, c := range res.Cookies() {
		if c.Name == sessionCookie {
			return c
		}
	}
	return nil
}

func withCookie(c *http.Cookie) asking { return header("Cookie", c.Name+"="+c.Value) }

// newDemo returns a demo with its people.
func newDemo(t *testing.T) *core {
	t.Helper()
	st := newCore(t, func(s *Server) { s.Demo, s.BaseURL = true, "http://127.0.0.1:8080" })
	for _, p := range access.DemoPeople() {
		if _, err := st.Access.EnsurePerson(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	return st
}

func local(r *http.Request) { r.Host = "127.0.0.1:8080" }

func TestLoginByToken(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	token := st.token(access.Owner, access.ScopeRead)
	if got := html(t, st.ask("GET", "/login")).Find(`form[action="/login"] input[name=token]`).Length(); got != 1 {
		t.Errorf("the login page has %d fields for a token", got)
	}
	res := st.ask("POST", "/login", form("token", " "+token+"\n", "back", "/data?q=x"), header("Sec-Fetch-Site", "same-origin"))
	wantStatus(t, res, http.StatusSeeOther)
	if got := res.Header.Get("Location"); got != "/data?q=x" {
		t.Errorf("leads to %q", got)
	}
	c := sessionOf(res)
	if c == nil {
		t.Fatal("no session")
	}
	if c.Name != "__Host-sid" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 12*3600 {
		t.Errorf("cookie %+v", c)
	}
	if c.Value == token || len(c.Value) < 43 {
		t.Errorf("the session's secret is %q", c.Value)
	}
	wantStatus(t, st.ask("POST", "/preferences", withCookie(c), form("theme", "dark")), http.StatusSeeOther)
	if got := st.person(access.Owner).Theme; got != "dark" {
		t.Error("the session is not the token's owner's")
	}
	var hours float64
	if err := st.pool.QueryRow(t.Context(), `SELECT extract(epoch FROM expires_at - created_at) / 3600 FROM session`).Scan(&hours); err != nil || math.Abs(hours-1) > .01 { // as long as its token
		t.Errorf("the session lasts %v hours (%v)", hours, err)
	}
}

// By a token that may only read nobody asks for access or watches: that writes, and tells others.
func TestSessionOfATokenThatMayOnlyRead(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	for scope, want := range map[string]int{"read": http.StatusForbidden, "read,write": http.StatusSeeOther} {
		res := st.ask("POST", "/login", form("token", st.token(access.Viewer, strings.Split(scope, ",")...)), header("Sec-Fetch-Site", "same-origin"))
		wantStatus(t, res, http.StatusSeeOther)
		c := withCookie(sessionOf(res))
		wantStatus(t, st.ask("POST", "/watch", c, header("Sec-Fetch-Site", "same-origin"), form("kind", "search", "target", "q=flights", "back", "/data")), want)
		wantStatus(t, st.ask("POST", "/preferences", c, form("theme", "dark")), http.StatusSeeOther)
		wantStatus(t, st.ask("GET", "/watching", c), http.StatusOK)
	}
}

func TestLoginRefuses(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	expired := st.token(access.Admin, access.ScopeRead)
	st.exec(`UPDATE token SET expires_at = now()`)
	for name, token := range map[string]string{
		"no token": "", "a made-up one": "prt_abc", "an expired one": expired, "one without the scope read": st.token(access.Admin, access.ScopeWrite),
		"markup": `"><script>alert(1)</script>`,
	} {
		res := st.ask("POST", "/login", form("token", token))
		wantStatus(t, res, http.StatusForbidden)
		if sessionOf(res) != nil {
			t.Errorf("%s: opens a session", name)
		}
		doc := html(t, res)
		if doc.Find(`[role=alert]`).Length() != 1 || doc.Find("input[name=token]").AttrOr("aria-invalid", "") != "true" {
			t.Errorf("%s: the page does not say what is wrong", name)
		}
		if _, shown := doc.Find("input[name=token]").Attr("value"); shown {
			t.Errorf("%s: the page repeats the token", name)
		}
	}
	if n := len(st.logged.lines(t, "sign-in refused")); n != 5 {
		t.Errorf("%d of 5 refusals are in the log", n)
	}
	if strings.Contains(st.logged.text(), expired) {
		t.Error("the log holds a token")
	}
}

func TestLoginLeadsBackOnlyToOurPages(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"/data?q=a&b=c": "/data?q=a&b=c", "/d/lake/a%2Fb": "/d/lake/a%2Fb", "": "/", "/": "/",
		"https://evil.example/": "/", "//evil.example": "/", `/\evil.example`: "/", "javascript:alert(1)": "/", "data": "/",
		"/\tevil.example": "/", "/a\r\nSet-Cookie: x": "/", "///evil.example": "/", "/login?back=/": "/", "http:/evil": "/", "/%zz": "/",
	} {
		if got := backTo(to); got != want {
			t.Errorf("backTo(%q) = %q, want %q", to, got, want)
		}
	}
}

func TestPagesLeadToTheLogin(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	res := st.ask("GET", "/data?q=a%26b")
	wantStatus(t, res, http.StatusSeeOther)
	if got := res.Header.Get("Location"); got != "/login?back=%2Fdata%3Fq%3Da%2526b" {
		t.Errorf("leads to %q", got)
	}
	if got := html(t, st.ask("GET", res.Header.Get("Location"))).Find("input[name=back]").AttrOr("value", ""); got != "/data?q=a%26b" {
		t.Errorf("the login page leads back to %q", got)
	}
	res = st.ask("GET", "/nowhere?x=1")
	if got := html(t, res).Find(".top a").AttrOr("href", ""); got != "/login?back=%2Fnowhere%3Fx%3D1" {
		t.Errorf("a page without a session signs in at %q", got)
	}
	if got := html(t, st.ask("GET", "/login?back=%2Fdata")).Find(".top a").AttrOr("href", ""); got != "/login" {
		t.Errorf("the login page leads to itself at %q", got)
	}
	res = st.ask("GET", "/data?q=x", header("HX-Request", "true"), header("HX-Request-Type", "partial"))
	if res.StatusCode != http.StatusUnauthorized || res.Header.Get("HX-Redirect") != "/login" {
		t.Errorf("a part of a page: status %d, HX-Redirect %q", res.StatusCode, res.Header.Get("HX-Redirect"))
	}
	res = st.ask("GET", "/", bearer(st.token(access.Admin, access.ScopeRead)))
	wantStatus(t, res, http.StatusSeeOther) // pages do not know tokens
}

func TestLogout(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	session := st.as(access.Viewer)
	wantStatus(t, st.ask("POST", "/preferences", session, form("nav", "icons")), http.StatusSeeOther)
	res := st.ask("POST", "/logout", session)
	wantStatus(t, res, http.StatusSeeOther)
	if c := sessionOf(res); c == nil || c.MaxAge >= 0 || c.Value != "" || !c.Secure {
		t.Errorf("the cookie stays: %+v", c)
	}
	if res.Header.Get("Clear-Site-Data") == "" {
		t.Error("what the browser kept stays")
	}
	res = st.ask("POST", "/preferences", session, form("nav", ""))
	if got := res.Header.Get("Location"); got != "/login" {
		t.Errorf("the old cookie still works: status %d, leads to %q", res.StatusCode, got)
	}
	if c := sessionOf(res); c == nil || c.MaxAge >= 0 {
		t.Error("a cookie that opens nothing stays in the browser")
	}
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	session := st.as(access.Viewer)
	res := st.ask("POST", "/preferences", session, form("theme", "dark", "back", "/data?q=1"))
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/data?q=1" {
		t.Errorf("status %d, leads to %q", res.StatusCode, res.Header.Get("Location"))
	}
	wantStatus(t, st.ask("POST", "/preferences", session, form("nav", "icons"), header("HX-Request", "true")), http.StatusNoContent)
	if p := st.person(access.Viewer); p.Theme != "dark" || p.Nav != "icons" {
		t.Errorf("a preference that the form does not name changed: %+v", p)
	}
	wantStatus(t, st.ask("POST", "/preferences", session, form("theme", "")), http.StatusSeeOther)
	if p := st.person(access.Viewer); p.Theme != "" {
		t.Errorf("the theme does not go back to the device's: %+v", p)
	}
	wantStatus(t, st.ask("POST", "/preferences", session, form("theme", "pink")), http.StatusUnprocessableEntity)
}

func TestDemoSwitchesPeople(t *testing.T) {
	t.Parallel()
	st := newDemo(t)
	count := func() (n int) {
		if err := st.pool.QueryRow(t.Context(), `SELECT count(*) FROM session`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	res := st.ask("GET", "/login", local)
	doc := html(t, res)
	if sessionOf(res) != nil || count() != 0 {
		t.Error("looking at a page made a session")
	}
	if got := doc.Find(`button[name=person]`).Length(); got != 3 {
		t.Errorf("%d people to choose from", got)
	}
	if text := doc.Find("main").Text(); !strings.Contains(text, "This is a demo.") || doc.Find("input[name=token]").Length() > 0 {
		t.Errorf("the page does not say that it is a demo: %s", text)
	}
	wantStatus(t, st.ask("POST", "/preferences", local, form("theme", "dark")), http.StatusSeeOther) // as the analyst, without a session

	res = st.ask("POST", "/session", local, form("person", "owner", "back", "/sources"))
	first := sessionOf(res)
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/sources" || first == nil {
		t.Fatalf("status %d, leads to %q, session %v", res.StatusCode, res.Header.Get("Location"), first)
	}
	if got := html(t, st.ask("GET", "/login", local, withCookie(first))).Find("button[name=person]:contains('you now')").AttrOr("value", ""); got != "owner" {
		t.Errorf("one is %q after becoming the owner", got)
	}
	second := sessionOf(st.ask("POST", "/session", local, withCookie(first), form("person", "admin")))
	if second.Value == first.Value || count() != 1 {
		t.Error("the session of the owner lives on after becoming the admin")
	}
	res = st.ask("GET", "/login", local, withCookie(first))
	if got := html(t, res).Find("button[name=person]:contains('you now')").AttrOr("value", ""); got != "" {
		t.Errorf("with a session that ended one is %q, want nobody", got)
	}
	wantStatus(t, st.ask("GET", "/data", local, withCookie(first)), http.StatusSeeOther)
	out := sessionOf(st.ask("POST", "/logout", local, withCookie(second)))
	wantStatus(t, st.ask("GET", "/data", local, withCookie(out)), http.StatusSeeOther)
	wantStatus(t, st.ask("POST", "/session", local, form("person", "root")), http.StatusUnprocessableEntity)
	wantStatus(t, st.ask("POST", "/session", local, form("person", "owner"), header("Sec-Fetch-Site", "cross-site")), http.StatusForbidden)
}

func TestDemoWithoutPeopleLeadsToTheLogin(t *testing.T) {
	t.Parallel()
	st := newCore(t, func(s *Server) { s.Demo = true })
	wantStatus(t, st.ask("GET", "/"), http.StatusSeeOther)
}

func TestExpiredSessionLeadsToTheLogin(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	session := st.as(access.Admin)
	st.exec(`UPDATE session SET expires_at = now() - interval '1 second'`)
	res := st.ask("GET", "/", session)
	if res.StatusCode != http.StatusSeeOther || !strings.HasPrefix(res.Header.Get("Location"), "/login") {
		t.Errorf("status %d, leads to %q", res.StatusCode, res.Header.Get("Location"))
	}
}

func TestSessionCookieLivesNoLongerThanTheSession(t *testing.T) {
	t.Parallel()
	st := newDemo(t)
	c := sessionOf(st.ask("POST", "/session", local, form("person", "owner")))
	if c == nil || time.Duration(c.MaxAge)*time.Second != access.SessionMax {
		t.Errorf("cookie %+v, session %v", c, access.SessionMax)
	}
}
