package web

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"portreeve/access"
	"portreeve/catalog"
)

// town is a portal with teams, a domain and data that they own.
func town(t *testing.T) *core {
	t.Helper()
	st := newCore(t, nil)
	st.exec(`
		INSERT INTO team (slug, name, contact, description) VALUES ('ops', 'Operations', '#ops', '**Flies** <script>x</script>'), ('sales', 'Sales', '', '');
		INSERT INTO team (slug, name, declared_in) VALUES ('fixed', 'Fixed', 'estate.yaml:7');
		INSERT INTO domain (slug, name) VALUES ('flights', 'Flights')`)
	return st
}

// put makes a field of a dataset of the lake have a value.
func (st *core) put(name, field, value string) {
	st.t.Helper()
	who := access.Principal{Person: st.person(access.Admin)}
	err := st.Catalog.Edit(st.t.Context(), access.Act{Who: who, Via: "page"}, catalog.Key{Source: "lake", Name: name}, catalog.Edit{Field: field, Value: &value})
	if err != nil {
		st.t.Fatal(err)
	}
}

// haunt makes a dataset name a team, ghosts, that is none any more.
func (st *core) haunt(name string) {
	st.t.Helper()
	st.exec(`INSERT INTO team (slug, name) VALUES ('ghosts', 'Ghosts')`)
	st.put(name, "team", "ghosts")
	st.exec(`DELETE FROM team WHERE slug = 'ghosts'`)
}

func (st *core) page(status int, target string, how ...asking) *goquery.Document {
	st.t.Helper()
	return st.sent(status, http.MethodGet, target, how...)
}

func (st *core) sent(status int, method, target string, how ...asking) *goquery.Document {
	st.t.Helper()
	res := st.ask(method, target, how...)
	if res.StatusCode != status {
		st.t.Errorf("%s %s: %s, want %d", method, target, res.Status, status)
	}
	return html(st.t, res)
}

func TestGetTeams(t *testing.T) {
	t.Parallel()
	st := town(t)
	st.put("raw.flights", "team", "ops")
	st.exec(`UPDATE dataset SET problem = 'broken' WHERE name = 'raw.flights'`)
	st.exec(`INSERT INTO team_member SELECT t.id, p.id, false FROM team t, person p WHERE t.slug = 'ops' AND p.name = 'The admin'`)
	page := st.page(200, "/teams", st.as(access.Viewer))
	row := page.Find("tbody tr").FilterFunction(func(_ int, tr *goquery.Selection) bool { return strings.Contains(tr.Text(), "Operations") })
	for label, want := range map[string]string{"Members": "1", "Datasets": "1", "Unreadable or late": "1 cannot be read", "Where to ask": "#ops"} {
		if got := strings.TrimSpace(row.Find(`[data-label="` + label + `"]`).Text()); got != want {
			t.Errorf("%s is %q, want %q", label, got, want)
		}
	}
	if page.Find(`a[href="/teams/new"]`).Length() != 0 {
		t.Error("a viewer is offered to add a team")
	}
	if found := st.page(200, "/teams?q=SAL", st.as(access.Admin)); found.Find("tbody tr").Length() != 1 || found.Find(`a[href="/teams/new"]`).Length() != 1 {
		t.Error("a search for SAL does not find Sales alone, or an admin cannot add a team")
	}
}

