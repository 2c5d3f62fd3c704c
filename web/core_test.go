package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/notify"
	"portreeve/outbound"
	"portreeve/postgres/pgtest"
)

// core is a portal over a database of the test's own, with a crawled source "lake".
type core struct {
	*Server
	t       *testing.T
	pool    *pgxpool.Pool
	handler http.Handler
	logged  *logBuffer
	events  *testEvents
}

// oddNames are names that addresses get wrong when anyone decodes them twice, or not at all.
var oddNames = []string{
	"raw.flights", "a/b", "100%", "%2F", "..%2f", "../etc", "x;y=1", `q"uote's`, "a b+c", "✈ flüge", "?q=1#top", "<script>", `back\slash`,
}

// newCore returns a portal at https://data.example.com, changed by change, if any, before it starts.
func newCore(t *testing.T, change func(*Server)) *core {
	t.Helper()
	st := &core{t: t, pool: pgtest.New(t), logged: &logBuffer{}, events: &testEvents{topics: map[string][]chan string{}}}
	st.Server = &Server{
		Catalog: catalog.NewStore(st.pool), Access: access.NewStore(st.pool), Rows: testRows{}, Crawls: st, Events: st.events,
		Log: slog.New(slog.NewJSONHandler(st.logged, nil)), Now: time.Now, Version: "1.2.3", BaseURL: "https://data.example.com",
		Health: []Dependency{{Name: "postgres", Check: st.pool.Ping}},
	}
	st.Key, _ = access.ParseKey(access.NewKey())
	st.Catalog.Audit = access.NewAudit(st.Key)
	st.Access.Audit = st.Catalog.Audit
	st.Notify = notify.NewStore(st.pool)
	st.Access.Told = notify.TellAccess
	st.Notify.Key, st.Notify.Audit = st.Key, st.Catalog.Audit
	st.Outside = notify.NewOutside(nil, outbound.Policy{}, "https://data.example.com", time.Now)
	if change != nil {
		change(st.Server)
	}
	if _, err := st.Catalog.PutSource(t.Context(), catalog.Source{Slug: "lake", Kind: "test", Title: "The lake"}); err != nil {
		t.Fatal(err)
	}
	st.crawl()
	h, err := st.Handler()
	if err != nil {
		t.Fatal(err)
	}
	st.handler = h
	return st
}

// crawl fills the lake.
func (st *core) crawl() catalog.Crawl {
	st.t.Helper()
	id, err := st.StartCrawl(st.t.Context(), access.Act{Who: access.Principal{Person: access.Person{Name: "schedule"}}}, "lake")
	if err != nil {
		st.t.Fatal(err)
	}
	run, err := catalog.Sync(st.t.Context(), st.Catalog, id, testLake{}, time.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		st.t.Fatal(err)
	}
	return run
}

// StartCrawl opens a crawl as the queue does, without a worker to carry it out.
func (st *core) StartCrawl(ctx context.Context, act access.Act, source string) (id int64, err error) {
	err = pgx.BeginFunc(ctx, st.pool, func(tx pgx.Tx) error {
		id, _, err = catalog.OpenCrawl(ctx, tx, source, act.Who.Name)
		return err
	})
	return id, err
}

func (st *core) exec(sql string) {
	st.t.Helper()
	if _, err := st.pool.Exec(st.t.Context(), sql); err != nil {
		st.t.Fatal(err)
	}
}

// person returns a person with the role.
func (st *core) person(role access.Role) access.Person {
	st.t.Helper()
	p, err := st.Access.EnsurePerson(st.t.Context(), access.Person{Issuer: "test", Subject: string(role), Name: "The " + string(role), Role: role})
	if err != nil {
		st.t.Fatal(err)
	}
	return p
}

// asking is something about a request.
type asking func(*http.Request)

