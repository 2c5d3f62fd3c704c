package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/postgres/pgtest"
)

// script is a source that says what a test wants: scope to datasets, with errors where a test puts them.
type script struct {
	scopes map[string][]catalog.Observation
	broken map[string]error // by scope or dataset name
	down   error            // the whole source
	before func(name string)
}

func (s *script) Scopes(context.Context) ([]string, error) {
	if s.down != nil {
		return nil, s.down
	}
	var names []string
	for name := range s.scopes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

func (s *script) Datasets(_ context.Context, scope string, _ catalog.Known) iter.Seq2[catalog.Observation, error] {
	return func(yield func(catalog.Observation, error) bool) {
		for _, o := range s.scopes[scope] {
			if s.before != nil {
				s.before(o.Name)
			}
			if err := s.broken[o.Name]; err != nil {
				o = catalog.Observation{Name: o.Name}
				if !yield(o, err) {
					return
				}
				continue
			}
			if !yield(o, nil) {
				return
			}
		}
		if err := s.broken[scope]; err != nil {
			yield(catalog.Observation{}, err)
		}
	}
}

func (s *script) Has(_ context.Context, name string) (bool, error) {
	for _, list := range s.scopes {
		for _, o := range list {
			if o.Name == name {
				return true, nil
			}
		}
	}
	return false, nil
}

type bench struct {
	*catalog.Store
	db     *pgxpool.Pool
	source *script
}

func newBench(t *testing.T, tables ...catalog.Observation) *bench {
	t.Helper()
	return benchOn(t, pgtest.New(t), tables...)
}

func benchOn(t *testing.T, db *pgxpool.Pool, tables ...catalog.Observation) *bench {
	t.Helper()
	b := &bench{catalog.NewStore(db), db, &script{scopes: map[string][]catalog.Observation{"raw": tables}, broken: map[string]error{}}}
	if _, err := b.PutSource(t.Context(), catalog.Source{Slug: "lake", Kind: "script", Title: "Lake"}); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) begin(t *testing.T) int64 {
	t.Helper()
	var id int64
	err := pgx.BeginFunc(t.Context(), b.db, func(tx pgx.Tx) (err error) {
		id, _, err = catalog.OpenCrawl(t.Context(), tx, "lake", "test")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (b *bench) sync(t *testing.T) catalog.Crawl {
	t.Helper()
	run, err := catalog.Sync(t.Context(), b.Store, b.begin(t), b.source, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func (b *bench) dataset(t *testing.T, name string) catalog.Dataset {
	t.Helper()
	d, err := b.Dataset(t.Context(), catalog.Key{Source: "lake", Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// changes returns the newest version of a dataset as "kind field old→new".
func (b *bench) changes(t *testing.T, name string) []string {
	t.Helper()
	versions, err := b.Versions(t.Context(), b.dataset(t, name).ID, 0, 1)
	if err != nil || len(versions) == 0 {
		t.Fatalf("versions of %s: %v, %v", name, versions, err)
	}
	var out []string
	for _, c := range versions[0].Changes {
		out = append(out, fmt.Sprintf("%s %s %s→%s", c.Kind, c.Field, c.Old, c.New))
	}
	return out
}

func table(name string, columns ...string) catalog.Observation {
	o := catalog.Observation{Name: name, Kind: catalog.Table}
	for i, c := range columns {
		o.Columns = append(o.Columns, catalog.Column{Path: c, Type: "long", Nullable: true, NativeID: strconv.Itoa(i + 1)})
	}
	return o
}

func TestSyncNewChangedGoneBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("raw.flights", "id", "carrier"), table("raw.planes", "tail"))
	if run := b.sync(t); run.State != catalog.CrawlFinished || run.Added != 2 || run.Seen != 2 {
		t.Fatalf("first crawl: %+v", run)
	}
	if got := b.changes(t, "raw.flights"); !slices.Equal(got, []string{"created dataset →raw.flights"}) {
		t.Errorf("first version: %q", got)
	}
	if run := b.sync(t); run.Added+run.Changed+run.Gone != 0 {
		t.Errorf("nothing changed, yet: %+v", run)
	}

	flights := table("raw.flights", "id", "airline", "delay")
	flights.Description = "Departures"
	b.source.scopes["raw"] = []catalog.Observation{flights}
	if run := b.sync(t); run.Changed != 1 || run.Gone != 1 {
		t.Errorf("third crawl: %+v", run)
	}
	want := []string{"attribute description →Departures", "column_added delay →long", "column_renamed airline carrier→airline"}
	if got := b.changes(t, "raw.flights"); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if d := b.dataset(t, "raw.planes"); d.GoneAt == nil {
		t.Error("raw.planes is not marked gone")
	}
	columns, err := b.Columns(t.Context(), b.dataset(t, "raw.flights").ID)
	if err != nil || len(columns) != 3 || columns[1].Path != "airline" || columns[2].Position != 2 {
		t.Errorf("columns: %+v, %v", columns, err)
	}

	b.source.scopes["raw"] = append(b.source.scopes["raw"], table("raw.planes", "tail"))
	b.sync(t)
	if d := b.dataset(t, "raw.planes"); d.GoneAt != nil {
		t.Error("raw.planes is back and still marked gone")
	}
	if got := b.changes(t, "raw.planes"); !slices.Equal(got, []string{"back dataset →"}) {
		t.Errorf("back: %q", got)
	}
}

func TestSyncRename(t *testing.T) {
	t.Parallel()
	named := func(name, id string) catalog.Observation {
		o := table(name, "id")
		o.NativeID = id
		return o
	}
	t.Run("proven by the native id keeps the dataset", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, named("raw.old", "u1"))
		b.sync(t)
		id := b.dataset(t, "raw.old").ID
		b.source.scopes["raw"] = []catalog.Observation{named("raw.new", "u1")}
		if run := b.sync(t); run.Renamed != 1 || run.Added != 0 || run.Gone != 0 {
			t.Errorf("crawl: %+v", run)
		}
		if got := b.dataset(t, "raw.new").ID; got != id {
			t.Errorf("renamed dataset has id %d, want %d", got, id)
		}
		if got := b.changes(t, "raw.new"); !slices.Equal(got, []string{"renamed name raw.old→raw.new"}) {
			t.Errorf("history: %q", got)
		}
	})
	t.Run("a twin with the same id is another dataset", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, named("raw.z", "u1"))
		b.sync(t)
		b.source.scopes["raw"] = []catalog.Observation{named("raw.a", "u1"), named("raw.z", "u1")}
		for range 2 { // and stays one
			if run := b.sync(t); run.Renamed != 0 || run.Gone != 0 {
				t.Errorf("crawl: %+v", run)
			}
		}
		if b.dataset(t, "raw.a").ID == b.dataset(t, "raw.z").ID {
			t.Error("two live datasets became one")
		}
	})
	t.Run("into another scope", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, named("raw.a", "u1"))
		b.source.scopes["clean"] = nil
		b.sync(t)
		b.source.scopes["raw"], b.source.scopes["clean"] = nil, []catalog.Observation{named("clean.a", "u1")}
		if run := b.sync(t); run.Renamed != 1 || run.Gone != 0 {
			t.Errorf("crawl: %+v", run)
		}
	})
}

func TestSyncFailuresStayWhereTheyAre(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("raw.a", "x"), table("raw.b", "x"))
	b.source.scopes["marts"] = []catalog.Observation{table("marts.c", "x")}
	b.sync(t)

	b.source.broken["raw.a"] = fault.Unavailablef(errors.New("secret path"), "its metadata file is damaged")
	b.source.broken["marts"] = errors.New("boom")
	b.source.scopes["marts"] = nil // listed in part only: what is missing is not gone
	run := b.sync(t)
	if run.State != catalog.CrawlPartial || run.Failed != 2 || run.Gone != 0 {
		t.Errorf("crawl: %+v", run)
	}
	if d := b.dataset(t, "raw.a"); d.Problem != "its metadata file is damaged" || d.ProblemSince == nil || d.ColumnCount != 1 {
		t.Errorf("the broken dataset lost its last good state: %+v", d)
	}
	if d := b.dataset(t, "marts.c"); d.GoneAt != nil {
		t.Error("a dataset of a scope that failed was marked gone")
	}
	got, err := b.CrawlErrors(t.Context(), run.ID, 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []catalog.CrawlError{
		{Scope: "marts", Message: "it could not be read; the log of the portal has the cause"},
		{Scope: "raw", Name: "raw.a", Message: "its metadata file is damaged"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(catalog.CrawlError{}, "At")); diff != "" {
		t.Error(diff)
	}
	status, err := b.SourceStatus(t.Context(), "lake")
	if err != nil || status.Problems != 1 || status.Datasets != 3 {
		t.Errorf("status: %+v, %v", status, err)
	}

	clear(b.source.broken)
	b.source.scopes["marts"] = []catalog.Observation{table("marts.c", "x")}
	if run := b.sync(t); run.State != catalog.CrawlFinished {
		t.Errorf("the next crawl does not heal: %+v", run)
	}
	if d := b.dataset(t, "raw.a"); d.Problem != "" || d.ProblemSince != nil {
		t.Errorf("the problem outlived its cause: %q", d.Problem)
	}
}

func TestSyncSourceDown(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("raw.a", "x"))
	b.sync(t)
	b.source.down = fault.Unavailablef(nil, "the lake does not answer")
	if run := b.sync(t); run.State != catalog.CrawlFailed || run.Message != "the lake does not answer" {
		t.Errorf("crawl: %+v", run)
	}
	if d := b.dataset(t, "raw.a"); d.GoneAt != nil {
		t.Error("a dataset was marked gone because its source was down")
	}
}

func TestSyncDroppedScope(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("raw.a", "x"))
	b.source.scopes["old"] = []catalog.Observation{table("old.b", "x")}
	b.sync(t)
	delete(b.source.scopes, "old")
	if run := b.sync(t); run.Gone != 1 {
		t.Errorf("crawl: %+v", run)
	}
	scopes, err := b.Scopes(t.Context(), "lake")
	if err != nil || len(scopes) != 1 || scopes[0].Name != "raw" || scopes[0].Datasets != 1 {
		t.Errorf("scopes: %+v, %v", scopes, err)
	}
}

