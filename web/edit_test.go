package web

import (
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"portreeve/access"
	"portreeve/catalog"
)

// newDesk returns a portal with two people who may edit raw.flights, whose team is flight-ops.
func newDesk(t *testing.T) (st *core, ada, owen asking) {
	t.Helper()
	st = newCore(t, nil)
	st.exec(`INSERT INTO team (slug, name) VALUES ('flight-ops', 'Flight operations'), ('sales', 'Sales')`)
	return st, st.signed("Ada", "flight-ops", access.Owner), st.signed("Owen", "flight-ops", access.Owner)
}

// signed signs a request in as a person in a team.
func (st *core) signed(name, team string, role access.Role) asking {
	st.t.Helper()
	p, err := st.Access.EnsurePerson(st.t.Context(), access.Person{Issuer: "test", Subject: name, Name: name, Team: team, Role: role})
	if err != nil {
		st.t.Fatal(err)
	}
	secret, err := st.Access.CreateSession(st.t.Context(), p.ID, time.Hour)
	if err != nil {
		st.t.Fatal(err)
	}
	return header("Cookie", sessionCookie+"="+secret)
}

const editURL = "/d/lake/raw.flights/edit"

// filled returns the form on a page as a browser would send it.
func filled(doc *goquery.Document, selector string) url.Values {
	v := url.Values{}
	doc.Find(selector).Find("input[name], textarea[name], select[name]").Each(func(_ int, in *goquery.Selection) {
		name, kind := in.AttrOr("name", ""), in.AttrOr("type", "")
		_, checked := in.Attr("checked")
		switch {
		case goquery.NodeName(in) == "textarea":
			v.Add(name, strings.TrimPrefix(in.Text(), "\n"))
		case goquery.NodeName(in) == "select":
			v.Add(name, in.Find("option[selected]").AttrOr("value", in.Find("option").First().AttrOr("value", "")))
		case kind != "checkbox" && kind != "radio" || checked:
			v.Add(name, in.AttrOr("value", ""))
		}
	})
	return v
}

func (st *core) open(target string, who asking) *goquery.Document {
	st.t.Helper()
	res := st.ask(http.MethodGet, target, who)
	wantStatus(st.t, res, http.StatusOK)
	return html(st.t, res)
}

func (st *core) send(target string, who asking, v url.Values) *http.Response {
	st.t.Helper()
	return st.ask(http.MethodPost, target, who, sending("application/x-www-form-urlencoded", v.Encode()))
}

// with returns a copy of v with other values of some names.
func with(v url.Values, pairs ...string) url.Values {
	out := url.Values{}
	maps.Copy(out, v)
	for i := 0; i < len(pairs); i += 2 {
		out.Set(pairs[i], pairs[i+1])
	}
	return out
}

func (st *core) flights() catalog.Dataset {
	st.t.Helper()
	d, err := st.Catalog.Dataset(st.t.Context(), catalog.Key{Source: "lake", Name: "raw.flights"})
	if err != nil {
		st.t.Fatal(err)
	}
	return d
}

