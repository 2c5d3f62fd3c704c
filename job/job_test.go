package job_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/job"
	"portreeve/postgres"
	"portreeve/postgres/pgtest"
)

// lake is a foreign system with one table, whose rows are read by reader.
type lake struct{ down error }

func (l lake) Scopes(context.Context) ([]string, error) { return []string{"raw"}, l.down }

func (l lake) Datasets(context.Context, string, catalog.Known) iter.Seq2[catalog.Observation, error] {
	return func(yield func(catalog.Observation, error) bool) {
		yield(catalog.Observation{Name: "raw.a", Kind: catalog.Table, SnapshotID: "7", Columns: []catalog.Column{{Path: "x", Type: "long"}}}, nil)
	}
}

func (l lake) Has(_ context.Context, name string) (bool, error) { return name == "raw.a", nil }

func (l lake) Plan(_ context.Context, name string) (catalog.Plan, error) {
	return catalog.Plan{Key: catalog.Key{Source: "lake", Name: name}, SnapshotID: "7"}, nil
}

type reader struct{ err error }

func (r reader) Profile(_ context.Context, p catalog.Plan, _ int64) (catalog.Profile, error) {
	return catalog.Profile{SnapshotID: p.SnapshotID, RowsTotal: 3, RowsRead: 3, Columns: []catalog.ColumnProfile{{Name: "x", Rows: 3}}}, r.err
}

func (r reader) Sample(context.Context, catalog.Plan, int) (catalog.Sample, error) {
	return catalog.Sample{}, nil
}
func (r reader) Count(context.Context, catalog.Plan) (int64, error) { return 3, nil }

type fixture struct {
	store    *catalog.Store
	client   *job.Client
	listener *postgres.Listener
}

// start runs a client over a source "lake"; opening it fails with closed if that is set.
func start(t *testing.T, closed error, l lake, r reader) *fixture {
	t.Helper()
	db := pgtest.New(t)
	f := &fixture{store: catalog.NewStore(db), listener: postgres.NewListener(catalog.CrawlTopic)}
	key, err := access.ParseKey(access.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	f.store.Audit = access.NewAudit(key)
	src := catalog.Source{Slug: "lake", Kind: "script", CrawlEvery: time.Hour}
	if _, err := f.store.PutSource(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), `UPDATE source SET next_crawl_at = now() + interval '1 day'`); err != nil {
		t.Fatal(err)
	}
	open := func(context.Context, catalog.Source) (catalog.Connection, error) {
		return catalog.Connection{Crawler: l, Planner: l, Close: func() error { return nil }}, closed
	}
	log := slog.New(slog.DiscardHandler)
	f.client, err = job.New(db, job.Options{Catalog: f.store, Access: access.NewStore(db), Open: open, Reader: r, Log: log, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	listening := make(chan struct{})
	go func() { f.listener.Run(ctx, db, log); close(listening) }()
	if err := f.client.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.client.Stop(context.Background()); err != nil {
			t.Error(err)
		}
		cancel()
		<-listening
	})
	return f
}

// ana asks for crawls.
var ana = access.Act{Who: access.Principal{Person: access.Person{ID: 1, Name: "Ana"}}, Via: "test"}

// crawl starts a crawl and waits, by its announcements, until it has ended.
func (f *fixture) crawl(t *testing.T) catalog.Crawl {
	t.Helper()
	announced, cancel := f.listener.Subscribe(catalog.CrawlTopic)
	defer cancel()
	id, err := f.client.StartCrawl(t.Context(), ana, "lake")
	if err != nil {
		t.Fatal(err)
	}
	again := time.NewTicker(time.Second) // the listener may not have been up yet
	defer again.Stop()
	for {
		c, err := f.store.Crawl(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if c.FinishedAt != nil {
			return c
		}
		select {
		case payload := <-announced:
			if payload != "" && payload != strconv.FormatInt(id, 10) {
				t.Errorf("announced %q, want the id %d", payload, id)
			}
		case <-again.C:
		case <-t.Context().Done():
			t.Fatal("the crawl never ended")
		}
	}
}

// profile waits for the profile of raw.a.
func (f *fixture) profile(t *testing.T) catalog.Profile {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		d, err := f.store.Dataset(t.Context(), catalog.Key{Source: "lake", Name: "raw.a"})
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.store.Profile(t.Context(), d.ID)
		if err == nil {
			return p
		}
		if fault.KindOf(err) != fault.NotFound {
			t.Fatal(err)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("no profile was made")
		}
	}
}