func TestGetTeam(t *testing.T) {
	t.Parallel()
	st := town(t)
	st.put("raw.flights", "team", "ops")
	st.exec(`UPDATE dataset SET problem = 'broken' WHERE name = 'raw.flights'`)
	st.exec(`INSERT INTO person (issuer, subject, name, team, role) VALUES ('x', 'y', 'Bo Berg', 'sales', 'analyst'), ('x', 'z', 'Ro Botto', 'ops', 'owner')`)
	st.exec(`UPDATE person SET kind = 'service' WHERE name = 'Ro Botto'`)
	st.exec(`INSERT INTO dataset_open (person_id, dataset_id, opens) SELECT p.id, d.id, 7 FROM person p, dataset d WHERE p.name = 'Bo Berg' AND d.name = 'raw.flights'`)
	page := st.page(200, "/teams/ops?wrong=unreadable", st.as(access.Viewer))
	text := page.Find("main").Text()
	for _, want := range []string{"Owns 1 dataset; 1 needs looking at; 1 member.", "raw.flights", "Cannot be read", "#ops", "1 person, opened 7 times", "Service"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if page.Find("main script").Length() != 0 || page.Find("main strong").First().Text() != "Flies" {
		t.Error("the description is not read as Markdown, or not cleaned")
	}
	if page.Find(`form[action$="/members"]`).Length() != 0 {
		t.Error("a viewer is offered to change who is in the team")
	}
	st.haunt("a/b")
	ghosts := st.page(200, "/teams/ghosts", st.as(access.Admin))
	if !strings.Contains(ghosts.Find("main").Text(), "there is no such team here") || ghosts.Find(`a[href="/teams/new?slug=ghosts"]`).Length() != 1 {
		t.Error("the page of a team that only data names does not say so, or how to add it")
	}
	st.page(404, "/teams/nothing", st.as(access.Admin))
}

func TestTeamIsWrittenByAdmins(t *testing.T) {
	t.Parallel()
	st := town(t)
	admin := st.as(access.Admin)
	res := st.ask(http.MethodPost, "/teams", admin, form("slug", "crew", "name", "Crew", "contact", "#crew", "description", "d"))
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/teams/crew" {
		t.Fatalf("%s to %q", res.Status, res.Header.Get("Location"))
	}
	page := st.sent(422, http.MethodPost, "/teams", admin, form("slug", "Crew!", "name", "Kept <b>", "contact", "#kept"))
	if v, _ := page.Find("#f-name").Attr("value"); v != "Kept <b>" {
		t.Errorf("the name that was typed became %q", v)
	}
	if e := page.Find("#f-slug-e").Text(); !strings.Contains(e, "small letters") || page.Find("#f-slug[aria-invalid=true]").Length() != 1 {
		t.Errorf("at the field stands %q", e)
	}
	st.sent(409, http.MethodGet, "/teams/fixed/edit", admin)
	if fixed := st.page(200, "/teams/fixed", admin); fixed.Find(`a[href="/teams/fixed/edit"]`).Length() != 0 || !strings.Contains(fixed.Find("main").Text(), "estate.yaml:7") {
		t.Error("a declared team can be edited, or does not say where it is declared")
	}
	st.put("raw.flights", "team", "crew")
	if ask := st.page(200, "/teams/crew/retire", admin).Find("main").Text(); !strings.Contains(ask, "1 dataset names it as its owner") {
		t.Errorf("retiring says %q", ask)
	}
	if res := st.ask(http.MethodPost, "/teams/crew/retire", admin, form("reason", "merged")); res.StatusCode != http.StatusSeeOther {
		t.Fatal(res.Status)
	}
	if gone := st.page(200, "/teams/crew", admin).Find("main").Text(); !strings.Contains(gone, "This team is gone") {
		t.Error("the page of a retired team does not say so")
	}
	var actions string
	if err := st.pool.QueryRow(t.Context(), `SELECT string_agg(action || ' ' || reason, ', ' ORDER BY seq) FROM audit WHERE object = 'team crew'`).Scan(&actions); err != nil || actions != "team.add , team.retire merged" {
		t.Errorf("the audit log has %q, %v", actions, err)
	}
}

