package dbt_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"portreeve/catalog"
	"portreeve/catalog/catalogtest"
	"portreeve/connector/dbt"
)

// open opens the artifacts in dir, of models in the database duckdb://shop.
func open(t *testing.T, dirs ...string) catalog.Crawler {
	t.Helper()
	paths := make([]string, len(dirs))
	for i, dir := range dirs {
		var err error
		if paths[i], err = filepath.Abs(dir); err != nil {
			t.Fatal(err)
		}
	}
	source := catalog.Source{Config: map[string]string{dbt.PathKey: strings.Join(paths, "\n"), dbt.NamespaceKey: "duckdb://shop"}}
	c, err := dbt.Connector().Open(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c.Crawler
}

// crawl returns the datasets of a scope, all of which must be readable.
func crawl(t *testing.T, c catalog.Crawler, scope string) map[string]catalog.Observation {
	t.Helper()
	seen := map[string]catalog.Observation{}
	for o, err := range c.Datasets(t.Context(), scope, nil) {
		if err != nil {
			t.Fatalf("%s: %v", o.Name, err)
		}
		seen[o.Name] = o
	}
	return seen
}

func names(seen map[string]catalog.Observation) []string { return slices.Sorted(maps.Keys(seen)) }

func TestConformance(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	source := catalog.Source{Config: map[string]string{dbt.PathKey: p.dir, dbt.NamespaceKey: "postgres://db:5432"}}
	c, err := dbt.Connector().Open(t.Context(), source)
	if err != nil {
		t.Fatal(err)
	}
	catalogtest.Crawler(t, catalogtest.Fixture{
		Connection: c, System: p, Kind: catalog.Model,
		Types: map[catalogtest.Type]string{
			catalogtest.Long: "bigint", catalogtest.Text: "text", catalogtest.Double: "double precision", catalogtest.Bool: "boolean",
			catalogtest.Date: "date", catalogtest.Instant: "timestamptz", catalogtest.Decimal: "numeric(9,2)",
		},
		Comments: true, Required: true, Versions: true,
	})
}

// projectFiles is a project whose manifest people change as dbt would after they changed the project: it is written anew.
type projectFiles struct {
	dir     string
	project string

	mu    sync.Mutex
	nodes map[string]any
	seen  map[string]any // macros
}

func newProject(tb testing.TB) *projectFiles {
	tb.Helper()
	return &projectFiles{dir: tb.TempDir(), project: "root", nodes: map[string]any{}, seen: map[string]any{}}
}

// change edits the nodes and writes the manifest.
func (p *projectFiles) change(tb testing.TB, edit func()) {
	tb.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	edit()
	writeJSON(tb, filepath.Join(p.dir, "manifest.json"), map[string]any{
		"metadata": map[string]any{
			"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json", "project_name": p.project, "adapter_type": "postgres",
		},
		"nodes": p.nodes, "macros": p.seen,
	})
}

// writeJSON puts v in the place of a file, at once.
func writeJSON(tb testing.TB, path string, v any) {
	tb.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	replace(tb, path, raw)
}

func replace(tb testing.TB, path string, raw []byte) {
	tb.Helper()
	if err := os.WriteFile(path+".new", raw, 0o644); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		tb.Fatal(err)
	}
}

func nodeID(scope, name string) string { return "model." + scope + "." + name }

func (p *projectFiles) CreateScope(tb testing.TB, scope string) {
	tb.Helper()
	p.change(tb, func() { p.seen["macro."+scope+".some_macro"] = map[string]any{"macro_sql": `{% macro m() %}"}{[\`} })
}

func (p *projectFiles) Create(tb testing.TB, scope, name string, table catalogtest.Table) {
	tb.Helper()
	p.change(tb, func() {
		p.nodes[nodeID(scope, name)] = map[string]any{
			"package_name": scope, "name": name, "resource_type": "model", "description": table.Comment,
			"relation_name": `"app"."` + scope + `"."` + strconv.Itoa(len(p.nodes)) + `"`, "contract": map[string]any{"enforced": true},
			"columns": projectColumns(tb, nil, table.Columns...),
		}
	})
}

// projectColumns returns columns as an object in their order, after those of before.
func projectColumns(tb testing.TB, before json.RawMessage, columns ...catalogtest.Column) json.RawMessage {
	tb.Helper()
	types := map[catalogtest.Type]string{
		catalogtest.Long: "bigint", catalogtest.Text: "text", catalogtest.Double: "double precision", catalogtest.Bool: "boolean",
		catalogtest.Date: "date", catalogtest.Instant: "timestamptz", catalogtest.Decimal: "numeric(9,2)",
	}
	raw := bytes.TrimSuffix(bytes.Clone(before), []byte("}"))
	if len(raw) == 0 {
		raw = []byte("{")
	}
	for _, c := range columns {
		if len(raw) > 1 {
			raw = append(raw, ',')
		}
		value := map[string]any{"name": c.Name, "data_type": types[c.Type], "description": c.Comment, "constraints": []any{}}
		if c.Required {
			value["constraints"] = []any{map[string]any{"type": "not_null"}}
		}
		key, err := json.Marshal(c.Name)
		if err != nil {
			tb.Fatal(err)
		}
		text, err := json.Marshal(value)
		if err != nil {
			tb.Fatal(err)
		}
		raw = append(append(append(raw, key...), ':'), text...)
	}
	return append(raw, '}')
}

func (p *projectFiles) AddColumn(tb testing.TB, scope, name string, column catalogtest.Column) {
	tb.Helper()
	p.change(tb, func() {
		node := p.nodes[nodeID(scope, name)].(map[string]any)
		node["columns"] = projectColumns(tb, node["columns"].(json.RawMessage), column)
	})
}

func (p *projectFiles) Drop(tb testing.TB, scope, name string) {
	tb.Helper()
	p.change(tb, func() { delete(p.nodes, nodeID(scope, name)) })
}

func (p *projectFiles) Break(tb testing.TB, scope, name string) {
	tb.Helper()
	p.change(tb, func() { p.nodes[nodeID(scope, name)].(map[string]any)["columns"] = "none" })
}

func (p *projectFiles) Append(tb testing.TB, _, _ string, _ ...int64) {
	tb.Helper()
	tb.Fatal("a project has no rows")
}

func (p *projectFiles) Overwrite(tb testing.TB, _, _ string, _ ...int64) {
	tb.Helper()
	tb.Fatal("a project has no rows")
}

func (p *projectFiles) Rename(tb testing.TB, _, _, _ string) {
	tb.Helper()
	tb.Fatal("a renamed model is another one to dbt")
}
