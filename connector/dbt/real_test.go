package dbt_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portreeve/catalog"
)

// The packages that the real dbt is made of. A change makes a new folder.
var packages = []string{"dbt-core==1.11.16", "dbt-duckdb==1.11.1", "duckdb==2.0.0"}

// TestRecordedDBT reads what the real dbt once left of testdata/project: all of it but the macros.
func TestRecordedDBT(t *testing.T) {
	t.Parallel()
	checkShop(t, "testdata/recorded")
}

// TestRealDBT lets dbt build testdata/project and reads what it leaves. Where dbt cannot be installed because no package
// index answers, TestRecordedDBT has to do.
func TestRealDBT(t *testing.T) {
	t.Parallel()
	python := installed(t)
	if python == "" {
		t.Log("no package index answers: only the recorded artifacts were tried")
		return
	}
	home := t.TempDir()
	if err := os.CopyFS(home, os.DirFS("testdata/project")); err != nil {
		t.Fatal(err)
	}
	runner, err := filepath.Abs("testdata/run.py")
	if err != nil {
		t.Fatal(err)
	}
	run(t, home, python, runner, "seed", "run", "snapshot", "test", "source freshness", "docs generate")
	checkShop(t, filepath.Join(home, "target"))
	if keep := os.Getenv("DBT_RECORD"); keep != "" { // then drop the macros, docs and maps by hand
		if err := os.CopyFS(keep, os.DirFS(filepath.Join(home, "target"))); err != nil {
			t.Fatal(err)
		}
	}
}

// installed returns the Python that has dbt, installed once for all runs, or "" if it cannot be had from here.
func installed(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(cache, "portreeve", strings.NewReplacer("==", "-", " ", "+").Replace(strings.Join(packages, " ")))
	python := filepath.Join(home, "bin", "python")
	if err := os.MkdirAll(filepath.Dir(home), 0o755); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(home + ".lock") // test runs beside this one install it too
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(home, "complete")); err == nil {
		return python
	}
	base, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("python3 is needed to run the real dbt: install it (Debian: apt-get install python3-venv)")
	}
	run(t, "", base, "-m", "venv", "--clear", home) // paths are written into it: it cannot be made elsewhere and moved
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	args := append([]string{"-m", "pip", "install", "--quiet", "--disable-pip-version-check"}, packages...)
	if out, err := exec.CommandContext(ctx, python, args...).CombinedOutput(); err != nil {
		if !indexAnswers(t, python) {
			return ""
		}
		t.Fatalf("dbt cannot be installed though the package index answers: %v\n%s", err, out)
	}
	if err := os.WriteFile(filepath.Join(home, "complete"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return python
}

// indexAnswers reports whether pip's package index can be reached at all.
func indexAnswers(t *testing.T, python string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return exec.CommandContext(ctx, python, "-m", "pip", "index", "versions", "dbt-core").Run() == nil
}

func run(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, program, args...)
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
}