func TestCrawlThenProfile(t *testing.T) {
	t.Parallel()
	f := start(t, nil, lake{}, reader{})
	if c := f.crawl(t); c.State != catalog.CrawlFinished || c.Added != 1 || c.Trigger != "Ana" {
		t.Errorf("crawl: %+v", c)
	}
	if p := f.profile(t); p.SnapshotID != "7" || len(p.Columns) != 1 || p.Problem != "" {
		t.Errorf("profile: %+v", p)
	}
	due, err := f.store.Unprofiled(t.Context(), "lake", 10)
	if err != nil || len(due) != 0 {
		t.Errorf("the profile is still due: %v, %v", due, err)
	}
}

func TestProfileThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	f := start(t, nil, lake{}, reader{err: fault.Invalidf("", "the column x is of no type we can read")})
	f.crawl(t)
	if p := f.profile(t); p.Problem != "the column x is of no type we can read" || p.SnapshotID != "7" {
		t.Errorf("profile: %+v", p)
	}
}

func TestCrawlOfASourceThatCannotBeOpenedOrRead(t *testing.T) {
	t.Parallel()
	down := fault.Unavailablef(errors.New("password=hunter2"), "the lake does not answer")
	for name, f := range map[string]*fixture{"opened": start(t, down, lake{}, reader{}), "read": start(t, nil, lake{down: down}, reader{})} {
		if c := f.crawl(t); c.State != catalog.CrawlFailed || c.Message != "the lake does not answer" {
			t.Errorf("not %s: %+v", name, c)
		}
	}
}

func TestStartCrawlUnknownSource(t *testing.T) {
	t.Parallel()
	f := start(t, nil, lake{}, reader{})
	if _, err := f.client.StartCrawl(t.Context(), ana, "nowhere"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("StartCrawl = %v, want NotFound", err)
	}
}

// A source that does not answer is tried again in a minute, not in an hour, however it failed.
func TestFailedCrawlIsTriedAgainSooner(t *testing.T) {
	t.Parallel()
	down := fault.Unavailablef(nil, "the lake does not answer")
	for name, f := range map[string]*fixture{"opened": start(t, down, lake{}, reader{}), "read": start(t, nil, lake{down: down}, reader{})} {
		f.crawl(t)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			src, err := f.store.SourceStatus(t.Context(), "lake")
			if err != nil {
				t.Fatal(err)
			}
			if wait := time.Until(src.NextCrawlAt); wait < 2*time.Minute {
				break
			}
			select {
			case <-tick.C:
			case <-t.Context().Done():
				t.Fatalf("not %s: the next crawl is at %v", name, src.NextCrawlAt)
			}
		}
	}
}

func TestRetiredSourceIsNotCrawled(t *testing.T) {
	t.Parallel()
	f := start(t, nil, lake{}, reader{})
	src := catalog.Source{Slug: "old", Kind: "script", DeclaredIn: "a.yaml:1"}
	for _, declared := range [][]catalog.Source{{src}, {}} {
		if _, err := f.store.ApplySources(t.Context(), declared); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.client.StartCrawl(t.Context(), ana, "old"); fault.KindOf(err) != fault.Conflict {
		t.Errorf("StartCrawl = %v, want Conflict", err)
	}
}
