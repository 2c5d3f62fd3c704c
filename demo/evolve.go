package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	lake "portreeve/connector/iceberg"
)

// change is a change of a table's schema. Done says of a schema whether it has happened.
type change struct {
	table string
	done  func(*iceberg.Schema) bool
	apply func(*table.UpdateSchema)
}

// changes are what happens to the lake between its first crawl and its second.
var changes = []change{
	{
		"raw.flights",
		column("distance", func(f iceberg.NestedField) bool { return f.Type.Equals(iceberg.PrimitiveTypes.Int64) }),
		update("distance", table.ColumnUpdate{FieldType: some[iceberg.Type](iceberg.PrimitiveTypes.Int64)}),
	},
	{
		"raw.planes",
		column("seats", func(f iceberg.NestedField) bool { return !f.Required }),
		update("seats", table.ColumnUpdate{Required: some(false)}),
	},
	{
		"clean.flights",
		column("dep_delay", func(f iceberg.NestedField) bool { return f.Doc == docDepDelay }),
		update("dep_delay", table.ColumnUpdate{Doc: some(docDepDelay)}),
	},
	{
		"marts.route_performance",
		column("avg_arr_delay", func(iceberg.NestedField) bool { return true }),
		func(u *table.UpdateSchema) { u.RenameColumn([]string{"avg_delay"}, "avg_arr_delay") },
	},
	{
		"marts.partner_targets",
		column("agreed_on", func(iceberg.NestedField) bool { return true }),
		func(u *table.UpdateSchema) {
			u.AddColumn([]string{"agreed_on"}, iceberg.PrimitiveTypes.Date, "Day on which both sides signed.", false, nil)
		},
	},
}

const docDepDelay = "Departure delay in minutes; negative when early. Empty when cancelled."

func some[T any](v T) iceberg.Optional[T] { return iceberg.Optional[T]{Val: v, Valid: true} }

func column(name string, test func(iceberg.NestedField) bool) func(*iceberg.Schema) bool {
	return func(s *iceberg.Schema) bool {
		f, ok := s.FindFieldByName(name)
		return ok && test(f)
	}
}

func update(name string, to table.ColumnUpdate) func(*table.UpdateSchema) {
	return func(u *table.UpdateSchema) { u.UpdateColumn([]string{name}, to) }
}

// Evolve changes the lake as time changes lakes, so that a crawl after it finds a history: columns added, renamed, widened,
// described anew and made optional, and one more commit. It does so once, however often it is called.
func Evolve(ctx context.Context, o Options) error {
	to, err := lake.Writer(Slug, fileURL(o.warehouse()), o.CatalogDSN)
	if err != nil {
		return err
	}
	defer to.Close()
	raw := table.Identifier{"raw"}
	state, err := to.LoadNamespaceProperties(ctx, raw)
	if err != nil {
		return fmt.Errorf("look at the lake: %w", err)
	}
	if state[evolvedProperty] != "" {
		return nil
	}
	for _, c := range changes {
		if err := c.run(ctx, to); err != nil {
			return fmt.Errorf("change %s: %w", c.table, err)
		}
	}
	if err := logChanges(ctx, to, o.Today); err != nil {
		return err
	}
	if err := readable(o.warehouse()); err != nil {
		return err
	}
	if _, err := to.UpdateNamespaceProperties(ctx, raw, nil, iceberg.Properties{evolvedProperty: "true"}); err != nil {
		return fmt.Errorf("note that the lake was changed: %w", err)
	}
	return nil
}

func (c change) run(ctx context.Context, to *lake.WriteCatalog) error {
	t, err := to.LoadTable(ctx, strings.Split(c.table, "."))
	if err != nil || c.done(t.Schema()) {
		return err
	}
	tx := t.NewTransaction()
	u := tx.UpdateSchema(true, false)
	c.apply(u)
	if err := u.Commit(); err != nil {
		return err
	}
	_, err = tx.Commit(ctx)
	return err
}

// logChanges adds a row for each change to raw.load_log, in one commit.
func logChanges(ctx context.Context, to *lake.WriteCatalog, now time.Time) error {
	t, err := to.LoadTable(ctx, loadLog.identifier())
	if err != nil {
		return fmt.Errorf("append to %s: %w", loadLog.Name, err)
	}
	if len(t.Metadata().Snapshots()) > 1 {
		return nil
	}
	schema, err := table.SchemaToArrowSchema(t.Schema(), nil, false, false)
	if err != nil {
		return fmt.Errorf("append to %s: %w", loadLog.Name, err)
	}
	rows := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer rows.Release()
	for _, c := range changes {
		rows.Field(0).(*array.StringBuilder).Append(c.table)
		rows.Field(1).AppendNull()
		rows.Field(2).(*array.Int64Builder).Append(0)
		rows.Field(3).(*array.TimestampBuilder).Append(arrow.Timestamp(now.UnixMicro()))
	}
	batch := rows.NewRecordBatch()
	defer batch.Release()
	_, err = appendBatch(ctx, t, batch)
	return err
}
