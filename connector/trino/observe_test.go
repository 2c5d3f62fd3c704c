package trino

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/test/stack"
)

// crawl reads a schema whole.
func crawl(tb testing.TB, c *Crawler, p place, known catalog.Known) (map[string]catalog.Observation, map[string]error) {
	tb.Helper()
	seen, failed := map[string]catalog.Observation{}, map[string]error{}
	for o, err := range c.Datasets(tb.Context(), catalog.JoinPath(p.catalog, p.schema), known) {
		name := strings.TrimPrefix(o.Name, catalog.JoinPath(p.catalog, p.schema)+".")
		if err != nil {
			failed[name] = err
		} else {
			seen[name] = o
		}
	}
	return seen, failed
}

func TestIcebergTable(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := s.schema(t, s.lake)
	s.do(t, `CREATE TABLE %s (id bigint NOT NULL COMMENT 'the ''number''', moment timestamp(6) with time zone,
		place row(lat double, "odd, name" varchar), counts map(varchar, array(bigint))) COMMENT 'What happened'
		WITH (partitioning = ARRAY['bucket(id, 4)', 'day(moment)'], sorted_by = ARRAY['id DESC'])`, at.table("events", ""))
	s.do(t, `INSERT INTO %s (id) VALUES 1, 2, 3`, at.table("events", ""))
	s.do(t, `DELETE FROM %s WHERE id = 2`, at.table("events", ""))
	seen, failed := crawl(t, s.Crawler, at, nil)
	o := seen["events"]
	if len(failed) > 0 || o.Name != catalog.JoinPath(at.catalog, at.schema, "events") {
		t.Fatalf("seen %v, failed %v", seen, failed)
	}
	want := []catalog.Column{
		{Path: "id", Type: "bigint", Comment: "the 'number'"},
		{Path: "moment", Type: "timestamp(6) with time zone", Nullable: true},
		{Path: "place", Type: `row(lat double, "odd, name" varchar)`, Nullable: true},
		{Path: "place.lat", Type: "double", Nullable: true},
		{Path: "place.odd, name", Type: "varchar", Nullable: true},
		{Path: "counts", Type: "map(varchar, array(bigint))", Nullable: true},
		{Path: "counts.key", Type: "varchar", Nullable: true},
		{Path: "counts.value", Type: "array(bigint)", Nullable: true},
		{Path: "counts.value.element", Type: "bigint", Nullable: true},
	}
	if diff := cmp.Diff(want, o.Columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	got := []any{o.Kind, o.Standing, o.Description, o.Format, o.Partitioning, o.SortOrder, *o.RowCount, o.NativeID, o.Properties["write.format.default"]}
	if diff := cmp.Diff([]any{
		catalog.Table, catalog.Serves, "What happened", "parquet",
		[]string{"bucket(id, 4)", "day(moment)"},
		[]string{"id DESC NULLS LAST"},
		int64(2), o.Location, "PARQUET",
	}, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	files, _ := catalog.FileIdentifier(o.Location, "")
	own := catalog.Identifier{Namespace: s.namespace, Name: at.catalog + "." + at.schema + ".events"}
	if diff := cmp.Diff([]catalog.Identifier{own, files}, o.Identifiers, cmpopts.IgnoreFields(catalog.Identifier{}, "Rule")); diff != "" {
		t.Errorf("identifiers (-want +got):\n%s", diff)
	}
}

// Trino 476 makes no tags: one is written into the metadata file as another engine would.
func TestRefs(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := s.schema(t, s.lake)
	s.do(t, `CREATE TABLE %s (id bigint)`, at.table("tagged", ""))
	files, _ := filepath.Glob(filepath.Join(stack.Of(t).Warehouse, at.schema, "tagged-*", "metadata", "*.metadata.json"))
	if len(files) != 1 {
		t.Fatalf("metadata files: %q", files)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	_, main, _ := strings.Cut(string(text), `"main":{"snapshot-id":`)
	id, _, _ := strings.Cut(main, ",")
	if id == "" {
		t.Fatalf("no main branch in %s", text)
	}
	tagged := strings.Replace(string(text), `"main":{`, `"release 1":{"snapshot-id":`+id+`,"type":"tag"},"main":{`, 1)
	_ = os.Remove(filepath.Join(filepath.Dir(files[0]), "."+filepath.Base(files[0])+".crc"))
	if err := os.WriteFile(files[0], []byte(tagged), 0o644); err != nil {
		t.Fatal(err)
	}
	seen, failed := crawl(t, s.Crawler, at, nil)
	want := []catalog.TableRef{{Name: "release 1", Kind: "tag", SnapshotID: id}}
	if diff := cmp.Diff(want, seen["tagged"].Detail.Refs); diff != "" || len(failed) > 0 {
		t.Errorf("failed %v, refs (-want +got):\n%s", failed, diff)
	}
}

func TestViews(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := s.schema(t, s.lake)
	s.do(t, `CREATE TABLE %s (id bigint)`, at.table("base", ""))
	s.do(t, `CREATE TABLE %s (id bigint)`, at.table("gone", ""))
	s.do(t, `CREATE VIEW %s COMMENT 'All of it' AS SELECT id, CAST(ROW(1, 'x') AS row(a bigint, b varchar)) AS pair FROM %s`, at.table("good", ""), at.table("base", ""))
	s.do(t, `CREATE VIEW %s AS SELECT id FROM %s`, at.table("stale", ""), at.table("gone", ""))
	s.do(t, `CREATE VIEW %s AS SELECT 1 AS one`, at.table("other", ""))
	s.do(t, `CREATE VIEW %s AS SELECT 2 AS two`, at.table("broken", ""))
	s.damage(t, at, "broken")
	s.do(t, `DROP TABLE %s`, at.table("gone", ""))
	seen, failed := crawl(t, s.Crawler, at, nil)
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, []string{"base", "good", "other"}) {
		t.Errorf("seen %q", got)
	}
	good := seen["good"]
	if good.Kind != catalog.View || good.Description != "All of it" || !strings.Contains(good.Definition, "base") {
		t.Errorf("the view is %s, %q, %q", good.Kind, good.Description, good.Definition)
	}
	want := []catalog.Column{
		{Path: "id", Type: "bigint", Nullable: true},
		{Path: "pair", Type: "row(a bigint, b varchar)", Nullable: true},
		{Path: "pair.a", Type: "bigint", Nullable: true},
		{Path: "pair.b", Type: "varchar", Nullable: true},
	}
	if diff := cmp.Diff(want, good.Columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if fault.KindOf(failed["broken"]) != fault.Unavailable || !strings.Contains(seen["other"].Definition, "one") {
		t.Errorf("the broken view: %v; its neighbour's SQL: %q", failed["broken"], seen["other"].Definition)
	}
	if err := failed["stale"]; len(failed) != 2 || fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Message(err), "is stale") {
		t.Errorf("failed: %v; want the broken and the stale view", failed)
	}
}

func TestOtherConnector(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	same := "memory=postgres://db:5432|app"
	c := newCrawler(t, map[string]string{"same": same, "catalogs": "memory"})
	at := s.schema(t, "memory")
	s.do(t, `CREATE TABLE %s (id bigint COMMENT 'number', name varchar(10)) COMMENT 'People'`, at.table("people", ""))
	s.do(t, `INSERT INTO %s VALUES (1, 'a'), (2, 'b')`, at.table("people", ""))
	seen, failed := crawl(t, c, at, nil)
	o := seen["people"]
	if len(failed) > 0 || o.RowCount == nil || *o.RowCount != 2 || !slices.Equal(o.Estimated, []string{"rows"}) || o.Description != "People" {
		t.Fatalf("failed %v, seen %+v", failed, o)
	}
	want := []catalog.Column{{Path: "id", Type: "bigint", Nullable: true, Comment: "number"}, {Path: "name", Type: "varchar(10)", Nullable: true}}
	if diff := cmp.Diff(want, o.Columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	id := catalog.Identifier{
		Namespace: "postgres://db:5432", Name: "app." + at.schema + ".people", Rule: "the estate says that catalog memory is postgres://db:5432",
	}
	if !slices.Contains(o.Identifiers, id) {
		t.Errorf("identifiers %+v, want %+v among them", o.Identifiers, id)
	}
	scopes, err := c.Scopes(t.Context())
	if err != nil || !slices.Contains(scopes, "memory."+at.schema) || slices.Contains(scopes, "memory.information_schema") {
		t.Errorf("scopes %q, %v", scopes, err)
	}
}

func TestDroppedWhileRead(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := s.schema(t, s.lake)
	for _, name := range []string{"a", "b", "c"} {
		s.do(t, `CREATE TABLE %s (id bigint)`, at.table(name, ""))
	}
	r := &reader{Crawler: s.Crawler, place: at, ctx: t.Context(), scope: "x", connector: iceberg}
	var seen []string
	r.yield = func(o catalog.Observation, err error) bool {
		if err != nil {
			t.Errorf("%s: %v", o.Name, err)
		}
		seen = append(seen, o.Name)
		return true
	}
	if err := r.tables([]string{"a", "never_was", "b", "nor_this", "c"}); err != nil {
		t.Fatal(err)
	}
	if slices.Sort(seen); !slices.Equal(seen, []string{r.name("a"), r.name("b"), r.name("c")}) {
		t.Errorf("seen %q", seen)
	}
}

func TestBrokenTableAmongMany(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := s.schema(t, s.lake)
	names := []string{"a", "b", "broken", "c", "d", "e", "f", "g"}
	for _, name := range names {
		s.do(t, `CREATE TABLE %s (id bigint)`, at.table(name, ""))
	}
	s.damage(t, at, "broken")
	before := s.Queries()
	seen, failed := crawl(t, s.Crawler, at, nil)
	if len(seen) != 7 || len(failed) != 1 || fault.KindOf(failed["broken"]) != fault.Unavailable {
		t.Errorf("seen %q, failed %v", slices.Sorted(maps.Keys(seen)), failed)
	}
	// A list, one for materialized views, three for versions, one for each table, one for facts, and the connectors once.
	if n := s.Queries() - before; n > 14 {
		t.Errorf("%d queries to find one broken table among %d", n, len(names))
	}
}

// The user "limited" may read the schemas open* of the lake, owns nothing, and may not see others.
func TestLimitedUser(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	open, closed := place{s.lake, "open_" + prefix + "x"}, s.schema(t, s.lake)
	s.createSchema(t, open)
	for _, at := range []place{open, closed} {
		s.do(t, `CREATE TABLE %s (id bigint COMMENT 'c', at date) COMMENT 'told' WITH (partitioning = ARRAY['at'])`, at.table("told", ""))
		s.do(t, `INSERT INTO %s (id) VALUES 1, 2`, at.table("told", ""))
	}
	limited := newCrawler(t, map[string]string{"user": "limited", "catalogs": s.lake})
	scopes, err := limited.Scopes(t.Context())
	if err != nil || !slices.Contains(scopes, s.lake+"."+open.schema) {
		t.Errorf("scopes %q, %v", scopes, err)
	}
	seen, failed := crawl(t, limited, open, nil)
	o := seen["told"]
	if len(failed) > 0 || len(o.Columns) != 2 || o.Columns[0].Comment != "c" || o.Description != "told" || o.RowCount == nil || *o.RowCount != 2 {
		t.Errorf("failed %v, seen %+v", failed, o)
	}
	if seen, failed := crawl(t, limited, closed, nil); len(seen) > 0 || len(failed) > 1 || len(failed) == 1 && fault.Message(failed[""]) == "" {
		t.Errorf("of what it may not see: %v, %v", seen, failed)
	}
}