func TestEditSavesWhatWasChanged(t *testing.T) {
	t.Parallel()
	st, ada, _ := newDesk(t)
	v := filled(st.open(editURL, ada), "form.edit")
	res := st.send(editURL, ada, with(v, "title", "Flights", "description", "**One row** per flight.\r\n\r\n- late", "tags", "pii, late ,pii",
		"owner_add", "Owen", "certified", "yes", "fresh_within", "2", "fresh_unit", "days", "access", "restricted", "reason", "told so"))
	wantStatus(t, res, http.StatusSeeOther)
	d := st.flights()
	if d.Title != "Flights" || d.Description != "**One row** per flight.\n\n- late" || strings.Join(d.Tags, "|") != "pii|late" || len(d.Owners) != 1 ||
		!d.Certified || *d.FreshWithin != 2*86400 || d.Access != catalog.Restricted || d.Team != "flight-ops" {
		t.Errorf("kept %+v", d)
	}
	doc := st.open(res.Header.Get("Location"), ada)
	wantText(t, doc, ".callout.good", "Saved: title, description, owners, tags, certified, who may read its rows, expected freshness.")
	wantText(t, doc, ".prose strong", "One row")
	wantText(t, doc, ".head-meta", "Owen")
	wantText(t, doc, ".trust", "expected within 2 days")
	wantText(t, doc, "#origin-owners", "Edited by Ada")
	wantText(t, doc, "#origin-team", "Observed in lake")
	wantText(t, st.open("/d/lake/raw.flights/history", ada), ".versions", "by Ada")
	wantText(t, st.open("/d/lake/raw.flights/history", ada), ".versions", "told so")

	res = st.send("/d/lake/raw.flights/undo", ada, filled(doc, ".callout.good form"))
	wantStatus(t, res, http.StatusSeeOther)
	if d := st.flights(); d.Title != "" || d.Description != "Described" || len(d.Tags) != 0 || d.Certified {
		t.Errorf("undone, it is %+v", d)
	}
	back := st.open(res.Header.Get("Location"), ada)
	wantText(t, back, ".callout.good", "Taken back: title, description")
	if n := st.open("/d/lake/raw.flights/history", ada).Find(".versions > li").Length(); n != 3 {
		t.Errorf("the history has %d versions, want 3: first seen, one save, one undo", n)
	}
	res = st.send("/d/lake/raw.flights/undo", ada, with(filled(back, ".callout.good form"), "redo", "yes"))
	wantText(t, st.open(res.Header.Get("Location"), ada), ".callout.good", "Saved: title, description")
	if d := st.flights(); d.Title != "Flights" {
		t.Errorf("done again, the title is %q", d.Title)
	}
}

// Two tabs of two people that change different fields do not disturb each other.
func TestEditOfDifferentFields(t *testing.T) {
	t.Parallel()
	st, ada, owen := newDesk(t)
	first, second := filled(st.open(editURL, ada), "form.edit"), filled(st.open(editURL, owen), "form.edit")
	wantStatus(t, st.send(editURL, ada, with(first, "title", "Hers")), http.StatusSeeOther)
	wantStatus(t, st.send(editURL, owen, with(second, "tags", "his")), http.StatusSeeOther)
	if d := st.flights(); d.Title != "Hers" || strings.Join(d.Tags, ",") != "his" {
		t.Errorf("title %q, tags %q", d.Title, d.Tags)
	}
}

// The second of two people who change one field sees what the first made of it, and chooses; what else was typed stays.
func TestEditConflict(t *testing.T) {
	t.Parallel()
	for choice, want := range map[string]string{"theirs": "One row per flight", "mine": "A row per leg"} {
		t.Run(choice, func(t *testing.T) {
			t.Parallel()
			st, ada, owen := newDesk(t)
			stale := filled(st.open(editURL, owen), "form.edit")
			wantStatus(t, st.send(editURL, ada, with(stale, "description", "One row per flight", "domain", "")), http.StatusSeeOther)
			res := st.send(editURL, owen, with(stale, "description", "A row per leg", "title", "Legs", "owner_add", "Ada"))
			wantStatus(t, res, http.StatusConflict)
			doc := html(t, res)
			wantText(t, doc, ".conflict", "Ada changed this")
			wantText(t, doc, ".conflict", "One row per flight")
			wantText(t, doc, ".conflict ins", "leg")
			if n := doc.Find(".conflict").Length(); n != 1 {
				t.Errorf("%d fields conflict, want 1", n)
			}
			again := filled(doc, "form.edit")
			if again.Get("title") != "Legs" || again.Get("description") != "A row per leg" || len(again["owners"]) != 1 {
				t.Errorf("kept %q, %q, %q", again.Get("title"), again.Get("description"), again["owners"])
			}
			res = st.send(editURL, owen, again)
			wantStatus(t, res, http.StatusUnprocessableEntity)
			doc = html(t, res)
			wantText(t, doc, ".conflict .error", "Choose which of the two is to hold.")
			wantStatus(t, st.send(editURL, owen, with(filled(doc, "form.edit"), "choose.description", choice)), http.StatusSeeOther)
			if d := st.flights(); d.Description != want || d.Title != "Legs" {
				t.Errorf("%q, %q hold, want %q and Legs", d.Description, d.Title, want)
			}
		})
	}
}

func TestEditKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	st, ada, _ := newDesk(t)
	v := filled(st.open(editURL, ada), "form.edit")
	for field, text := range map[string]string{
		"team": "nobody", "domain": "nowhere", "tags": "a<b", "terms": "unheard", "owner_add": "Nobody At All", "successor": "lake/none", "sunset": "soon",
		"fresh_within": "-1", "reason": strings.Repeat("x", 3000),
	} {
		res := st.send(editURL, ada, with(v, "title", "My long text", field, text))
		wantStatus(t, res, http.StatusUnprocessableEntity)
		doc := html(t, res)
		if got := filled(doc, "form.edit"); got.Get("title") != "My long text" || field != "owner_add" && got.Get(field) != text {
			t.Errorf("%s: kept %q and %q", field, got.Get("title"), got.Get(field))
		}
		at := strings.ReplaceAll(field, "owner_add", "owners")
		if doc.Find("#"+at+"-e").Length() != 1 {
			t.Errorf("%s: the error does not stand at the field", field)
		}
	}
	if d := st.flights(); d.Title != "" {
		t.Errorf("half of a refused form was kept: %q", d.Title)
	}
}

func TestEditTakenBack(t *testing.T) {
	t.Parallel()
	st, ada, owen := newDesk(t)
	v := filled(st.open(editURL, ada), "form.edit")
	wantStatus(t, st.send(editURL, ada, with(v, "description", "Mine")), http.StatusSeeOther)
	doc := st.open(editURL, owen)
	wantText(t, doc, `[data-field="description"] .origin`, "Edited by Ada")
	wantStatus(t, st.send(editURL, owen, with(filled(doc, "form.edit"), "take.description", "yes")), http.StatusSeeOther)
	if d := st.flights(); d.Description != "Described" {
		t.Errorf("taken back, the description is %q", d.Description)
	}
}

// What a file declares is shown, said where, and cannot be typed over.
func TestEditOfWhatIsDeclared(t *testing.T) {
	t.Parallel()
	st, ada, _ := newDesk(t)
	st.exec(`INSERT INTO dataset_attribute (dataset_id, field, origin, value, declared_in)
		SELECT id, 'title', 'declared', 'From a file', 'estate/lake.yaml:12' FROM dataset WHERE name = 'raw.flights';
		INSERT INTO dataset_override (dataset_id, title) SELECT id, 'From a file' FROM dataset WHERE name = 'raw.flights'`)
	doc := st.open(editURL, ada)
	wantText(t, doc, `[data-field="title"]`, "From a file")
	wantText(t, doc, `[data-field="title"] .hint`, "estate/lake.yaml:12")
	if doc.Find(`input[name="title"]`).Length() != 0 {
		t.Error("it can be typed over")
	}
}

func TestEditRefuses(t *testing.T) {
	t.Parallel()
	st, _, _ := newDesk(t)
	otto, stranger := st.signed("Otto", "sales", access.Owner), st.signed("Vera", "flight-ops", access.Viewer)
	for _, target := range []string{editURL, "/d/lake/raw.flights/columns/edit"} {
		res := st.ask(http.MethodGet, target, otto)
		wantStatus(t, res, http.StatusForbidden)
		wantText(t, html(t, res), ".failure", "owners in the team flight-ops")
		wantStatus(t, st.ask(http.MethodGet, target, stranger), http.StatusForbidden)
	}
	for _, part := range []string{"edit", "edit/preview", "columns/edit", "take", "undo", "announce", "announcements/1/end", "announcements/1/back"} {
		wantStatus(t, st.send("/d/lake/raw.flights/"+part, otto, url.Values{}), http.StatusForbidden)
		wantStatus(t, st.send("/d/lake/raw.flights/"+part, stranger, url.Values{}), http.StatusForbidden)
		wantStatus(t, st.send("/d/lake/none/"+part, otto, url.Values{}), http.StatusNotFound)
	}
	for _, tab := range []string{"", "/history", "/columns"} {
		if n := st.open("/d/lake/raw.flights"+tab, otto).Find(`a[href*="/edit"], form[action*="/undo"]`).Length(); n != 0 {
			t.Errorf("%q leads %d times to what Otto may not do", tab, n)
		}
	}
}

