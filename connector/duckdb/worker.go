//go:build !noduckdb

package duckdb

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unicode/utf8"

	_ "github.com/duckdb/duckdb-go/v2" // the engine
)

// linked says that this binary holds the engine.
const linked = true

// Work serves the portal that started this process, on file descriptors 3 and 4, and returns when it cannot go on. It must
// be all that the process does: it takes rights away from it for good.
func Work() error {
	in, out := os.NewFile(3, "requests"), os.NewFile(4, "replies")
	var first request
	if err := receive(in, maxRequest, &first); err != nil || first.Limits == nil {
		return errors.New("this command is started by the portal itself, for work on data files")
	}
	if err := confine(*first.Limits); err != nil {
		return fmt.Errorf("fence: %w", err)
	}
	requests := make(chan request, 1)
	go func() {
		for {
			var q request
			if receive(in, maxRequest, &q) != nil {
				os.Exit(0) // the portal is gone: leave, even from the middle of a statement
			}
			requests <- q
		}
	}()
	ctx := context.Background()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx) // the engine starts while nobody waits for it
	if err != nil {
		return err
	}
	w := worker{conn: conn}
	for q := range requests {
		var r reply
		switch {
		case q.Job != nil:
			r = w.setUp(ctx, *q.Job)
		case q.Task != nil:
			r = w.do(ctx, *q.Task)
		}
		if err := send(out, r); err != nil {
			return err
		}
	}
	return nil
}

// worker is the engine in its process.
type worker struct {
	conn *sql.Conn
	job  job
}

// each calls f for each row of a query of ours.
func (w *worker) each(ctx context.Context, query string, f func(scan func(...any) error) error) error {
	rows, err := w.conn.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (w *worker) exec(ctx context.Context, statements ...string) error {
	for _, s := range statements {
		if _, err := w.conn.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%.60s: %w", s, err)
		}
	}
	return nil
}

// setUp opens exactly what the job needs and then shuts every door: first the kernel's, then the engine's.
func (w *worker) setUp(ctx context.Context, j job) (r reply) {
	w.job = j
	runtime.GOMAXPROCS(max(2, j.Threads))
	spill := filepath.Join(j.Dir, "spill")
	if err := os.Mkdir(spill, 0o700); err != nil {
		return reply{Failed: err.Error(), Stage: stageSetUp}
	}
	var files []string
	for i := range j.Views {
		files = append(files, j.Views[i].paths()...)
	}
	if err := fence(files, j.Dir); err != nil {
		r.Unfenced = err.Error()
		if j.Foreign {
			return reply{Failed: err.Error(), Stage: stageFence}
		}
	}
	err := w.exec(ctx,
		"SET autoinstall_known_extensions = false; SET autoload_known_extensions = false; SET allow_community_extensions = false",
		"SET allow_persistent_secrets = false; SET enable_progress_bar = false; SET TimeZone = 'UTC'",
		fmt.Sprintf("SET preserve_insertion_order = true; SET threads = %d", j.Threads), // the columns of a schema come in their order
		fmt.Sprintf("SET memory_limit = '%dB'; SET max_temp_directory_size = '%dB'", j.Memory, j.Spill),
		"SET parquet_metadata_cache = true; SET temp_directory = "+quote(spill),
		"ATTACH ':memory:' AS lake",
	)
	if err != nil {
		return reply{Failed: err.Error(), Stage: stageSetUp}
	}
	if err := w.createViews(ctx); err != nil {
		return reply{Failed: err.Error(), Stage: stageFiles}
	}
	err = w.exec(ctx,
		fmt.Sprintf("SET preserve_insertion_order = %t", j.Ordered),
		"USE lake",
		"SET allowed_paths = "+list(files)+"::VARCHAR[]",
		"SET allowed_directories = "+list([]string{j.Dir}),
		"SET enable_external_access = false", // from here on the two lists above are fixed
		"SET lock_configuration = true",      // and so is every other setting: this one comes last
	)
	if err != nil {
		return reply{Failed: err.Error(), Stage: stageSetUp}
	}
	return r
}

func (w *worker) createViews(ctx context.Context) error {
	var shapes []shape
	for i, v := range w.job.Views {
		var err error
		if i == 0 || !v.sameFiles(w.job.Views[i-1]) {
			if shapes, err = w.shapes(ctx, v); err != nil {
				return err
			}
		}
		if err := w.exec(ctx, "CREATE SCHEMA IF NOT EXISTS lake."+ident(v.Schema), "CREATE VIEW "+v.sql()+" AS "+v.query(shapes)); err != nil {
			return err
		}
	}
	return nil
}

// do runs one task.
func (w *worker) do(ctx context.Context, t task) (r reply) {
	text := t.SQL
	if t.Parse {
		return w.parse(ctx, t.SQL)
	}
	if t.Foreign {
		tables, err := w.check(ctx, t.SQL)
		if no, ok := errors.AsType[refusal](err); ok {
			return reply{Tables: tables, Refused: no.Error(), Stage: stageSQL}
		}
		if err == nil { // complaints then quote the statement as its author wrote it, not ours around it
			var s *sql.Stmt
			if s, err = w.conn.PrepareContext(ctx, t.SQL); err == nil {
				err = s.Close() //nolint:sqlclosecheck // at once: only its errors were wanted
			}
		}
		if err != nil {
			return w.failed(err, stageSQL)
		}
		r.Tables = tables
		if t.Prepare {
			return r
		}
		// query() takes the statement as a string, so nothing in it can end ours early.
		text = "FROM query(" + quote(t.SQL) + ")"
		if t.Out == "" {
			text = `SELECT "the row".* FROM (` + text + fmt.Sprintf(` LIMIT %d) AS "the row"`, t.Limit)
		}
	}
	if t.Out != "" {
		var columns []column
		if t.Foreign {
			var err error
			if columns, text, err = w.keepable(ctx, text); err != nil {
				return w.failed(err, stageSQL)
			}
		}
		r := w.write(ctx, text, filepath.Join(w.job.Dir, filepath.Base(t.Out)))
		r.Columns = columns
		return r
	}
	if err := w.read(ctx, &r, t, text); err != nil {
		return w.failed(err, map[bool]string{true: stageSQL, false: stageFiles}[t.Foreign])
	}
	return r
}

