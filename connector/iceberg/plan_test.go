package iceberg_test

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	icebergo "github.com/apache/iceberg-go"
	icebergcatalog "github.com/apache/iceberg-go/catalog"
	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
	"portreeve/connector/iceberg"
	"portreeve/fault"
	"portreeve/postgres/pgtest"
)

func TestPositionDeletesComeWithTheirFiles(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	l.CreateScope(t, "s")
	l.create(t, "s", "pruned", icebergo.NewSchema(0, field(1, "id", icebergo.PrimitiveTypes.Int64)),
		icebergcatalog.WithProperties(icebergo.Properties{"format-version": "2", "write.delete.mode": "merge-on-read"}))
	l.Append(t, "s", "pruned", 1, 2, 3)
	l.Append(t, "s", "pruned", 4, 5)
	if _, err := l.load(t, "s", "pruned").Delete(t.Context(), icebergo.EqualTo(icebergo.Reference("id"), int64(2)), nil); err != nil {
		t.Fatal(err)
	}
	l.Append(t, "s", "pruned", 6)
	plan, err := l.conn.Planner.Plan(t.Context(), "s.pruned")
	if err != nil {
		t.Fatal(err)
	}
	got := map[int64]int{} // rows of the file to number of delete files
	for _, f := range plan.Files {
		got[f.Rows] = len(f.Deletes)
	}
	if diff := cmp.Diff(map[int64]int{3: 1, 2: 1, 1: 0}, got); diff != "" {
		t.Errorf("delete files by rows of the data file: the last file is newer than the delete (-want +got):\n%s", diff)
	}
	if plan.Rows != 6 {
		t.Errorf("the plan has %d rows, want 6: deletes are not applied to it", plan.Rows)
	}
	if o, err := l.one(t, "s"); err != nil || o.RowCount == nil || *o.RowCount != 5 {
		t.Errorf("the crawl sees %v rows, error %v; want 5", o.RowCount, err)
	}
}