func TestTakeOwnership(t *testing.T) {
	t.Parallel()
	st, _, _ := newDesk(t)
	st.exec(`UPDATE dataset SET team = '' WHERE name = 'raw.flights'`)
	otto := st.signed("Otto", "sales", access.Owner)
	doc := st.open("/d/lake/raw.flights", otto)
	wantText(t, doc, "form.callout", "Nobody owns this dataset.")
	wantStatus(t, st.send(editURL, otto, with(filled(st.open(editURL, otto), "form.edit"), "title", "X")), http.StatusForbidden)
	wantStatus(t, st.send("/d/lake/raw.flights/take", otto, url.Values{"team": {"flight-ops"}}), http.StatusForbidden)
	wantStatus(t, st.send("/d/lake/raw.flights/take", otto, filled(doc, "form.callout")), http.StatusSeeOther)
	if d := st.flights(); d.Team != "sales" {
		t.Errorf("taken, it is of the team %q", d.Team)
	}
	ada := st.signed("Ada", "flight-ops", access.Owner)
	wantStatus(t, st.send("/d/lake/raw.flights/take", ada, url.Values{}), http.StatusForbidden)
}

func TestEditPreview(t *testing.T) {
	t.Parallel()
	st, ada, _ := newDesk(t)
	text := "**bold** <script>x</script>"
	res := st.send(editURL+"/preview", ada, url.Values{"description": {text}})
	wantStatus(t, res, http.StatusOK)
	body, _ := io.ReadAll(res.Body)
	if !strings.Contains(string(body), "<strong>bold</strong>") || strings.Contains(string(body), "<script") {
		t.Errorf("the preview is %s", body)
	}
	v := with(filled(st.open(editURL, ada), "form.edit"), "description", text, "title", "T", "preview", "yes")
	res = st.send(editURL, ada, v) // without a script
	wantStatus(t, res, http.StatusOK)
	doc := html(t, res)
	wantText(t, doc, "#preview strong", "bold")
	if got := filled(doc, "form.edit"); got.Get("title") != "T" || got.Get("description") != text || st.flights().Title != "" {
		t.Errorf("the preview kept %q, %q", got.Get("title"), got.Get("description"))
	}
}

func TestEditColumns(t *testing.T) {
	t.Parallel()
	st, ada, owen := newDesk(t)
	const target = "/d/lake/raw.flights/columns/edit"
	stale := filled(st.open(target, owen), "form.edit")
	res := st.send(target, ada, with(stale, "column:origin.code", "Where from"))
	wantStatus(t, res, http.StatusSeeOther)
	doc := st.open(res.Header.Get("Location"), ada)
	wantText(t, doc, ".callout.good", "Saved: column origin.code.")
	wantText(t, doc, "table.columns", "Where from")
	wantStatus(t, st.send(target, owen, with(stale, "column:carrier", "The airline")), http.StatusSeeOther)
	res = st.send(target, owen, with(stale, "column:carrier", "Who flies", "column:origin.code", "IATA"))
	wantStatus(t, res, http.StatusConflict)
	wantText(t, html(t, res), ".conflict", "Where from")
	if res := st.send(target, ada, with(stale, "column:carrier", strings.Repeat("x", 5000))); res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("5,000 bytes on a column: %d", res.StatusCode)
	}
}

