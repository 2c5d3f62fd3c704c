package duckdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"portreeve/query"
)

// execution is a statement that a worker runs. It implements query.Execution.
type execution struct {
	lake    *Lake
	id      string
	within  context.Context
	cancel  context.CancelCauseFunc
	updates chan query.Update
	done    chan struct{} // closed when nothing more comes; err is set then
	err     error

	mu    sync.Mutex
	state query.State
	began time.Time
	rows  int64
}

// stopped is the cause of an execution that somebody ended.
type stopped string

func (s stopped) Error() string { return string(s) }

func (x *execution) ID() string { return x.id }

// Handle is of use in this process only.
func (x *execution) Handle() string { return x.id }

// news is how long Next waits where there is none.
const news = 250 * time.Millisecond

// Next returns the next rows, once the statement is done: the engine gives none before.
func (x *execution) Next(ctx context.Context) (query.Update, error) {
	if ctx.Err() != nil {
		return query.Update{}, ctx.Err()
	}
	wait := time.NewTimer(news)
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return query.Update{}, ctx.Err()
	case u := <-x.updates:
		u.Progress = x.progress()
		return u, nil
	case <-x.done:
		if x.err == nil {
			return query.Update{Progress: x.progress()}, io.EOF
		}
		return query.Update{Progress: x.progress()}, x.err
	case <-wait.C:
		return query.Update{Progress: x.progress()}, nil
	}
}

func (x *execution) progress() query.Progress {
	x.mu.Lock()
	defer x.mu.Unlock()
	p := query.Progress{State: x.state, Rows: x.rows}
	if !x.began.IsZero() {
		p.Elapsed = time.Since(x.began) //nolint:forbidigo // how long it runs, not what time it is
	}
	return p
}

func (x *execution) enter(s query.State) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.state = s; x.began.IsZero() {
		x.began = time.Now() //nolint:forbidigo // likewise
	}
}

// Cancel kills the worker.
func (x *execution) Cancel(context.Context) error {
	x.stop("it was stopped")
	return nil
}

func (x *execution) stop(reason string) { x.cancel(stopped(reason)) }

// run carries the statement out and hands its rows on.
func (x *execution) run(s query.Statement, views []*View) {
	e := x.lake.engine
	err := e.run(x.within, e.o.QueryTimeout, jobOf(views), func(ctx context.Context, w session) error {
		x.enter(query.Running)
		r, err := w.do(ctx, request{Task: &task{SQL: s.SQL, Foreign: true, Out: resultFile}})
		if err != nil {
			return err
		}
		x.mu.Lock()
		x.rows = r.Count
		x.mu.Unlock()
		return x.send(ctx, w, r.Columns, r.Count)
	})
	why, ended := errors.AsType[stopped](context.Cause(x.within))
	switch {
	case err != nil && ended:
		err = &query.Problem{Cause: query.Stopped, Message: string(why), Code: "USER_CANCELED"}
	case err != nil:
		err = problem(s.SQL, err)
	}
	x.err = err
	x.enter(query.Finished)
	close(x.done)
	x.lake.mu.Lock()
	delete(x.lake.running, x.id)
	x.lake.mu.Unlock()
	x.cancel(nil)
}

// pageRows is the most rows of one update.
const pageRows = 10_000

// send reads the result in pages, in its order.
func (x *execution) send(ctx context.Context, w session, head []column, count int64) error {
	file := "read_parquet(" + quote(filepath.Join(w.dir, resultFile)) + ")"
	columns := make([]query.Column, len(head))
	for i, c := range head {
		columns[i] = query.Column(c)
	}
	for at := int64(0); at < count || at == 0; {
		page, err := w.rows(ctx, task{SQL: fmt.Sprintf("SELECT COLUMNS(*)::VARCHAR FROM %s LIMIT %d OFFSET %d", file, pageRows, at), Limit: pageRows})
		if err != nil {
			return err
		}
		if len(page.Rows) == 0 && at < count {
			return fmt.Errorf("%w: %d rows of %d", errStopped, at, count)
		}
		rows, err := encode(columns, page.Rows)
		if err != nil {
			return err
		}
		select {
		case x.updates <- query.Update{Columns: columns, Rows: rows}:
		case <-ctx.Done():
			return ctx.Err()
		}
		if at += int64(len(page.Rows)); count == 0 {
			break
		}
	}
	return nil
}

// encode writes rows of text as JSON by the types of their columns.
func encode(columns []query.Column, rows [][]*string) (query.Rows, error) {
	if len(rows) == 0 {
		return query.Rows{}, nil
	}
	out := make([][]any, len(rows))
	for i, row := range rows {
		if len(row) != len(columns) {
			return query.Rows{}, fmt.Errorf("%w: a row of %d values for %d columns", errStopped, len(row), len(columns))
		}
		out[i] = make([]any, len(row))
		for j, v := range row {
			if v != nil {
				out[i][j] = valueOf(columns[j].Type, *v)
			}
		}
	}
	text, err := json.Marshal(out)
	return query.Rows{JSON: text, Count: len(rows)}, err
}

// valueOf is a value as JSON has it: whole numbers and floating ones are numbers if JSON has such, decimals are text, which keeps
// their digits.
func valueOf(kind, v string) any {
	switch base, _, _ := strings.Cut(kind, "("); base {
	case "BOOLEAN":
		return v == "true"
	case "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "FLOAT", "DOUBLE":
		if json.Valid([]byte(v)) && strings.ContainsAny(v[:1], "-0123456789") {
			return json.Number(v)
		}
	}
	return v
}
