package catalog_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// desk is a bench with people who edit.
type desk struct {
	*bench
	owner, steward, admin, viewer, other access.Act
}

func newDesk(t *testing.T, tables ...catalog.Observation) *desk {
	t.Helper()
	d := &desk{bench: newBench(t, tables...)}
	key, err := access.ParseKey(access.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	d.Audit = access.NewAudit(key)
	const rows = `
		INSERT INTO team (slug, name) VALUES ('ops', 'Operations'), ('sales', 'Sales');
		INSERT INTO domain (slug, name) VALUES ('flights', 'Flights'), ('shop', 'Shop');
		INSERT INTO glossary_term (slug, name, definition, person) VALUES ('delay', 'Delay', 'Late by 15 minutes', 'x')`
	if _, err := d.db.Exec(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	people := access.NewStore(d.db)
	act := func(name, team string, role access.Role, domains ...string) access.Act {
		p, err := people.EnsurePerson(t.Context(), access.Person{Issuer: "test", Subject: name, Name: name, Team: team, Role: role})
		if err != nil {
			t.Fatal(err)
		}
		return access.Act{Who: access.Principal{Person: p, Teams: []string{team}, Domains: domains}, Via: "page", Reason: "because"}
	}
	d.owner, d.other = act("Owen", "ops", access.Owner), act("Otto", "sales", access.Owner)
	d.steward, d.admin, d.viewer = act("Stella", "", access.Steward, "flights"), act("Ada", "", access.Admin), act("Vera", "ops", access.Viewer)
	d.sync(t)
	return d
}

func lake(name string) catalog.Key { return catalog.Key{Source: "lake", Name: name} }

func set(field, value string) catalog.Edit { return catalog.Edit{Field: field, Value: &value} }

func (d *desk) edit(t *testing.T, by access.Act, name string, edits ...catalog.Edit) {
	t.Helper()
	if err := d.Edit(t.Context(), by, lake(name), edits...); err != nil {
		t.Fatal(err)
	}
}

func owned(name string, columns ...string) catalog.Observation {
	o := table(name, columns...)
	o.Team, o.Domain, o.Description, o.Tags = "ops", "flights", "as seen", []string{"seen"}
	return o
}

func TestEditHoldsOverWhatIsObserved(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a", "b"), table("u"))
	d.edit(
		t, d.owner, "t", set("title", "  The table "), set("description", "two\r\nlines"), set("team", "sales"), set("domain", "shop"),
		set("tags", `["pii","pii"," x  y "]`), set("terms", `["delay"]`), set("owners", fmt.Sprintf(`["%d"]`, d.viewer.Who.ID)),
		set("certified", "yes"), set("sunset", "2999-01-31"), set("successor", "lake/u"), set("access", "restricted"),
		set("fresh_within", "3600"), set(catalog.ColumnField("b"), "words on b"),
	)
	check := func() {
		t.Helper()
		got := d.dataset(t, "t")
		want := map[string]string{
			"title": "The table", "description": "two\nlines", "team": "sales", "domain": "shop", "tags": `["pii","x y"]`, "terms": `["delay"]`,
			"owners": fmt.Sprintf(`["%d"]`, d.viewer.Who.ID), "certified": "yes", "sunset": "2999-01-31",
			"successor": "lake/u", "access": "restricted", "fresh_within": "3600",
		}
		for _, field := range catalog.Fields() {
			if got.Value(field) != want[field] {
				t.Errorf("%s is %q, want %q", field, got.Value(field), want[field])
			}
		}
		w, err := d.Whole(t.Context(), got)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := d.WholeColumns(t.Context(), &w, 10)
		if err != nil || columns[1].Comment != "words on b" || w.Documented != 1 {
			t.Errorf("columns %+v, %d documented, %v", columns, w.Documented, err)
		}
		found, err := d.Search(t.Context(), catalog.SearchQuery{Text: "team:sales tag:pii is:restricted term:delay column:b"})
		if err != nil || len(found.Items) != 1 {
			t.Errorf("search finds %d, %v", len(found.Items), err)
		}
	}
	check()
	seen := &d.source.scopes["raw"][0]
	seen.Description, seen.Team = "seen anew", "elsewhere"
	seen.Columns[1].Comment = "seen"
	d.sync(t)
	check()
	origins, err := d.Origins(t.Context(), d.dataset(t, "t").ID)
	if err != nil || origins["team"].Person != "Owen" || origins["team"].Reason != "because" || len(origins) != 13 {
		t.Errorf("origins %+v, %v", origins, err)
	}
	d.edit(t, d.admin, "t", catalog.Edit{Field: "description"}, catalog.Edit{Field: catalog.ColumnField("b")})
	if got := d.dataset(t, "t"); got.Description != "seen anew" || got.Documented != 1 {
		t.Errorf("taken back, the description is %q and %d columns are documented", got.Description, got.Documented)
	}
	if diff := cmp.Diff([]string{"attribute description two\nlines→seen anew", "column_comment b words on b→seen"}, d.changes(t, "t")); diff != "" {
		t.Error(diff)
	}
}

func TestWordsFollowARenamedColumn(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a"))
	d.edit(t, d.owner, "t", set(catalog.ColumnField("a"), "words"))
	d.source.scopes["raw"][0].Columns[0].Path = "b"
	d.sync(t)
	columns, err := d.Columns(t.Context(), d.dataset(t, "t").ID)
	if err != nil || columns[0].Path != "b" || columns[0].Comment != "words" {
		t.Errorf("columns %+v, %v", columns, err)
	}
}

func TestWhoMayEdit(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a"), table("free", "a"))
	title := set("title", "x")
	tests := []struct {
		name, table string
		by          access.Act
		edits       []catalog.Edit
		want        fault.Kind
	}{
		{"an owner elsewhere", "t", d.other, []catalog.Edit{title}, fault.Forbidden},
		{"a viewer of the team", "t", d.viewer, []catalog.Edit{title}, fault.Forbidden},
		{"nobody", "t", access.Act{}, []catalog.Edit{title}, fault.Forbidden},
		{"an owner elsewhere who takes it", "t", d.other, []catalog.Edit{set("team", "sales")}, fault.Forbidden},
		{"nobody's, without taking it", "free", d.other, []catalog.Edit{title}, fault.Forbidden},
		{"nobody's, for another team", "free", d.other, []catalog.Edit{set("team", "ops")}, fault.Forbidden},
		{"nobody's, by a viewer", "free", d.viewer, []catalog.Edit{set("team", "ops")}, fault.Forbidden},
		{"a steward elsewhere", "free", d.steward, []catalog.Edit{title}, fault.Forbidden},
	}
	for _, tt := range tests {
		if err := d.Edit(t.Context(), tt.by, lake(tt.table), tt.edits...); fault.KindOf(err) != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	var edits, audits int
	if err := d.db.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM dataset_edit), (SELECT count(*) FROM audit)`).Scan(&edits, &audits); err != nil || edits+audits > 0 {
		t.Errorf("%d edits and %d audit rows of what was refused, %v", edits, audits, err)
	}
	for i, by := range []access.Act{d.owner, d.steward, d.admin} {
		d.edit(t, by, "t", set("title", strconv.Itoa(i)))
	}
	d.edit(t, d.other, "free", set("title", "mine"), set("team", "sales"))
	d.viewer.Who.Role = access.Owner
	d.edit(t, d.viewer, "t", set("title", "by the team"))
}

func TestBadEditsAreInvalidAndLeaveNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a"))
	long := strings.Repeat("x", 70_000)
	for _, e := range []catalog.Edit{
		set("name", "x"), set("rows", "1"), set("title", long), set("title", "a\nb"), set("title", "a\x00b"), set("title", "\xff"),
		set("description", long), set("team", "nobody"), set("domain", "nowhere"), set("owners", `["999999"]`), set("owners", `["x"]`),
		set("owners", `7`), set("tags", `["<script>"]`), set("tags", "pii"), set("tags", `["`+strings.Repeat("t", 65)+`"]`), set("terms", `["none"]`),
		set("certified", "maybe"), set("access", "closed"), set("sunset", "tomorrow"), set("sunset", "2026-13-01"), set("fresh_within", "-1"),
		set("fresh_within", "1e9"), set("successor", "lake"), set("successor", "lake/none"), set("column:none", "x"), set("column:", "x"),
		{Field: "title", Add: []string{"x"}},
	} {
		err := d.Edit(t.Context(), d.owner, lake("t"), set("deprecated", "would be kept"), e)
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Kind != fault.Invalid || f.Field != e.Field {
			t.Errorf("%s: %v, want Invalid at the field", e.Field, err)
		}
	}
	if got := d.dataset(t, "t"); got.Deprecated != "" {
		t.Error("a part of what was refused was kept")
	}
	if err := d.Edit(t.Context(), d.owner, lake("none"), set("title", "x")); fault.KindOf(err) != fault.NotFound {
		t.Errorf("edit of what is not there: %v", err)
	}
}

func TestTheSecondOfTwoEditorsIsToldOfTheFirst(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a"))
	none := int64(0)
	first, second := set("description", "first"), set("description", "second")
	first.Base, second.Base = &none, &none
	d.edit(t, d.owner, "t", first)
	err := d.Edit(t.Context(), d.steward, lake("t"), set("title", "x"), second)
	conflict, ok := errors.AsType[*catalog.EditConflict](err)
	if !ok || fault.KindOf(err) != fault.Conflict {
		t.Fatalf("%v, want a conflict", err)
	}
	if conflict.Field != "description" || conflict.Theirs != "first" || conflict.Yours != "second" || conflict.By != "Owen" {
		t.Errorf("conflict %+v", conflict)
	}
	if got := d.dataset(t, "t"); got.Title != "" {
		t.Error("the other field was kept")
	}
	second.Base = &conflict.EditID
	d.edit(t, d.steward, "t", second)
	if got := d.dataset(t, "t"); got.Description != "second" {
		t.Errorf("description %q", got.Description)
	}
}

func TestUndo(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a"))
	newest := func() int64 {
		edits, err := d.NewestEdits(t.Context(), d.dataset(t, "t").ID)
		if err != nil {
			t.Fatal(err)
		}
		return edits["title"]
	}
	d.edit(t, d.owner, "t", set("title", "one"))
	one := newest()
	d.edit(t, d.owner, "t", set("title", "two"))
	two := newest()
	if _, err := d.Undo(t.Context(), d.owner, one); fault.KindOf(err) != fault.Conflict {
		t.Errorf("undo of what was edited again: %v", err)
	}
	if _, err := d.Undo(t.Context(), d.other, two); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("undo by a stranger: %v", err)
	}
	if key, err := d.Undo(t.Context(), d.owner, two); err != nil || key != lake("t") || d.dataset(t, "t").Title != "one" {
		t.Errorf("undo: %v, %v, title %q", key, err, d.dataset(t, "t").Title)
	}
	if _, err := d.Undo(t.Context(), d.owner, newest()); err != nil || d.dataset(t, "t").Title != "two" {
		t.Errorf("undo of the undo: %v, title %q", err, d.dataset(t, "t").Title)
	}
	if _, err := d.Undo(t.Context(), d.owner, 1<<40); fault.KindOf(err) != fault.NotFound {
		t.Errorf("undo of nothing: %v", err)
	}
}

func TestWhatIsDeclaredIsNotEdited(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a"))
	id := d.dataset(t, "t").ID
	const declare = `INSERT INTO dataset_attribute (dataset_id, field, origin, value, declared_in) VALUES ($1, 'title', 'declared', 'filed', 'a.yaml:3')`
	if _, err := d.db.Exec(t.Context(), declare, id); err != nil {
		t.Fatal(err)
	}
	d.edit(t, d.owner, "t", set("description", "x"))
	if got := d.dataset(t, "t"); got.Title != "filed" {
		t.Errorf("title %q", got.Title)
	}
	err := d.Edit(t.Context(), d.owner, lake("t"), set("title", "y"))
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(fault.Message(err), "a.yaml:3") {
		t.Errorf("edit of what is declared: %v", err)
	}
}

func TestManyAreEditedTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	foreign := owned("foreign", "a")
	foreign.Team, foreign.Domain = "sales", ""
	d := newDesk(t, owned("a", "x"), owned("b", "x"), foreign)
	edits := []catalog.Edit{{Field: "tags", Add: []string{"new"}, Remove: []string{"seen"}}}
	if _, err := d.EditMany(t.Context(), d.owner, []catalog.Key{lake("a"), lake("foreign")}, edits, nil); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("with a foreign one: %v", err)
	}
	if got := d.dataset(t, "a").Tags; !slices.Equal(got, []string{"seen"}) {
		t.Errorf("tags %v after a refusal", got)
	}
	told := 0
	out, err := d.EditMany(t.Context(), d.owner, []catalog.Key{lake("b"), lake("a")}, edits, func(done int) { told = done })
	if err != nil || out != (catalog.Outcome{Changed: 2}) || told != 2 {
		t.Errorf("outcome %+v, told %d, %v", out, told, err)
	}
	for _, name := range []string{"a", "b"} {
		if got := d.dataset(t, name).Tags; !slices.Equal(got, []string{"new"}) {
			t.Errorf("tags of %s are %v", name, got)
		}
	}
	if out, err := d.EditMany(t.Context(), d.owner, []catalog.Key{lake("a")}, edits, nil); err != nil || out != (catalog.Outcome{Unchanged: 1}) {
		t.Errorf("again: %+v, %v", out, err)
	}
	var rows int
	if err := d.db.QueryRow(t.Context(), `SELECT count(*) FROM audit WHERE action = 'dataset.edit'`).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows in the audit log, want one for one act (%v)", rows, err)
	}
}

func TestNoEditWithoutItsAuditRow(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("t", "a"))
	if _, err := d.db.Exec(t.Context(), `ALTER TABLE audit ADD CHECK (action <> 'dataset.edit')`); err != nil {
		t.Fatal(err)
	}
	if err := d.Edit(t.Context(), d.owner, lake("t"), set("title", "x")); err == nil || d.dataset(t, "t").Title != "" {
		t.Errorf("%v, title %q: want an error and no edit", err, d.dataset(t, "t").Title)
	}
	d.Audit = nil
	if err := d.Edit(t.Context(), d.owner, lake("t"), set("title", "x")); err == nil || d.dataset(t, "t").Title != "" {
		t.Errorf("without an audit log: %v, title %q", err, d.dataset(t, "t").Title)
	}
}
