package trino

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"portreeve/catalog"
	"portreeve/catalog/catalogtest"
	"portreeve/test/stack"
)

// prefix makes the names of this run's schemas its own.
var prefix = fmt.Sprintf("crawl_%d_%d_", os.Getpid(), time.Now().UnixMilli()%1e6)

var schemaCount atomic.Int32

// server is the stack's Trino as people use it.
type server struct {
	*Crawler
	lake string // an Iceberg catalog with its files on the local disk
}

func newServer(tb testing.TB) *server {
	tb.Helper()
	c := newCrawler(tb, map[string]string{"source": "portreeve-test", "parallel": "4"})
	s := &server{Crawler: c}
	for _, name := range []string{"lakefile", "lake"} {
		if connector, err := c.connector(tb.Context(), name); err == nil && connector == iceberg {
			s.lake = name
			return s
		}
	}
	tb.Fatal("Trino has no Iceberg catalog lake")
	return nil
}

// newCrawler opens a crawler of the stack's Trino.
func newCrawler(tb testing.TB, config map[string]string) *Crawler {
	tb.Helper()
	all := map[string]string{"url": stack.Of(tb).Trino, "user": "admin"}
	maps.Copy(all, config)
	c, err := open(catalog.Source{Slug: "trino", Config: all})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.db.Close() })
	return c
}

// do runs a statement for the test.
func (s *server) do(tb testing.TB, format string, args ...any) [][]string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), time.Minute)
	defer cancel()
	text := fmt.Sprintf(format, args...)
	rows, err := s.query(ctx, text)
	if err != nil {
		tb.Fatalf("%.300s: %v", text, err)
	}
	return rows
}

// schema makes a schema of the test's own in a catalog.
func (s *server) schema(tb testing.TB, catalogName string) place {
	tb.Helper()
	p := place{catalogName, fmt.Sprintf("%st%d", prefix, schemaCount.Add(1))}
	s.createSchema(tb, p)
	return p
}

func (s *server) createSchema(tb testing.TB, p place) {
	tb.Helper()
	s.do(tb, `CREATE SCHEMA %s.%s`, quoted(p.catalog), quoted(p.schema))
	tb.Cleanup(func() {
		for _, row := range s.do(tb, `SELECT table_name, table_type FROM %s WHERE table_schema = %s`, p.information("tables"), literal(p.schema)) {
			kind := "TABLE"
			if row[1] == "VIEW" {
				kind = "VIEW"
			}
			s.do(tb, `DROP %s %s`, kind, p.table(row[0], ""))
		}
		s.do(tb, `DROP SCHEMA %s.%s`, quoted(p.catalog), quoted(p.schema))
	})
}

// system is an Iceberg catalog of Trino as the suite changes it.
type system struct{ *server }

func (s system) at(scope string) place { return place{s.lake, prefix + scope} }

func (s system) CreateScope(tb testing.TB, scope string) {
	tb.Helper()
	s.createSchema(tb, s.at(scope))
}

func (s system) Create(tb testing.TB, scope, name string, table catalogtest.Table) {
	tb.Helper()
	columns := make([]string, len(table.Columns))
	for i, c := range table.Columns {
		columns[i] = columnSQL(c)
	}
	s.do(tb, `CREATE TABLE %s (%s) COMMENT %s`, s.at(scope).table(name, ""), strings.Join(columns, ", "), literal(table.Comment))
}

func columnSQL(c catalogtest.Column) string {
	text := quoted(c.Name) + " " + spellType(c)
	if c.Required {
		text += " NOT NULL"
	}
	if c.Comment != "" {
		text += " COMMENT " + literal(c.Comment)
	}
	return text
}

var types = map[catalogtest.Type]string{
	catalogtest.Long: "bigint", catalogtest.Text: "varchar", catalogtest.Double: "double", catalogtest.Bool: "boolean",
	catalogtest.Date: "date", catalogtest.Instant: "timestamp(6) with time zone", catalogtest.Decimal: "decimal(9,2)",
	catalogtest.List: "array(varchar)", catalogtest.Struct: "row", catalogtest.StructList: "array",
}