func TestSyncHostileMetadata(t *testing.T) {
	t.Parallel()
	names := []string{"raw.<script>alert(1)</script>", `raw.a"b'c`, "raw.with/slash", "raw.with.dots", "raw.😀", "raw.Flights", "raw.flights", "raw.a%2Fb;x"}
	var tables []catalog.Observation
	for _, n := range names {
		o := table(n, "id", "<script>", `"a.b"`)
		o.Description = "nul\x00 and \xff and " + strings.Repeat("é", 1<<20)
		o.Columns[1].Comment = strings.Repeat("x", 1<<20)
		o.Properties = map[string]string{"k\x00": "v\xff"}
		tables = append(tables, o)
	}
	tables = append(tables, catalog.Observation{Name: "raw." + strings.Repeat("n", 2000), Kind: catalog.Table})
	b := newBench(t, tables...)
	if run := b.sync(t); run.Added != len(names) || run.Failed != 1 || run.State != catalog.CrawlPartial {
		t.Fatalf("crawl: %+v", run)
	}
	for _, n := range names {
		d := b.dataset(t, n)
		if d.Name != n || len(d.Description) > 64<<10 || !strings.HasSuffix(d.Description, "…") {
			t.Errorf("%q came back as %q with a description of %d bytes", n, d.Name, len(d.Description))
		}
	}
	twins, err := b.CaseTwins(t.Context(), catalog.Key{Source: "lake", Name: "raw.flights"})
	if err != nil || len(twins) != 1 || twins[0].Name != "raw.Flights" {
		t.Errorf("case twins: %v, %v", twins, err)
	}
	if _, err := b.Dataset(t.Context(), catalog.Key{Source: "lake", Name: "RAW.FLIGHTS"}); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a name that fits two twins found one of them: %v", err)
	}
	if run := b.sync(t); run.Changed != 0 {
		t.Errorf("mended text counts as a change each time: %+v", run)
	}
}

