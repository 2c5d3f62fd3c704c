package dbt_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portreeve/catalog"
	"portreeve/catalog/catalogtest"
)

// The manifests of testdata/versions are of one project, as dbt 1.4 to 1.7 made them; those of v5 to v7 are that of v9 without
// what came later. v12 is testdata/recorded. Fields that the crawler does not read were left out.
func TestEveryVersionOfManifests(t *testing.T) {
	t.Parallel()
	for _, version := range []int{5, 6, 7, 8, 9, 10, 11} {
		t.Run(fmt.Sprintf("v%d", version), func(t *testing.T) {
			t.Parallel()
			checkVersion(t, fmt.Sprintf("testdata/versions/v%d", version))
		})
	}
}

func checkVersion(t *testing.T, dir string) {
	t.Helper()
	seen := crawl(t, open(t, dir), "shop")
	want := []string{"shop.customers", "shop.orders", "shop.raw.events", "shop.raw_orders", "shop.revenue"}
	if diff := cmp.Diff(want, names(seen)); diff != "" {
		t.Fatalf("names (-want +got):\n%s", diff)
	}
	orders := seen["shop.orders"]
	if orders.Team != "crm" || orders.Description != "One row for each order." || orders.Identifiers[0].Name != "shop.main.orders" ||
		!strings.HasPrefix(orders.Definition, "{{ config(materialized='table'") || !cmp.Equal(orders.Tags, []string{"core"}) ||
		len(orders.Columns) != 1 || orders.Columns[0].Comment != "Its number." || orders.Detail.Model.Run.Status != "success" {
		t.Errorf("shop.orders is %+v", orders)
	}
	if seen["shop.revenue"].Detail.Model.OwnerEmail != "ann@shop.example" {
		t.Errorf("shop.revenue is %+v", seen["shop.revenue"])
	}
	ran := cmpopts.IgnoreFields(catalog.ModelTest{}, "RanAt", "Message")
	for name, want := range map[string][]catalog.ModelTest{
		"shop.orders": {
			{Name: "few_orders", Severity: "error", Status: "fail", Failures: new(int64(1))},
			{Name: "not_null_orders_id", Kind: "not_null", Column: "id", Severity: "error", Status: "pass", Failures: new(int64(0))},
			{Name: "unique_orders_id", Kind: "unique", Column: "id", Severity: "error", Status: "pass", Failures: new(int64(0))},
		},
		"shop.customers": { // the relationship is no test of orders, though it reads it
			{Name: "not_null_customers_customer", Kind: "not_null", Column: "customer", Severity: "error", Status: "skipped"},
			{
				Name: "relationships_customers_customer__customer__ref_orders_", Kind: "relationships", Column: "customer",
				Severity: "error", Status: "skipped",
			},
		},
		"shop.raw.events": {
			{Name: "source_unique_raw_events_id", Kind: "unique", Column: "id", Severity: "error", Status: "pass", Failures: new(int64(0))},
		},
	} {
		if diff := cmp.Diff(want, seen[name].Detail.Model.Tests, ran, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("tests of %s (-want +got):\n%s", name, diff)
		}
	}
}

// A manifest of a dbt to come has fields that nobody knows, has moved others, and lacks some.
func TestManifestToCome(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	replace(t, filepath.Join(dir, "manifest.json"), []byte(`{
		"nodes": {
			"model.p.new": {"name": "new", "package_name": "p", "columns": [{"name": "b"}, {"name": "a", "data_type": 7, "new": {}}],
				"config": {"tags": "one", "meta": {"owner": ["x@y.example", "ops"], "n": 3, "deep": {"a": 1}, "db_pwd": "hush", "from": "mysql://u:hush@db/x"}}, "version": 2.5, "description": null,
				"tags": null, "relation_name": null, "extra": [[{}]], "depends_on": null},
			"function.p.f": {}, "model.p.bare": {}, "model.p.twice": {"description": "first"},
			"model.p.twice": {"description": "last"}, "test.p.odd": 5, "test.p.odder": {"test_metadata": "x", "depends_on": {"nodes": ["model.p.bare"]}}
		},
		"unit_tests": null, "sources": {}, "new": {"a": "}{"},
		"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v20.json", "project_name": "p", "adapter_type": "fusion"}
	}`))
	seen := crawl(t, open(t, dir), "p")
	if diff := cmp.Diff([]string{"p.bare", `p.new."v2.5"`, "p.twice"}, names(seen)); diff != "" {
		t.Fatalf("names (-want +got):\n%s", diff)
	}
	m := seen[`p.new."v2.5"`]
	if m.Team != "ops" || m.Detail.Model.OwnerEmail != "x@y.example" || !cmp.Equal(m.Tags, []string{"one"}) || m.Properties["meta.n"] != "3" ||
		m.Properties["meta.from"] != "mysql://db/x" || strings.Contains(fmt.Sprint(m.Properties), "hush") ||
		len(m.Columns) != 2 || m.Columns[0].Path != "b" || m.Columns[1].Type != "7" {
		t.Errorf("p.new is %+v", m)
	}
	if m.Properties["dbt manifest"] != "v20, newer than v12, the newest that is known here: something may be missing" {
		t.Errorf("properties %v do not warn of the version", m.Properties)
	}
	if seen["p.twice"].Description != "last" || len(seen["p.bare"].Detail.Model.Tests) != 1 {
		t.Errorf("p.twice is %+v, p.bare %+v", seen["p.twice"], seen["p.bare"])
	}
}

