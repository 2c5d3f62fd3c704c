package duckdb

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"portreeve/catalog"
	"portreeve/fault"
)

// resultFile is the name of a result in a job's folder.
const resultFile = "result.parquet"

// Export runs one SELECT of ours over plans and writes its rows as Parquet to the new file out, or leaves nothing there. A
// plan named raw.flights is the table raw.flights in sql, which must not be a person's: it runs unguarded, though in the
// same fence. ORDER BY is kept. It returns the number of rows.
func (e *Engine) Export(ctx context.Context, plans []catalog.Plan, sql, out string) (rows int64, err error) {
	j := job{}
	for _, p := range plans {
		j.Views = append(j.Views, newView(p))
	}
	err = e.run(ctx, e.o.QueryTimeout, j, func(ctx context.Context, s session) error {
		r, err := s.do(ctx, request{Task: &task{SQL: sql, Out: resultFile}})
		if err != nil {
			return err
		}
		rows = r.Count
		return fetch(s.dir, out)
	})
	return rows, err
}

// fetch copies the result in dir to the new file out. Dir is the worker's, so nothing in it is followed.
func fetch(dir, out string) (err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if info, err := root.Lstat(resultFile); err != nil || !info.Mode().IsRegular() {
		return errors.Join(errStopped, err)
	}
	from, err := root.Open(resultFile)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // workers of another user read the lake
	if err != nil {
		return fault.Unavailablef(err, "the file %s cannot be written", filepath.Base(out))
	}
	if _, err = io.Copy(to, from); err == nil {
		err = to.Sync()
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return fault.Unavailablef(errors.Join(err, os.Remove(out)), "the file %s cannot be written", filepath.Base(out))
	}
	return nil
}
