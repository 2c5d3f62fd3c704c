package iceberg_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	icebergo "github.com/apache/iceberg-go"
	icebergcatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/catalog"
	"portreeve/catalog/catalogtest"
	"portreeve/connector/iceberg"
	"portreeve/postgres/pgtest"
)

// testLake is a lake of the test's own, changed through iceberg-go. It implements catalogtest.System.
type testLake struct {
	db     *pgxpool.Pool
	folder string
	source catalog.Source
	conn   catalog.Connection
	to     *iceberg.WriteCatalog

	mu sync.Mutex // iceberg-go's changes of the catalog fail when they meet
}

func newLake(t *testing.T) *testLake {
	t.Helper()
	db := pgtest.Empty(t)
	dsn := pgtest.URL(db)
	if err := iceberg.Init(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	l := &testLake{db: db, folder: t.TempDir()}
	warehouse := "file://" + l.folder
	l.source = catalog.Source{
		Slug: "lake", Kind: "iceberg",
		Config: map[string]string{iceberg.CatalogKey: "lake", iceberg.WarehouseKey: warehouse},
	}
	var err error
	if l.conn, err = iceberg.Open(t.Context(), l.source, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.conn.Close() })
	if l.to, err = iceberg.Writer("lake", warehouse, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.to.Close() })
	return l
}

func (l *testLake) CreateScope(tb testing.TB, scope string) {
	tb.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.to.CreateNamespace(tb.Context(), table.Identifier{scope}, nil); err != nil {
		tb.Fatal(err)
	}
}

func (l *testLake) Create(tb testing.TB, scope, name string, spec catalogtest.Table) {
	tb.Helper()
	id := 0
	p := icebergo.Properties{}
	if spec.Comment != "" {
		p[iceberg.CommentProperty] = spec.Comment
	}
	l.create(tb, scope, name, icebergo.NewSchema(0, fields(spec.Columns, &id)...), icebergcatalog.WithProperties(p))
}

