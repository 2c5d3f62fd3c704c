package demo

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	icebergcatalog "github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

	lake "portreeve/connector/iceberg"
)

// builder makes the lake under the name building.
type builder struct {
	Options
	weeks int
	to    *lake.WriteCatalog
	loads []load
}

// load is a row of raw.load_log.
type load struct {
	table    string
	snapshot table.Snapshot
	rows     int64
}

func (b *builder) build(ctx context.Context) error {
	if err := os.MkdirAll(b.warehouse(), 0o755); err != nil {
		return fmt.Errorf("make the folder of the lake: %w", err)
	}
	to, err := lake.Writer(building, fileURL(b.warehouse()), b.CatalogDSN)
	if err != nil {
		return err
	}
	defer to.Close()
	b.to = to
	if err := b.namespaces(ctx); err != nil {
		return err
	}
	for _, spec := range rawTables {
		if err := b.load(ctx, spec); err != nil {
			return err
		}
	}
	if err := b.log(ctx); err != nil {
		return err
	}
	if err := b.derive(ctx); err != nil {
		return err
	}
	return readable(b.warehouse())
}

func (b *builder) namespaces(ctx context.Context) error {
	comments := map[string]string{
		"raw":   "Data as it came from its sources, dates moved.",
		"clean": "Data that was checked, joined and brought to common units.",
		"marts": "Figures that people decide by.",
	}
	for name, comment := range comments {
		p := iceberg.Properties{"location": fileURL(filepath.Join(b.warehouse(), name)), lake.CommentProperty: comment}
		if name == "raw" {
			p[weeksProperty] = strconv.Itoa(b.weeks)
			p[warehouseProperty] = b.warehouse()
			p[versionProperty] = version
		}
		if err := b.to.CreateNamespace(ctx, table.Identifier{name}, p); err != nil {
			return fmt.Errorf("make namespace %s: %w", name, err)
		}
	}
	return nil
}

// create makes an empty table.
func (b *builder) create(ctx context.Context, spec tableSpec) (*table.Table, error) {
	schema := spec.schema()
	partition, err := spec.partition(schema)
	if err != nil {
		return nil, err
	}
	order, err := spec.sortOrder(schema)
	if err != nil {
		return nil, err
	}
	t, err := b.to.CreateTable(ctx, spec.identifier(), schema, icebergcatalog.WithPartitionSpec(&partition),
		icebergcatalog.WithSortOrder(order), icebergcatalog.WithProperties(spec.properties(b.weeks)))
	if err != nil {
		return nil, fmt.Errorf("make %s: %w", spec.Name, err)
	}
	return t, nil
}

// load makes a raw table of the embedded data, in several commits where time passes in it.
func (b *builder) load(ctx context.Context, spec tableSpec) error {
	t, err := b.create(ctx, spec)
	if err != nil {
		return err
	}
	recorded, err := embedded(ctx, strings.TrimPrefix(spec.Name, "raw."))
	if err != nil {
		return err
	}
	defer recorded.Release()
	batch := moved(recorded, b.weeks)
	defer batch.Release()
	period := nextQuarter
	if spec.Name == "raw.flights" {
		period = nextMonth
	}
	parts := periods(batch, period)
	for i, part := range parts {
		t, err = appendBatch(ctx, t, part)
		part.Release()
		if err != nil {
			return err
		}
		b.loads = append(b.loads, load{spec.Name, *t.CurrentSnapshot(), part.NumRows()})
		if len(parts) > 1 {
			b.Progress(fmt.Sprintf("Loading %s: %d of %d", spec.Name, i+1, len(parts)))
		}
	}
	b.Progress(fmt.Sprintf("Loaded %s: %s rows", spec.Name, count(batch.NumRows())))
	return nil
}

// appendBatch commits rows to a table.
func appendBatch(ctx context.Context, t *table.Table, batch arrow.RecordBatch) (*table.Table, error) {
	r, err := array.NewRecordReader(batch.Schema(), []arrow.RecordBatch{batch})
	if err != nil {
		return nil, err
	}
	defer r.Release()
	return appendRows(ctx, t, r)
}

// appendRows commits rows to a table whose columns have the same order.
func appendRows(ctx context.Context, t *table.Table, r array.RecordReader) (*table.Table, error) {
	name := strings.Join(t.Identifier(), ".")
	want, got := t.Schema().Fields(), r.Schema().Fields()
	if len(want) != len(got) {
		return nil, fmt.Errorf("append to %s: %d columns instead of %d", name, len(got), len(want))
	}
	fields := make([]arrow.Field, len(want))
	for i, f := range want {
		if got[i].Name != f.Name {
			return nil, fmt.Errorf("append to %s: column %s instead of %s", name, got[i].Name, f.Name)
		}
		fields[i] = arrow.Field{Name: f.Name, Type: got[i].Type, Nullable: !f.Required}
	}
	t, err := t.Append(ctx, conforming{r, arrow.NewSchema(fields, nil)}, nil)
	if err != nil {
		return nil, fmt.Errorf("append to %s: %w", name, err)
	}
	return t, nil
}

// log writes what was loaded to raw.load_log.
func (b *builder) log(ctx context.Context) error {
	t, err := b.create(ctx, loadLog)
	if err != nil {
		return err
	}
	schema, err := table.SchemaToArrowSchema(t.Schema(), nil, false, false)
	if err != nil {
		return fmt.Errorf("write %s: %w", loadLog.Name, err)
	}
	rows := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer rows.Release()
	for _, l := range b.loads {
		rows.Field(0).(*array.StringBuilder).Append(l.table)
		rows.Field(1).(*array.Int64Builder).Append(l.snapshot.SnapshotID)
		rows.Field(2).(*array.Int64Builder).Append(l.rows)
		rows.Field(3).(*array.TimestampBuilder).Append(arrow.Timestamp(time.UnixMilli(l.snapshot.TimestampMs).UnixMicro()))
	}
	batch := rows.NewRecordBatch()
	defer batch.Release()
	_, err = appendBatch(ctx, t, batch)
	return err
}

// readable lets everybody read the lake's files: the engine runs as a user without rights.
func readable(folder string) error {
	return filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o755) //nolint:gosec // on purpose
		}
		return os.Chmod(path, 0o644) //nolint:gosec // on purpose
	})
}
