package iceberg

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"

	"portreeve/catalog"
	"portreeve/fault"
)

// Plan returns the data files of a table's current snapshot with the delete files that apply to each. A table that has no
// snapshot has no files. What DuckDB cannot read exactly is Unavailable: equality deletes, deletion vectors, files that are not
// Parquet or not on the local disk.
func (l *Lake) Plan(ctx context.Context, name string) (catalog.Plan, error) {
	e, err := l.entry(ctx, name)
	if err != nil {
		return catalog.Plan{}, err
	}
	if e.View {
		return catalog.Plan{}, fault.Unavailablef(nil, "%s is a view: it has no files of its own", name)
	}
	t, err := loadTable(ctx, e)
	if err != nil {
		return catalog.Plan{}, err
	}
	plan := catalog.Plan{Key: catalog.Key{Source: l.slug, Name: name}, Columns: planColumns(t.Schema())}
	snapshot := t.CurrentSnapshot()
	if snapshot == nil {
		return plan, nil
	}
	plan.SnapshotID = strconv.FormatInt(snapshot.SnapshotID, 10)
	set, err := readFiles(ctx, t, snapshot)
	if ctx.Err() != nil {
		return catalog.Plan{}, ctx.Err()
	}
	if err != nil {
		return catalog.Plan{}, fault.Unavailablef(err, "the list of the files of %s is missing or damaged", name)
	}
	plan.Files, err = planFiles(&set)
	if err != nil {
		return catalog.Plan{}, err
	}
	for _, f := range plan.Files {
		plan.Rows += f.Rows
		plan.Bytes += f.Bytes
	}
	return plan, nil
}

func planFiles(set *fileSet) ([]catalog.PlanFile, error) {
	if set.deletedByValue() {
		return nil, fault.Unavailablef(nil, "rows were deleted by value (equality deletes), which cannot be read here")
	}
	deletesOf := set.deletesOf()
	files := make([]catalog.PlanFile, len(set.data))
	for i, f := range set.data {
		var err error
		if files[i], err = planFile(f, deletesOf(f)); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func planFile(f liveFile, deletes []liveFile) (catalog.PlanFile, error) {
	path, err := parquetPath(f)
	if err != nil {
		return catalog.PlanFile{}, err
	}
	file := catalog.PlanFile{Path: path, Rows: f.Count(), Bytes: f.FileSizeBytes()}
	if len(deletes) > 0 && strings.TrimPrefix(strings.TrimPrefix(f.FilePath(), "file:"), "//") != path {
		// Delete files name data files by address, and the reader matches paths.
		return catalog.PlanFile{}, fault.Unavailablef(nil, "rows were deleted from a file whose address is not its path, which cannot be read here")
	}
	for _, d := range deletes {
		if d.FileFormat() == iceberg.PuffinFile {
			return catalog.PlanFile{}, fault.Unavailablef(nil, "rows were deleted by deletion vectors, which cannot be read here")
		}
		path, err := parquetPath(d)
		if err != nil {
			return catalog.PlanFile{}, err
		}
		file.Deletes = append(file.Deletes, path)
	}
	return file, nil
}

func parquetPath(f liveFile) (string, error) {
	if f.FileFormat() != iceberg.ParquetFile {
		return "", fault.Unavailablef(nil, "a file is in the format %s; only Parquet can be read here", fault.Line(string(f.FileFormat()), 100))
	}
	path, err := localPath(f.FilePath())
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fault.Unavailablef(err, "a file of the table is missing or cannot be opened: %s", fault.Line(filepath.Base(path), maxName))
	}
	return path, nil
}

func planColumns(schema *iceberg.Schema) []catalog.PlanColumn {
	fields := schema.Fields()
	out := make([]catalog.PlanColumn, len(fields))
	for i, f := range fields {
		out[i] = catalog.PlanColumn{FieldID: f.ID, Name: f.Name, Type: fullType(f.Type)}
	}
	return out
}