func TestTeamMembersByHand(t *testing.T) {
	t.Parallel()
	st := town(t)
	who := st.person(access.Analyst)
	st.person(access.Owner)
	st.exec(`UPDATE person SET team = 'ops' WHERE name = 'The owner'`)
	owner := signedAs(st, "owner")
	find := st.page(200, "/teams/ops?find=ANALYST", owner)
	if find.Find(`form[action="/teams/ops/members"] input[name=person][value="`+catalog.FormatID(who.ID)+`"]`).Length() != 1 {
		t.Error("looking for somebody does not offer to add them")
	}
	if res := st.ask(http.MethodPost, "/teams/ops/members", owner, form("do", "add", "person", catalog.FormatID(who.ID))); res.StatusCode != http.StatusSeeOther {
		t.Fatal(res.Status)
	}
	again := st.sent(422, http.MethodPost, "/teams/ops/members", owner, form("do", "add", "person", catalog.FormatID(who.ID)))
	if !strings.Contains(again.Find(`[role=alert]`).Text(), "in it already") {
		t.Error("adding somebody twice is not explained")
	}
	st.sent(403, http.MethodPost, "/teams/sales/members", owner, form("do", "add", "person", catalog.FormatID(who.ID)))
	st.sent(404, http.MethodPost, "/teams/none/members", owner, form("do", "add", "person", catalog.FormatID(who.ID)))
	if res := st.ask(http.MethodPost, "/teams/ops/members", owner, form("do", "remove", "person", catalog.FormatID(who.ID))); res.StatusCode != http.StatusSeeOther {
		t.Fatal(res.Status)
	}
}

// signedAs signs in as the person of that subject as they are in the database now.
func signedAs(st *core, subject string) asking {
	st.t.Helper()
	p, err := st.Access.PersonBySubject(st.t.Context(), "test", subject)
	if err != nil {
		st.t.Fatal(err)
	}
	secret, err := st.Access.CreateSession(st.t.Context(), p.ID, access.SessionMax)
	if err != nil {
		st.t.Fatal(err)
	}
	return header("Cookie", sessionCookie+"="+secret)
}

func TestPeoplePages(t *testing.T) {
	t.Parallel()
	st := town(t)
	st.person(access.Analyst)
	st.exec(`UPDATE person SET email = 'ana@example.com'`)
	var id int64
	if err := st.pool.QueryRow(t.Context(), `SELECT id FROM person WHERE name = 'The analyst'`).Scan(&id); err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("/people/%d", id)
	for _, path := range []string{"/people", at} {
		if strings.Contains(st.page(200, path, st.as(access.Viewer)).Text(), "ana@example.com") {
			t.Errorf("%s shows a viewer the e-mail address of a colleague", path)
		}
	}
	st.exec(`UPDATE person SET email = 'ana@example.com' WHERE name = 'The analyst'`)
	if !strings.Contains(st.page(200, at, st.as(access.Owner)).Text(), "ana@example.com") {
		t.Error("an owner does not see whom to write to")
	}
	for _, path := range []string{"/people/0", "/people/x", "/people/99999", "/people/-1"} {
		st.page(404, path, st.as(access.Admin))
	}
}

func TestAdminChangesAPerson(t *testing.T) {
	t.Parallel()
	st := town(t)
	admin, analyst := st.as(access.Admin), st.as(access.Analyst)
	who, self := st.person(access.Analyst), st.person(access.Admin)
	at := personURL(who.ID)
	if res := st.ask(http.MethodPost, at+"/role", admin, form("role", "owner", "reason", "new job")); res.StatusCode != http.StatusSeeOther {
		t.Fatal(res.Status)
	}
	if role := st.page(200, at, admin).Find("#f-role option[selected]").Text(); role != "owner" {
		t.Errorf("the role that was given shows as %q", role)
	}
	alone := st.sent(422, http.MethodPost, personURL(self.ID)+"/role", admin, form("role", "viewer"))
	if !strings.Contains(alone.Find("[role=alert]").Text(), "last admin") {
		t.Error("the last admin is not told why they stay one")
	}
	st.put("raw.flights", "owners", `["`+catalog.FormatID(who.ID)+`"]`)
	text := st.page(200, at+"/disable", admin).Find("main").Text()
	for _, want := range []string{"1 session ends at once", "0 tokens stop", "1 dataset loses an owner"} {
		if !strings.Contains(text, want) {
			t.Errorf("disabling does not say %q: %s", want, text)
		}
	}
	if res := st.ask(http.MethodPost, at+"/disable", admin, form("reason", "left")); res.StatusCode != http.StatusSeeOther {
		t.Fatal(res.Status)
	}
	if res := st.ask(http.MethodGet, "/teams", analyst); !strings.HasPrefix(res.Header.Get("Location"), "/login") {
		t.Error("the session of a disabled person goes on:", res.Status)
	}
	if gone := st.page(200, at, admin).Find("main").Text(); !strings.Contains(gone, "Disabled since") {
		t.Error("the page does not say that they are disabled")
	}
	if res := st.ask(http.MethodPost, at+"/enable", admin, form()); res.StatusCode != http.StatusSeeOther {
		t.Fatal(res.Status)
	}
	if _, err := st.Access.PersonBySubject(t.Context(), "test", "analyst"); err != nil {
		t.Error("after enabling:", err)
	}
}

