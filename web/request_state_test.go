package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"portreeve/access"
	"portreeve/catalog"
)

const vaultPurpose = "Delay report for the hubs"

// in20 is the form of a request until twenty days from now.
func (v *vault) in20() string {
	v.t.Helper()
	return v.post(v.ana, vaulted+"/access", "purpose", vaultPurpose, "for", "date", "until", isoDay(time.Now().AddDate(0, 0, 20)))
}

func (v *vault) main(path string, who access.Person, wants ...string) {
	v.t.Helper()
	res := v.ask(http.MethodGet, path, v.signed(who))
	wantStatus(v.t, res, http.StatusOK)
	text := words(html(v.t, res), "main")
	for _, want := range wants {
		if !strings.Contains(text, want) {
			v.t.Errorf("%s reads to %s %q, want it to hold %q", path, who.Name, text, want)
		}
	}
}

func TestAPendingRequestIsSeenWhereOneLooks(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.in20()
	const waits = "Requested, waits for Owen"
	for _, path := range []string{"/", vaulted, vaulted + "/sample", vaulted + "/columns", vaulted + "/access"} {
		v.main(path, v.ana, waits)
	}
	res := v.ask(http.MethodGet, vaulted+"/sample", v.signed(v.ana))
	if text := words(html(t, res), "main"); strings.Contains(text, "Request access") {
		t.Errorf("who has asked is offered to ask: %q", text)
	}
}

// Who decides sees a request on Home once, and need not read its notification after the decision.
func TestHomeListsARequestOnce(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	olga := v.one("Olga", "flight-ops", access.Owner)
	request := v.in20()
	for _, who := range []access.Person{v.owen, olga} {
		doc := html(t, v.ask(http.MethodGet, "/", v.signed(who)))
		if n := doc.Find(`main a[href="` + request + `"]`).Length(); n != 1 {
			t.Errorf("the request stands on the page of %s %d times", who.Name, n)
		}
	}
	wantStatus(t, v.ask(http.MethodPost, request+"/opened", v.signed(v.owen), sameSite), http.StatusNoContent)
	v.post(v.owen, request+"/deny", "reason", "Use the hourly summary")
	for who, want := range map[*access.Person]int{&v.owen: 0, &olga: 0, &v.ana: 1} {
		if n, err := v.Notify.Unread(t.Context(), who.ID); err != nil || n != want {
			t.Errorf("%s has %d unread, %v; want %d", who.Name, n, err, want)
		}
	}
	wantStatus(t, v.ask(http.MethodPost, request+"/opened", v.signed(v.ana), sameSite), http.StatusNoContent)
	if n, err := v.Notify.Unread(t.Context(), v.ana.ID); err != nil || n != 0 {
		t.Errorf("Ana has %d unread after opening the request, %v", n, err)
	}
}

// A grant comes before any form, and says what its holder can do with it; what becomes of it is told where it was asked for.
func TestExtensionStory(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	first := v.in20()
	v.post(v.owen, first+"/approve", "reason", "")
	doc := html(t, v.ask(http.MethodGet, vaulted+"/access", v.signed(v.ana)))
	if doc.Find("#purpose").Length() > 0 {
		t.Error("who has a grant of everything is met by an empty form")
	}
	extend := doc.Find(`a:contains("Ask for more time")`).AttrOr("href", "")
	if got := html(t, v.ask(http.MethodGet, "/requests?view=have", v.signed(v.ana))).Find(`a:contains("Ask for more time")`).AttrOr("href", ""); got != extend {
		t.Errorf("the list leads to %q, the page to %q", got, extend)
	}
	extend, _, _ = strings.Cut(extend, "#")
	doc = html(t, v.ask(http.MethodGet, extend, v.signed(v.ana)))
	id := doc.Find("input[name=extends]").AttrOr("value", "")
	if got := doc.Find("#purpose").Text(); got != vaultPurpose || id == "" {
		t.Fatalf("the form extends %q for %q", id, got)
	}
	res := v.ask(http.MethodPost, vaulted+"/access", v.signed(v.ana), sameSite, form("purpose", vaultPurpose, "for", "date", "until", isoDay(time.Now().AddDate(0, 0, 5)), "extends", id))
	wantStatus(t, res, http.StatusUnprocessableEntity)
	wantText(t, html(t, res), "#until-e", "You may read it until")
	second := v.post(v.ana, vaulted+"/access", "purpose", vaultPurpose, "for", "90", "extends", id)
	v.main("/requests", v.owen, "Ana: more time with lake/raw.flights")
	v.main(second, v.owen, "Ana asks for more time with lake/raw.flights", "which it replaces")
	v.main(vaulted, v.ana, "More time requested, waits for Owen")
	v.post(v.owen, second+"/deny", "reason", "The audit is over")
	v.main("/notifications", v.ana, "Owen denied you more time with lake/raw.flights: you may read it until")
	v.main(second, v.ana, "What was granted before holds until")
	v.post(v.owen, grantPath(t, v), "reason", "The project is over")
	ended := "Approved, ended on " + day(time.Now())
	v.main("/requests?view=asked", v.ana, ended)
	v.main(vaulted+"/access", v.owen, ended, "Ended by Owen: The project is over")
}

// grantPath is where the owner ends the grant there is.
func grantPath(t *testing.T, v *vault) string {
	t.Helper()
	return html(t, v.ask(http.MethodGet, vaulted+"/access", v.signed(v.owen))).Find(`form[action^="/grants/"]`).AttrOr("action", "")
}

func TestAccessNamesTheOneReason(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	v.main(vaulted+"/access", v.owen, "You may read it: it belongs to your team flight-ops.", "Owen owner in flight-ops, you")
	v.main(vaulted+"/access", v.one("Ada", "", access.Admin), "You may read it: you are an admin.")
	doc := html(t, v.ask(http.MethodGet, vaulted+"/access", v.signed(v.ana)))
	for _, href := range []string{personURL(v.owen.ID), teamURL("flight-ops")} {
		if doc.Find(`main aside a[href="`+href+`"]`).Length() == 0 {
			t.Errorf("who decides does not lead to %s", href)
		}
	}
}

func TestHomeShowsWhatIsAnnouncedAndOneLinePerEdit(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	act := access.Act{Who: access.Principal{Person: v.owen, Teams: []string{"flight-ops"}}, Via: "page"}
	key := catalog.Key{Source: "lake", Name: "raw.flights"}
	if _, err := v.Catalog.Announce(t.Context(), act, key, catalog.Announcement{Text: "Late today", Tone: "warn"}); err != nil {
		t.Fatal(err)
	}
	if text := words(html(t, v.ask(http.MethodGet, "/", v.signed(v.ana))), "main"); strings.Contains(text, "Late today") {
		t.Error("it is announced to whom it does not concern")
	}
	wantStatus(t, v.ask(http.MethodPost, vaulted+"/opened", v.signed(v.ana), sameSite), http.StatusNoContent)
	v.main("/", v.ana, "Announced", "Late today")

	tags, ada := `["gold"]`, v.one("Ada", "", access.Admin)
	act.Who = access.Principal{Person: ada}
	keys := []catalog.Key{key, {Source: "lake", Name: "a/b"}}
	if _, err := v.Catalog.EditMany(t.Context(), act, keys, []catalog.Edit{{Field: "tags", Value: &tags}}, nil); err != nil {
		t.Fatal(err)
	}
	v.main("/", v.ana, "2 datasets", "such as lake/", "tags", ", by Ada")
}