func TestAnnouncementOnThePage(t *testing.T) {
	t.Parallel()
	st, ada, owen := newDesk(t)
	v := url.Values{"text": {"Late <b>today</b>"}, "tone": {"bad"}, "until": {"2020-01-01"}}
	res := st.send("/d/lake/raw.flights/announce", ada, v)
	wantStatus(t, res, http.StatusUnprocessableEntity)
	doc := html(t, res)
	wantText(t, doc, "#until-e", "An announcement ends in the future, within ten years.")
	wantText(t, doc, "#announce textarea", "Late <b>today</b>")
	v.Set("until", "")
	wantStatus(t, st.send("/d/lake/raw.flights/announce", ada, v), http.StatusSeeOther)
	for _, tab := range []string{"", "/columns", "/history"} {
		wantText(t, st.open("/d/lake/raw.flights"+tab, owen), ".callout.bad", "Late <b>today</b>")
	}
	end := st.open("/d/lake/raw.flights", owen).Find(`form[action$="/end"]`).AttrOr("action", "")
	res = st.send(end, owen, url.Values{})
	wantStatus(t, res, http.StatusSeeOther)
	doc = st.open(res.Header.Get("Location"), owen)
	wantText(t, doc, ".callout.good", "Taken down: “Late <b>today</b>”.")
	if doc.Find(".callout.bad").Length() != 0 {
		t.Error("it is still up")
	}
	wantStatus(t, st.send(doc.Find(`form[action$="/back"]`).AttrOr("action", ""), owen, url.Values{}), http.StatusSeeOther)
	wantText(t, st.open("/d/lake/raw.flights", ada), ".callout.bad", "Late <b>today</b>")
}

func TestDatasetAsOf(t *testing.T) {
	t.Parallel()
	st, ada, _ := newDesk(t)
	v := filled(st.open(editURL, ada), "form.edit")
	wantStatus(t, st.send(editURL, ada, with(v, "description", "New words")), http.StatusSeeOther)
	links := st.open("/d/lake/raw.flights/history", ada).Find(`.versions a[href*="as_of"]`)
	if links.Length() != 2 {
		t.Fatalf("%d versions lead to how it was, want 2", links.Length())
	}
	doc := st.open(links.Last().AttrOr("href", ""), ada)
	wantText(t, doc, ".head-sub", "Described")
	wantText(t, doc, ".callout.info", "As it was on")
	wantText(t, doc, "table.columns", "Who flies")
	if strings.Contains(words(doc, "main"), "New words") || doc.Find(".trust, a[href$='/edit']").Length() != 0 {
		t.Error("it shows what holds now")
	}
	wantText(t, st.open(links.First().AttrOr("href", ""), ada), ".head-sub", "New words")
	wantStatus(t, st.ask(http.MethodGet, "/d/lake/raw.flights?as_of=2001-01-01", ada), http.StatusNotFound)
	wantStatus(t, st.ask(http.MethodGet, "/d/lake/raw.flights?as_of=yesterday", ada), http.StatusUnprocessableEntity)
}

func TestWordDiff(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a b ", 2000)
	for _, pair := range [][2]string{
		{"", ""},
		{"", "a b"},
		{"a b", ""},
		{"one row per flight", "one row per leg"},
		{"a  b\nc", "a b\n\nc"},
		{"x y z", "z y x"},
		{long, "b " + long + " c"},
		{long + "x", "y " + strings.ReplaceAll(long, "a", "c")},
	} {
		var before, after strings.Builder
		for _, p := range wordDiff(pair[0], pair[1]) {
			if p.Sign != "+" {
				before.WriteString(p.Text)
			}
			if p.Sign != "−" {
				after.WriteString(p.Text)
			}
		}
		if before.String() != pair[0] || after.String() != pair[1] {
			t.Errorf("the difference of %.40q and %.40q is of %.40q and %.40q", pair[0], pair[1], before.String(), after.String())
		}
	}
	if got := wordDiff("one row per flight", "one row per leg"); len(got) != 3 || got[1] != (wordPart{"−", "flight"}) || got[2] != (wordPart{"+", "leg"}) {
		t.Errorf("one word for another: %+v", got)
	}
	rewritten := wordDiff("Flights that landed late, by carrier", "One row per leg that was flown, with its delay")
	if !inBlocks(rewritten) || len(rewritten) != 2 {
		t.Errorf("a text of other words: %+v", rewritten)
	}
}
