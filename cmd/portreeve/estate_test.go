package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/job"
	"portreeve/postgres/pgtest"
)

// logs is a log that tests read while it is written.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// until waits until ok, and fails the test if that takes too long.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

// The whole life of an estate in a process that runs: applied at SIGHUP, crawled, kept when the file turns bad, mended,
// taken away. Whatever happens, the password in it is nowhere but with the connector.
func TestEstateIsReadAgainAtSIGHUP(t *testing.T) { // not parallel: it sets a variable and sends signals
	const secret = "hunter2-Zq8"
	t.Setenv("APP_PASSWORD", secret)
	path := filepath.Join(t.TempDir(), "a.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	db := &database{pool: pgtest.New(t)}
	log := &logs{}
	p := &portal{estate: &estateFlags{Estate: path}, db: db, catalog: catalog.NewStore(db.pool), log: slog.New(slog.NewJSONHandler(log, nil))}
	p.sources = newSources(p.catalog, nil, connectors(db.lake), os.LookupEnv)
	var err error
	p.jobs, err = job.New(db.pool, job.Options{Catalog: p.catalog, Access: access.NewStore(db.pool), Open: p.sources.Open, Log: p.log, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	if err := p.jobs.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(p.jobs.Stop(context.Background()), p.sources.Close()); err != nil {
			t.Error(err)
		}
		stop()
	})
	p.rereadEstate(ctx)
	hup := func() {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	source := func() catalog.SourceStatus {
		s, err := p.catalog.SourceStatus(t.Context(), "app")
		if err != nil && fault.KindOf(err) != fault.NotFound {
			t.Fatal(err)
		}
		return s
	}
	const app = "sources:\n  app:\n    kind: postgres\n    title: %s\n    host: 127.0.0.1:1\n    database: app\n    user: u\n    password: ${APP_PASSWORD}\n"

	write(fmt.Sprintf(app, "First"))
	hup()
	until(t, "the declared source is crawled", func() bool { s := source(); return s.Last != nil && s.Last.FinishedAt != nil })
	if s := source(); s.Last.State != catalog.CrawlFailed || s.Last.Message == "" || s.DeclaredIn != "a.yaml:2" {
		t.Errorf("%+v, %+v: want a crawl that failed and says why", s, s.Last)
	}
	until(t, "it is tried again soon", func() bool { return time.Until(source().NextCrawlAt) < 2*time.Minute })

	write("sources:\n  app:\n    kind: postgres\n    password: " + secret + "\n    hst: x\n")
	hup()
	until(t, "a bad estate is logged", func() bool {
		return strings.Contains(log.String(), "the one before stays in force") && strings.Contains(log.String(), "a.yaml:5:5: sources.app.hst")
	})
	if s := source(); s.Title != "First" || s.RetiredAt != nil {
		t.Errorf("a bad estate was applied: %+v", s)
	}
	state := p.declared.get()
	if state.RefusedAt.IsZero() || state.Sources != 1 || !strings.Contains(strings.Join(state.Problems, "\n"), "a.yaml:4:") {
		t.Errorf("the pages are told %+v", state)
	}

	write(fmt.Sprintf(app, "Second"))
	hup()
	until(t, "a good one is applied", func() bool { return source().Title == "Second" })
	until(t, "the pages are told so", func() bool { return p.declared.get().RefusedAt.IsZero() })

	write("sources: {}\n")
	hup()
	until(t, "what is declared no longer is retired", func() bool { return source().RetiredAt != nil })

	for where, text := range map[string]string{"the log": log.String(), "the database": dump(t, db)} {
		if strings.Contains(text, secret) {
			t.Errorf("the password is in %s", where)
		}
	}
	if !strings.Contains(dump(t, db), "${APP_PASSWORD}") {
		t.Error("the dump does not show what is kept of the setting: this test proves nothing")
	}
}

// dump returns all that a database holds.
func dump(t *testing.T, db *database) string {
	t.Helper()
	rows, _ := db.pool.Query(t.Context(), `SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, table := range tables {
		rows, _ := db.pool.Query(t.Context(), `SELECT x::text FROM `+table+` x`)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(table + "\n" + strings.Join(lines, "\n"))
	}
	return b.String()
}

func TestTold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"a bad file is told whole", fault.Invalidf("", "2 problems:\n  a.yaml:1\n  a.yaml:2"), "2 problems:\n  a.yaml:1\n  a.yaml:2"},
		{"of a cause the first line", fault.Unavailablef(errors.New("refused\nstack"), "it does not answer"), "it does not answer (refused …)"},
		{"what is no fault is one line", errors.New("a\nb"), "a"},
	} {
		if got := told(tt.err); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}