func TestDeletesByValueCannotBePlanned(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	l.CreateScope(t, "s")
	l.create(t, "s", "pruned", icebergo.NewSchema(0, field(1, "id", icebergo.PrimitiveTypes.Int64)),
		icebergcatalog.WithProperties(icebergo.Properties{"format-version": "2"}))
	l.Append(t, "s", "pruned", 1, 2, 3)
	tx := l.load(t, "s", "pruned").NewTransaction()
	deletes := array.NewTableReader(rows("id", 2), 10)
	each := func(yield func(arrow.RecordBatch, error) bool) {
		for deletes.Next() && yield(deletes.RecordBatch(), nil) {
		}
	}
	if err := tx.CommitEqualityDeletes(t.Context(), []int{1}, each, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := l.conn.Planner.Plan(t.Context(), "s.pruned")
	wantUnavailable(t, err, "deleted by value")
	if o, err := l.one(t, "s"); err != nil || o.RowCount != nil {
		t.Errorf("the crawl sees %v rows, error %v; nobody knows how many there are", o.RowCount, err)
	}
}

func TestPlanOfPartitionsHasEachFileOnce(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	l.CreateScope(t, "s")
	spec := icebergo.NewPartitionSpec(icebergo.PartitionField{
		SourceIDs: []int{1}, FieldID: 1000, Name: "id", Transform: icebergo.BucketTransform{NumBuckets: 4},
	})
	l.create(t, "s", "parts", icebergo.NewSchema(0, field(1, "id", icebergo.PrimitiveTypes.Int64)),
		icebergcatalog.WithPartitionSpec(&spec), icebergcatalog.WithProperties(icebergo.Properties{"read.split.target-size": "1"}))
	var ids []int64
	for i := range int64(1000) {
		ids = append(ids, i)
	}
	l.Append(t, "s", "parts", ids...)
	plan, err := l.conn.Planner.Plan(t.Context(), "s.parts")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, f := range plan.Files {
		paths = append(paths, f.Path)
	}
	slices.Sort(paths)
	if plan.Rows != 1000 || len(paths) != 4 || len(slices.Compact(paths)) != 4 {
		t.Errorf("%d rows in %d files, want 1000 in 4 different ones", plan.Rows, len(plan.Files))
	}
}

func TestPlanSpellsTypesForAReader(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	l.CreateScope(t, "s")
	l.create(t, "s", "typed", icebergo.NewSchema(0,
		field(1, "price", icebergo.DecimalTypeOf(10, 2)),
		field(2, "place", &icebergo.StructType{FieldList: []icebergo.NestedField{
			{ID: 3, Name: "lat", Type: icebergo.PrimitiveTypes.Float64, Required: true},
			{ID: 4, Name: "tags", Type: &icebergo.ListType{ElementID: 5, Element: icebergo.PrimitiveTypes.String}},
		}}),
	))
	plan, err := l.conn.Planner.Plan(t.Context(), "s.typed")
	if err != nil {
		t.Fatal(err)
	}
	want := catalog.Plan{Key: catalog.Key{Source: "lake", Name: "s.typed"}, Columns: []catalog.PlanColumn{
		{FieldID: 1, Name: "price", Type: "decimal(10,2)"},
		{FieldID: 2, Name: "place", Type: "struct<3: lat: required double, 4: tags: optional list<string>>"},
	}}
	if diff := cmp.Diff(want, plan); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

// TestManyTablesNeedNoMoreMemory crawls far more tables than are held at a time.
func TestManyTablesNeedNoMoreMemory(t *testing.T) {
	l := newLake(t)
	l.CreateScope(t, "s")
	l.Create(t, "s", "first", idTable)
	l.exec(t, `INSERT INTO iceberg_tables SELECT catalog_name, table_namespace, 'copy_' || n, metadata_location, NULL, iceberg_type
		FROM iceberg_tables, generate_series(1, 4999) n`)
	seen := map[string]bool{}
	var early, late uint64
	for o, err := range l.conn.Crawler.Datasets(t.Context(), "s", nil) {
		if err != nil {
			t.Fatal(err)
		}
		if seen[o.Name] {
			t.Fatalf("%s was listed twice", o.Name)
		}
		seen[o.Name] = true
		switch len(seen) {
		case 500:
			early = heap()
		case 4900:
			late = heap()
		}
	}
	if len(seen) != 5000 {
		t.Errorf("%d tables, want 5000", len(seen))
	}
	if late > early+2<<20 {
		t.Errorf("the heap grew from %d to %d bytes over 4,400 tables", early, late)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestSnapshotsHaveTheFiguresOfTheirSummaries(t *testing.T) {
	t.Parallel()
	l := newLake(t)
	l.CreateScope(t, "s")
	l.Create(t, "s", "busy", idTable)
	for i := range int64(3) {
		l.Append(t, "s", "busy", i)
	}
	o, err := l.one(t, "s")
	if err != nil || len(o.Snapshots) != 3 {
		t.Fatalf("%d snapshots, error %v", len(o.Snapshots), err)
	}
	for i, s := range o.Snapshots {
		if s.Operation != "append" || s.TotalFiles == nil || *s.TotalFiles != int64(i+1) || *s.DeletedRows != 0 || s.Summary["added-records"] != "1" {
			t.Errorf("snapshot %d: %+v", i, s)
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dsn := pgtest.URL(pgtest.Empty(t))
	lake := catalog.Source{Config: map[string]string{iceberg.CatalogKey: "lake"}}
	tests := []struct {
		name   string
		source catalog.Source
		dsn    string
		want   fault.Kind
	}{
		{"no catalog name", catalog.Source{}, dsn, fault.Invalid},
		{"no address", lake, "://", fault.Invalid},
		{"no such server", lake, "postgres://nobody@127.0.0.1:1/none?connect_timeout=2", fault.Unavailable},
		{"no tables", lake, dsn, fault.Unavailable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := iceberg.Open(t.Context(), tt.source, tt.dsn)
			if fault.KindOf(err) != tt.want || fault.Message(err) == "" {
				t.Errorf("error %v is of the kind %v, want %v", err, fault.KindOf(err), tt.want)
			}
		})
	}
}

// TestInitMakesWhatTrinoReads compares with the table definitions of Trino's JDBC catalog, version V1.
func TestInitMakesWhatTrinoReads(t *testing.T) {
	t.Parallel()
	db := pgtest.Empty(t)
	for range 2 { // the second time there is nothing to do
		if err := iceberg.Init(t.Context(), pgtest.URL(db)); err != nil {
			t.Fatal(err)
		}
	}
	const q = `SELECT table_name, column_name, data_type, character_maximum_length, is_nullable FROM information_schema.columns
		WHERE table_schema = 'public' ORDER BY table_name, ordinal_position`
	rows, err := db.Query(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var name, column, kind, null string
		var length int
		if err := rows.Scan(&name, &column, &kind, &length, &null); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s.%s %s(%s) %s", name, column, kind, strconv.Itoa(length), null))
	}
	want := []string{
		"iceberg_namespace_properties.catalog_name character varying(255) NO",
		"iceberg_namespace_properties.namespace character varying(255) NO",
		"iceberg_namespace_properties.property_key character varying(255) NO",
		"iceberg_namespace_properties.property_value character varying(1000) YES",
		"iceberg_tables.catalog_name character varying(255) NO",
		"iceberg_tables.table_namespace character varying(255) NO",
		"iceberg_tables.table_name character varying(255) NO",
		"iceberg_tables.metadata_location character varying(1000) YES",
		"iceberg_tables.previous_metadata_location character varying(1000) YES",
		"iceberg_tables.iceberg_type character varying(5) YES",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}
