package web

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"portreeve/access"
	"portreeve/catalog"
)

// file sends a form with a file.
func file(name, content string, pairs ...string) asking {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i < len(pairs); i += 2 {
		_ = w.WriteField(pairs[i], pairs[i+1])
	}
	part, _ := w.CreateFormFile("file", name)
	_, _ = io.WriteString(part, content)
	_ = w.Close()
	return sending(w.FormDataContentType(), body.String())
}

var ours = header("Sec-Fetch-Site", "same-origin")

func TestBulkEdit(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	admin := st.as(access.Admin)
	page := st.ask(http.MethodGet, "/data/edit?d=lake%2Fraw.flights&d=lake%2Fa%2Fb", admin)
	wantStatus(t, page, http.StatusOK)
	if got := html(t, page).Find("h1").Text(); got != "Edit 2 datasets" {
		t.Errorf("the form is headed %q", got)
	}
	res := st.ask(http.MethodPost, "/data/edit?d=lake%2Fraw.flights&d=lake%2Fa%2Fb", admin, ours, form("add_tags", "pii, gold", "certified", "yes"))
	wantStatus(t, res, http.StatusSeeOther)
	plan := res.Header.Get("Location")
	doc := html(t, st.ask(http.MethodGet, plan, admin))
	if n := doc.Find("tbody tr").Length(); n != 4 {
		t.Errorf("%d changes are shown, want 4", n)
	}
	seen, _ := doc.Find("input[name=seen]").Attr("value")
	wantStatus(t, st.ask(http.MethodGet, plan, st.as(access.Owner)), http.StatusNotFound)
	wantStatus(t, st.ask(http.MethodPost, plan, admin, ours, form("do", "apply", "seen", seen)), http.StatusSeeOther)
	d, err := st.Catalog.Dataset(t.Context(), catalog.Key{Source: "lake", Name: "a/b"})
	if err != nil || !d.Certified || strings.Join(d.Tags, " ") != "pii gold" {
		t.Errorf("after it: certified %v, tags %v, %v", d.Certified, d.Tags, err)
	}
	wantStatus(t, st.ask(http.MethodPost, plan, admin, ours, form("do", "undo")), http.StatusSeeOther)
	if d, err = st.Catalog.Dataset(t.Context(), d.Key()); err != nil || d.Certified || len(d.Tags) > 0 {
		t.Errorf("after the undo: certified %v, tags %v, %v", d.Certified, d.Tags, err)
	}
	wantStatus(t, st.ask(http.MethodPost, "/data/edit?d=lake%2Fraw.flights", admin, ours, form("sunset", "soon")), http.StatusUnprocessableEntity)
	empty := st.ask(http.MethodGet, "/data/edit?pick=1&q=flights", admin)
	wantStatus(t, empty, http.StatusSeeOther)
	doc = st.open(empty.Header.Get("Location"), admin)
	wantText(t, doc, ".callout.warn", "Nothing is chosen")
	if q := doc.Find("#q").AttrOr("value", ""); q != "flights" {
		t.Errorf("the search is gone: %q", q)
	}
}

