package test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/postgres/pgtest"
	"portreeve/test/stack"
)

// signedIn is a portal whose people sign in at the real provider, and a table of the company's lake that nobody owns.
type signedIn struct {
	*platform
	k     *keycloak
	pool  *pgxpool.Pool
	table string // path of its page
}

func newSignedIn(t *testing.T, prefix string) *signedIn {
	t.Helper()
	k := &keycloak{stack.Of(t), t}
	if k.Keycloak == "" {
		t.Fatal("the servers run without Keycloak: start them with --with keycloak")
	}
	c, pool := newCompany(t, prefix), pgtest.New(t)
	p := newPlatform(t)
	p.database = pool.Config().ConnString()
	p.env = append(p.env, "DATABASE_URL="+p.database, "PORTREEVE_OIDC_ISSUER="+k.Keycloak, "PORTREEVE_OIDC_CLIENT_ID=portreeve", "PORTREEVE_OIDC_NAME=Keycloak",
		"PATH="+os.Getenv("PATH"))
	p.declare(t, sources(map[string][]string{"lake": c.declared()["lake"]})+"\nteams:\n  data-eng:\n    name: Data engineering\n    groups: [data-eng]\ngroups:\n  data-eng: {role: owner}\n")
	p.serve(t)
	p.token = p.command(t, "token", "create", "--user", "tester", "--role", "admin", "--scopes", "read,write", "--ttl", "1h")
	p.good(t, "lake")
	return &signedIn{p, k, pool, "/d/lake/" + c.schema + ".orders"}
}

// One dataset through the hands of two people who sign in at a real provider: taken, described, restricted, asked for, given, and
// taken back by time; and what was done can be seen and undone.
func TestBrowserOwnerAndReader(t *testing.T) {
	t.Parallel()
	s := newSignedIn(t, "qo")
	ann := openAt(t, s.url, s.table)
	ann.signIn("ann", s.k.Password)
	ann.waitFor("the table", `document.querySelector('form[action$="/take"] button')`)
	ann.do(chromedp.Click(`form[action$="/take"] button`))
	ann.waitFor("it to be the team's", `document.querySelector('main a[href="/teams/data-eng"]') && !document.querySelector('form[action$="/take"]')`)
	ann.visit(s.table + "/edit")
	ann.do(chromedp.SetValue(`#title`, "Orders of all shops"), chromedp.SetValue(`#description`, "One row per **order**."),
		chromedp.Click(`input[name=access][value=restricted]`), chromedp.SetValue(`#reason`, "first words"), chromedp.SendKeys(`#reason`, kb.Enter))
	ann.waitFor("the page as described", `location.pathname === "`+s.table+`" && document.querySelector("main").innerText.includes("Orders of all shops") && [...document.querySelectorAll("main strong")].some(e => e.innerText === "order")`)

	ben := openAt(t, s.url, s.table+"/sample")
	ben.signIn("ben", s.k.Password)
	ben.waitFor("rows to be refused", `document.querySelector("main").innerText.includes("You may not read its rows")`)
	ben.do(chromedp.Click(`main .head a[href$="/access"], main a[href$="/access"]`))
	ben.waitFor("the form", `document.querySelector("#purpose")`)
	ben.do(chromedp.Submit(`#purpose`))
	ben.waitFor("a word at the empty field", `document.querySelector("#purpose").ariaInvalid === "true"`)
	ben.do(chromedp.SetValue(`#purpose`, "Yearly report for the board"), chromedp.Submit(`#purpose`))
	ben.waitFor("the request", `location.pathname.startsWith("/requests/")`)
	for _, finding := range ben.axe() {
		t.Errorf("the page of a request: %s", finding)
	}

	ann.visit("/")
	ann.waitFor("home to say who waits", `document.querySelector('main a[href^="/requests"]')`)
	ann.visit("/requests")
	ann.do(chromedp.Click(`main .list a[href^="/requests/"]`))
	ann.waitFor("what ben wants", `document.querySelector("main").innerText.includes("Yearly report for the board")`)
	ann.do(chromedp.Click(`form[action$="/approve"] button.primary`))
	ann.waitFor("the answer on the page", `/approved|granted/i.test(document.querySelector("main").innerText) && !document.querySelector('form[action$="/approve"]')`)

	ben.visit(s.table + "/sample")
	ben.waitFor("the rows", `document.querySelector("main").innerText.includes("2.50")`)
	ben.picture("granted")
	do(t, s.pool, `UPDATE access_grant SET until = now()`)
	ben.visit(s.table + "/sample")
	ben.waitFor("rows to be refused again", `document.querySelector("main").innerText.includes("You may not read its rows") && !document.querySelector("main").innerText.includes("2.50")`)
	ben.visit("/requests?view=have")
	ben.waitFor("why", `document.querySelector("main").innerText.includes("Expired")`)

	ann.visit(s.table + "/history")
	ann.waitFor("the history to say who and why", `["Ann Lee", "first words"].every(text => document.querySelector("main").innerText.includes(text))`)
	undo := `[...document.querySelectorAll('form[action$="/undo"]')].find(f => f.closest("li, tr, section, article, div")?.innerText.includes("Orders of all shops"))?.querySelector("button")`
	ann.waitFor("an undo beside the title", undo)
	ann.eval(undo + `.click()`)
	ann.waitFor("the title to be gone", `document.readyState === "complete" && !document.querySelector("h1, main .head").innerText.includes("Orders of all shops")`)

	acts := one(t, s.pool, `SELECT string_agg(DISTINCT person || ' ' || action, ', ' ORDER BY person || ' ' || action) FROM audit`)
	for _, want := range []string{"Ann Lee session.start", "Ann Lee dataset."} {
		if !strings.Contains(acts, want) {
			t.Errorf("the audit log has %q, and nothing of %s", acts, want)
		}
	}
	if out := s.command(t, "verify"); !strings.Contains(out, "as they were written") {
		t.Errorf("verify says %q", out)
	}
}