// tree lets the engine parse text.
func (w *worker) tree(ctx context.Context, text string) (tree string, err error) {
	const q = `SELECT json_serialize_sql($1::VARCHAR, skip_null := true, skip_empty := true, skip_default := true)::VARCHAR`
	err = w.conn.QueryRowContext(ctx, q, text).Scan(&tree)
	return tree, err
}

// check lets the engine parse text and the guard judge it.
func (w *worker) check(ctx context.Context, text string) ([][]string, error) {
	tree, err := w.tree(ctx, text)
	if err != nil {
		return nil, err
	}
	return checkTree([]byte(tree), w.job.Views)
}

// parse answers which tables text reads.
func (w *worker) parse(ctx context.Context, text string) reply {
	tree, err := w.tree(ctx, text)
	if err != nil {
		return w.failed(err, stageSQL)
	}
	found, err := walkTree([]byte(tree), walker{any: true})
	if err != nil {
		return reply{Refused: err.Error(), Stage: stageSQL}
	}
	return reply{Tables: found.tables, Places: found.places}
}

// failed makes a reply of an error: with no path of the job, nor our text around a person's.
func (w *worker) failed(err error, stage string) reply {
	text := err.Error()
	if stage == stageSQL {
		text, _, _ = strings.Cut(text, "\n\nLINE 1: SELECT \"the row\"")
		text, _, _ = strings.Cut(text, "\n\nLINE 1: COPY (FROM query(")
		for _, v := range w.job.Views {
			for _, p := range v.paths() {
				text = strings.ReplaceAll(text, p, "…")
			}
		}
		text = strings.ReplaceAll(text, w.job.Dir, "…")
	}
	return reply{Failed: text, Stage: stage}
}

// keepable returns the columns of text, and a text of the same rows that Parquet keeps exactly: it has no integers of 128 bits, and
// DuckDB makes floating ones of them.
func (w *worker) keepable(ctx context.Context, text string) (columns []column, exact string, err error) {
	var wide []string
	err = w.each(ctx, "DESCRIBE "+text, func(scan func(...any) error) error {
		var c column
		var rest [4]any
		if err := scan(&c.Name, &c.Type, &rest[0], &rest[1], &rest[2], &rest[3]); err != nil {
			return err
		}
		columns = append(columns, c)
		if c.Type == "HUGEINT" || c.Type == "UHUGEINT" {
			wide = append(wide, ident(c.Name)+"::DECIMAL(38,0) AS "+ident(c.Name))
		}
		return nil
	})
	if err != nil || len(wide) == 0 {
		return columns, text, err
	}
	return columns, "SELECT * REPLACE (" + strings.Join(wide, ", ") + ") FROM (" + text + ")", nil
}

// write keeps the rows of text as Parquet: the driver materialises what it returns, COPY streams.
func (w *worker) write(ctx context.Context, text, path string) reply {
	const q = "COPY (FROM query(%s)) TO %s (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)"
	res, err := w.conn.ExecContext(ctx, fmt.Sprintf(q, quote(text), quote(path)))
	if err != nil {
		return w.failed(err, stageSQL)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return w.failed(err, stageSQL)
	}
	return reply{Count: n}
}

// read puts rows of text into r until one of the task's bounds is reached.
func (w *worker) read(ctx context.Context, r *reply, t task, text string) error {
	rows, err := w.conn.QueryContext(ctx, text)
	if err != nil {
		return err
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	values, targets := make([]any, len(types)), make([]any, len(types))
	for i, c := range types {
		r.Columns = append(r.Columns, column{c.Name(), c.DatabaseTypeName()})
		targets[i] = &values[i]
	}
	left := t.Bytes
	for len(r.Rows) < t.Limit && rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		row, size := texts(values, t.Cut, &r.Cut)
		if left -= size; left < 0 {
			r.Cut = true
			if len(r.Rows) > 0 {
				break
			}
			row, _ = texts(values, max(1, t.Bytes/6/len(values)), &r.Cut) // one byte takes six at most: \u0000
		}
		r.Rows = append(r.Rows, row)
	}
	return rows.Err()
}

// texts returns values as text of at most limit bytes each, and the bytes they take in a message.
func texts(values []any, limit int, wasCut *bool) ([]*string, int) {
	row := make([]*string, len(values))
	for i, v := range values {
		if v == nil {
			continue
		}
		s := fmt.Sprint(v)
		if limit > 0 && len(s) > limit {
			for s = s[:limit]; !utf8.ValidString(s[max(0, len(s)-utf8.UTFMax):]) && len(s) > 0 && !utf8.RuneStart(s[len(s)-1]); {
				s = s[:len(s)-1]
			}
			s, *wasCut = strings.ToValidUTF8(s, ""), true
		}
		row[i] = &s
	}
	body, _ := json.Marshal(row) // strings always encode
	return row, len(body)
}
