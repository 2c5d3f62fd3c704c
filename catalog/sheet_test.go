package catalog_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
	"portreeve/fault"
)

func TestReadSheetNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	type at struct{ line, column int }
	tests := []struct {
		name, file string
		want       []at   // of problems
		message    string // part of the first problem, or of the error
	}{
		{"unknown head", "source,name,desciption\na,b,c\n", []at{{1, 3}}, "did you mean description"},
		{"unknown head and a wrong cell", "source,name,desciption,certified\na,b,c,perhaps\n", []at{{1, 3}, {2, 4}}, "did you mean description"},
		{"no name column", "source,title\na,b\n", []at{{1, 0}}, "no column name"},
		{"too few cells", "source,name,title\na,b\n", []at{{2, 0}}, "2 cells"},
		{"open quote", "source,name,title\na,b,\"c\n", []at{{2, 3}}, "never closed"},
		{"text behind a quote", "source,name,title\na,b,\"c\"d\n", []at{{2, 3}}, "behind the closing quote"},
		{"bad value", "source;name;certified\na;b;yes\na;c;maybe\n", []at{{3, 3}}, "yes or no"},
		{"the same dataset twice", "source\tname\ttitle\na\tb\tx\na\tb\ty\n", []at{{3, 2}}, "on line 2"},
		{"every one of them", "source,name,sunset\na,b,x\na,c,y\n", []at{{2, 3}, {3, 3}}, "2026-12-31"},
		{"line after a cell of two lines", "source,name,title,sunset\na,b,\"x\ny\",\na,c,,z\n", []at{{2, 3}, {4, 4}}, "one line"},
		{"a million columns", "source,name" + strings.Repeat(",x", 1_000_000), []at{{1, 101}}, "at most 100"},
		{"Latin-1", "source,name,title\na,b,Fl\xFCge\n", nil, "line 2, byte 7 (0xFC)"},
		{"UTF-16", "\xFF\xFEs\x00", nil, "UTF-16"},
		{"a workbook", "PK\x03\x04rest", nil, "workbook"},
		{"NUL", "source,name,title\na,b,\x00\n", nil, "line 2, byte 5"},
		{"empty", " \n", nil, "empty"},
		{"one column", "source\na\n", nil, "parted by"},
		{"nothing wanted", "source,name,title\na,b,\n", nil, "nothing changed"},
		{"too large", strings.Repeat("a", catalog.MaxSheet+1), nil, "larger than 10 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sheet, problems, err := catalog.ReadSheet([]byte(tt.file))
			var got []at
			message := fault.Message(err)
			for _, p := range problems {
				got = append(got, at{p.Line, p.Column})
			}
			if len(problems) > 0 {
				message = problems[0].Message
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(at{})); diff != "" || !strings.Contains(message, tt.message) {
				t.Errorf("message %q, want %q; places (-want +got):\n%s", message, tt.message, diff)
			}
			if len(sheet.Items) > 0 {
				t.Error("there is a sheet beside what is wrong")
			}
		})
	}
}

