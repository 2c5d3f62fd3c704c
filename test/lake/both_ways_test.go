package lake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/jackc/pgx/v5"

	"portreeve/catalog"
	"portreeve/connector/trino"
	"portreeve/postgres/pgtest"
)

func TestTrinoReadsWhatWeWrite(t *testing.T) {
	t.Parallel()
	s := open(t)
	made := s.make(t, "ours")
	if err := appendRows(t.Context(), made, 0, 1000); err != nil {
		t.Fatal(err)
	}
	const sums = `SELECT concat_ws(' ', cast(count(*) AS varchar), cast(sum(id) AS varchar), cast(cast(sum(amount) AS decimal(12,1)) AS varchar), max(name)) FROM `
	if got, want := s.ask(t, sums+"ours"), "1000 499500 124875.0 näme 999"; got != want {
		t.Errorf("Trino reads %q, want %q", got, want)
	}
	s.do(t, "INSERT INTO ours VALUES (5000, 'theirs', 0.5)")
	if got := s.count(t, "ours"); got != 1001 {
		t.Errorf("after Trino's commit we count %d", got)
	}
}

// Trino's deletes are files of positions beside the data: what counts files counts too much.
func TestWeReadWhatTrinoWrites(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.do(t, `CREATE TABLE theirs WITH (partitioning = ARRAY['year(orderdate)']) AS SELECT * FROM tpch.tiny.orders`)
	s.do(t, `DELETE FROM theirs WHERE orderkey % 3 = 0`)
	s.do(t, `UPDATE theirs SET totalprice = 1e6 WHERE orderkey = 1`)
	s.do(t, `ALTER TABLE theirs ADD COLUMN note varchar`)
	s.do(t, `INSERT INTO theirs SELECT *, 'again' FROM tpch.tiny.orders WHERE orderkey % 3 = 0`)
	want := s.ask(t, `SELECT cast(count(*) AS varchar) FROM theirs`)
	if got := strconv.FormatInt(s.count(t, "theirs"), 10); got != want {
		t.Errorf("we count %s rows, Trino %s", got, want)
	}
	plan, err := s.conn.Planner.Plan(t.Context(), s.namespace+".theirs")
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.engine.Profile(t.Context(), plan, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range p.Columns {
		switch c.Name {
		case "totalprice":
			if c.Max == nil || !strings.HasPrefix(*c.Max, "1000000") {
				t.Errorf("the highest price is %v", c.Max)
			}
		case "note":
			if strconv.FormatInt(c.Rows-c.Nulls, 10) != s.ask(t, `SELECT cast(count(note) AS varchar) FROM theirs`) {
				t.Errorf("%d of %d notes are null", c.Nulls, c.Rows)
			}
		}
	}
	if len(p.Columns) != 10 {
		t.Errorf("%d columns, want 10", len(p.Columns))
	}
}

func TestWeReadTrinosViews(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.do(t, `CREATE VIEW seen COMMENT 'what all see' AS SELECT 1 AS one, 'x' AS name`)
	for o, err := range s.conn.Crawler.Datasets(t.Context(), s.namespace, nil) {
		if err != nil || o.Kind != catalog.View || !strings.Contains(o.Definition, "1") || len(o.Columns) != 2 || o.Description != "what all see" {
			t.Errorf("%+v, %v", o, err)
		}
	}
}

// Both sides commit to one table as fast as they can. Who loses a race is told so, and what was accepted is there.
func TestCommitsAtTheSameTimeLoseNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.make(t, "raced")
	var mu sync.Mutex
	accepted, refused := 0, 0
	note := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			accepted++
		} else {
			refused++
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 12 {
			now, err := s.writer.LoadTable(t.Context(), table.Identifier{s.namespace, "raced"})
			if err == nil {
				err = appendRows(t.Context(), now, i, 1)
			}
			note(err)
		}
	})
	wg.Go(func() {
		for i := range 6 {
			_, err := s.trino.ExecContext(t.Context(), fmt.Sprintf("INSERT INTO raced VALUES (%d, 'trino', 0)", 1000+i))
			note(err)
		}
	})
	wg.Wait()
	t.Logf("%d commits accepted, %d refused", accepted, refused)
	if accepted < 2 {
		t.Errorf("only %d commits went through", accepted)
	}
	if got := s.count(t, "raced"); got != int64(accepted) {
		t.Errorf("%d commits of a row were accepted, %d rows are there", accepted, got)
	}
	if got := s.ask(t, "SELECT cast(count(DISTINCT id) AS varchar) FROM raced"); got != strconv.Itoa(accepted) {
		t.Errorf("%d commits of a row were accepted, Trino sees %s rows", accepted, got)
	}
}