func TestSyncThreeThousandColumns(t *testing.T) {
	t.Parallel()
	wide := table("raw.wide")
	for i := range 3000 {
		wide.Columns = append(wide.Columns, catalog.Column{Path: fmt.Sprintf("c%04d", i), Type: "double"})
	}
	b := newBench(t, wide)
	b.sync(t)
	if d := b.dataset(t, "raw.wide"); d.ColumnCount != 3000 {
		t.Errorf("column count %d", d.ColumnCount)
	}
	wide.Columns[1500].Type = "float"
	if run := b.sync(t); run.Changed != 1 {
		t.Errorf("crawl: %+v", run)
	}
	if got := b.changes(t, "raw.wide"); !slices.Equal(got, []string{"column_retyped c1500 double→float"}) {
		t.Errorf("history: %q", got)
	}
}

func TestSyncSnapshotsOutliveTheirExpiry(t *testing.T) {
	t.Parallel()
	n := int64(5)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	o := table("raw.a", "x")
	o.SnapshotID, o.DataAt, o.RowCount = "1", &at, &n
	o.Snapshots = []catalog.Snapshot{{ID: "1", At: at, Operation: "append", AddedRows: &n}}
	b := newBench(t, o)
	b.sync(t)
	later := at.Add(time.Hour)
	o.SnapshotID, o.DataAt = "2", &later
	o.Snapshots = []catalog.Snapshot{{ID: "2", ParentID: "1", At: later, Operation: "append"}}
	b.source.scopes["raw"] = []catalog.Observation{o}
	if run := b.sync(t); run.Changed != 0 {
		t.Errorf("new data is not a change of the dataset's shape: %+v", run)
	}
	got, err := b.Snapshots(t.Context(), b.dataset(t, "raw.a").ID, 10)
	if err != nil || len(got) != 2 || got[0].ID != "2" || *got[1].AddedRows != 5 {
		t.Errorf("snapshots: %+v, %v", got, err)
	}
}

