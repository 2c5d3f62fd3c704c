package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"portreeve/access"
	"portreeve/catalog"
)

func TestTakingSomebodyOutAsksOrCanBeUndone(t *testing.T) {
	t.Parallel()
	st := town(t)
	st.put("raw.flights", "team", "ops")
	who, self := st.person(access.Analyst), st.person(access.Owner)
	st.exec(`INSERT INTO team_member SELECT t.id, p.id, false FROM team t, person p WHERE t.slug = 'ops' AND p.name IN ('The analyst', 'The owner')`)
	owner, at := signedAs(st, "owner"), "/teams/ops/members"
	remove := func(id int64, more ...string) asking {
		return form(append([]string{"do", "remove", "person", catalog.FormatID(id)}, more...)...)
	}

	res := st.ask(http.MethodPost, at, owner, remove(who.ID))
	back := "/teams/ops?moved=" + catalog.FormatID(who.ID)
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != back+"#h-members" {
		t.Fatalf("taking out an analyst: %s to %q", res.Status, res.Header.Get("Location"))
	}
	note := st.page(200, back, owner).Find("[role=status]")
	if !strings.Contains(note.Text(), "The analyst is no longer in this team.") || note.Find(`form[action="/teams/ops/members"] button[value=add]`).Length() != 1 {
		t.Errorf("after that the page says %q, or offers no undo", note.Text())
	}
	if st.page(200, back, st.as(access.Viewer)).Find("[role=status] form").Length() != 0 {
		t.Error("a viewer is offered to undo it")
	}
	if res := st.ask(http.MethodPost, at, owner, form("do", "add", "person", catalog.FormatID(who.ID))); res.StatusCode != http.StatusSeeOther {
		t.Fatal("undo:", res.Status)
	}
	if text := st.page(200, back, owner).Find("[role=status]").Text(); !strings.Contains(text, "The analyst is in this team now.") {
		t.Errorf("after the undo the page says %q", text)
	}

	ask := st.sent(200, http.MethodPost, at, owner, remove(self.ID))
	for _, want := range []string{"Leave Operations?", "1 dataset", "You cannot put yourself back", "Nobody else in it has the role owner"} {
		if !strings.Contains(ask.Find("main").Text(), want) {
			t.Errorf("leaving one's own team does not say %q: %s", want, ask.Find("main").Text())
		}
	}
	if n := st.page(200, "/teams/ops", owner).Find(`#h-members ~ * , .table a[href="` + personURL(self.ID) + `"]`).Length(); n == 0 {
		t.Error("they were taken out before they said that they are sure")
	}
	var sure []string
	ask.Find("form[action='/teams/ops/members'] input[type=hidden]").Each(func(_ int, in *goquery.Selection) {
		sure = append(sure, in.AttrOr("name", ""), in.AttrOr("value", ""))
	})
	if res := st.ask(http.MethodPost, at, owner, form(sure...)); res.StatusCode != http.StatusSeeOther {
		t.Fatal("saying that one is sure:", res.Status)
	}
	st.sent(403, http.MethodPost, at, signedAs(st, "owner"), form("do", "add", "person", catalog.FormatID(self.ID)))
}

func TestTakingOutTheLastStewardAsks(t *testing.T) {
	t.Parallel()
	st := town(t)
	steward, admin := st.person(access.Steward), st.as(access.Admin)
	st.exec(`INSERT INTO domain_steward SELECT d.id, p.id, false FROM domain d, person p WHERE p.name = 'The steward'`)
	remove := form("do", "remove", "person", catalog.FormatID(steward.ID))
	ask := st.sent(200, http.MethodPost, "/domains/flights/stewards", admin, remove)
	if text := ask.Find("main").Text(); !strings.Contains(text, "It has no other steward") {
		t.Errorf("taking out the last steward says %s", text)
	}
	st.exec(`INSERT INTO domain_steward SELECT d.id, p.id, false FROM domain d, person p WHERE p.name = 'The admin'`)
	remove = form("do", "remove", "person", catalog.FormatID(steward.ID))
	res := st.ask(http.MethodPost, "/domains/flights/stewards", admin, remove)
	if res.StatusCode != http.StatusSeeOther {
		t.Fatal("taking out one of two stewards:", res.Status)
	}
	if page := st.page(200, strings.TrimSuffix(res.Header.Get("Location"), "#h-stewards"), admin); page.Find(`[role=status] form[action="/domains/flights/stewards"]`).Length() != 1 {
		t.Error("it cannot be undone")
	}
}

