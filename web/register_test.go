package web

import (
	"net/http"
	"strings"
	"testing"

	"portreeve/access"
)

// What somebody gives as a sample, they are told what came of it, at the field.
func TestRegisterReadsSamples(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	owner := st.as(access.Owner)
	json := "[" + strings.Repeat(`{"id": 1, "name": "some words that fill the sample"},`, 20_000)
	for _, tt := range []struct {
		name, content, field string
		status               int
		want                 string
	}{
		{"long.csv", "id,name\n" + strings.Repeat("1,x\n", 5000), "columns", 200, "id bigint\nname text"},
		{"large.csv", "id,name\n" + strings.Repeat("1,zwölf €\n", 50_000), "columns", 200, "id bigint\nname text"},
		{"large.json", json, "columns", 200, "id bigint\nname text"},
		{"open.csv", "id,name\n1,\"x\n", "file", 422, "In open.csv: line 2, column 2: the quote that opens this cell is never closed"},
		{"empty.csv", "", "file", 422, "The file empty.csv is empty"},
		{"tab.csv", "\"\t\"", "file", 422, "names no column"},
		{"book.xlsx", "PK\x03\x04", "file", 422, "save one sheet of it as CSV"},
	} {
		res := st.ask(http.MethodPost, "/register", owner, ours, file(tt.name, tt.content, "name", "Sales", "kind", "file", "do", "look"))
		wantStatus(t, res, tt.status)
		doc := html(t, res)
		got := doc.Find("#r-columns").Text()
		if tt.status != 200 {
			got = doc.Find("#r-file-e").Text()
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if name, _ := doc.Find("#r-name").Attr("value"); name != "Sales" {
			t.Errorf("%s: the form forgot the name: %q", tt.name, name)
		}
	}
	res := st.ask(http.MethodPost, "/register", owner, ours, form("name", "Sales", "kind", "file", "owner", "@me", "columns", "id bigint"))
	wantStatus(t, res, http.StatusSeeOther)
	doc := html(t, st.ask(http.MethodGet, res.Header.Get("Location"), owner))
	wantText(t, doc, "main .callout", "Sales is registered.")
	if doc.Find(`.head-actions a[href="/register/Sales"]`).Length() != 1 {
		t.Error("nothing leads to its name and columns")
	}
}
