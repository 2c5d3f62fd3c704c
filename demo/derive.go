package demo

import (
	"context"
	"embed"
	"fmt"
	"os"
	"path/filepath"

	"portreeve/catalog"
	lake "portreeve/connector/iceberg"
)

//go:embed sql/*.sql
var statements embed.FS

// derive makes the tables of the upper layers, each from tables before it.
func (b *builder) derive(ctx context.Context) error {
	source := Source(b.Home, b.weeks)
	source.Config[lake.CatalogKey] = building
	conn, err := lake.Open(ctx, source, b.CatalogDSN)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it was only read
	for _, spec := range derivedTables {
		if spec.Reads == nil {
			if _, err := b.create(ctx, spec); err != nil {
				return err
			}
			continue
		}
		rows, err := b.run(ctx, conn.Planner, spec)
		if err != nil {
			return fmt.Errorf("make %s: %w", spec.Name, err)
		}
		b.Progress(fmt.Sprintf("Made %s: %s rows", spec.Name, count(rows)))
	}
	return nil
}

// run makes one table by its SQL and returns the number of its rows.
func (b *builder) run(ctx context.Context, planner catalog.Planner, spec tableSpec) (int64, error) {
	statement, err := statements.ReadFile("sql/" + spec.Name + ".sql")
	if err != nil {
		return 0, err
	}
	plans := make([]catalog.Plan, len(spec.Reads))
	for i, name := range spec.Reads {
		if plans[i], err = planner.Plan(ctx, name); err != nil {
			return 0, err
		}
	}
	if err := readable(b.warehouse()); err != nil {
		return 0, err
	}
	folder, err := os.MkdirTemp(b.warehouse(), "derive-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // the next build removes what is left
	out := filepath.Join(folder, "result.parquet")
	rows, err := b.Exporter.Export(ctx, plans, string(statement), out)
	if err != nil {
		return 0, err
	}
	return rows, b.appendFile(ctx, spec, out)
}

// appendFile makes the table and commits the rows of a Parquet file to it.
func (b *builder) appendFile(ctx context.Context, spec tableSpec, path string) error {
	t, err := b.create(ctx, spec)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it was only read
	r, closeFile, err := parquetReader(ctx, f)
	if err != nil {
		return err
	}
	defer closeFile() //nolint:errcheck // it was only read
	defer r.Release()
	_, err = appendRows(ctx, t, r)
	return err
}