func TestMembersArePaged(t *testing.T) {
	t.Parallel()
	st := town(t)
	st.exec(`INSERT INTO person (issuer, subject, name, role) SELECT 'x', 'p' || n, 'P' || lpad(n::text, 3, '0'), 'analyst' FROM generate_series(1, 60) n`)
	st.exec(`INSERT INTO person (issuer, subject, name, role) VALUES ('x', 'a', 'Zoe Zorn', 'owner')`)
	st.exec(`INSERT INTO team_member SELECT t.id, p.id, false FROM team t, person p WHERE t.slug = 'ops' AND p.issuer = 'x'`)
	viewer := st.as(access.Viewer)
	next := st.page(200, "/teams/ops?wrong=late", viewer).Find(`.pager a[rel=next]`).AttrOr("href", "")
	if next != "/teams/ops?from=50&wrong=late#h-members" {
		t.Fatalf("the next members are at %q", next)
	}
	rest := st.page(200, strings.TrimSuffix(next, "#h-members"), viewer)
	if text := rest.Find("main").Text(); !strings.Contains(text, "P060") || strings.Contains(text, "P001") || !strings.Contains(text, "61 members") {
		t.Error("the second page does not show the rest, or not how many there are:", text)
	}
	if rest.Find(`[aria-labelledby=h-ask] a`).Text() != "Zoe Zorn" {
		t.Error("whom to ask changes with the page of the members")
	}
	if text := st.page(200, "/teams/ops?from=5000", viewer).Find("main").Text(); !strings.Contains(text, "P001") {
		t.Error("beyond the end stands nobody")
	}
}

func TestAGoneTeamDoesNotOwn(t *testing.T) {
	t.Parallel()
	st := town(t)
	st.put("raw.flights", "team", "sales")
	admin := st.as(access.Admin)
	tile := func(how asking) (title string, take int) {
		page := st.page(200, "/d/lake/raw.flights", how)
		return page.Find(`.trust [popovertarget="ev-own"]`).Text(), page.Find(`form[action="/d/lake/raw.flights/take"]`).Length()
	}
	if text, take := tile(admin); !strings.Contains(text, "by sales") || take != 0 {
		t.Errorf("owned, the tile says %q and %d forms take it", text, take)
	}
	st.exec(`UPDATE team SET gone_at = now() WHERE slug = 'sales'`)
	if text, take := tile(admin); !strings.Contains(text, "Its team is gone") || take != 1 {
		t.Errorf("of a team that is gone, the tile says %q and %d forms take it", text, take)
	}
	if _, take := tile(st.as(access.Owner)); take != 0 {
		t.Error("an owner elsewhere is offered what is not theirs to take")
	}
	st.sent(403, http.MethodPost, "/d/lake/raw.flights/take", st.as(access.Owner), form("team", ""))
	if res := st.ask(http.MethodPost, "/d/lake/raw.flights/take", admin, form("team", "")); res.StatusCode != http.StatusSeeOther {
		t.Fatal("taking it:", res.Status)
	}
	if text, take := tile(admin); !strings.Contains(text, "by The admin") || take != 0 {
		t.Errorf("taken, the tile says %q and %d forms take it", text, take)
	}
	st.sent(409, http.MethodPost, "/d/lake/raw.flights/take", admin, form("team", ""))
}

func TestOnlyWhatIsReadIsReadable(t *testing.T) {
	t.Parallel()
	st := town(t)
	st.put("raw.flights", "team", "ops")
	state := func() string {
		return strings.TrimSpace(st.page(200, "/teams/ops", st.as(access.Viewer)).Find(`[data-label=State]`).Text())
	}
	if got := state(); got != "Rows not read" {
		t.Errorf("where no rows are read the state is %q", got)
	}
	st.exec(`UPDATE source SET kind = 'iceberg'`)
	if got := state(); got != "Readable" {
		t.Errorf("where rows are read the state is %q", got)
	}
}