// create makes a table in a folder that has nothing to do with its name, which may be no good for a folder.
func (l *testLake) create(tb testing.TB, scope, name string, schema *icebergo.Schema, opts ...icebergcatalog.CreateTableOpt) *table.Table {
	tb.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	opts = append(opts, icebergcatalog.WithLocation("file://"+filepath.Join(l.folder, uuid.NewString())))
	id := table.Identifier{scope, name}
	refused := icebergcatalog.ValidateTableIdentifier(id) != nil
	if refused {
		id[1] = uuid.NewString()
	}
	made, err := l.to.CreateTable(tb.Context(), id, schema, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	if refused { // by iceberg-go, not by other engines
		l.exec(tb, `UPDATE iceberg_tables SET table_name = $1 WHERE table_name = $2`, name, id[1])
	}
	return made
}

func (l *testLake) exec(tb testing.TB, sql string, args ...any) {
	tb.Helper()
	if _, err := l.db.Exec(tb.Context(), sql, args...); err != nil {
		tb.Fatal(err)
	}
}

func fields(columns []catalogtest.Column, id *int) []icebergo.NestedField {
	out := make([]icebergo.NestedField, len(columns))
	for i, c := range columns {
		*id++
		out[i] = icebergo.NestedField{ID: *id, Name: c.Name, Required: c.Required, Doc: c.Comment}
		out[i].Type = icebergType(c, id)
	}
	return out
}

func icebergType(c catalogtest.Column, id *int) icebergo.Type {
	switch c.Type {
	case catalogtest.Struct:
		return &icebergo.StructType{FieldList: fields(c.Fields, id)}
	case catalogtest.List:
		*id++
		return &icebergo.ListType{ElementID: *id, Element: icebergo.PrimitiveTypes.String}
	case catalogtest.StructList:
		*id++
		list := &icebergo.ListType{ElementID: *id}
		list.Element = &icebergo.StructType{FieldList: fields(c.Fields, id)}
		return list
	case catalogtest.Long:
		return icebergo.PrimitiveTypes.Int64
	case catalogtest.Text:
		return icebergo.PrimitiveTypes.String
	case catalogtest.Double:
		return icebergo.PrimitiveTypes.Float64
	case catalogtest.Bool:
		return icebergo.PrimitiveTypes.Bool
	case catalogtest.Date:
		return icebergo.PrimitiveTypes.Date
	case catalogtest.Instant:
		return icebergo.PrimitiveTypes.TimestampTz
	case catalogtest.Decimal:
		return icebergo.DecimalTypeOf(9, 2)
	}
	panic("no such type: " + c.Type)
}

func (l *testLake) load(tb testing.TB, scope, name string) *table.Table {
	tb.Helper()
	found, err := l.to.LoadTable(tb.Context(), table.Identifier{scope, name})
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

func (l *testLake) AddColumn(tb testing.TB, scope, name string, c catalogtest.Column) {
	tb.Helper()
	tx := l.load(tb, scope, name).NewTransaction()
	id := 0
	if err := tx.UpdateSchema(true, false).AddColumn([]string{c.Name}, icebergType(c, &id), c.Comment, false, nil).Commit(); err != nil {
		tb.Fatal(err)
	}
	if _, err := tx.Commit(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

func (l *testLake) Drop(tb testing.TB, scope, name string) {
	tb.Helper()
	if err := l.to.DropTable(tb.Context(), table.Identifier{scope, name}); err != nil {
		tb.Fatal(err)
	}
}

// rows returns a table of one column of numbers.
func rows(column string, ids ...int64) arrow.Table {
	schema := arrow.NewSchema([]arrow.Field{{Name: column, Type: arrow.PrimitiveTypes.Int64, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.Int64Builder).AppendValues(ids, nil)
	return array.NewTableFromRecords(schema, []arrow.RecordBatch{b.NewRecordBatch()})
}

func (l *testLake) Append(tb testing.TB, scope, name string, ids ...int64) {
	tb.Helper()
	if _, err := l.load(tb, scope, name).AppendTable(tb.Context(), rows("id", ids...), 1<<20, nil); err != nil {
		tb.Fatal(err)
	}
}

func (l *testLake) Overwrite(tb testing.TB, scope, name string, ids ...int64) {
	tb.Helper()
	if _, err := l.load(tb, scope, name).OverwriteTable(tb.Context(), rows("id", ids...), 1<<20, nil); err != nil {
		tb.Fatal(err)
	}
}

func (l *testLake) Rename(tb testing.TB, scope, from, to string) {
	tb.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.to.RenameTable(tb.Context(), table.Identifier{scope, from}, table.Identifier{scope, to}); err != nil {
		tb.Fatal(err)
	}
}

func (l *testLake) Break(tb testing.TB, scope, name string) {
	tb.Helper()
	if err := os.Remove(l.metadata(tb, scope, name)); err != nil {
		tb.Fatal(err)
	}
}

// metadata returns the path of a table's metadata file.
func (l *testLake) metadata(tb testing.TB, scope, name string) string {
	tb.Helper()
	return strings.TrimPrefix(l.load(tb, scope, name).MetadataLocation(), "file://")
}

// one returns the only dataset of a scope and the error beside it.
func (l *testLake) one(tb testing.TB, scope string) (o catalog.Observation, err error) {
	tb.Helper()
	count := 0
	for o, err = range l.conn.Crawler.Datasets(tb.Context(), scope, nil) {
		count++
	}
	if count != 1 {
		tb.Fatalf("%s has %d datasets, want one", scope, count)
	}
	return o, err
}

func TestCrawler(t *testing.T) {
	l := newLake(t)
	catalogtest.Crawler(t, catalogtest.Fixture{
		Connection: l.conn,
		System:     l,
		Types: map[catalogtest.Type]string{
			catalogtest.Long: "long", catalogtest.Text: "string", catalogtest.Double: "double", catalogtest.Bool: "boolean",
			catalogtest.Date: "date", catalogtest.Instant: "timestamptz", catalogtest.Decimal: "decimal(9,2)",
			catalogtest.List: "list<string>", catalogtest.Struct: "struct", catalogtest.StructList: "list<struct>",
		},
		Comments: true, Required: true, Renames: true, Snapshots: true, Versions: true,
	})
}