func TestStatsAreEstimates(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	replace(t, filepath.Join(dir, "manifest.json"), []byte(`{"metadata": {"adapter_type": "snowflake"}, "nodes": {"model.p.m":
		{"columns": {"order_id": {"description": "The id."}, "Only_Here": {}}, "relation_name": "db.s.\"m\""}}}`))
	replace(t, filepath.Join(dir, "catalog.json"), []byte(`{"nodes": {"model.p.m": {"metadata": {"comment": "In the database."},
		"columns": {"LATER": {"type": "TEXT", "index": 2, "name": "LATER", "comment": "Later."}, "ORDER_ID": {"type": "NUMBER", "index": 1, "comment": "x"}},
		"stats": {"row_count": {"value": 12.0}, "bytes": {"value": "3456"}, "has_stats": {"value": true}}}}}`))
	o := crawl(t, open(t, dir), "p")["p.m"]
	want := []catalog.Column{
		{Path: "order_id", Type: "NUMBER", Comment: "The id.", Nullable: true},
		{Path: "LATER", Type: "TEXT", Comment: "Later.", Nullable: true},
		{Path: "Only_Here", Nullable: true},
	}
	if diff := cmp.Diff(want, o.Columns); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
	if *o.RowCount != 12 || *o.ByteCount != 3456 || !cmp.Equal(o.Estimated, []string{"rows", "bytes"}) || o.Description != "In the database." {
		t.Errorf("%d rows, %d bytes, estimated %v; described as %q", *o.RowCount, *o.ByteCount, o.Estimated, o.Description)
	}
	if o.Identifiers[0].Name != "DB.S.m" {
		t.Errorf("known as %v", o.Identifiers)
	}
}

func TestVersionKnowsWhatIsShown(t *testing.T) {
	t.Parallel()
	changes := map[string]struct{ file, old, now string }{
		"a result":        {"run_results_test.json", `"failures":0`, `"failures":7`},
		"a run":           {"run_results_run.json", `"execution_time":0`, `"execution_time":1`},
		"a column's type": {"catalog.json", `DECIMAL(9,2)`, `DECIMAL(7,2)`},
		"a description":   {"manifest.json", "In euros.", "In dollars."},
		"a test":          {"manifest.json", `"severity":"warn"`, `"severity":"error"`},
		"an owner":        {"manifest.json", "Sales People", "Others"},
	}
	for name, change := range changes {
		dir := recorded(t)
		c, known := open(t, dir), catalog.Known{}
		for name, o := range crawl(t, c, "shop") {
			known[name] = o.Version
		}
		for o := range c.Datasets(t.Context(), "shop", known) {
			if !o.Unchanged {
				t.Errorf("%s has changed though nothing has", o.Name)
			}
		}
		path := filepath.Join(dir, change.file)
		text := contents(t, path)
		if !strings.Contains(text, change.old) {
			t.Fatalf("%s has no %s", path, change.old)
		}
		replace(t, path, []byte(strings.ReplaceAll(text, change.old, change.now)))
		for o, err := range c.Datasets(t.Context(), "shop", known) {
			if err != nil || o.Name == "shop.orders" && o.Unchanged {
				t.Errorf("%s: %s is unchanged, error %v", name, o.Name, err)
			}
		}
	}
}

func TestSeveralProjects(t *testing.T) {
	t.Parallel()
	shop, bank := newProject(t), newProject(t)
	shop.project, bank.project = "shop", "bank"
	table := catalogtest.Table{}
	bank.Create(t, "shop", "stub", table) // a model of the other project that this one uses
	bank.Create(t, "tools", "log", table)
	bank.Create(t, "bank", "accounts", table)
	shop.Create(t, "shop", "orders", table)
	shop.Create(t, "tools", "log", table)
	c := open(t, bank.dir, shop.dir)
	scopes, err := c.Scopes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, scope := range scopes {
		for _, o := range crawl(t, c, scope) {
			got = append(got, scope+" has "+o.Name+" or "+o.NativeID)
		}
	}
	want := []string{
		"bank has bank.accounts or model.bank.accounts", "bank.shop has bank.shop.stub or bank/model.shop.stub",
		"shop has shop.orders or model.shop.orders", "shop.tools has shop.tools.log or shop/model.tools.log", "tools has tools.log or model.tools.log",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("datasets (-want +got):\n%s", diff)
	}
	if _, err := open(t, shop.dir, recorded(t)).Scopes(t.Context()); err == nil || !strings.Contains(err.Error(), "both hold the project shop") {
		t.Errorf("a project of two folders: %v", err)
	}
}

func TestNamesThatDBTHasTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	replace(t, filepath.Join(dir, "manifest.json"), []byte(`{"nodes": {"model.p.a": {"name": "a", "package_name": "p"},
		"model.p.b.v1": {"name": "b", "package_name": "p", "version": 1}},
		"sources": {"source.p.b.v1": {"name": "v1", "source_name": "b", "package_name": "p"}},
		"exposures": {"exposure.p.a": {"name": "a", "package_name": "p", "url": "javascript:alert(1)"}}}`))
	c := open(t, dir)
	seen := crawl(t, c, "p")
	if diff := cmp.Diff([]string{"p.a", "p.b.v1", "p.exposure.a", "p.source.b.v1"}, names(seen)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if url := seen["p.exposure.a"].Detail.Model.URL; url != "" {
		t.Errorf("a page would link to %s", url)
	}
	if found, err := c.Has(t.Context(), "p.exposure.a"); err != nil || !found {
		t.Errorf("Has = %v, %v", found, err)
	}
	if err := os.Remove(filepath.Join(dir, "manifest.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Has(t.Context(), "p.exposure.a"); err == nil {
		t.Error("the manifest is gone, and Has knows still")
	}
}