// The form of many takes names, tells all that is wrong at once, and leads back to the search with what was chosen.
func TestBulkForm(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	st.exec(`INSERT INTO team (slug, name) VALUES ('flight-ops', 'Flight operations'), ('t9', 'Night desk')`)
	st.signed("Ada", "flight-ops", access.Owner)
	admin := st.as(access.Admin)
	const at = "/data/edit?d=lake%2Fraw.flights&q=flights&sort=name"
	res := st.ask(http.MethodPost, at, admin, ours, form("sunset", "soon", "add_owners", "Nobody", "add_tags", "<"))
	wantStatus(t, res, http.StatusUnprocessableEntity)
	doc := html(t, res)
	for _, id := range []string{"b-sunset", "b-add_owners", "b-add_tags"} {
		if doc.Find("#"+id+`[aria-invalid="true"]`).Length() != 1 {
			t.Errorf("nothing is said at %s", id)
		}
	}
	if cancel := doc.Find(`.form-actions a`).AttrOr("href", ""); cancel != "/data?q=flights&sort=name&d=lake%2Fraw.flights" {
		t.Errorf("Cancel leads to %q", cancel)
	} else if st.open(cancel, admin).Find(`.pick[value="lake/raw.flights"][checked]`).Length() != 1 {
		t.Error("what was chosen is not any more")
	}
	res = st.ask(http.MethodPost, at, admin, ours, form("team", "night desk", "add_owners", "ada"))
	wantStatus(t, res, http.StatusSeeOther)
	plan := res.Header.Get("Location")
	doc = st.open(plan, admin)
	wantText(t, doc, "table", "t9")
	wantText(t, doc, "table", "Ada")
	seen := doc.Find("input[name=seen]").AttrOr("value", "")
	wantStatus(t, st.ask(http.MethodPost, plan, admin, ours, form("do", "apply", "seen", seen)), http.StatusSeeOther)
	doc = st.open(plan, admin)
	if n := doc.Find(`tbody tr th a[href="/d/lake/raw.flights"]`).Length(); n != 2 {
		t.Errorf("carried out, %d changes are shown, want 2", n)
	}
	if back := doc.Find(".form-actions a").AttrOr("href", ""); !strings.HasPrefix(back, "/data?q=flights") {
		t.Errorf("the way back is %q", back)
	}
}

func TestSheet(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	admin := st.as(access.Admin)
	out := st.ask(http.MethodGet, "/data/metadata.csv?q=flights", admin)
	wantStatus(t, out, http.StatusOK)
	text, _ := io.ReadAll(out.Body)
	if !strings.HasPrefix(string(text), "source,name,title,description,team,") || !strings.Contains(string(text), "lake,raw.flights,") {
		t.Errorf("written: %.300s", text)
	}
	res := st.ask(http.MethodPost, "/data/sheet", admin, ours, file("x.csv", strings.Replace(string(text), "lake,raw.flights,,", "lake,raw.flights,'=A title,", 1)))
	wantStatus(t, res, http.StatusSeeOther)
	doc := html(t, st.ask(http.MethodGet, res.Header.Get("Location"), admin))
	if got := doc.Find("tbody tr").Text(); doc.Find("tbody tr").Length() != 1 || !strings.Contains(got, "=A title") {
		t.Errorf("what was written and changed in one cell would change %q", got)
	}
	for _, tt := range []struct {
		name string
		file asking
		want int
		says string
	}{
		{"a bad line", file("x.csv", "source,name,certified\nlake,raw.flights,perhaps\n"), 422, "Certified is yes or no"},
		{"no file", form("reason", "x"), 422, "Choose a file"},
		{"50 MB", func(r *http.Request) { file("x.csv", "a")(r); r.ContentLength = 50 << 20 }, 413, "at most 10 MiB"},
		{"too large without saying so", func(r *http.Request) { file("x.csv", strings.Repeat("a,", 6<<20))(r); r.ContentLength = -1 }, 413, "at most 10 MiB"},
		{"Latin-1", file("x.csv", "source,name,title\nlake,a,\xFC\n"), 422, "Latin-1"},
	} {
		res := st.ask(http.MethodPost, "/data/sheet", admin, ours, tt.file)
		wantStatus(t, res, tt.want)
		if text := html(t, res).Find("main").Text(); !strings.Contains(text, tt.says) {
			t.Errorf("%s: the page does not say %q", tt.name, tt.says)
		}
	}
}

