package web

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/connector/kafka"
	"portreeve/connector/schemaregistry"
	"portreeve/connector/trino"
	"portreeve/estate"
)

// warehouse is a declared source with a setting of every sort, and its kind.
func warehouse() (catalog.Source, catalog.Connector) {
	src := catalog.Source{
		Slug: "warehouse", Kind: "trino", Title: "Warehouse", Namespace: "trino://t:8443", Aliases: []string{"trino:8080"}, DeclaredIn: "a.yaml:3",
		CrawlEvery: 15 * time.Minute, Config: map[string]string{
			"url": "https://t:8443", "password": "${TRINO_PASSWORD}", "catalogs": "lake\napp", "token": "hunter2", "strange": "hunter3",
		},
	}
	kind := catalog.Connector{Kind: "trino", Title: "Trino", Settings: []catalog.ConnectorSetting{
		{Name: "url", Help: "Address of the coordinator.", Required: true},
		{Name: "password", Help: "Password of the user.", Secret: true},
		{Name: "token", Help: "A token.", Secret: true},
		{Name: "catalogs", Help: "Catalogs to read.", List: true},
		{Name: "timeout", Help: "Time for a query.", Default: "60s"},
	}}
	return src, kind
}

func TestSourceShowsItsSettings(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	src, kind := warehouse()
	s.Connectors = []catalog.Connector{kind}
	s.source(src)
	doc := s.page("/sources/warehouse")
	wantText(t, doc, "#settings", "declared in a.yaml:3")
	wantText(t, doc, "#settings tr:contains(url)", "https://t:8443")
	wantText(t, doc, "#settings tr:contains(url)", "Address of the coordinator.")
	wantText(t, doc, "#settings tr:contains(password)", "from ${TRINO_PASSWORD}")
	wantText(t, doc, "#settings tr:contains(catalogs)", "app")
	wantText(t, doc, "#settings tr:contains(token)", "set, not shown") // no estate's, and no reference
	wantText(t, doc, "#settings tr:contains(strange)", "set, not shown")
	wantText(t, doc, "#settings details", "60s by default")
	wantText(t, doc, ".facts", "trino:8080")
	wantText(t, doc, ".facts", "15 min")
	wantText(t, doc, ".head .badge", "Trino")
	if text := doc.Text(); strings.Contains(text, "hunter") {
		t.Error("a secret is on the page")
	}
}

