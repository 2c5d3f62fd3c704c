package duckdb

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
)

var guarded = []view{{Schema: "raw", Name: "t"}}

// statement wraps a node as json_serialize_sql does.
func statement(node string) string { return `{"error":false,"statements":[{"node":` + node + `}]}` }

func TestGuardRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, tree, want string }{
		{"nothing", "", "cannot be understood"},
		{"no statement", `{"error":false,"statements":[]}`, "this is 0"},
		{"a statement without a node", `{"error":false,"statements":[{}]}`, "cannot be understood"},
		{"a new expression", statement(`{"type":"SELECT_NODE","select_list":[{"class":"TELEPORT","type":"X"}]}`), "expression is not allowed: TELEPORT"},
		{"a new clause", statement(`{"type":"SELECT_NODE","from_table":{"type":"WORMHOLE"}}`), "clause is not allowed: WORMHOLE"},
		{"a new query node", statement(`{"type":"INSERT_NODE"}`), "clause is not allowed: INSERT_NODE"},
		{"a function in upper case", statement(`{"type":"SELECT_NODE","select_list":[{"class":"FUNCTION","type":"FUNCTION","function_name":"READ_TEXT"}]}`), "read_text"},
		{"a window function", statement(`{"type":"SELECT_NODE","select_list":[{"class":"WINDOW","type":"WINDOW_AGGREGATE","function_name":"stats"}]}`), "stats"},
		{"deep within", statement(`{"type":"SELECT_NODE","x":[[{"y":{"class":"FUNCTION","type":"FUNCTION","function_name":"getenv"}}]]}`), "getenv"},
		{"a table of another", statement(`{"type":"SELECT_NODE","from_table":{"type":"BASE_TABLE","schema_name":"raw","table_name":"u"}}`), "raw.u"},
		{"time travel", statement(`{"type":"BASE_TABLE","schema_name":"raw","table_name":"t","at_clause":{}}`), "AT is not supported"},
		{"a new kind of WITH", statement(`{"type":"SELECT_NODE","cte_map":{"other":[]}}`), "WITH"},
		{"itself within a plain WITH", statement(`{"type":"SELECT_NODE","cte_map":{"map":[{"key":"x","value":{"query":{"node":{"type":"BASE_TABLE","table_name":"x"}}}}]}}`), "yours to read: x"},
		{"itself in the first half of a recursion", statement(`{"type":"RECURSIVE_CTE_NODE","cte_name":"x","left":{"type":"BASE_TABLE","table_name":"x"}}`), "yours to read: x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := checkTree([]byte(tt.tree), guarded)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestGuardAllowsConstantsThatLookLikeTrees(t *testing.T) {
	t.Parallel()
	tree := statement(`{"type":"SELECT_NODE","select_list":[{"class":"CONSTANT","type":"VALUE_CONSTANT","value":{"type":{"id":"STRUCT"},"is_null":false,
		"value":{"class":"TELEPORT","type":"WORMHOLE"}}}],"from_table":{"type":"BASE_TABLE","schema_name":"RAW","table_name":"T"}}`)
	tables, err := checkTree([]byte(tree), guarded)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"RAW", "T"}}, tables); diff != "" {
		t.Error(diff)
	}
}

func FuzzGuard(f *testing.F) {
	for _, s := range []string{
		"", "null", "{}", statement("{}"), statement(`{"type":"BASE_TABLE","schema_name":"raw","table_name":"t"}`),
		statement(`{"type":"SELECT_NODE","cte_map":{"map":[{"key":"x","value":{}},7,null]},"from_table":{"type":"BASE_TABLE","table_name":"x"}}`),
		statement(`{"type":"SHOW_REF","table_name":"\"databases\""}`), statement(`{"cte_map":[1],"type":["x"],"class":{"a":1}}`),
		statement(strings.Repeat("[", 500) + strings.Repeat("]", 500)),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, tree string) {
		tables, err := checkTree([]byte(tree), guarded)
		if err != nil {
			return
		}
		for _, parts := range tables {
			if !strings.EqualFold(strings.TrimPrefix(strings.ToLower(strings.Join(parts, ".")), "lake."), "raw.t") {
				t.Errorf("allowed %q", parts)
			}
		}
	})
}

func TestListedFunctionsAreNotDangerous(t *testing.T) {
	t.Parallel()
	if len(functions) < 500 {
		t.Errorf("%d functions", len(functions))
	}
	for name := range functions {
		for _, bad := range []string{"read_", "parquet_", "duckdb_", "pragma_", "query", "glob", "stats", "getenv", "setting", "write", "pg_", "secret", "load", "sniff", "__internal"} {
			if strings.HasPrefix(name, bad) {
				t.Errorf("%s is listed", name)
			}
		}
	}
}

func TestParseType(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"long":            "BIGINT",
		"decimal(10, 2)":  "DECIMAL(10,2)",
		"decimal(10,2)":   "DECIMAL(10,2)",
		"fixed[16]":       "BLOB",
		"list<list<int>>": "INTEGER[][]",
		"map<string, struct<1: a: optional date, 2: b: required list<uuid>>>":             `MAP(VARCHAR, STRUCT("a" DATE, "b" UUID[]))`,
		`struct<1: a"b, c: optional int (one, (two) > three), 2: >: optional string (x)>`: `STRUCT("a""b, c" INTEGER, ">" VARCHAR)`,
		"struct<1: a: optional int (says 2: b: optional long)>":                           `STRUCT("a" INTEGER)`,
		"geometry(srid:1)": "VARCHAR",
		"struct<":          "VARCHAR",
		"list<int":         "VARCHAR",
		"":                 "VARCHAR",
		"struct<1: a: optional int" + strings.Repeat(" ()", 5000): "VARCHAR",
	} {
		if got := parseType(text).sql(); got != want {
			t.Errorf("%.60s is %s, want %s", text, got, want)
		}
	}
}

func FuzzParseType(f *testing.F) {
	f.Add("map<string, struct<1: a: optional date (doc), 2: b: required list<uuid>>>")
	f.Add("struct<1: : optional fixed[3]>")
	f.Fuzz(func(t *testing.T, text string) {
		if got := parseType(text).sql(); got == "" {
			t.Error("no type")
		}
	})
}

func TestNamesOfViews(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"raw.flights": `lake."raw"."flights"`, "flights": `lake."main"."flights"`, "a.b.c": `lake."a.b"."c"`, `raw."a.b"`: `lake."raw"."a.b"`,
		`raw."a""b"`: `lake."raw"."a""b"`,
	} {
		v := newView(catalog.Plan{Key: catalog.Key{Name: name}})
		if got := v.sql(); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestSampledReadsNoMoreThanItMay(t *testing.T) {
	t.Parallel()
	for _, rows := range [][]int64{{1}, {1000}, {10, 1000, 3}, {0, 0, 5000}, {100, 100, 100, 100}} {
		var p catalog.Plan
		for _, n := range rows {
			p.Files = append(p.Files, catalog.PlanFile{Rows: n})
		}
		for _, most := range []int64{1, 50, 100, 999, 100_000} {
			v := sampled(view{Plan: p}, most)
			if v.Take == 0 {
				continue
			}
			got := rowsTaken(v.Plan.Files, v.Every, v.Take)
			if got > most && v.Take > 1 || got == 0 {
				t.Errorf("%v: %d rows of at most %d", rows, got, most)
			}
		}
	}
}