func TestRegisterPage(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	owner := st.as(access.Owner)
	wantStatus(t, st.ask(http.MethodGet, "/register", owner), http.StatusOK)
	wantStatus(t, st.ask(http.MethodGet, "/register", st.as(access.Analyst)), http.StatusForbidden)
	fill := []string{"name", "Sales forecast", "kind", "file", "owner", meOwner, "fresh_within", "129600", "access", "restricted", "description", "What we expect"}
	looked := st.ask(http.MethodPost, "/register", owner, ours, file("s.csv", "id,price\n1,2.5\n", append([]string{"do", "register"}, fill...)...))
	wantStatus(t, looked, http.StatusOK)
	doc := html(t, looked)
	if got := doc.Find("#r-columns").Text(); got != "id bigint\nprice double\n" {
		t.Errorf("the columns of the file are %q", got)
	}
	if v, _ := doc.Find("#r-name").Attr("value"); v != "Sales forecast" {
		t.Errorf("the name that was typed is %q now", v)
	}
	res := st.ask(http.MethodPost, "/register", owner, ours, form(append([]string{"do", "register", "columns", "id bigint\nprice double\n"}, fill...)...))
	wantStatus(t, res, http.StatusSeeOther)
	if got := res.Header.Get("Location"); got != "/d/registered/Sales%20forecast?registered=yes" {
		t.Errorf("it leads to %s", got)
	}
	wantStatus(t, st.ask(http.MethodGet, res.Header.Get("Location"), owner), http.StatusOK)
	wantStatus(t, st.ask(http.MethodGet, "/sources/registered", owner), http.StatusOK)
	wantStatus(t, st.ask(http.MethodGet, "/register/Sales%20forecast", owner), http.StatusOK)
	again := st.ask(http.MethodPost, "/register", owner, ours, form(append([]string{"do", "register"}, fill...)...))
	wantStatus(t, again, http.StatusConflict)
	if href, _ := html(t, again).Find("a:contains('has this name')").Attr("href"); href != "/d/registered/Sales%20forecast" {
		t.Errorf("a taken name leads to %q", href)
	}
	wantStatus(t, st.ask(http.MethodPost, "/register/Sales%20forecast", owner, ours, form("do", "remove")), http.StatusUnprocessableEntity)
	wantStatus(t, st.ask(http.MethodPost, "/register/Sales%20forecast", owner, ours, form("do", "remove", "sure", "yes")), http.StatusSeeOther)
}

func TestAPIEditAndRegister(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	write := bearer(st.token(access.Admin, access.ScopeRead, access.ScopeWrite, access.ScopeAdmin))
	json := func(text string) asking { return sending("application/json", text) }
	type shown struct {
		Title      fact[string] `json:"title"`
		NewestEdit string       `json:"newest_edit"`
	}
	got := read[shown](st, 200, st.ask(http.MethodPatch, "/api/v1/datasets/lake/raw.flights", write, json(`{"title":"Flights","columns":{"carrier":"Who"},"reason":"x"}`)))
	if got.Title.Value != "Flights" || got.Title.Origin != "edited" || got.NewestEdit == "0" {
		t.Errorf("after an edit %+v", got)
	}
	read[shown](st, 200, st.ask(http.MethodPatch, "/api/v1/datasets/lake/raw.flights", write, json(`{"title":"Newer"}`)))
	read[problem](st, 409, st.ask(http.MethodPatch, "/api/v1/datasets/lake/raw.flights", write, json(fmt.Sprintf(`{"title":"Mine","base":%q}`, got.NewestEdit))))
	if got = read[shown](st, 200, st.ask(http.MethodPatch, "/api/v1/datasets/lake/raw.flights", write, json(`{"title":null}`))); got.Title.Origin != "observed" {
		t.Errorf("taken back: %+v", got.Title)
	}
	bad := read[problem](st, 422, st.ask(http.MethodPatch, "/api/v1/datasets/lake/raw.flights", write, json(`{"columns":{"none":"x"}}`)))
	if len(bad.Errors) != 1 || bad.Errors[0].Pointer != "/columns/none" {
		t.Errorf("an unknown column: %+v", bad.Errors)
	}
	owner := bearer(st.token(access.Owner, access.ScopeRead, access.ScopeWrite))
	read[problem](st, 403, st.ask(http.MethodPatch, "/api/v1/datasets/lake/raw.flights", owner, json(`{"title":"x"}`)))
	me := st.person(access.Owner).ID
	body := fmt.Sprintf(`{"name":"feed","kind":"api","owners":["%d"],"schema":[{"path":"id","type":"bigint"}]}`, me)
	for range 2 {
		link := read[DatasetLink](st, 201, st.ask(http.MethodPost, "/api/v1/datasets", owner, json(body), header("Idempotency-Key", "k")))
		if link.Source != "registered" || link.Name != "feed" {
			t.Errorf("registered %+v", link)
		}
	}
	read[problem](st, 409, st.ask(http.MethodPost, "/api/v1/datasets", owner, json(body)))
}