func TestChosenGapsAreGivenAsProposed(t *testing.T) {
	t.Parallel()
	st := town(t)
	st.exec(`UPDATE dataset SET team = '', domain = '', scope = 'raw'`)
	st.exec(`UPDATE search SET team = '', domain = ''`)
	st.put("a/b", "team", "ops")
	admin := st.as(access.Admin)
	value := func(name string) string {
		box := st.page(200, "/ownership?kind=none", admin).Find(`input[type=checkbox][form=chosen][value$="/` + name + `"]`)
		return box.AttrOr("value", "")
	}
	flights, percent := value("raw.flights"), value("100%")
	if flights != "ops/lake/raw.flights" || percent != "ops/lake/100%" {
		t.Fatalf("the boxes are %q and %q", flights, percent)
	}
	all := st.page(200, "/ownership?kind=none", admin).Find(`a:contains("Choose all")`).AttrOr("href", "")
	if boxes := st.page(200, all, admin).Find("input[type=checkbox][form=chosen]"); all != "/ownership?kind=none&tick=all" || boxes.Length() < 2 || boxes.Length() != boxes.Filter("[checked]").Length() {
		t.Errorf("%s ticks %d of %d boxes", all, boxes.Filter("[checked]").Length(), boxes.Length())
	}
	if page := st.page(200, "/ownership", st.as(access.Owner)); page.Find("input[type=checkbox]").Length() != 0 {
		t.Error("an owner may choose what is not for them to give")
	}
	res := st.ask(http.MethodPost, "/ownership?kind=none", admin, form("do", "chosen", "give", flights))
	if res.StatusCode != http.StatusSeeOther || res.Header.Get("Location") != "/ownership?kind=none&many=1" {
		t.Fatalf("%s to %q", res.Status, res.Header.Get("Location"))
	}
	both := st.sent(422, http.MethodPost, "/ownership", admin, form("do", "chosen", "give", flights, "give", percent, "give", "#x/lake/x;y=1"))
	if text := both.Find("[role=alert]").Text(); !strings.Contains(text, "1 dataset has an owner now. 2 could not be given away: lake/raw.flights (") {
		t.Errorf("of three, two of which cannot be given, it says %q", text)
	}
	if d, err := st.Catalog.Dataset(t.Context(), catalog.Key{Source: "lake", Name: "100%"}); err != nil || d.Team != "ops" {
		t.Errorf("the team is %q, %v", d.Team, err)
	}
	none := st.sent(422, http.MethodPost, "/ownership", admin, form("do", "chosen"))
	if !strings.Contains(none.Find("[role=alert]").Text(), "Nothing was chosen") {
		t.Error("choosing nothing is not explained")
	}
}

func TestPaletteKnowsPagesTeamsPeopleAndTerms(t *testing.T) {
	t.Parallel()
	st := town(t)
	st.person(access.Analyst)
	st.exec(`INSERT INTO glossary_term (slug, name, definition, person) VALUES ('delay', 'Delay', 'Late', 'x')`)
	for _, tt := range []struct {
		typed, leads string
		who          access.Role
		found        bool
	}{
		{"audit", "/admin/audit", access.Admin, true},
		{"audit", "/admin/audit", access.Steward, false},
		{"ownership+gaps", "/ownership", access.Owner, true},
		{"ownership", "/ownership", access.Analyst, false},
		{"your+account", "/me", access.Viewer, true},
		{"requests", "/requests", access.Viewer, true},
		{"glossary", "/glossary", access.Viewer, true},
		{"operat", "/teams/ops", access.Viewer, true},
		{"the+anal", personURL(st.person(access.Analyst).ID), access.Viewer, true},
		{"flights", "/domains/flights", access.Viewer, true},
		{"delay", "/glossary/delay", access.Viewer, true},
		{"d", "/glossary/delay", access.Viewer, false},
	} {
		found := st.page(200, "/palette?q="+tt.typed, st.as(tt.who)).Find(`[role=option][href="` + tt.leads + `"]`).Length()
		if (found == 1) != tt.found {
			t.Errorf("%q finds %s %d times for a %s", tt.typed, tt.leads, found, tt.who)
		}
	}
	if st.page(200, "/palette?for=home&q=operat", st.as(access.Viewer)).Find(`[href^="/teams"]`).Length() != 0 {
		t.Error("the box of the home page, which finds datasets, finds teams")
	}
}