func TestReadSheetCells(t *testing.T) {
	t.Parallel()
	const file = "\uFEFFSource;Name;Title;Tags;Owners;Certified;Fresh within;Description\r\nlake;a.b;'=SUM(1);pii; ;TRUE;2d;-\r\nlake;c;;(none);Ann Bo #12;;;\r\n"
	sheet, problems, err := catalog.ReadSheet([]byte(file))
	if err != nil || len(problems) > 0 {
		t.Fatal(err, problems)
	}
	text := func(v string) *string { return &v }
	want := []catalog.PlanItem{
		{Line: 2, Keys: []catalog.Key{{Source: "lake", Name: "a.b"}}, Edits: []catalog.Edit{
			{Field: "title", Value: text("=SUM(1)")},
			{Field: "tags", Value: text(`["pii"]`)},
			{Field: "certified", Value: text("yes")},
			{Field: "fresh_within", Value: text("172800")},
			{Field: "description"},
		}},
		{Line: 3, Keys: []catalog.Key{{Source: "lake", Name: "c"}}, Edits: []catalog.Edit{{Field: "tags", Value: text("[]")}, {Field: "owners", Value: text(`["12"]`)}}},
	}
	if diff := cmp.Diff(want, sheet.Items); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What is written is read again as it was, whatever a spreadsheet would make of it, and nothing of it is a formula.
func FuzzSheet(f *testing.F) {
	for _, v := range []string{"=1+1", "'=x", "''", "-", "(none)", "'(none)", "@a", "a,b;c\t", "a\nb", `"`, "＝x", "'Twas", "+1"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		var out bytes.Buffer
		w, err := catalog.NewSheetWriter(&out, catalog.SheetFields, true)
		if err != nil {
			t.Fatal(err)
		}
		d := catalog.Dataset{Source: "lake", Name: "a", Description: v, Access: catalog.Open}
		if err := errors.Join(w.Dataset(&d, nil), w.Flush()); err != nil {
			t.Fatal(err)
		}
		sheet, problems, err := catalog.ReadSheet(out.Bytes())
		if err != nil || len(problems) > 0 {
			return // it cannot be a description
		}
		for _, e := range sheet.Items[0].Edits {
			want := strings.TrimSpace(strings.ReplaceAll(v, "\r\n", "\n"))
			if e.Field == catalog.FieldDescription && (e.Value == nil || *e.Value != want) {
				t.Errorf("%q came back as %v", v, e.Value)
			}
		}
	})
}