func TestOwnershipGapsAreClosed(t *testing.T) {
	t.Parallel()
	st := town(t)
	st.exec(`UPDATE dataset SET team = '', domain = '' `)
	st.exec(`UPDATE search SET team = '', domain = ''`)
	st.haunt("a/b")
	st.person(access.Owner)
	st.exec(`UPDATE person SET team = 'ops' WHERE name = 'The owner'`)
	owner := signedAs(st, "owner")
	page := st.page(200, "/ownership?kind=none", owner)
	take := page.Find("form").FilterFunction(func(_ int, f *goquery.Selection) bool {
		return f.Find(`input[name=name][value="raw.flights"]`).Length() == 1 && f.Find(`input[name=team][value=ops]`).Length() == 1
	})
	if take.Length() != 1 {
		t.Fatalf("an owner is offered %d times to take what nobody owns for their team", take.Length())
	}
	res := st.ask(http.MethodPost, take.AttrOr("action", ""), owner, form("source", "lake", "name", "raw.flights", "team", "ops"))
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/ownership?given=lake%2Fraw.flights&kind=none" {
		t.Fatalf("%s to %q", res.Status, res.Header.Get("Location"))
	}
	if d, err := st.Catalog.Dataset(t.Context(), catalog.Key{Source: "lake", Name: "raw.flights"}); err != nil || d.Team != "ops" {
		t.Errorf("the team is %q, %v", d.Team, err)
	}
	again := st.sent(422, http.MethodPost, "/ownership", owner, form("source", "lake", "name", "raw.flights", "team", "ops"))
	if !strings.Contains(again.Find("[role=alert]").Text(), "has an owner in the meantime") {
		t.Error("a gap that is closed is closed again")
	}
	st.sent(403, http.MethodPost, "/ownership", owner, form("source", "lake", "name", "100%", "team", "sales"))
	st.sent(403, http.MethodPost, "/ownership", owner, form("source", "lake", "name", "a/b", "team", "ops"))
	st.sent(404, http.MethodPost, "/ownership", owner, form("source", "lake", "name", "nothing", "team", "ops"))
	st.sent(422, http.MethodPost, "/ownership", st.as(access.Admin), form("source", "lake", "name", "100%", "team", "no such team"))
	st.page(403, "/ownership", st.as(access.Analyst))
}

func TestGetOwnershipCSV(t *testing.T) {
	t.Parallel()
	st := town(t)
	st.haunt("a/b")
	rows, err := csv.NewReader(st.ask(http.MethodGet, "/ownership.csv?kind=team", st.as(access.Owner)).Body).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var met bool
	for _, row := range rows[1:] {
		met = met || row[1] == "a/b" && row[2] == "team" && row[3] == "ghosts"
		if row[2] != "team" {
			t.Errorf("a download of one kind has %q", row)
		}
	}
	if !met {
		t.Errorf("the download has not what the page shows: %q", rows)
	}
}