// checkShop checks what is said of testdata/project after dbt has built it.
func checkShop(t *testing.T, dir string) {
	t.Helper()
	seen := crawl(t, open(t, dir), "shop")
	want := []string{
		"shop.customers.v1", "shop.customers.v2", "shop.fresh", "shop.orders", "shop.orders_history", "shop.raw.events",
		"shop.raw_orders", "shop.recent", "shop.revenue",
	}
	if diff := cmp.Diff(want, names(seen)); diff != "" {
		t.Fatalf("names (-want +got):\n%s", diff)
	}
	times := cmpopts.IgnoreFields(catalog.ModelDetail{}, "GeneratedAt")
	runs := cmpopts.IgnoreFields(catalog.ModelRun{}, "Seconds", "At")
	ranAt := cmpopts.IgnoreFields(catalog.ModelTest{}, "RanAt")
	version := cmpopts.IgnoreFields(catalog.Observation{}, "Version", "Properties")
	for name, want := range shop {
		if diff := cmp.Diff(want, seen[name], times, runs, ranAt, version, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if seen[name].Detail.Model.GeneratedAt == nil {
			t.Errorf("%s: nothing says when the artifacts were made", name)
		}
		for _, test := range seen[name].Detail.Model.Tests {
			if test.RanAt == nil {
				t.Errorf("%s: nothing says when the test %s ran", name, test.Name)
			}
		}
	}
	if r := seen["shop.orders"].Detail.Model.Run; r.At == nil || r.Seconds <= 0 {
		t.Errorf("the run of shop.orders ended at %v after %v s", r.At, r.Seconds)
	}
	orders := map[string]string{"access": "public", "contract": "enforced", "group": "sales", "meta.tier": "gold"}
	if diff := cmp.Diff(orders, seen["shop.orders"].Properties); diff != "" {
		t.Errorf("properties of shop.orders (-want +got):\n%s", diff)
	}
	events := seen["shop.raw.events"].Properties
	if events["source freshness"] != "warn" || events["last loaded"] != "2026-11-04T10:00:00Z" || events["freshness checked"] == "" {
		t.Errorf("the freshness of shop.raw.events is %v", events)
	}
	if m := seen["shop.recent"]; m.Identifiers != nil || m.Detail.Model.Materialized != "ephemeral" {
		t.Errorf("shop.recent is no table and is known as %v", m.Identifiers)
	}
}

// shop is what is said of some of testdata/project.
var shop = map[string]catalog.Observation{
	"shop.orders": {
		Name: "shop.orders", NativeID: "model.shop.orders", Kind: catalog.Model, Standing: catalog.Describes, Team: "sales",
		Description: "One row for each **order**, ☃ included.", Tags: []string{"core", "tag with space"},
		Definition: "{{ config(materialized='table') }}\nselect id, customer, status, amount, placed_at\nfrom {{ ref('raw_orders') }}",
		Identifiers: []catalog.Identifier{
			{Namespace: "duckdb://shop", Name: "shop.main.orders", Rule: "dbt builds it"},
		},
		Columns: []catalog.Column{
			{Path: "id", Type: "BIGINT", Comment: "Number of the order."},
			{Path: "customer", Type: "BIGINT", Nullable: true},
			{Path: "status", Type: "VARCHAR", Nullable: true},
			{Path: "amount", Type: "DECIMAL(9,2)", Nullable: true, Comment: "In euros."},
			{Path: "placed_at", Type: "TIMESTAMP", Nullable: true},
		},
		Detail: catalog.Detail{Model: &catalog.ModelDetail{
			Resource: "model", UniqueID: "model.shop.orders", Package: "shop", Path: "models/orders.sql", Materialized: "table",
			Relation: `"shop"."main"."orders"`, Adapter: "duckdb", DependsOn: []string{"seed.shop.raw_orders"},
			OwnerName: "Sales People", OwnerEmail: "sales@shop.example", Run: &catalog.ModelRun{Status: "success"},
			Tests: []catalog.ModelTest{
				{
					Name: "accepted_values_orders_status__placed__shipped", Kind: "accepted_values", Column: "status", Severity: "error",
					Status: "fail", Failures: new(int64(1)), Message: "Got 1 result, configured to fail if != 0",
				},
				{
					Name: "amounts_are_small", Severity: "warn", Status: "warn", Failures: new(int64(1)),
					Message: "Got 1 result, configured to warn if != 0",
				},
				{Name: "not_null_orders_id", Kind: "not_null", Column: "id", Severity: "error", Status: "pass", Failures: new(int64(0))},
				{Name: "unique_orders_id", Kind: "unique", Column: "id", Severity: "error", Status: "pass", Failures: new(int64(0))},
			},
		}},
	},
	"shop.customers.v1": {
		Name: "shop.customers.v1", NativeID: "model.shop.customers.v1", Kind: catalog.Model, Standing: catalog.Describes, Team: "crm",
		Description: "One row for each customer.",
		Definition: "select customer, count(*) as orders, sum(amount) as spent\nfrom {{ ref('orders') }}\n" +
			"where customer is not null\ngroup by customer",
		Identifiers: []catalog.Identifier{{Namespace: "duckdb://shop", Name: "shop.main.customers_v1", Rule: "dbt builds it"}},
		Columns: []catalog.Column{
			{Path: "CUSTOMER", Type: "BIGINT", Nullable: true, Comment: "Their number."},
			{Path: "orders", Type: "BIGINT", Nullable: true},
			{Path: "spent", Type: "DECIMAL(38,2)", Nullable: true},
		},
		Detail: catalog.Detail{Model: &catalog.ModelDetail{
			Resource: "model", UniqueID: "model.shop.customers.v1", Package: "shop", Path: "models/customers.sql", Materialized: "view",
			Relation: `"shop"."main"."customers_v1"`, Adapter: "duckdb", DependsOn: []string{"model.shop.orders"},
			OwnerName: "crm", Run: &catalog.ModelRun{Status: "success"},
			Tests: []catalog.ModelTest{
				{
					Name: "relationships_customers_v1_CUSTOMER__customer__ref_orders_", Kind: "relationships", Column: "CUSTOMER",
					Severity: "error", Status: "pass", Failures: new(int64(0)),
				},
				{Name: "counts_orders", Kind: "unit test", Status: "pass", Failures: new(int64(0))},
			},
		}},
	},
	"shop.revenue": {
		Name: "shop.revenue", NativeID: "exposure.shop.revenue", Kind: catalog.Dashboard, Standing: catalog.Describes, Team: "Ann",
		Title: "Revenue of the shop", Description: "What the board looks at.",
		Detail: catalog.Detail{Model: &catalog.ModelDetail{
			Resource: "exposure", UniqueID: "exposure.shop.revenue", Package: "shop", Path: "models/shop.yml", Adapter: "duckdb",
			DependsOn: []string{"model.shop.customers.v1"}, URL: "https://bi.shop.example/revenue", OwnerName: "Ann",
			OwnerEmail: "ann@shop.example", Maturity: "high",
		}},
	},
}