func TestOpenCrawlOnePerSource(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.begin(t)
	if again := b.begin(t); again != first {
		t.Errorf("a second crawl %d was opened beside %d", again, first)
	}
	silent := func(state string) {
		t.Helper()
		if _, err := b.db.Exec(t.Context(), `UPDATE crawl SET state = $1, heartbeat_at = now() - interval '10 minutes' WHERE id = $2`, state, first); err != nil {
			t.Fatal(err)
		}
	}
	silent("queued")
	if again := b.begin(t); again != first {
		t.Error("a crawl that waits in the queue for ten minutes was given up")
	}
	silent("running")
	if next := b.begin(t); next == first {
		t.Error("a dead crawl blocks the next")
	}
	c, err := b.Crawl(t.Context(), first)
	if err != nil || c.State != catalog.CrawlFailed || c.FinishedAt == nil {
		t.Errorf("the dead crawl: %+v, %v", c, err)
	}
	_, err = catalog.Sync(t.Context(), b.Store, first, b.source, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Errorf("a crawl that has ended is not run again, and no error: %v", err)
	}
}

// A database that crashes in the middle leaves a crawl that can be run again, and the run heals what was half done.
func TestSyncAfterDatabaseCrash(t *testing.T) {
	t.Parallel()
	var tables []catalog.Observation
	for i := range 40 {
		tables = append(tables, table(fmt.Sprintf("raw.t%02d", i), "x"))
	}
	server := pgtest.Server(t)
	b := benchOn(t, server.Pool(), tables...)
	id := b.begin(t)
	if _, err := b.db.Exec(t.Context(), `CHECKPOINT`); err != nil { // the server does not wait for its disk
		t.Fatal(err)
	}
	b.source.before = func(name string) {
		if name == "raw.t20" {
			server.Kill()
		}
	}
	if _, err := catalog.Sync(t.Context(), b.Store, id, b.source, time.Now, slog.New(slog.DiscardHandler)); err == nil {
		t.Fatal("the crawl went on without a database")
	}
	server.Start()
	if c, err := b.Crawl(t.Context(), id); err != nil || c.FinishedAt != nil {
		t.Fatalf("the crawl is not open any more: %+v, %v", c, err)
	}
	b.source.before = nil
	run, err := catalog.Sync(t.Context(), b.Store, id, b.source, time.Now, slog.New(slog.DiscardHandler))
	if err != nil || run.State != catalog.CrawlFinished || run.Seen != 40 || run.Gone != 0 {
		t.Errorf("run again: %+v, %v", run, err)
	}
	for i := range 40 {
		if got := b.changes(t, fmt.Sprintf("raw.t%02d", i)); len(got) != 1 {
			t.Errorf("raw.t%02d was recorded twice: %q", i, got)
		}
	}
}

func TestFailStaleCrawlsMakesTheirSourcesDue(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.begin(t)
	if due, err := b.DueSources(t.Context()); err != nil || len(due) != 0 {
		t.Fatalf("due while a crawl is open: %v, %v", due, err)
	}
	if _, err := b.db.Exec(t.Context(), `UPDATE crawl SET state = 'running', heartbeat_at = now() - interval '3 minutes'`); err != nil {
		t.Fatal(err)
	}
	if err := b.FailStaleCrawls(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := b.Crawl(t.Context(), id)
	if err != nil || c.State != catalog.CrawlFailed {
		t.Errorf("the silent crawl: %+v, %v", c, err)
	}
	if due, err := b.DueSources(t.Context()); err != nil || len(due) != 1 {
		t.Errorf("its source is not due: %v, %v", due, err)
	}
}

func TestSyncRefusesWhatIsNoKind(t *testing.T) {
	t.Parallel()
	b := newBench(t, catalog.Observation{Name: "raw.a"}, table("raw.b", "x"))
	if run := b.sync(t); run.Failed != 1 || run.Added != 1 {
		t.Errorf("crawl: %+v", run)
	}
}
