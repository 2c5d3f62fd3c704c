package web

import (
	"net/http"
	"strings"
	"testing"
)

// An undo that somebody else's edit forestalled leads back, and says who made what of the field.
func TestStaleUndo(t *testing.T) {
	t.Parallel()
	st, ada, owen := newDesk(t)
	v := filled(st.open(editURL, ada), "form.edit")
	saved := st.open(st.send(editURL, ada, with(v, "title", "Hers", "tags", "hers")).Header.Get("Location"), ada)
	wantStatus(t, st.send(editURL, owen, with(filled(st.open(editURL, owen), "form.edit"), "title", "His")), http.StatusSeeOther)
	res := st.send("/d/lake/raw.flights/undo", ada, filled(saved, ".callout.good form"))
	wantStatus(t, res, http.StatusSeeOther)
	wantText(t, st.open(res.Header.Get("Location"), ada), ".callout.warn", "Owen made the title “His”, ")
	if d := st.flights(); d.Title != "His" || strings.Join(d.Tags, " ") != "hers" {
		t.Errorf("title %q, tags %q: an undo is whole or none", d.Title, d.Tags)
	}
}

// Everything that is wrong with a form stands at its fields at once, and Save is what Enter does.
func TestEditTellsAllErrors(t *testing.T) {
	t.Parallel()
	st, ada, _ := newDesk(t)
	doc := st.open(editURL, ada)
	if first := doc.Find("form.edit button, form.edit input[type=submit]").First(); first.Text() != "Save" {
		t.Errorf("Enter does %q", first.Text())
	}
	v := with(filled(doc, "form.edit"), "team", "nobody", "tags", "a<b", "owner_add", "Ada, Nobody", "successor", "lake/raw.flights",
		"sunset", "2020-01-01", "fresh_within", "-1", "title", strings.Repeat("x", 300), "terms", "unheard")
	res := st.send(editURL, ada, v)
	wantStatus(t, res, http.StatusUnprocessableEntity)
	doc = html(t, res)
	for _, field := range []string{"title", "team", "owners", "tags", "terms", "sunset", "successor", "fresh_within"} {
		if doc.Find("#"+field+`[aria-invalid="true"]`).Length() != 1 || doc.Find("#"+field+"-e").Length() != 1 {
			t.Errorf("nothing is said at %s", field)
		}
	}
	again := filled(doc, "form.edit")
	if again.Get("owner_add") != "Nobody" || len(again["owners"]) != 1 || len(again.Get("title")) != 300 {
		t.Errorf("kept owners %q and %q, a title of %d", again["owners"], again.Get("owner_add"), len(again.Get("title")))
	}
	if doc.Find("form.edit").AttrOr("data-keep", "") != "unsaved" {
		t.Error("leaving the form does not ask")
	}
}