func header(name, value string) asking {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// as signs a request in by a new session of a person with the role.
func (st *core) as(role access.Role) asking {
	st.t.Helper()
	secret, err := st.Access.CreateSession(st.t.Context(), st.person(role).ID, time.Hour)
	if err != nil {
		st.t.Fatal(err)
	}
	return header("Cookie", sessionCookie+"="+secret)
}

// token makes a token of a person with the role.
func (st *core) token(role access.Role, scopes ...string) string {
	st.t.Helper()
	secret, _, err := st.Access.CreateToken(st.t.Context(), access.Act{Who: access.Operator(), Via: "test"}, st.person(role).ID, "test", scopes, time.Hour)
	if err != nil {
		st.t.Fatal(err)
	}
	return secret
}

func bearer(secret string) asking { return header("Authorization", "Bearer "+secret) }

// reader is the token that most tests of the API use.
func (st *core) reader() asking { return bearer(st.token(access.Viewer, access.ScopeRead)) }

func form(pairs ...string) asking {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return sending("application/x-www-form-urlencoded", v.Encode())
}

func sending(kind, body string) asking {
	return func(r *http.Request) {
		r.Header.Set("Content-Type", kind)
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
	}
}

// ask sends one request, whose target is taken as it is written.
func (st *core) ask(method, target string, how ...asking) *http.Response {
	st.t.Helper()
	r := httptest.NewRequest(method, target, http.NoBody).WithContext(st.t.Context())
	r.Host = "data.example.com"
	for _, h := range how {
		h(r)
	}
	w := httptest.NewRecorder()
	st.handler.ServeHTTP(w, r)
	return w.Result()
}

// get asks the API and reads the answer, which must have the status, into a T.
func get[T any](st *core, status int, target string, how ...asking) T {
	st.t.Helper()
	if len(how) == 0 {
		how = []asking{st.reader()}
	}
	return read[T](st, status, st.ask(http.MethodGet, target, how...))
}

func read[T any](st *core, status int, res *http.Response) T {
	st.t.Helper()
	var v T
	text, err := io.ReadAll(res.Body)
	if err != nil {
		st.t.Fatal(err)
	}
	if res.StatusCode != status {
		st.t.Fatalf("status %d, want %d: %s", res.StatusCode, status, text)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		st.t.Fatalf("%v in %s", err, text)
	}
	return v
}

// html reads a page.
func html(t *testing.T, res *http.Response) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func wantStatus(t *testing.T, res *http.Response, want int) {
	t.Helper()
	if res.StatusCode != want {
		text, _ := io.ReadAll(res.Body)
		t.Errorf("status %d, want %d: %.300s", res.StatusCode, want, text)
	}
}

// testLake is a source with one scope that holds a dataset of each odd name, and one that cannot be read.
type testLake struct{}

func (testLake) Scopes(context.Context) ([]string, error) { return []string{"raw"}, nil }

func (testLake) Has(context.Context, string) (bool, error) { return true, nil }

func (testLake) Datasets(context.Context, string, catalog.Known) iter.Seq2[catalog.Observation, error] {
	rows, at := int64(336776), time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	return func(yield func(catalog.Observation, error) bool) {
		for _, name := range oddNames {
			o := catalog.Observation{
				Name: name, NativeID: "id of " + name, Kind: catalog.Table, Description: "Described", Team: "flight-ops", RowCount: &rows, DataAt: &at, SnapshotID: "s2",
				Columns: []catalog.Column{
					{Path: "carrier", Type: "string", Comment: "Who flies"},
					{Path: "origin", Type: "struct<code string>", Nullable: true},
					{Path: "origin.code", Type: "string"},
				},
				Snapshots: []catalog.Snapshot{
					{ID: "s1", At: at.Add(-time.Hour), Operation: "append"}, {ID: "s2", ParentID: "s1", At: at, Operation: "append", TotalRows: &rows},
				},
			}
			if !yield(o, nil) {
				return
			}
		}
		yield(catalog.Observation{Name: "raw.broken"}, errors.New("no metadata"))
	}
}

// testRows reads two rows of anything.
type testRows struct{}

func (testRows) Sample(_ context.Context, key catalog.Key, _ []string, limit int) (catalog.Sample, error) {
	if key.Name == "a/b" {
		return catalog.Sample{}, fault.Unavailablef(errors.New("cause"), "a data file is missing")
	}
	value := "UA"
	s := catalog.Sample{Key: key, SnapshotID: "s2", Columns: []catalog.SampleColumn{{Name: "carrier", Type: "VARCHAR"}}}
	for range limit {
		s.Rows = append(s.Rows, []*string{&value})
	}
	s.Rows[0] = []*string{nil}
	return s, nil
}

// testEvents announces what a test tells it to.
type testEvents struct {
	mu     sync.Mutex
	topics map[string][]chan string
}

func (e *testEvents) Subscribe(topic string) (<-chan string, func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	ch := make(chan string, 16)
	e.topics[topic] = append(e.topics[topic], ch)
	return ch, func() {}
}

func (e *testEvents) announce(topic, payload string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ch := range e.topics[topic] {
		ch <- payload
	}
}

// logBuffer holds log lines. Requests write to it while tests read.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// lines returns the lines logged with the message msg.
func (b *logBuffer) lines(t *testing.T, msg string) []map[string]any {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []map[string]any
	for line := range bytes.Lines(b.buf.Bytes()) {
		var v map[string]any
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatal(err)
		}
		if v["msg"] == msg {
			found = append(found, v)
		}
	}
	return found
}

func (b *logBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