// spellType writes a type as Trino does.
func spellType(c catalogtest.Column) string {
	if len(c.Fields) == 0 {
		return types[c.Type]
	}
	fields := make([]string, len(c.Fields))
	for i, f := range c.Fields {
		fields[i] = plain(f.Name) + " " + spellType(f)
	}
	row := "row(" + strings.Join(fields, ", ") + ")"
	if c.Type == catalogtest.StructList {
		return "array(" + row + ")"
	}
	return row
}

func (s system) AddColumn(tb testing.TB, scope, name string, c catalogtest.Column) {
	tb.Helper()
	s.do(tb, `ALTER TABLE %s ADD COLUMN %s`, s.at(scope).table(name, ""), columnSQL(c))
}

func (s system) Drop(tb testing.TB, scope, name string) {
	tb.Helper()
	s.do(tb, `DROP TABLE %s`, s.at(scope).table(name, ""))
}

func (s system) Append(tb testing.TB, scope, name string, ids ...int64) {
	tb.Helper()
	s.do(tb, `INSERT INTO %s VALUES %s`, s.at(scope).table(name, ""), values(ids))
}

func values(ids []int64) string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = strconv.FormatInt(id, 10)
	}
	return strings.Join(out, ", ")
}

func (s system) Overwrite(tb testing.TB, scope, name string, ids ...int64) {
	tb.Helper()
	s.do(tb, `DELETE FROM %s`, s.at(scope).table(name, ""))
	s.Append(tb, scope, name, ids...)
}

func (s system) Rename(tb testing.TB, scope, from, to string) {
	tb.Helper()
	s.do(tb, `ALTER TABLE %s RENAME TO %s`, s.at(scope).table(from, ""), s.at(scope).table(to, ""))
}

// Break takes the metadata files of a table away. They come back afterwards: Trino can drop a table without them no more than
// read it.
func (s system) Break(tb testing.TB, scope, name string) {
	tb.Helper()
	s.damage(tb, s.at(scope), name)
}

// damage must be done before Trino reads the table: it keeps metadata files in memory.
func (s *server) damage(tb testing.TB, p place, name string) {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(stack.Of(tb).Warehouse, p.schema, name+"-*", "metadata", "*.metadata.json"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no metadata files of %s below %s", name, stack.Of(tb).Warehouse)
	}
	for _, file := range files {
		if err := os.Rename(file, file+".away"); err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = os.Rename(file+".away", file) })
	}
}

// within is a crawler of one catalog, whose scopes the suite names by their schemas.
type within struct{ system }

func (w within) Scopes(ctx context.Context) ([]string, error) {
	all, err := w.Crawler.Scopes(ctx)
	var out []string
	for _, scope := range all {
		if rest, ok := strings.CutPrefix(scope, w.lake+"."+prefix); ok {
			out = append(out, rest)
		}
	}
	return out, err
}

func (w within) Datasets(ctx context.Context, scope string, known catalog.Known) iter.Seq2[catalog.Observation, error] {
	return w.Crawler.Datasets(ctx, catalog.JoinPath(w.lake, w.at(scope).schema), known)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	s := system{newServer(t)}
	catalogtest.Crawler(t, catalogtest.Fixture{
		Connection: catalog.Connection{Crawler: within{s}},
		System:     s,
		Types:      types,
		Spell:      spellType,
		Name:       func(scope, name string) string { return catalog.JoinPath(s.lake, s.at(scope).schema, name) },
		OddNames: []string{ // in lower case, and without what Trino or its disk refuses: dots, $, emoji
			"with space", `with"quote`, "with'apostrophe", "with/slash", `with\backslash`, "with.dot", "with%25percent", "with#hash?query",
			"<script>alert(1)</script>", "snow☃man", "a;drop table x", "ünïcode", "twin", "select", "union all", "a,b(c", "-- x",
		},
		Comments: true,
		Required: true,
		Renames:  true,
		Versions: true, Snapshots: true, Born: 1,
		MaxText: 400_000, // a statement has at most a million characters
	})
}
