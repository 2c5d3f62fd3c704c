package catalog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/postgres/pgtest"
)

func TestApplySources(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	store := catalog.NewStore(db)
	app := catalog.Source{
		Slug: "app", Kind: "postgres", Namespace: "postgres://db:5432", Config: map[string]string{"password": "${PW}"},
		CrawlEvery: time.Hour, DeclaredIn: "a.yaml:3",
	}
	lake := catalog.Source{Slug: "lake2", Kind: "iceberg", DeclaredIn: "a.yaml:9"}
	apply := func(declared ...catalog.Source) []catalog.SourceChange {
		t.Helper()
		changes, err := store.ApplySources(t.Context(), declared)
		if err != nil {
			t.Fatal(err)
		}
		return changes
	}
	exec := func(sql string) {
		t.Helper()
		if _, err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	// calm puts everything off, as after a good crawl that left one dataset with a version.
	calm := func() {
		t.Helper()
		exec(`UPDATE source SET next_crawl_at = now() + interval '30 minutes'`)
		exec(`DELETE FROM dataset`)
		exec(`INSERT INTO dataset (source_id, name, scope, kind, seen_crawl, version) SELECT id, 'a', '', 'table', 0, '1:x' FROM source WHERE slug = 'app'`)
	}
	state := func() (due bool, version string, retired bool) {
		t.Helper()
		const q = `SELECT s.next_crawl_at <= now(), d.version, s.retired_at IS NOT NULL FROM source s JOIN dataset d ON d.source_id = s.id WHERE s.slug = 'app'`
		if err := db.QueryRow(t.Context(), q).Scan(&due, &version, &retired); err != nil {
			t.Fatal(err)
		}
		return due, version, retired
	}
	if _, err := store.PutSource(t.Context(), catalog.Source{Slug: "lake", Kind: "iceberg"}); err != nil { // of no estate
		t.Fatal(err)
	}

	got := apply(app, lake)
	want := []catalog.SourceChange{{Slug: "app", What: "added", Reread: true}, {Slug: "lake2", What: "added", Reread: true}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	stored, err := store.Source(t.Context(), "app")
	if err != nil || stored.Config["password"] != "${PW}" || stored.DeclaredIn != "a.yaml:3" {
		t.Fatalf("stored %+v, %v", stored, err)
	}

	calm()
	if got := apply(app, lake); len(got) != 0 {
		t.Errorf("applied again: %+v, want no change", got)
	}
	app.Title, app.DeclaredIn = "The app", "a.yaml:30"
	if diff := cmp.Diff([]catalog.SourceChange{{Slug: "app", What: "changed", Fields: []string{"title"}}}, apply(app, lake)); diff != "" {
		t.Error(diff)
	}
	if due, version, _ := state(); due || version == "" {
		t.Error("a new title makes all of the source be read again")
	}
	app.DeclaredIn = "b.yaml:1"
	if got := apply(app, lake); len(got) != 0 {
		t.Errorf("moved within the estate: %+v, want no change", got)
	}
	if src, _ := store.Source(t.Context(), "app"); src.DeclaredIn != "b.yaml:1" {
		t.Errorf("declared in %s, want where it moved to", src.DeclaredIn)
	}

	crawl := openCrawl(t, db, "app")
	app.Config = map[string]string{"password": "${OTHER}"}
	apply(app, lake)
	if due, version, _ := state(); !due || version != "" {
		t.Errorf("with new settings it is due: %t, and what it left is known as %q", due, version)
	}
	if c, err := store.Crawl(t.Context(), crawl); err != nil || c.State != catalog.CrawlFailed || !strings.Contains(c.Message, "changed in the middle") {
		t.Errorf("the crawl with the old settings goes on: %+v, %v", c, err)
	}

	calm()
	if diff := cmp.Diff([]catalog.SourceChange{{Slug: "app", What: "retired"}}, apply(lake)); diff != "" {
		t.Error(diff)
	}
	if _, _, retired := state(); !retired {
		t.Error("what is declared no longer is not retired, or has lost its datasets")
	}
	exec(`UPDATE source SET next_crawl_at = now()`)
	if due, err := store.DueSources(t.Context()); err != nil || strings.Join(due, " ") != "lake lake2" {
		t.Errorf("due: %v, %v", due, err)
	}
	calm()
	if diff := cmp.Diff([]catalog.SourceChange{{Slug: "app", What: "back", Reread: true}}, apply(app, lake)); diff != "" {
		t.Error(diff)
	}
	if due, version, retired := state(); !due || version != "" || retired {
		t.Error("what is declared again is not read at once")
	}
}

// A slug that somebody made without an estate is not taken over, and then nothing at all is applied.
func TestApplySourcesLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	store := catalog.NewStore(pgtest.New(t))
	if _, err := store.PutSource(t.Context(), catalog.Source{Slug: "lake", Kind: "iceberg"}); err != nil {
		t.Fatal(err)
	}
	declared := []catalog.Source{{Slug: "app", Kind: "postgres", DeclaredIn: "a.yaml:1"}, {Slug: "lake", Kind: "trino", DeclaredIn: "a.yaml:5"}}
	_, err := store.ApplySources(t.Context(), declared)
	if fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), "source lake of a.yaml:5") {
		t.Errorf("%v, want Conflict that names the source and its place", err)
	}
	all, err := store.Sources(t.Context())
	if err != nil || len(all) != 1 || all[0].Kind != "iceberg" {
		t.Errorf("%+v, %v: something was applied", all, err)
	}
}

