package catalog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portreeve/catalog"
	"portreeve/fault"
)

func TestProfileIsReplacedAndReadInPart(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("raw.a", "x", "y", "z"))
	b.sync(t)
	id := b.dataset(t, "raw.a").ID
	if _, err := b.Profile(t.Context(), id); fault.KindOf(err) != fault.NotFound {
		t.Errorf("before the first: %v, want NotFound", err)
	}
	distinct := int64(4)
	p := catalog.Profile{SnapshotID: "1", RowsTotal: 9, RowsRead: 5, TookMS: 7, Columns: []catalog.ColumnProfile{
		{Name: "x", Rows: 5, Nulls: 1, Distinct: &distinct, Top: []catalog.TopValue{{Value: "<b>", Rows: 3}}},
		{Name: "y", Rows: 5, Histogram: &catalog.Histogram{Low: "0", High: "9", Counts: []int64{2, 3}}},
		{Name: "z", Rows: 5},
	}}
	for _, snapshot := range []string{"1", "2"} {
		p.SnapshotID = snapshot
		if err := b.PutProfile(t.Context(), id, p); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name  string
		first int
		want  int
	}{{"all", 100, 3}, {"exactly all", 3, 3}, {"two", 2, 2}, {"one", 1, 1}}
	for _, tt := range tests {
		got, err := b.ProfileOfFirst(t.Context(), id, tt.first)
		want := p
		want.Columns = p.Columns[:tt.want]
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(catalog.Profile{}, "TakenAt")); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", tt.name, err, diff)
		}
	}
}

func TestFirstColumns(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("raw.a", "x", "y", "z"))
	b.sync(t)
	got, err := b.FirstColumns(t.Context(), b.dataset(t, "raw.a").ID, 2)
	if err != nil || len(got) != 2 || got[1].Path != "y" {
		t.Errorf("FirstColumns = %v, %v", got, err)
	}
}

func TestTotalsNewsOpenedPopular(t *testing.T) {
	t.Parallel()
	rows := int64(10)
	a, c := table("raw.a", "x", "y"), table("raw.c", "x")
	a.RowCount = &rows
	b := newBench(t, a, c)
	b.sync(t)
	totals, err := b.Totals(t.Context())
	if want := (catalog.Totals{Sources: 1, Datasets: 2, Columns: 3, Rows: 10}); err != nil || totals != want {
		t.Errorf("Totals = %+v, %v, want %+v", totals, err, want)
	}
	c.Description = "now with words"
	b.source.scopes["raw"] = []catalog.Observation{a, c}
	b.sync(t)
	news, err := b.News(t.Context(), 5)
	if err != nil || len(news) != 2 || news[0].Dataset.Name != "raw.c" || news[0].Changes[0].Field != "description" {
		t.Errorf("News = %+v, %v", news, err)
	}

	var person int64
	const q = `INSERT INTO person (issuer, subject, name, role) VALUES ('i', 's', 'Ana', 'viewer') RETURNING id`
	if err := b.db.QueryRow(t.Context(), q).Scan(&person); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"raw.c", "raw.c", "raw.a"} {
		if err := b.MarkOpened(t.Context(), person, b.dataset(t, name).ID); err != nil {
			t.Fatal(err)
		}
	}
	opened, err := b.Opened(t.Context(), person, 5)
	if err != nil || len(opened) != 2 || opened[0].Name != "raw.a" {
		t.Errorf("opened last: %v, %v", opened, err)
	}
	popular, err := b.Popular(t.Context(), 5)
	if err != nil || len(popular) != 2 || popular[0].Name != "raw.c" {
		t.Errorf("popular: %v, %v", popular, err)
	}
}

// What one edit changes is one piece of news, however many datasets it was.
func TestNewsOfOneEdit(t *testing.T) {
	t.Parallel()
	d := newDesk(t, owned("a", "x"), owned("b", "x"), owned("c", "x"))
	edits := []catalog.Edit{set("tags", `["gold"]`)}
	if _, err := d.EditMany(t.Context(), d.owner, []catalog.Key{lake("a"), lake("b")}, edits, nil); err != nil {
		t.Fatal(err)
	}
	news, err := d.News(t.Context(), 5)
	if err != nil || len(news) != 2 {
		t.Fatalf("News = %+v, %v", news, err)
	}
	if n := news[0]; n.Datasets != 2 || n.Changes[0].By != "Owen" || n.Changes[0].Field != "tags" {
		t.Errorf("of the edit: %+v", n)
	}
	if n := news[1]; n.Datasets != 1 || n.Dataset.Name != "c" {
		t.Errorf("of the first sight: %+v", n)
	}
}

func TestDatasetNearAndCase(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("raw.Flights", "x"))
	b.sync(t)
	if d := b.dataset(t, "RAW.flights"); d.Name != "raw.Flights" {
		t.Errorf("another case found %q", d.Name)
	}
	near, err := b.Near(t.Context(), catalog.Key{Source: "lake", Name: "raw.flihgts"}, 3)
	if err != nil || len(near) != 1 || near[0].Name != "raw.Flights" {
		t.Errorf("near names of a mistyped one: %v, %v", near, err)
	}
}
