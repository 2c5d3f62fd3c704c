package web

import (
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/notify"
	"portreeve/postgres/pgtest"
)

// site is a portal over a database of the test's own, as its first demo person sees it.
type site struct {
	*Server
	t    *testing.T
	db   *pgxpool.Pool
	http *httptest.Server
	rows *rowsOf
	now  time.Time
}

// newSite starts a portal with an empty catalog and one source, "lake", that has never been read.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, db: pgtest.New(t), rows: &rowsOf{}, now: time.Now()}
	s.Server = &Server{
		Catalog: catalog.NewStore(s.db), Access: access.NewStore(s.db), Rows: s.rows, Crawls: noCrawls{}, Events: silence{},
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return s.now }, Version: "1.2.3", Demo: true,
		Notify: notify.NewStore(s.db),
	}
	s.Key, _ = access.ParseKey(access.NewKey())
	s.Catalog.Audit = access.NewAudit(s.Key)
	s.Access.Audit = s.Catalog.Audit
	for _, p := range access.DemoPeople() {
		if _, err := s.Access.EnsurePerson(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	s.http = httptest.NewUnstartedServer(nil)
	s.BaseURL = "http://" + s.http.Listener.Addr().String()
	h, err := s.Handler()
	if err != nil {
		t.Fatal(err)
	}
	s.http.Config.Handler = h
	s.http.Start()
	t.Cleanup(s.http.Close)
	s.source(catalog.Source{Slug: "lake", Kind: "iceberg", Title: "Flights lake", CrawlEvery: time.Hour})
	return s
}

func (s *site) source(src catalog.Source) {
	s.t.Helper()
	if _, err := s.Catalog.PutSource(s.t.Context(), src); err != nil {
		s.t.Fatal(err)
	}
}

// queue opens a crawl of the source lake that nobody has begun.
func (s *site) queue() int64 {
	s.t.Helper()
	tx, err := s.db.Begin(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	id, _, err := catalog.OpenCrawl(s.t.Context(), tx, "lake", "Test")
	if err == nil {
		err = tx.Commit(s.t.Context())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// crawl reads scopes into the source lake.
func (s *site) crawl(scopes scopesOf) catalog.Crawl {
	s.t.Helper()
	run, err := catalog.Sync(s.t.Context(), s.Catalog, s.queue(), scopes, func() time.Time { return s.now }, s.Log)
	if err != nil {
		s.t.Fatal(err)
	}
	return run
}

// dataset returns the id of a dataset of the source lake.
func (s *site) dataset(name string) int64 {
	s.t.Helper()
	d, err := s.Catalog.Dataset(s.t.Context(), catalog.Key{Source: "lake", Name: name})
	if err != nil {
		s.t.Fatal(err)
	}
	return d.ID
}

// exec changes the database under the portal.
func (s *site) exec(sql string, args ...any) {
	s.t.Helper()
	if _, err := s.db.Exec(s.t.Context(), sql, args...); err != nil {
		s.t.Fatal(err)
	}
}

// response is an answer whose body is read.
type response struct {
	*http.Response
	body string
}

func (s *site) do(method, path string, header ...string) response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.http.URL+path, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response{res, string(body)}
}

// page gets a page that must be there.
func (s *site) page(path string, header ...string) *goquery.Document {
	s.t.Helper()
	a := s.do(http.MethodGet, path, header...)
	if a.StatusCode != http.StatusOK {
		s.t.Fatalf("GET %s = %d\n%s", path, a.StatusCode, a.body)
	}
	return a.document(s.t)
}

func (a response) document(t *testing.T) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// words returns what a reader sees of a selection, its white space collapsed.
func words(doc *goquery.Document, selector string) string {
	return strings.Join(strings.Fields(doc.Find(selector).Text()), " ")
}

// wantText fails unless the selection reads want somewhere.
func wantText(t *testing.T, doc *goquery.Document, selector, want string) {
	t.Helper()
	if got := words(doc, selector); !strings.Contains(got, want) {
		t.Errorf("%s reads %q, want it to hold %q", selector, cut(got, 600), want)
	}
}

// scopesOf is a source in memory: datasets by scope. A scope called "broken…" cannot be listed, and an observation without a
// kind exists but cannot be read.
type scopesOf map[string][]catalog.Observation

func (s scopesOf) Scopes(context.Context) ([]string, error) {
	var names []string
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

func (s scopesOf) Datasets(_ context.Context, scope string, _ catalog.Known) iter.Seq2[catalog.Observation, error] {
	return func(yield func(catalog.Observation, error) bool) {
		if strings.HasPrefix(scope, "broken") {
			yield(catalog.Observation{}, fault.Unavailablef(nil, "the schema %s cannot be listed: permission denied", scope))
			return
		}
		for _, o := range s[scope] {
			var err error
			if o.Kind == "" {
				err = fault.Unavailablef(nil, "its metadata file is missing")
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

func (s scopesOf) Has(_ context.Context, name string) (bool, error) {
	for _, all := range s {
		if slices.ContainsFunc(all, func(o catalog.Observation) bool { return o.Name == name }) {
			return true, nil
		}
	}
	return false, nil
}

// rowsOf answers with a sample or an error.
type rowsOf struct {
	sample catalog.Sample
	err    error
}

func (r *rowsOf) Sample(context.Context, catalog.Key, []string, int) (catalog.Sample, error) {
	return r.sample, r.err
}

type noCrawls struct{}

func (noCrawls) StartCrawl(context.Context, access.Act, string) (int64, error) {
	return 0, errors.New("this test starts no crawl")
}

type silence struct{}

func (silence) Subscribe(string) (<-chan string, func()) { return make(chan string), func() {} }

type selection = goquery.Selection

// flights is a small lake: a documented table with commits, a bare one, and a deprecated view.
func flights(now time.Time) scopesOf {
	table := catalog.Observation{
		Name: "clean.flights", Kind: catalog.Table, Team: "flight-ops", Domain: "operations", Tags: []string{"flights", "on-time"},
		Description: "One row per flight leaving EWR, JFK or LGA, corrected and de-duplicated. A negative delay means early.\n\nCancelled flights have no dep_time.",
		Certified:   true, Location: "file:///lake/clean/flights", Format: "parquet", Partitioning: []string{"month(time_hour)"},
		SortOrder: []string{"time_hour"}, RowCount: new(int64(336_776)), ByteCount: new(int64(5_138_022)), FileCount: new(int64(12)),
		SnapshotID: "8112", DataAt: new(now.Add(-12 * time.Minute)), Properties: map[string]string{"write.format.default": "parquet"},
		Columns: []catalog.Column{
			{Path: "year", Type: "int", Comment: "Calendar year of the flight"},
			{Path: "dep_delay", Type: "int", Nullable: true, Comment: "Minutes late at departure; negative means early"},
			{Path: "carrier", Type: "string", Comment: "Two-letter code of the airline"},
			{Path: "tailnum", Type: "string", Nullable: true},
			{Path: "weather", Type: "struct<visib: double>", Nullable: true, Comment: "At the hour of departure"},
			{Path: "weather.visib", Type: "double", Nullable: true},
		},
	}
	for i := range 12 {
		added := int64(26_000 + 1700*(i%5))
		table.Snapshots = append(table.Snapshots, catalog.Snapshot{
			ID: strconv.Itoa(8101 + i), At: now.Add(-12*time.Minute - time.Duration(11-i)*24*time.Hour), Operation: "append",
			AddedRows: &added, TotalRows: new(int64(28_064 * (i + 1))), TotalBytes: new(int64(428_168 * (i + 1))),
		})
	}
	raw := catalog.Observation{
		Name: "raw.weather", Kind: catalog.Table, Format: "parquet", RowCount: new(int64(26_115)), SnapshotID: "1",
		Columns: []catalog.Column{{Path: "visib", Type: "double", Nullable: true}, {Path: "wind_delay", Type: "int", Nullable: true}},
	}
	view := catalog.Observation{
		Name: "marts.delays_old", Kind: catalog.View, Description: "Mean delay per day.", Deprecated: "Use marts.on_time_daily",
		Columns: []catalog.Column{{Path: "day", Type: "date"}, {Path: "mean_delay", Type: "double", Nullable: true}},
	}
	return scopesOf{"clean": {table}, "raw": {raw}, "marts": {view}}
}

// profileOfFlights is what a profile of clean.flights looks like.
func profileOfFlights(now time.Time) catalog.Profile {
	return catalog.Profile{
		SnapshotID: "8112", TakenAt: now.Add(-3 * time.Minute), RowsTotal: 336_776, RowsRead: 100_000, TookMS: 412,
		Columns: []catalog.ColumnProfile{
			{Name: "year", Type: "INTEGER", Rows: 100_000, Distinct: new(int64(1)), Min: new("2026"), Max: new("2026")},
			{
				Name: "dep_delay", Type: "INTEGER", Rows: 100_000, Nulls: 2401, Distinct: new(int64(527)), Min: new("-43"), Max: new("1301"),
				Mean: new(12.64), StdDev: new(40.2), Quantiles: []float64{-9, -5, -2, 11, 88},
				Top: []catalog.TopValue{{Value: "-5", Rows: 7400}}, Histogram: &catalog.Histogram{Low: "-43", High: "1301", Counts: []int64{61000, 30000, 4000, 900, 100, 3, 0, 1}},
			},
			{Name: "carrier", Type: "VARCHAR", Rows: 100_000, Distinct: new(int64(16)), Min: new("9E"), Max: new("YV"), Top: []catalog.TopValue{{Value: "UA", Rows: 17_400}, {Value: "B6", Rows: 16_200}}},
		},
	}
}

// sampleOfFlights has a null, an empty text, and text that a browser or a spreadsheet would run.
func sampleOfFlights() catalog.Sample {
	return catalog.Sample{
		SnapshotID: "8112",
		Columns:    []catalog.SampleColumn{{Name: "year", Type: "INTEGER", Numeric: true}, {Name: "dep_delay", Type: "INTEGER", Numeric: true}, {Name: "carrier", Type: "VARCHAR"}},
		Rows:       [][]*string{{new("2026"), new("-4"), new("UA")}, {new("2026"), nil, new("")}, {new("2026"), new("7"), new("=cmd|'/c calc'!A0 <script>alert(1)</script>")}},
	}
}
