package iceberg

import (
	"context"
	"os"
	"path/filepath"
	"strconv"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

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
	tasks, err := t.Scan().PlanFiles(ctx)
	if ctx.Err() != nil {
		return catalog.Plan{}, ctx.Err()
	}
	if err != nil {
		return catalog.Plan{}, fault.Unavailablef(err, "the list of files of %s cannot be read", name)
	}
	plan.Files, err = planFiles(tasks)
	if err != nil {
		return catalog.Plan{}, err
	}
	for _, f := range plan.Files {
		plan.Rows += f.Rows
		plan.Bytes += f.Bytes
	}
	return plan, nil
}

// planFiles returns one PlanFile for each data file: iceberg-go makes several tasks of a large one.
func planFiles(tasks []table.FileScanTask) ([]catalog.PlanFile, error) {
	files := make([]catalog.PlanFile, 0, len(tasks))
	seen := make(map[string]bool, len(tasks))
	for _, task := range tasks {
		if seen[task.File.FilePath()] {
			continue
		}
		seen[task.File.FilePath()] = true
		if len(task.EqualityDeleteFiles) > 0 {
			return nil, fault.Unavailablef(nil, "rows were deleted by value (equality deletes), which cannot be read here")
		}
		if len(task.DeletionVectorFiles) > 0 {
			return nil, fault.Unavailablef(nil, "rows were deleted by deletion vectors, which cannot be read here")
		}
		file, err := planFile(task)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func planFile(task table.FileScanTask) (catalog.PlanFile, error) {
	path, err := parquetPath(task.File)
	if err != nil {
		return catalog.PlanFile{}, err
	}
	file := catalog.PlanFile{Path: path, Rows: task.File.Count(), Bytes: task.File.FileSizeBytes()}
	for _, d := range task.DeleteFiles {
		path, err := parquetPath(d)
		if err != nil {
			return catalog.PlanFile{}, err
		}
		file.Deletes = append(file.Deletes, path)
	}
	return file, nil
}

func parquetPath(f iceberg.DataFile) (string, error) {
	if f.FileFormat() != iceberg.ParquetFile {
		return "", fault.Unavailablef(nil, "a file is in the format %s; only Parquet can be read here", f.FileFormat())
	}
	path, err := localPath(f.FilePath())
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err != nil {
		return "", fault.Unavailablef(err, "a file of the table is missing or cannot be opened: %s", filepath.Base(path))
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
