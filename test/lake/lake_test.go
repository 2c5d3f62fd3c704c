// Package lake shows that the embedded engine and Trino work on the same tables: each reads what the other writes, and
// commits at the same time lose nothing.
package lake

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	icebergo "github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	_ "github.com/trinodb/trino-go-client/trino" // the driver "trino"

	"portreeve/catalog"
	"portreeve/connector/duckdb"
	"portreeve/connector/iceberg"
	"portreeve/test/stack"
)

// TestMain lets the test binary be the engine's worker, as the real binary is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == duckdb.Command {
		if err := duckdb.Work(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// shared is the lake as both sides see it, with a namespace of the test's own.
type shared struct {
	namespace string
	stack     *stack.Stack
	writer    *iceberg.WriteCatalog
	conn      catalog.Connection
	engine    *duckdb.Engine
	trino     *sql.DB
}

func open(t *testing.T) *shared {
	t.Helper()
	s := &shared{namespace: "shared_" + strings.ToLower(rand.Text()[:8]), stack: stack.Of(t)}
	ctx := context.Background() // also for what is removed at the end
	var err error
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(iceberg.Init(ctx, s.stack.LakeURL))
	s.writer, err = iceberg.Writer("lake", "file://"+s.stack.Warehouse, s.stack.LakeURL)
	must(err)
	t.Cleanup(func() { s.writer.Close() })
	s.conn, err = iceberg.Open(ctx, s.source(), s.stack.LakeURL)
	must(err)
	t.Cleanup(func() { s.conn.Close() })
	s.trino, err = sql.Open("trino", strings.Replace(s.stack.Trino, "://", "://lake-test@", 1)+"?catalog=lake&schema="+s.namespace)
	must(err)
	s.trino.SetMaxIdleConns(0)
	t.Cleanup(func() { s.trino.Close() })
	scratch := filepath.Join(t.TempDir(), "scratch")
	must(os.Mkdir(scratch, 0o711))
	for dir := scratch; strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		must(os.Chmod(dir, 0o711))
	}
	s.engine = duckdb.New(duckdb.Options{Dir: scratch, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { s.engine.Close() })
	must(s.writer.CreateNamespace(ctx, table.Identifier{s.namespace}, nil))
	t.Cleanup(func() { _, _ = s.trino.ExecContext(ctx, "DROP SCHEMA "+s.namespace+" CASCADE") })
	return s
}

func (s *shared) source() catalog.Source {
	return catalog.Source{Slug: "lake", Kind: "iceberg", Namespace: "iceberg://lake", Config: map[string]string{
		iceberg.CatalogKey: "lake", iceberg.WarehouseKey: "file://" + s.stack.Warehouse,
	}}
}

// make makes a table (id long, name string, amount double) through iceberg-go.
func (s *shared) make(t *testing.T, name string) *table.Table {
	t.Helper()
	schema := icebergo.NewSchema(0,
		icebergo.NestedField{ID: 1, Name: "id", Type: icebergo.PrimitiveTypes.Int64},
		icebergo.NestedField{ID: 2, Name: "name", Type: icebergo.PrimitiveTypes.String, Doc: "what people call it"},
		icebergo.NestedField{ID: 3, Name: "amount", Type: icebergo.PrimitiveTypes.Float64})
	made, err := s.writer.CreateTable(t.Context(), table.Identifier{s.namespace, name}, schema)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// rows returns n rows with ids from first on.
func rows(first, n int) arrow.RecordBatch {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "id", Type: arrow.PrimitiveTypes.Int64, Nullable: true},
		{Name: "name", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "amount", Type: arrow.PrimitiveTypes.Float64, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := first; i < first+n; i++ {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("näme %d", i))
		b.Field(2).(*array.Float64Builder).Append(float64(i) / 4)
	}
	return b.NewRecordBatch()
}

func appendRows(ctx context.Context, to *table.Table, first, n int) error {
	batch := rows(first, n)
	defer batch.Release()
	r, err := array.NewRecordReader(batch.Schema(), []arrow.RecordBatch{batch})
	if err != nil {
		return err
	}
	defer r.Release()
	_, err = to.Append(ctx, r, nil)
	return err
}

// ask returns the one row that Trino answers, as text.
func (s *shared) ask(t *testing.T, query string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var answer string
	if err := s.trino.QueryRowContext(ctx, query).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

func (s *shared) do(t *testing.T, query string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, err := s.trino.ExecContext(ctx, query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// count returns what the embedded engine counts.
func (s *shared) count(t *testing.T, name string) int64 {
	t.Helper()
	plan, err := s.conn.Planner.Plan(t.Context(), s.namespace+"."+name)
	if err != nil {
		t.Fatal(err)
	}
	n, err := s.engine.Count(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