// A big edit shows how far it is, and its end, without a reload; one that nothing came of says why.
func TestBrowserBigEditShowsProgress(t *testing.T) {
	t.Parallel()
	s := newSignedIn(t, "qp")
	do(t, s.pool, `
		INSERT INTO source (slug, title, kind) VALUES ('many', 'Many', 'iceberg');
		INSERT INTO dataset (source_id, name, scope, kind, team)
		SELECT id, 'many.t' || n, 'many', 'table', 'data-eng' FROM source, generate_series(1, 1500) n WHERE slug = 'many'`)
	sheet := []byte("source,name,title\n")
	for n := range 1500 {
		sheet = fmt.Appendf(sheet, "many,many.t%d,Title of %d\n", n+1, n+1)
	}
	file := filepath.Join(openDir(t), "titles.csv")
	if err := os.WriteFile(file, sheet, 0o600); err != nil {
		t.Fatal(err)
	}
	b := openAt(t, s.url, "/data/sheet")
	b.signIn("ann", s.k.Password)
	b.waitFor("the form", `document.querySelector("#s-file")`)
	b.do(chromedp.SetUploadFiles(`#s-file`, []string{file}), chromedp.Submit(`#s-file`))
	b.waitFor("the plan", `document.querySelector("main").innerText.includes("1,500 datasets would change")`)
	hold, err := s.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hold.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := hold.Exec(t.Context(), `SELECT FROM dataset WHERE name = 'many.t700' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Click(`button[value=apply]`))
	b.waitFor("how far it is", `document.querySelector("main progress") && document.querySelector("[role=status]").innerText.includes("being carried out")`)
	b.picture("progress")
	b.eval(`window.same = true`)
	if err := hold.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.waitFor("its end, on the same page", `window.same && document.querySelector("main").innerText.includes("1,500 datasets changed")`)
	b.do(chromedp.Click(`button[value=undo]`))
	b.waitFor("all taken back", `document.querySelector("main").innerText.includes("Taken back")`)
	if got := one(t, s.pool, `SELECT count(*)::text FROM dataset_override WHERE title <> ''`); got != "0" {
		t.Errorf("%s titles are left", got)
	}
}
