package postgres_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
)

// shop has one of everything.
const shop = `
	CREATE SCHEMA shop;
	CREATE TYPE shop.place AS (lat double precision, "odd.name" text);
	COMMENT ON COLUMN shop.place.lat IS 'degrees';
	CREATE TYPE shop.address AS (street text, at shop.place);
	CREATE DOMAIN shop.code AS varchar(8) NOT NULL;
	CREATE TABLE shop.customer (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, mail text UNIQUE, home shop.address, code shop.code);
	CREATE TABLE shop.item (
		id int NOT NULL, customer bigint REFERENCES shop.customer, price numeric(9,2) DEFAULT 1.50 CHECK (price > 0),
		vat numeric GENERATED ALWAYS AS (price * 0.2) STORED, gone text, stops shop.place[]);
	ALTER TABLE shop.item DROP gone;
	CREATE INDEX item_customer ON shop.item (customer, lower(id::text)) WHERE price > 5;
	CREATE TABLE shop.visit (day date NOT NULL, n int) PARTITION BY RANGE (day);
	CREATE SCHEMA parts;
	CREATE TABLE parts.visit_1 PARTITION OF shop.visit FOR VALUES FROM ('2026-01-01') TO ('2026-02-01') PARTITION BY RANGE (day);
	CREATE TABLE parts.visit_1a PARTITION OF parts.visit_1 FOR VALUES FROM ('2026-01-01') TO ('2026-01-15');
	CREATE TABLE shop.visit_2 PARTITION OF shop.visit FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
	INSERT INTO shop.visit SELECT '2026-01-02', n FROM generate_series(1, 1000) n;
	CREATE VIEW shop.dear AS SELECT id, price FROM shop.item WHERE price > 100;
	COMMENT ON VIEW shop.dear IS 'what is dear';
	CREATE MATERIALIZED VIEW shop.daily AS SELECT day, count(*) AS visits FROM shop.visit GROUP BY day WITH NO DATA;
	CREATE UNLOGGED TABLE shop.scratch (a int[]);
	CREATE SEQUENCE shop.counter;
	ANALYZE shop.visit`