// The lake read directly and through Trino is one page for each table, with the same figures from both.
func TestOnePageForBoth(t *testing.T) {
	t.Parallel()
	s := open(t)
	if err := appendRows(t.Context(), s.make(t, "page"), 0, 10); err != nil {
		t.Fatal(err)
	}
	s.do(t, `COMMENT ON COLUMN page.amount IS 'in euros'`)
	s.do(t, `DELETE FROM page WHERE id = 3`)
	s.do(t, `CREATE VIEW page_view AS SELECT id FROM page`)
	through := catalog.Source{Slug: "trino", Kind: "trino", Namespace: "trino://stack", Config: map[string]string{
		"url": s.stack.Trino, "user": "portreeve", "catalogs": "lake", "same": "lake=iceberg://lake",
	}}
	conn, err := trino.Connector().Open(t.Context(), through)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	db := pgtest.New(t)
	store := catalog.NewStore(db)
	for _, side := range []struct {
		source  catalog.Source
		crawler catalog.Crawler
	}{{through, only{conn.Crawler, "lake." + s.namespace}}, {s.source(), only{s.conn.Crawler, s.namespace}}} {
		if _, err := store.PutSource(t.Context(), side.source); err != nil {
			t.Fatal(err)
		}
		var id int64
		err := pgx.BeginFunc(t.Context(), db, func(tx pgx.Tx) (err error) {
			id, _, err = catalog.OpenCrawl(t.Context(), tx, side.source.Slug, "test")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		run, err := catalog.Sync(t.Context(), store, id, side.crawler, time.Now, slog.New(slog.DiscardHandler))
		if err != nil || run.State == catalog.CrawlFailed { // other tests break tables of theirs meanwhile
			t.Fatalf("crawl of %s: %+v, %v", side.source.Slug, run, err)
		}
	}
	theirs, err := store.Dataset(t.Context(), catalog.Key{Source: "trino", Name: "lake." + s.namespace + ".page"})
	if err != nil {
		t.Fatal(err)
	}
	w, err := store.Whole(t.Context(), theirs)
	if err != nil || w.Key().String() != "lake/"+s.namespace+".page" || len(w.Others) != 1 {
		t.Fatalf("the page is %s with %d others, %v", w.Key(), len(w.Others), err)
	}
	view, err := store.Dataset(t.Context(), catalog.Key{Source: "trino", Name: "lake." + s.namespace + ".page_view"})
	if err != nil || view.MainID == nil {
		t.Errorf("a view, which has no files, has a page of its own: %+v, %v", view, err)
	}
	if err := sameFigures(&w.Dataset, &w.Others[0].Dataset); err != nil {
		t.Error(err)
	}
	if w.RowCount == nil || *w.RowCount != 9 {
		t.Errorf("%s rows after one of ten was deleted", text(w.RowCount))
	}
	commits, err := store.Snapshots(t.Context(), w.ID, 1)
	if err != nil || len(commits) != 1 || text(commits[0].DeletedRows) != "1" || text(commits[0].TotalRows) != "9" {
		t.Errorf("the commit that deleted one says %+v, %v", commits, err)
	}
	columns, err := store.WholeColumns(t.Context(), &w, 10)
	if err != nil || len(columns) != 3 || columns[2].Comment != "in euros" {
		t.Errorf("columns %+v, %v", columns, err)
	}
}

// only is a crawler that has just one scope of another: what other tests make is theirs.
type only struct {
	catalog.Crawler
	scope string
}

// Scopes returns that one.
func (o only) Scopes(context.Context) ([]string, error) { return []string{o.scope}, nil }

func sameFigures(a, b *catalog.Dataset) (err error) {
	for name, both := range map[string][2]*int64{
		"rows": {a.RowCount, b.RowCount}, "bytes": {a.ByteCount, b.ByteCount}, "files": {a.FileCount, b.FileCount},
	} {
		if both[0] == nil || both[1] == nil || *both[0] != *both[1] {
			err = errors.Join(err, fmt.Errorf("%s: %v directly, %v through Trino", name, text(both[0]), text(both[1])))
		}
	}
	if a.SnapshotID != b.SnapshotID {
		err = errors.Join(err, fmt.Errorf("snapshot %s directly, %s through Trino", a.SnapshotID, b.SnapshotID))
	}
	return err
}

func text(n *int64) string {
	if n == nil {
		return "unknown"
	}
	return strconv.FormatInt(*n, 10)
}
