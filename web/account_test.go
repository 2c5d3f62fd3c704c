package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"portreeve/access"
)

// once sends the cookie on that carries a new secret to its page.
func once(res *http.Response) asking {
	return func(r *http.Request) {
		for _, c := range res.Cookies() {
			if c.Name == onceCookie {
				r.AddCookie(c)
			}
		}
	}
}

// A token that is made in the page works at the API, is shown once, and ends where it is revoked.
func TestTokenFromThePage(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	owner := st.as(access.Owner)
	post := header("Sec-Fetch-Site", "same-origin")
	res := st.ask(http.MethodPost, "/me/tokens", owner, post, form("name", "nightly export", "scopes", "read", "days", "30"))
	wantStatus(t, res, http.StatusSeeOther)
	if got := html(t, st.ask(http.MethodGet, "/me", st.as(access.Admin), once(res))).Find("#secret").Length(); got > 0 {
		t.Error("another person sees the secret")
	}
	if got := html(t, st.ask(http.MethodGet, "/me", owner, once(&http.Response{Header: http.Header{"Set-Cookie": {onceCookie + "=AAAA"}}}))).Find("#secret").Length(); got > 0 {
		t.Error("a secret is shown that was not sealed here")
	}
	res = st.ask(http.MethodGet, "/me", owner, once(res))
	if res.Header.Get("Cache-Control") != "no-store" || !strings.Contains(res.Header.Get("Set-Cookie"), onceCookie+"=;") {
		t.Error("the page with the secret may be kept, or shows it again")
	}
	secret := html(t, res).Find("#secret").Text()
	wantStatus(t, st.ask(http.MethodGet, "/api/v1/sources", bearer(secret)), http.StatusOK)

	page := html(t, st.ask(http.MethodGet, "/me", owner))
	if text := page.Text(); strings.Contains(text, secret) || !strings.Contains(text, "nightly export") {
		t.Error("the page without the secret has it, or does not name the token")
	}
	revoke, _ := page.Find(`#tokens a[aria-label^="Revoke"]`).Attr("href")
	ask := html(t, st.ask(http.MethodGet, revoke, owner))
	if text := ask.Find("main").Text(); !strings.Contains(text, "it was last used just now") {
		t.Errorf("the page does not say what stops: %s", text)
	}
	wantStatus(t, st.ask(http.MethodGet, revoke, st.as(access.Admin)), http.StatusNotFound)
	wantStatus(t, st.ask(http.MethodPost, revoke, st.as(access.Admin), post), http.StatusNotFound)
	wantStatus(t, st.ask(http.MethodPost, revoke, owner, post), http.StatusSeeOther)
	wantStatus(t, st.ask(http.MethodGet, "/api/v1/sources", bearer(secret)), http.StatusUnauthorized)
	wantStatus(t, st.ask(http.MethodPost, revoke, owner, post), http.StatusNotFound)
}

func TestNewTokenSaysWhatIsWrongAtTheField(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	owner := st.as(access.Owner)
	tests := []struct {
		name  string
		pairs []string
		error string
	}{
		{"no name", []string{"scopes", "read", "days", "30"}, "token-name-e"},
		{"no scope", []string{"name", "n1", "days", "30"}, "token-scopes-e"},
		{"a life that is not offered", []string{"name", "n1", "scopes", "read", "days", "366"}, "token-days-e"},
		{"a scope above the role", []string{"name", "n1", "scopes", "admin", "days", "30"}, "token-scopes-e"},
		{"a scope that there is not", []string{"name", "n1", "scopes", "root", "days", "30"}, "token-scopes-e"},
	}
	for _, tt := range tests {
		res := st.ask(http.MethodPost, "/me/tokens", owner, header("Sec-Fetch-Site", "same-origin"), form(tt.pairs...))
		wantStatus(t, res, http.StatusUnprocessableEntity)
		page := html(t, res)
		if page.Find("#"+tt.error).Length() != 1 || page.Find(".error").Length() != 1 {
			t.Errorf("%s: the errors are %q, want one, #%s", tt.name, page.Find(".error").Text(), tt.error)
		}
		if name, _ := page.Find("#token-name").Attr("value"); tt.name != "no name" && name != "n1" {
			t.Errorf("%s: what was typed is gone", tt.name)
		}
	}
}

// Whoever has only a token cannot make another of it that holds more or lives longer.
func TestSessionByATokenMakesNoToken(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	post := header("Sec-Fetch-Site", "same-origin")
	res := st.ask(http.MethodPost, "/login", post, form("token", st.token(access.Owner, access.ScopeRead)))
	wantStatus(t, res, http.StatusSeeOther)
	var session string
	for _, c := range res.Cookies() {
		if c.Name == sessionCookie {
			session = c.Name + "=" + c.Value
		}
	}
	who := header("Cookie", session)
	if page := html(t, st.ask(http.MethodGet, "/me", who)); page.Find("#token-name").Length() != 0 || page.Find("h1").Text() != "Your account" {
		t.Error("the form for a token is offered")
	}
	wantStatus(t, st.ask(http.MethodPost, "/me/tokens", who, post, form("name", "n", "scopes", "write", "days", "365")), http.StatusForbidden)
}