func TestObserve(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.exec(t, shop)
	seen, failed := crawl(t, a.conn, "shop", nil)
	want := []string{"shop.customer", "shop.daily", "shop.dear", "shop.item", "shop.scratch", "shop.visit"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(seen))); diff != "" || len(failed) > 0 {
		t.Fatalf("errors %v, names (-want +got):\n%s", failed, diff)
	}
	t.Run("a composite type's fields follow their column", func(t *testing.T) {
		want := []catalog.Column{
			{Path: "id", Type: "bigint", NativeID: "1"},
			{Path: "mail", Type: "text", Nullable: true, NativeID: "2"},
			{Path: "home", Type: "shop.address", Nullable: true, NativeID: "3"},
			{Path: "home.street", Type: "text", Nullable: true, NativeID: "3.1"},
			{Path: "home.at", Type: "shop.place", Nullable: true, NativeID: "3.2"},
			{Path: "home.at.lat", Type: "double precision", Nullable: true, NativeID: "3.2.1", Comment: "degrees"},
			{Path: `home.at."odd.name"`, Type: "text", Nullable: true, NativeID: "3.2.2"},
			{Path: "code", Type: "shop.code", NativeID: "4"},
		}
		if diff := cmp.Diff(want, seen["shop.customer"].Columns); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("an array of a composite type has elements", func(t *testing.T) {
		var got []string
		for _, c := range seen["shop.item"].Columns {
			got = append(got, c.Path+" "+c.Type)
		}
		want := []string{
			"id integer", "customer bigint", "price numeric(9,2)", "vat numeric", "stops shop.place[]", "stops.element shop.place",
			"stops.element.lat double precision", `stops.element."odd.name" text`,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
	t.Run("keys, indexes and what columns hold by themselves", func(t *testing.T) {
		want := []catalog.TableKey{
			{
				Name: "item_customer_fkey", Kind: "foreign key", Columns: []string{"customer"}, References: "shop.customer (id)",
				Text: "FOREIGN KEY (customer) REFERENCES shop.customer(id)",
			},
			{Name: "item_price_check", Kind: "check", Columns: []string{"price"}, Text: "CHECK ((price > (0)::numeric))"},
			{
				Name: "item_customer", Kind: "index", Columns: []string{"customer"},
				Text: "CREATE INDEX item_customer ON shop.item USING btree (customer, lower((id)::text)) WHERE (price > (5)::numeric)",
			},
			{Kind: "generated", Columns: []string{"vat"}, Text: "(price * 0.2) stored"},
			{Kind: "default", Columns: []string{"price"}, Text: "1.50"},
		}
		if diff := cmp.Diff(want, seen["shop.item"].Detail.Keys); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		var kinds []string
		for _, k := range seen["shop.customer"].Detail.Keys {
			kinds = append(kinds, k.Kind+" "+strings.Join(k.Columns, ","))
		}
		if diff := cmp.Diff([]string{"primary key id", "unique mail", "identity id"}, kinds); diff != "" {
			t.Errorf("of customer (-want +got):\n%s", diff)
		}
	})
	t.Run("partitions are part of their table", func(t *testing.T) {
		o := seen["shop.visit"]
		var bytes int64
		const q = `SELECT sum(pg_total_relation_size(r::regclass)) FROM unnest('{parts.visit_1a,shop.visit_2}'::text[]) r`
		if err := a.db.QueryRow(t.Context(), q).Scan(&bytes); err != nil {
			t.Fatal(err)
		}
		if o.ByteCount == nil || *o.ByteCount != bytes || o.RowCount == nil || *o.RowCount != 1000 {
			t.Errorf("bytes %s, rows %s; want %d and 1000", text(o.ByteCount), text(o.RowCount), bytes)
		}
		if diff := cmp.Diff([]string{"RANGE (day)"}, o.Partitioning); diff != "" || o.Properties["partitions"] != "3" {
			t.Errorf("%s partitions by (-want +got):\n%s", o.Properties["partitions"], diff)
		}
		if !slices.Equal(o.Estimated, []string{"rows"}) {
			t.Errorf("estimated: %q", o.Estimated)
		}
		if others, _ := crawl(t, a.conn, "parts", nil); len(others) > 0 {
			t.Errorf("partitions in another schema are listed: %v", others)
		}
	})
	t.Run("views say what they are made of", func(t *testing.T) {
		dear, daily := seen["shop.dear"], seen["shop.daily"]
		if dear.Kind != catalog.View || dear.Description != "what is dear" || !strings.Contains(dear.Definition, "FROM shop.item") {
			t.Errorf("%+v", dear)
		}
		if dear.RowCount != nil || dear.ByteCount != nil {
			t.Error("a view has figures")
		}
		if daily.Kind != catalog.View || daily.Properties["kind"] != "materialized view" || daily.Properties["populated"] != "no" {
			t.Errorf("%+v", daily)
		}
	})
	t.Run("an empty table has no rows, for sure", func(t *testing.T) {
		o := seen["shop.scratch"]
		if o.RowCount == nil || *o.RowCount != 0 || len(o.Estimated) > 0 || o.Properties["persistence"] != "unlogged" {
			t.Errorf("rows %s, estimated %q, properties %v", text(o.RowCount), o.Estimated, o.Properties)
		}
	})
}

func text(n *int64) string {
	if n == nil {
		return "unknown"
	}
	return catalog.FormatID(*n)
}

func TestRowsAreUnknownBeforeAnalyze(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.exec(t, `CREATE TABLE public.fresh WITH (autovacuum_enabled = off) AS SELECT 1 AS id`)
	seen, _ := crawl(t, a.conn, "public", nil)
	if o := seen["public.fresh"]; o.RowCount != nil || o.ByteCount == nil || *o.ByteCount != 8192 {
		t.Errorf("rows %s, bytes %s; want unknown and 8192", text(o.RowCount), text(o.ByteCount))
	}
	a.exec(t, `ANALYZE public.fresh`)
	seen, _ = crawl(t, a.conn, "public", nil)
	if o := seen["public.fresh"]; o.RowCount == nil || *o.RowCount != 1 {
		t.Errorf("rows %s after ANALYZE", text(o.RowCount))
	}
}

func TestForeignTable(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.exec(t, `
		CREATE FOREIGN DATA WRAPPER postgres_fdw;
		CREATE SERVER billing FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db.example', dbname 'bills', password 'hush');
		CREATE FOREIGN TABLE public.bill (id int) SERVER billing OPTIONS (schema_name 'b', table_name 'bill', token 'hush')`)
	seen, failed := crawl(t, a.conn, "public", nil)
	o := seen["public.bill"]
	if len(failed) > 0 || o.Standing != catalog.Serves || o.RowCount != nil || o.ByteCount != nil {
		t.Errorf("errors %v, %+v", failed, o)
	}
	want := catalog.Identifier{Namespace: "postgres://db.example:5432", Name: "bills.b.bill", Rule: "it is a foreign table of that one"}
	if !slices.Contains(o.Identifiers, want) {
		t.Errorf("identifiers %v", o.Identifiers)
	}
	properties := map[string]string{
		"owner": o.Properties["owner"], "kind": "foreign table", "server": "billing", "wrapper": "postgres_fdw",
		"schema_name": "b", "table_name": "bill",
	}
	if diff := cmp.Diff(properties, o.Properties); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
}

// A dataset is read again when anything that is told of it has changed, and only then.
func TestUnchanged(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.exec(t, shop)
	a.exec(t, `CREATE FUNCTION shop.f() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE VIEW shop.called AS SELECT shop.f() AS f`)
	known := catalog.Known{}
	look := func() (again []string) {
		seen, failed := crawl(t, a.conn, "shop", known)
		if len(failed) > 0 {
			t.Fatal(failed)
		}
		for name, o := range seen {
			if o.Unchanged {
				continue
			}
			again = append(again, strings.TrimPrefix(name, "shop."))
			if known[name] == o.Version {
				t.Errorf("%s has the version of before", name)
			}
			known[name] = o.Version
		}
		slices.Sort(again)
		return again
	}
	if got := look(); len(got) != 7 {
		t.Fatalf("at first: %q", got)
	}
	for _, tt := range []struct{ change, again string }{
		{`SELECT`, ""},
		{`COMMENT ON COLUMN shop.item.id IS 'x'`, "item"},
		{`COMMENT ON TABLE shop.item IS 'x'`, "item"},
		{`COMMENT ON TABLE shop.item IS NULL`, "item"},
		{`ALTER TABLE shop.item ALTER price SET DEFAULT 2`, "item"},
		{`ALTER INDEX shop.item_customer RENAME TO item_by_customer`, "item"},
		{`DROP INDEX shop.item_by_customer`, "item"},
		{`ALTER TABLE shop.item RENAME CONSTRAINT item_price_check TO dear`, "item"},
		{`ALTER TABLE shop.item RENAME price TO cost`, "dear item"},
		{`ALTER TABLE shop.customer RENAME id TO number`, "customer item"},
		{`CREATE OR REPLACE VIEW shop.dear AS SELECT id, cost AS price FROM shop.item`, "dear"},
		{`ALTER TYPE shop.place RENAME ATTRIBUTE lat TO latitude`, "customer item"},
		{`ALTER TYPE shop.place RENAME TO spot`, "customer item"},
		{`ALTER FUNCTION shop.f RENAME TO g`, "called"},
		{`INSERT INTO shop.visit SELECT '2026-02-02', n FROM generate_series(1, 1000) n`, "visit"},
		{`CREATE TABLE parts.visit_3 PARTITION OF shop.visit FOR VALUES FROM ('2026-03-01') TO ('2026-04-01')`, "visit"},
		{`REFRESH MATERIALIZED VIEW shop.daily`, "daily"},
		{`REVOKE ALL ON shop.scratch FROM PUBLIC; ALTER TABLE shop.scratch OWNER TO pg_monitor`, "scratch"},
		{`SELECT`, ""},
	} {
		a.exec(t, tt.change)
		if got := strings.Join(look(), " "); got != tt.again {
			t.Errorf("%s: read again %q, want %q", tt.change, got, tt.again)
		}
	}
}

func TestScopesAndExclusions(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	a.exec(t, `
		CREATE SCHEMA audit_1; CREATE SCHEMA sales; CREATE SCHEMA "of extension"; CREATE EXTENSION hstore;
		ALTER EXTENSION hstore ADD SCHEMA "of extension";
		CREATE TABLE sales.ours (); CREATE TABLE sales.tmp_1 (); CREATE TABLE sales.of_extension (); CREATE TEMP TABLE mine ();
		ALTER EXTENSION hstore ADD TABLE sales.of_extension`)
	conn := open(t, a.db, "exclude", "audit_*\nsales.tmp_*")
	scopes, err := conn.Crawler.Scopes(t.Context())
	if diff := cmp.Diff([]string{"public", "sales"}, scopes); diff != "" || err != nil {
		t.Errorf("error %v, scopes (-want +got):\n%s", err, diff)
	}
	seen, failed := crawl(t, conn, "sales", nil)
	if diff := cmp.Diff([]string{"sales.ours"}, slices.Sorted(maps.Keys(seen))); diff != "" || len(failed) > 0 {
		t.Errorf("errors %v, names (-want +got):\n%s", failed, diff)
	}
	for name, want := range map[string]bool{"sales.ours": true, "sales.tmp_1": false, "sales.of_extension": false} {
		if got, err := conn.Crawler.Has(t.Context(), name); got != want || err != nil {
			t.Errorf("Has(%s) = %v, %v", name, got, err)
		}
	}
	scopes, err = open(t, a.db, "schemas", "sales\nmissing").Crawler.Scopes(t.Context())
	if diff := cmp.Diff([]string{"sales", "missing"}, scopes); diff != "" || err != nil {
		t.Errorf("error %v, scopes that are set (-want +got):\n%s", err, diff)
	}
}