func TestRetrySooner(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	store := catalog.NewStore(db)
	if _, err := store.PutSource(t.Context(), catalog.Source{Slug: "app", Kind: "test", CrawlEvery: 10 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	crawled := func(state string, seen int) time.Duration {
		t.Helper()
		id := openCrawl(t, db, "app")
		const end = `UPDATE crawl SET state = $2, seen = $3, failed = 1, finished_at = now() WHERE id = $1`
		if _, err := db.Exec(t.Context(), end, id, state, seen); err != nil {
			t.Fatal(err)
		}
		if err := store.RetrySooner(t.Context(), "app"); err != nil {
			t.Fatal(err)
		}
		var next time.Duration
		if err := db.QueryRow(t.Context(), `SELECT next_crawl_at - now() FROM source`).Scan(&next); err != nil {
			t.Fatal(err)
		}
		return next.Round(10 * time.Second)
	}
	for i, tt := range []struct {
		state string
		seen  int
		want  time.Duration
	}{
		{"failed", 0, time.Minute},
		{"failed", 0, 2 * time.Minute},
		{"partial", 0, 4 * time.Minute},
		{"failed", 3, 8 * time.Minute},
		{"failed", 0, 10 * time.Minute}, // never later than its interval
		{"partial", 7, 10 * time.Minute},
		{"finished", 0, 10 * time.Minute},
		{"failed", 0, time.Minute},
	} {
		if got := crawled(tt.state, tt.seen); got != tt.want {
			t.Errorf("after crawl %d, %s with %d seen: next in %v, want %v", i+1, tt.state, tt.seen, got, tt.want)
		}
		troubles, err := store.Troubles(t.Context(), "")
		if want := map[int]int{0: 1, 1: 2, 2: 3, 3: 4, 4: 5, 7: 1}[i]; err != nil || troubles["app"].Failures != want {
			t.Errorf("after crawl %d: %d failures in a row, %v, want %d", i+1, troubles["app"].Failures, err, want)
		}
	}
}

// openCrawl queues a crawl that nobody carries out.
func openCrawl(t *testing.T, db *pgxpool.Pool, slug string) (id int64) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), db, func(tx pgx.Tx) (err error) {
		id, _, err = catalog.OpenCrawl(t.Context(), tx, slug, "test")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}