func TestSessionsOnTheAccountPage(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	here, there, others := st.as(access.Owner), st.as(access.Owner), st.as(access.Analyst)
	post := header("Sec-Fetch-Site", "same-origin")
	page := html(t, st.ask(http.MethodGet, "/me", here))
	rows := page.Find("#sessions tbody tr")
	if rows.Length() != 2 || page.Find("#sessions .badge").Length() != 1 {
		t.Fatalf("%d sessions, %d of them this one; want 2 and 1", rows.Length(), page.Find("#sessions .badge").Length())
	}
	end, _ := page.Find("#sessions td form").Attr("action")
	wantStatus(t, st.ask(http.MethodPost, end, others, post), http.StatusNotFound)
	wantStatus(t, st.ask(http.MethodGet, "/me", there), http.StatusOK)
	wantStatus(t, st.ask(http.MethodPost, end, here, post), http.StatusSeeOther)
	wantStatus(t, st.ask(http.MethodGet, "/me", there), http.StatusSeeOther)
	there = st.as(access.Owner)
	wantStatus(t, st.ask(http.MethodPost, "/me/sessions/end", here, post), http.StatusSeeOther)
	wantStatus(t, st.ask(http.MethodGet, "/me", there), http.StatusSeeOther)
	wantStatus(t, st.ask(http.MethodGet, "/me", here), http.StatusOK)
	wantStatus(t, st.ask(http.MethodGet, "/me", others), http.StatusOK)
}

// A service is made, gets a token, is disabled and enabled again.
func TestServices(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	admin := st.as(access.Admin)
	post := header("Sec-Fetch-Site", "same-origin")
	if page := html(t, st.ask(http.MethodGet, "/admin/services", admin)); page.Find(".empty").Length() != 1 {
		t.Error("no services, and the page does not say what to do")
	}
	service := []string{"subject", "etl", "name", "Nightly <b>ETL</b>", "team", "data-eng", "role", "analyst"}
	res := st.ask(http.MethodPost, "/admin/services", admin, post, form(service...))
	wantStatus(t, res, http.StatusSeeOther)
	at := res.Header.Get("Location")
	again := st.ask(http.MethodPost, "/admin/services", admin, post, form(service...))
	wantStatus(t, again, http.StatusUnprocessableEntity)
	if page := html(t, again); page.Find("#subject-e").Length() != 1 || page.Find("#team").AttrOr("value", "") != "data-eng" {
		t.Error("a second service of the name: no error at the field, or what was typed is gone")
	}
	res = st.ask(http.MethodPost, at+"/tokens", admin, post, form("name", "cron", "scopes", "read", "days", "7"))
	wantStatus(t, res, http.StatusSeeOther)
	page := html(t, st.ask(http.MethodGet, at, admin, once(res)))
	secret := page.Find("#secret").Text()
	if page.Find("h1").Text() != "Nightly <b>ETL</b>" || page.Find("#tokens .status.warn").Length() != 1 {
		t.Errorf("name %q, %d tokens that end soon; want the name as it was typed and 1", page.Find("h1").Text(), page.Find("#tokens .status.warn").Length())
	}
	works := func(want int) {
		t.Helper()
		wantStatus(t, st.ask(http.MethodGet, "/api/v1/sources", bearer(secret)), want)
	}
	works(http.StatusOK)
	if text := html(t, st.ask(http.MethodGet, at+"/disable", admin)).Find("main").Text(); !strings.Contains(text, "1 token stops") {
		t.Errorf("the question does not say what stops: %s", text)
	}
	wantStatus(t, st.ask(http.MethodPost, at+"/disable", admin, post), http.StatusSeeOther)
	works(http.StatusUnauthorized)
	if html(t, st.ask(http.MethodGet, at, admin)).Find("#token-name").Length() != 0 {
		t.Error("a disabled service is offered tokens")
	}
	wantStatus(t, st.ask(http.MethodPost, at+"/enable", admin, post), http.StatusSeeOther)
	works(http.StatusOK)
	revoke, _ := html(t, st.ask(http.MethodGet, at, admin)).Find(`#tokens a[aria-label^="Revoke"]`).Attr("href")
	wantStatus(t, st.ask(http.MethodPost, revoke, admin, post), http.StatusSeeOther)
	works(http.StatusUnauthorized)

	person := fmt.Sprint("/admin/services/", st.person(access.Viewer).ID) // a person is no service
	wantStatus(t, st.ask(http.MethodGet, person, admin), http.StatusNotFound)
	wantStatus(t, st.ask(http.MethodPost, person+"/disable", admin, post), http.StatusNotFound)
}

// texts returns the texts of what a selector finds.
func texts(page *goquery.Document, selector string) []string {
	return page.Find(selector).Map(func(_ int, s *goquery.Selection) string { return strings.Join(strings.Fields(s.Text()), " ") })
}