func TestGlossaryPages(t *testing.T) {
	t.Parallel()
	st := town(t)
	steward := st.as(access.Steward)
	res := st.ask(http.MethodPost, "/glossary", steward, form("slug", "delay", "name", "Delay", "definition", "Late by **15** minutes."))
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/glossary/delay" {
		t.Fatalf("%s to %q", res.Status, res.Header.Get("Location"))
	}
	st.put("raw.flights", "terms", `["delay"]`)
	page := st.page(200, "/glossary/delay", st.as(access.Viewer))
	if text := page.Find("main").Text(); !strings.Contains(text, "raw.flights") || page.Find("main strong").First().Text() != "15" {
		t.Errorf("the term shows as %s", text)
	}
	if page.Find(`a[href="/glossary/delay/edit"]`).Length() != 0 {
		t.Error("a viewer is offered to edit a term")
	}
	edit := st.page(200, "/glossary/delay/edit", steward)
	seen := edit.Find("input[name=seen]").AttrOr("value", "")
	first := st.ask(http.MethodPost, "/glossary/delay", st.as(access.Admin), form("seen", seen, "name", "Delay", "definition", "Theirs"))
	if first.StatusCode != http.StatusSeeOther {
		t.Fatal(first.Status)
	}
	second := st.sent(422, http.MethodPost, "/glossary/delay", steward, form("seen", seen, "name", "Delay", "definition", "Mine"))
	if alert := second.Find("[role=alert]").Text(); !strings.Contains(alert, "Theirs") || second.Find("#f-definition").Text() != "Mine" {
		t.Errorf("who saves second sees %q and keeps %q", alert, second.Find("#f-definition").Text())
	}
	seen = second.Find("input[name=seen]").AttrOr("value", "")
	if third := st.ask(http.MethodPost, "/glossary/delay", steward, form("seen", seen, "name", "Delay", "definition", "Mine")); third.StatusCode != http.StatusSeeOther {
		t.Error("who has seen the other change cannot replace it:", third.Status)
	}
	st.sent(409, http.MethodPost, "/glossary/delay/delete", steward, form())
	st.page(403, "/glossary/new", st.as(access.Owner))
}

func TestAPIOfPeople(t *testing.T) {
	t.Parallel()
	st := town(t)
	st.put("raw.flights", "team", "ops")
	st.haunt("a/b")
	teams := get[List[teamAnswer]](st, 200, "/api/v1/teams?limit=2")
	if len(teams.Items) != 2 || *teams.Total != 3 || teams.NextCursor == "" || teams.Items[1].Slug != "ops" || teams.Items[1].Datasets != 1 {
		t.Errorf("teams: %+v", teams)
	}
	rest := get[List[teamAnswer]](st, 200, "/api/v1/teams?limit=2&cursor="+teams.NextCursor)
	if len(rest.Items) != 1 || rest.NextCursor != "" {
		t.Errorf("the rest: %+v", rest)
	}
	if one := get[teamDetail](st, 200, "/api/v1/teams/ops"); one.Name != "Operations" || one.Datasets != 1 {
		t.Errorf("team: %+v", one)
	}
	get[map[string]any](st, 404, "/api/v1/teams/ghosts")
	reader := st.token(access.Viewer, access.ScopeRead)
	st.exec(`UPDATE person SET email = 'x@example.com'`)
	if people := get[List[personAnswer]](st, 200, "/api/v1/people", bearer(reader)); len(people.Items) == 0 || people.Items[0].Email != "" {
		t.Errorf("a viewer sees %+v", people.Items)
	}
	gaps := get[List[gapAnswer]](st, 200, "/api/v1/ownership?kind=team", bearer(st.token(access.Owner, access.ScopeRead, access.ScopeWrite)))
	if !slices.ContainsFunc(gaps.Items, func(g gapAnswer) bool { return g.Name == "a/b" && g.Gap == "team" && g.Team == "ghosts" }) {
		t.Errorf("gaps: %+v", gaps.Items)
	}
	if slices.ContainsFunc(gaps.Items, func(g gapAnswer) bool { return g.Name == "raw.flights" }) {
		t.Error("what has a team is among the gaps")
	}
	get[map[string]any](st, 403, "/api/v1/ownership", bearer(reader))
}
