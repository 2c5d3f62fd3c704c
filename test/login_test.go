package test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/postgres/pgtest"
	"portreeve/test/stack"
)

// keycloak is the real provider that a test signs in at, and changes people in.
type keycloak struct {
	*stack.Stack
	t *testing.T
}

// admin sends a request of the provider's administrator and decodes the answer into out, if it is not nil.
func (k *keycloak) admin(method, path string, out any) {
	k.t.Helper()
	base, realm, _ := strings.Cut(k.Keycloak, "/realms/")
	res, err := http.PostForm(base+"/realms/master/protocol/openid-connect/token", url.Values{
		"grant_type": {"password"}, "client_id": {"admin-cli"}, "username": {"admin"}, "password": {k.Password},
	})
	if err != nil {
		k.t.Fatal(err)
	}
	defer res.Body.Close()
	var token struct {
		Text string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&token); err != nil {
		k.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(context.WithoutCancel(k.t.Context()), method, base+"/admin/realms/"+realm+path, http.NoBody)
	if err != nil {
		k.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token.Text)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		k.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		k.t.Fatalf("%s %s: %s", method, path, answer.Status)
	}
	if out != nil {
		if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
			k.t.Fatal(err)
		}
	}
}

type named struct{ ID, Name string }

// member puts a person into a group, or takes them out.
func (k *keycloak) member(method, person, group string) {
	k.t.Helper()
	var people, groups []named
	k.admin(http.MethodGet, "/users?exact=true&username="+person, &people)
	k.admin(http.MethodGet, "/groups", &groups)
	i := slices.IndexFunc(groups, func(g named) bool { return g.Name == group })
	if len(people) != 1 || i < 0 {
		k.t.Fatalf("%d people %s, group at %d", len(people), person, i)
	}
	k.admin(method, "/users/"+people[0].ID+"/groups/"+groups[i].ID, nil)
}

// signIn goes through the provider's own pages.
func (b *tab) signIn(person, password string) {
	b.t.Helper()
	b.waitFor("the login page", `document.querySelector('a[href^="/login/start"]')`)
	b.do(chromedp.Click(`a[href^="/login/start"]`))
	b.waitFor("the provider's form", `document.querySelector("#username, [name=username]")`)
	b.do(chromedp.SetValue(`[name=username]`, person), chromedp.SetValue(`[name=password]`, password), chromedp.Submit(`[name=password]`))
}

// openAt returns a new tab of a browser without cookies, at path of a portal.
func openAt(t *testing.T, base, path string) *tab {
	t.Helper()
	b := open(t, "/livez")
	b.url = base
	b.visit(path)
	return b
}

// beside returns another tab of the same browser, at path.
func (b *tab) beside(path string) *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	other := &tab{b.t, ctx, b.url}
	other.visit(path)
	return other
}

// One person's way through a real provider: in, with other groups, out in the middle of an edit, in again, out everywhere.
func TestBrowserLogin(t *testing.T) {
	t.Parallel()
	k := &keycloak{stack.Of(t), t}
	if k.Keycloak == "" {
		t.Fatal("the servers run without Keycloak: start them with --with keycloak")
	}
	k.member(http.MethodPut, "ann", "stewards") // an earlier run may have been cut short
	pool := pgtest.New(t)
	p := &platform{env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + openDir(t), "DATABASE_URL=" + pool.Config().ConnString(), "PORTREEVE_OIDC_ISSUER=" + k.Keycloak,
		"PORTREEVE_OIDC_CLIENT_ID=portreeve", "PORTREEVE_OIDC_NAME=Keycloak",
	}}
	p.serve(t)
	do(t, pool, `
		INSERT INTO team (slug, name) VALUES ('data-eng', 'Data engineering');
		INSERT INTO group_rule (claim, role, team, declared_in) VALUES ('data-eng', 'owner', 'data-eng', 'a:1'), ('stewards', 'steward', '', 'a:2')`)

	b := openAt(t, p.url, "/me")
	b.signIn("ann", k.Password)
	b.waitFor("the page that was asked for, signed in", `location.pathname === "/me" && document.querySelector("main").innerText.includes("Ann Lee")`)
	if got := one(t, pool, `SELECT role || ' ' || team FROM person`); got != "steward data-eng" {
		t.Errorf("signed in as %q", got)
	}

	k.member(http.MethodDelete, "ann", "stewards")
	t.Cleanup(func() { k.member(http.MethodPut, "ann", "stewards") })
	do(t, pool, `UPDATE session SET checked_at = now() - interval '16 minutes'`)
	b.visit("/me")
	if got := one(t, pool, `SELECT role FROM person`); got != "owner" {
		t.Errorf("after leaving a group the role is %q", got)
	}

	const text = "the nightly report of ann"
	b.do(chromedp.SetValue(`#token-name`, text))
	do(t, pool, `DELETE FROM session`)
	b.do(chromedp.Submit(`#token-name`))
	b.waitFor("what was written", `document.querySelector("main").innerText.includes("`+text+`")`)
	if link := b.eval(`document.querySelector('main a[href="/login"]').target`); link != "_blank" {
		t.Errorf("signing in opens in %q", link)
	}
	do(t, pool, `UPDATE person SET login_at = NULL`)
	beside := b.beside("/login/start") // the provider still knows her
	beside.waitFor("the sign-in in another tab", `location.pathname === "/"`)
	b.do(chromedp.Click(`main form button`))
	b.waitFor("the form to be sent again", `!document.querySelector("main").innerText.includes("You are signed out")`)
	if got := one(t, pool, `SELECT name FROM token`); got != text {
		t.Errorf("the token that was asked for is %q", got)
	}

	b.visit("/me")
	b.do(chromedp.Submit(`form[action="/logout"] button`))
	b.waitFor("the way over the provider back to the login page", `location.pathname === "/login" && location.origin === "`+p.url+`"`)
	if got := one(t, pool, `SELECT count(*)::text FROM session`); got != "0" {
		t.Errorf("%s sessions are left", got)
	}
	b.do(chromedp.Click(`a[href^="/login/start"]`))
	b.waitFor("the provider to ask for the password again", `document.querySelector("[name=password]")`)
}

func do(t *testing.T, pool *pgxpool.Pool, sql string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func one(t *testing.T, pool *pgxpool.Pool, sql string) (text string) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), sql).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}