func TestPlanOfASheet(t *testing.T) {
	t.Parallel()
	d := newDesk(t, table("a"), table("b"), table("c"))
	d.edit(t, d.admin, "a", set(catalog.FieldTeam, "ops"))
	d.edit(t, d.admin, "b", set(catalog.FieldTeam, "ops"))
	d.edit(t, d.admin, "c", set(catalog.FieldTeam, "sales"))
	plan := func(file string) catalog.EditPlan {
		t.Helper()
		sheet, problems, err := catalog.ReadSheet([]byte(file))
		if err != nil || len(problems) > 0 {
			t.Fatal(err, problems)
		}
		id, err := d.MakePlan(t.Context(), d.owner.Who, catalog.EditPlan{Title: "x.csv", Items: sheet.Items, Places: sheet.Places})
		if err != nil {
			t.Fatal(err)
		}
		p, err := d.Plan(t.Context(), d.owner.Who, id)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	look := func(p catalog.EditPlan) catalog.Preview {
		t.Helper()
		v, err := d.Preview(t.Context(), d.owner.Who, &p, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}

	wrong := look(plan("source,name,title,domain\nlake,a,Title,nowhere\nlake,zzz,T,\n"))
	want := []catalog.SheetProblem{
		{Line: 2, Column: 4, Head: "domain", Message: `there is no domain "nowhere"`}, {Line: 3, Head: "name", Message: "there is no dataset lake/zzz"},
	}
	if diff := cmp.Diff(want, wrong.Problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}

	p := plan("source,name,title\nlake,a,First\nlake,b,Second\nlake,c,Third\n")
	v := look(p)
	if diff := cmp.Diff([]catalog.Key{lake("c")}, v.Refused); diff != "" || v.Changed != 2 {
		t.Errorf("%d change, want 2; refused (-want +got):\n%s", v.Changed, diff)
	}
	if err := d.ApplyPlan(t.Context(), d.owner, p.ID, v.Seen); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("with another's dataset in it: %v, want Forbidden", err)
	}
	if got := d.dataset(t, "a").Title; got != "" {
		t.Errorf("half of a refused plan was applied: title %q", got)
	}

	id, err := d.MakePlan(t.Context(), d.owner.Who, p.Without(v.Refused))
	if err != nil {
		t.Fatal(err)
	}
	seen := v.Seen
	d.edit(t, d.admin, "b", set(catalog.FieldTitle, "Somebody else's"))
	conflict := (*catalog.EditConflict)(nil)
	if err := d.ApplyPlan(t.Context(), d.owner, id, seen); !errors.As(err, &conflict) || conflict.Key != lake("b") {
		t.Errorf("after somebody else's edit: %v, want a conflict on b", err)
	}
	p.ID = id
	if p, err = d.Plan(t.Context(), d.owner.Who, id); err != nil || p.BeganAt != nil || p.AppliedAt != nil || p.Problem != "the title of lake/b was changed by Ada after this was looked at" {
		t.Fatalf("after a refusal: %v, plan %+v", err, p)
	}
	if err := d.ApplyPlan(t.Context(), d.owner, id, look(p).Seen); err != nil {
		t.Fatal(err)
	}
	if a, b := d.dataset(t, "a").Title, d.dataset(t, "b").Title; a != "First" || b != "Second" {
		t.Errorf("titles %q and %q", a, b)
	}
	if err := d.ApplyPlan(t.Context(), d.owner, id, 1<<60); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a second time: %v, want Conflict", err)
	}
	if _, err := d.Plan(t.Context(), d.other.Who, id); fault.KindOf(err) != fault.NotFound {
		t.Errorf("another's plan: %v, want NotFound", err)
	}

	d.edit(t, d.admin, "a", set(catalog.FieldTitle, "Changed since"))
	if err := d.UndoPlan(t.Context(), d.owner, id); err != nil {
		t.Fatal(err)
	}
	if p, err = d.Plan(t.Context(), d.owner.Who, id); err != nil || p.UndoneAt == nil || p.Kept != 1 {
		t.Errorf("after the undo: %v, plan %+v; want one field kept", err, p)
	}
	if a, b := d.dataset(t, "a").Title, d.dataset(t, "b").Title; a != "Changed since" || b != "Somebody else's" {
		t.Errorf("after the undo titles are %q and %q", a, b)
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	columns, as, err := catalog.ReadColumns("order_id bigint not null Number of the order\nprice decimal(10,2) In euros\n")
	if err != nil || as != catalog.AsLines {
		t.Fatal(as, err)
	}
	r := catalog.Registration{Name: "Sales forecast", Kind: catalog.File, Location: "https://example.com/x", Columns: columns, Again: "k1", Edits: []catalog.Edit{set(catalog.FieldTeam, "ops")}}
	key, err := d.Register(t.Context(), d.owner, r)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Dataset(t.Context(), key)
	if err != nil || got.Team != "ops" || got.ColumnCount != 2 || got.Location != r.Location {
		t.Fatalf("registered %+v, %v", got, err)
	}
	if _, err := d.Register(t.Context(), d.owner, r); err != nil {
		t.Errorf("sent again: %v", err)
	}
	r.Location = "elsewhere"
	if _, err := d.Register(t.Context(), d.owner, r); fault.KindOf(err) != fault.Invalid {
		t.Errorf("another under the same key: %v, want Invalid", err)
	}
	r.Again, r.Name = "", "sales FORECAST"
	if _, err := d.Register(t.Context(), d.owner, r); fault.KindOf(err) != fault.Conflict {
		t.Errorf("a taken name: %v, want Conflict", err)
	}
	r.Name, r.Edits = "other", []catalog.Edit{set(catalog.FieldTeam, "sales")}
	if _, err := d.Register(t.Context(), d.owner, r); fault.KindOf(err) != fault.Invalid {
		t.Errorf("for another's team: %v, want Invalid", err)
	}
	if due, err := d.DueSources(t.Context()); err != nil || strings.Contains(strings.Join(due, " "), catalog.Registered) {
		t.Errorf("due are %v, %v: what is registered is not crawled", due, err)
	}
	var n int
	if err := d.db.QueryRow(t.Context(), `SELECT count(*) FROM audit WHERE action = 'dataset.register'`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d registrations in the audit log, %v; want 1", n, err)
	}

	columns[1].Type = "double"
	if err := d.SetColumns(t.Context(), d.other, key, columns, 0); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("columns by another: %v, want Forbidden", err)
	}
	if err := d.SetColumns(t.Context(), d.owner, key, columns, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.SetColumns(t.Context(), d.owner, key, columns[:1], 0); fault.KindOf(err) != fault.Conflict {
		t.Errorf("columns of a stale form: %v, want Conflict", err)
	}
	if now, err := d.Columns(t.Context(), got.ID); err != nil || now[1].Type != "double" {
		t.Errorf("columns %+v, %v", now, err)
	}
	if err := d.Remove(t.Context(), d.owner, key); err != nil {
		t.Fatal(err)
	}
	if got, err = d.Dataset(t.Context(), key); err != nil || got.GoneAt == nil {
		t.Errorf("removed: %+v, %v", got.GoneAt, err)
	}
	if err := d.Restore(t.Context(), d.owner, key); err != nil {
		t.Fatal(err)
	}
	if key, err = d.Rename(t.Context(), d.owner, key, "Forecast"); err != nil || key.Name != "Forecast" {
		t.Fatal(key, err)
	}
	if got, err = d.Dataset(t.Context(), key); err != nil || got.GoneAt != nil || got.Team != "ops" {
		t.Errorf("after all that: %+v, %v", got, err)
	}
	undone := func(field string) (catalog.Key, error) {
		t.Helper()
		var id int64
		if err := d.db.QueryRow(t.Context(), `SELECT max(id) FROM dataset_edit WHERE dataset_id = $1 AND field = $2`, got.ID, field).Scan(&id); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Undo(t.Context(), d.other, id); fault.KindOf(err) != fault.Forbidden {
			t.Errorf("undo of %s by another: %v, want Forbidden", field, err)
		}
		key, err := d.Undo(t.Context(), d.owner, id)
		if _, again := d.Undo(t.Context(), d.owner, id); fault.KindOf(again) != fault.Conflict {
			t.Errorf("undo of %s a second time: %v, want Conflict", field, again)
		}
		return key, err
	}
	if key, err = undone("name"); err != nil || key.Name != "Sales forecast" {
		t.Errorf("undo of the name leads to %v, %v", key, err)
	}
	if _, err := undone("columns"); err != nil {
		t.Error(err)
	}
	if now, err := d.Columns(t.Context(), got.ID); err != nil || len(now) != 2 || now[1].Type != "decimal(10,2)" || now[0].Comment != "Number of the order" || now[0].Nullable {
		t.Errorf("columns after the undo %+v, %v", now, err)
	}
	if _, err := undone("there"); err != nil {
		t.Error(err)
	}
	if got, err = d.Dataset(t.Context(), key); err != nil || got.GoneAt == nil {
		t.Errorf("after the undo of bringing it back: %+v, %v", got.GoneAt, err)
	}
}

func TestReadColumns(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, as, want string }{
		{"lines", "id bigint The key\n`two words` text\nonly", catalog.AsLines, "id bigint The key\n`two words` text\nonly unknown\n"},
		{"statement", "CREATE TABLE s.t (id bigint NOT NULL, price decimal(10,2) COMMENT 'in €', PRIMARY KEY (id))", catalog.AsStatement, "id bigint not null\nprice decimal(10,2) in €\n"},
		{"table", "id;when;name\n1;2026-01-01;x\n2.5;2026-01-02;y\n", catalog.AsTable, "id double\nwhen date\nname text\n"},
		{"from a spreadsheet", "id\tbigint\tThe key\nname\ttext\n", catalog.AsLines, "id bigint The key\nname text\n"},
		{"json", `[{"id": 1, "to": {"city": "x"}, "at": "2026-01-01T00:00:00Z"}]`, catalog.AsJSON, "at timestamp\nid bigint\nto struct\nto.city text\n"},
	}
	for _, tt := range tests {
		columns, as, err := catalog.ReadColumns(tt.text)
		if err != nil || as != tt.as {
			t.Errorf("%s: read as %q, %v; want %q", tt.name, as, err, tt.as)
		}
		if diff := cmp.Diff(tt.want, catalog.ColumnsText(columns)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	for _, bad := range []string{"a text\na text", "{", "CREATE TABLE x", "[1]"} {
		if _, _, err := catalog.ReadColumns(bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v, want Invalid", bad, err)
		}
	}
}
