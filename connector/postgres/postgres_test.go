package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/catalog"
	"portreeve/catalog/catalogtest"
	"portreeve/connector/postgres"
	"portreeve/postgres/pgtest"
)

// application is a database of the test's own, changed by SQL. It implements catalogtest.System.
type application struct {
	db   *pgxpool.Pool
	conn catalog.Connection
}

func newApplication(t *testing.T, settings ...string) *application {
	t.Helper()
	db := pgtest.Empty(t)
	return &application{db, open(t, db, settings...)}
}

// open connects to the database of a pool. settings are names, each followed by its value.
func open(t *testing.T, db *pgxpool.Pool, settings ...string) catalog.Connection {
	t.Helper()
	config := map[string]string{"url": pgtest.URL(db)}
	for i := 0; i < len(settings); i += 2 {
		config[settings[i]] = settings[i+1]
	}
	conn, err := postgres.Open(t.Context(), catalog.Source{Slug: "app", Kind: "postgres", Config: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (a *application) exec(tb testing.TB, sql string, args ...any) {
	tb.Helper()
	if _, err := a.db.Exec(tb.Context(), sql, args...); err != nil {
		tb.Fatalf("%.200s: %v", sql, err)
	}
}

func quote(names ...string) string { return pgx.Identifier(names).Sanitize() }

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func (a *application) CreateScope(tb testing.TB, scope string) {
	tb.Helper()
	a.exec(tb, "CREATE SCHEMA "+quote(scope))
}

var types = map[catalogtest.Type]string{
	catalogtest.Long: "bigint", catalogtest.Text: "text", catalogtest.Double: "double precision", catalogtest.Bool: "boolean",
	catalogtest.Date: "date", catalogtest.Instant: "timestamp with time zone", catalogtest.Decimal: "numeric(9,2)",
}

func definition(c catalogtest.Column) string {
	if c.Required {
		return quote(c.Name) + " " + types[c.Type] + " NOT NULL"
	}
	return quote(c.Name) + " " + types[c.Type]
}

func (a *application) Create(tb testing.TB, scope, name string, spec catalogtest.Table) {
	tb.Helper()
	var sql strings.Builder
	columns := make([]string, len(spec.Columns))
	for i, c := range spec.Columns {
		columns[i] = definition(c)
	}
	table := quote(scope, name)
	fmt.Fprintf(&sql, "CREATE TABLE %s (%s);", table, strings.Join(columns, ", "))
	if spec.Comment != "" {
		fmt.Fprintf(&sql, "COMMENT ON TABLE %s IS %s;", table, literal(spec.Comment))
	}
	for _, c := range spec.Columns {
		if c.Comment != "" {
			fmt.Fprintf(&sql, "COMMENT ON COLUMN %s.%s IS %s;", table, quote(c.Name), literal(c.Comment))
		}
	}
	a.exec(tb, sql.String())
}

func (a *application) AddColumn(tb testing.TB, scope, name string, c catalogtest.Column) {
	tb.Helper()
	a.exec(tb, "ALTER TABLE "+quote(scope, name)+" ADD "+definition(c))
}

func (a *application) Drop(tb testing.TB, scope, name string) {
	tb.Helper()
	a.exec(tb, "DROP TABLE "+quote(scope, name))
}

func (a *application) Append(tb testing.TB, scope, name string, ids ...int64) {
	tb.Helper()
	a.exec(tb, "INSERT INTO "+quote(scope, name)+" SELECT unnest($1::int8[])", ids)
}

func (a *application) Overwrite(tb testing.TB, scope, name string, ids ...int64) {
	tb.Helper()
	a.exec(tb, "TRUNCATE "+quote(scope, name))
	a.Append(tb, scope, name, ids...)
}

func (a *application) Rename(tb testing.TB, scope, from, to string) {
	tb.Helper()
	a.exec(tb, "ALTER TABLE "+quote(scope, from)+" RENAME TO "+quote(to))
}

// Break takes a column out of the catalog of the database, as a damaged page would.
func (a *application) Break(tb testing.TB, scope, name string) {
	tb.Helper()
	a.exec(tb, `DELETE FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum = 1`, quote(scope, name))
}

// crawl returns what a connection says of a scope, and its errors, by name.
func crawl(tb testing.TB, conn catalog.Connection, scope string, known catalog.Known) (
	seen map[string]catalog.Observation, failed map[string]error,
) {
	tb.Helper()
	seen, failed = map[string]catalog.Observation{}, map[string]error{}
	for o, err := range conn.Crawler.Datasets(tb.Context(), scope, known) {
		seen[o.Name] = o
		if err != nil {
			failed[o.Name] = err
		}
	}
	return seen, failed
}

func TestCrawler(t *testing.T) {
	a := newApplication(t)
	catalogtest.Crawler(t, catalogtest.Fixture{
		Connection: a.conn,
		System:     a,
		Types:      types,
		OddNames:   append(slices.Clip(catalogtest.OddNames), strings.Repeat("☃", 21), "$1", "pg_class"),
		Comments:   true, Required: true, Renames: true, Versions: true,
		MaxWidth: 1600,
	})
}