// The API tells as much as the page, and no secret either.
func TestAPISourceSettings(t *testing.T) {
	t.Parallel()
	src, kind := warehouse()
	st := newCore(t, func(s *Server) { s.Connectors = []catalog.Connector{kind} })
	if _, err := st.Catalog.PutSource(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	got := get[sourceDetail](st, http.StatusOK, "/api/v1/sources/warehouse")
	if got.DeclaredIn != "a.yaml:3" || fmt.Sprint(got.Aliases) != "[trino:8080]" || got.RetiredAt != nil || got.Failures != 0 {
		t.Errorf("%+v", got.sourceAnswer)
	}
	want := map[string]string{"url": "[https://t:8443]", "password": "[${TRINO_PASSWORD}]", "catalogs": "[lake app]", "token": "[]", "strange": "[]"}
	for _, v := range got.Settings {
		if fmt.Sprint(v.Values) != want[v.Name] || v.Hidden != (v.Name == "token" || v.Name == "strange") {
			t.Errorf("%+v, want the values %s", v, want[v.Name])
		}
	}
	if len(got.Settings) != len(want) {
		t.Errorf("%d settings, want %d", len(got.Settings), len(want))
	}
	for _, path := range []string{"/api/v1/sources", "/api/v1/sources/warehouse"} {
		text, err := io.ReadAll(st.ask(http.MethodGet, path, bearer(st.token(access.Admin, access.ScopeRead))).Body)
		if err != nil || strings.Contains(string(text), "hunter") {
			t.Errorf("%s tells a secret: %v", path, err)
		}
	}
}

func TestSourceThatFailsSaysSinceWhenAndWhatNext(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.crawl(flights(s.now))
	for range 2 {
		id := s.queue()
		s.exec(`UPDATE crawl SET state = 'failed', message = 'the lake does not answer', finished_at = now() - interval '90 minutes' WHERE id = $1`, id)
		if err := s.Catalog.RetrySooner(t.Context(), "lake"); err != nil {
			t.Fatal(err)
		}
	}
	s.now = time.Now()
	doc := s.page("/sources/lake")
	wantText(t, doc, ".callout", "lake could not be read: the lake does not answer")
	wantText(t, doc, ".callout", "It is tried again in 1 min")
	wantText(t, doc, ".facts", "tried 2 times")
	wantText(t, doc, ".facts", "in 1 min, sooner than usual")
	if n := strings.Count(doc.Text(), "the lake does not answer"); n != 2 { // the callout, and the crawl before
		t.Errorf("the page says %d times why it cannot be read", n)
	}
	doc = s.page("/sources")
	wantText(t, doc, "tbody tr", "since 2 h ago")
	if n := strings.Count(doc.Text(), "the lake does not answer"); n != 1 {
		t.Errorf("the list says %d times why it cannot be read", n)
	}
	st := s.crawl(flights(s.now))
	if st.State != catalog.CrawlFinished || strings.Contains(words(s.page("/sources/lake"), ".facts"), "sooner") {
		t.Error("once it is read the trouble is not over")
	}
}

func TestRetiredSource(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	src := catalog.Source{Slug: "old", Kind: "trino", DeclaredIn: "a.yaml:1"}
	for _, declared := range [][]catalog.Source{{src}, {}} {
		if _, err := s.Catalog.ApplySources(t.Context(), declared); err != nil {
			t.Fatal(err)
		}
	}
	s.exec(`UPDATE person SET role = 'owner' WHERE name = 'Ana Ruiz'`)
	doc := s.page("/sources/old")
	wantText(t, doc, ".callout", "old is retired since just now")
	if doc.Find("#crawl-now").Length() > 0 {
		t.Error("what is retired can be crawled")
	}
	wantText(t, doc, "#settings", "last declared in a.yaml:1")
	for _, dead := range []string{"changed there", "Cannot be read", "Last crawl", "Next"} {
		if strings.Contains(words(doc, "main"), dead) {
			t.Errorf("the page of a retired source says %q as if it were alive", dead)
		}
	}
	doc = s.page("/sources")
	wantText(t, doc, ".head-sub", "1 source, 0 datasets.") // the lake
	wantText(t, doc, "#retired summary", "1 retired")
	wantText(t, doc, "#retired", "last declared in a.yaml:1, retired "+day(time.Now()))
	if doc.Find("tbody tr:contains(old)").Length() > 0 {
		t.Error("what is retired stands among what is read")
	}
}

// A setting shows what the file says, and what that stands for.
func TestSourceShowsWhatIsWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.yaml")
	const text = `sources:
  events: {kind: kafka, brokers: ["kafka.example.com:9092"]}
  names: {kind: schemaregistry, url: "http://registry.example.com", kafka: events}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	kinds := []catalog.Connector{kafka.Connector(), schemaregistry.Connector()}
	e, err := estate.Load(path, kinds, os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	s.Connectors = kinds
	s.exec(`DELETE FROM source`)
	if _, err := s.Catalog.ApplySources(t.Context(), e.Sources); err != nil {
		t.Fatal(err)
	}
	row := s.page("/sources/names").Find("#settings tr:contains(kafka)").First()
	if got := strings.Join(strings.Fields(row.Find("td").First().Text()), " "); got != "events stands for kafka://kafka.example.com:9092" {
		t.Errorf("the setting reads %q", got)
	}
	if strings.Contains(s.page("/sources/names").Text(), "declared:") {
		t.Error("how a setting is written is shown as another setting")
	}
}

// Owners are told that a newer version of the estate is refused; others cannot mend it.
func TestSourcesTellOfARefusedEstate(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.Estate = func() EstateState { return EstateState{AppliedAt: s.now.Add(-time.Hour), Sources: 3} }
	s.exec(`UPDATE person SET role = 'owner' WHERE name = 'Ana Ruiz'`)
	if s.page("/sources").Find(".callout").Length() > 0 {
		t.Error("an estate that holds is told of")
	}
	s.Estate = func() EstateState {
		return EstateState{
			AppliedAt: s.now.Add(-time.Hour), Sources: 3, RefusedAt: s.now.Add(-2 * time.Minute), Problems: []string{"a.yaml:5:5: sources.app.hst: <b>no such"},
		}
	}
	doc := s.page("/sources")
	wantText(t, doc, ".callout", "refused since 2 min ago")
	wantText(t, doc, ".callout li", "a.yaml:5:5: sources.app.hst: <b>no such")
	wantText(t, doc, ".callout", "applied 60 min ago, with 3 sources, stays in force")
	s.exec(`UPDATE person SET role = 'analyst' WHERE name = 'Ana Ruiz'`)
	if s.page("/sources").Find(".callout").Length() > 0 {
		t.Error("an analyst is told of it")
	}
}

// A source with many schemas shows those that failed first, the rest by the page, and finds one by its name.
func TestSourceWithManySchemas(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.exec(`INSERT INTO source_scope (source_id, name, datasets, ok_at, problem) SELECT s.id, 's' || lpad(n::text, 3, '0'), n, now(),
		CASE WHEN n = 477 THEN 'permission denied' ELSE '' END FROM source s, generate_series(1, 500) n`)
	doc := s.page("/sources/lake")
	rows := doc.Find("table:contains(Datasets) a[href^='/data']")
	if rows.Length() != 50 || rows.First().Text() != "s477" || rows.Eq(1).Text() != "s001" {
		t.Errorf("%d schemas, first %q", rows.Length(), rows.First().Text())
	}
	wantText(t, doc, ".note", "1 of 500 could not be read")
	wantText(t, doc, ".pager", "1–50 of 500 parts")
	next := doc.Find(".pager a[rel=next]").AttrOr("href", "")
	doc = s.page(next)
	if first := doc.Find("table:contains(Datasets) a[href^='/data']").First().Text(); first != "s050" {
		t.Errorf("the next page at %s begins with %q", next, first)
	}
	if here := doc.Find("#source-live").AttrOr("hx-get", ""); here != "/sources/lake?from=50" {
		t.Errorf("a crawl refreshes the page with %q", here)
	}
	doc = s.page("/sources/lake?scope=S49")
	if n := doc.Find("table:contains(Datasets) a[href^='/data']").Length(); n != 10 {
		t.Errorf("%d schemas have a name with s49", n)
	}
	wantText(t, s.page("/sources/lake?scope=%3Cb%3E"), "main", "None has a name with “<b>”.")
	for _, odd := range []string{"from=-1", "from=9999999999999999999", "from=x"} {
		if a := s.do(http.MethodGet, "/sources/lake?"+odd); a.StatusCode != http.StatusOK {
			t.Errorf("?%s = %d", odd, a.StatusCode)
		}
	}
}

func TestNoSourcesShowHowToBegin(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.yaml")
	if err := os.WriteFile(path, []byte(exampleEstate), 0o600); err != nil {
		t.Fatal(err)
	}
	kinds := []catalog.Connector{trino.Connector(), kafka.Connector()}
	if _, err := estate.Load(path, kinds, func(string) (string, bool) { return "x", true }); err != nil {
		t.Errorf("what the page says to begin with is wrong: %v", err)
	}
	s := newSite(t)
	s.exec(`DELETE FROM source`)
	doc := s.page("/sources")
	wantText(t, doc, ".empty pre", "kind: trino")
	wantText(t, doc, ".empty", "PORTREEVE_ESTATE")
}
