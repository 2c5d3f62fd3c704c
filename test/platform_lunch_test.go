package test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"
)

// A company connects what it runs before lunch; what people then find, what becomes of it when it changes, and what is seen
// of its secrets.
func TestPlatform(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "zz")
	p := newPlatform(t)
	p.start(t, sources(c.declared()))
	p.good(t, everything...)
	p.good(t, "models", "schemas") // whatever the order was, all is joined
	lunch := []struct {
		name string
		test func(*testing.T, *platform, *company)
	}{
		{"found", testFound},
		{"one table", testOneTable},
		{"topic", testTopic},
		{"database", testDatabase},
		{"pages", testPlatformPages},
		{"columns and versions", testNewColumns},
		{"gone and back", testGoneAndBack},
		{"renamed", testRenamed},
		{"no secret", testNoSecret},
		{"estate changed", testEstateChanged},
	}
	for _, tt := range lunch { // in turn: one after the other changes what there is
		t.Run(tt.name, func(t *testing.T) { tt.test(t, p, c.with(t)) })
	}
}

// with returns the company for a subtest.
func (c *company) with(t *testing.T) *company {
	t.Helper()
	of := *c
	of.t = t
	return &of
}

// found returns what a search finds first, as "source/name".
func (p *platform) found(t *testing.T, question string) (keys []string) {
	t.Helper()
	type result struct {
		Items []struct{ Source, Name string }
	}
	for _, item := range ask[result](t, p, "/search?q="+url.QueryEscape(question)).Items {
		keys = append(keys, item.Source+"/"+item.Name)
	}
	return keys
}

func testFound(t *testing.T, p *platform, c *company) {
	t.Helper()
	column := "shipped_" + strings.TrimPrefix(c.topic, "platform-")
	for question, want := range map[string]string{
		column: "events/" + c.topic, c.topic: "events/" + c.topic,
		c.schema + ".customers": "app/" + c.schema + ".customers", c.schema + ".orders": "lake/" + c.schema + ".orders",
	} {
		if got := p.found(t, question); len(got) == 0 || got[0] != want {
			t.Errorf("%q finds %q, want %s first", question, got, want)
		}
	}
}

func testOneTable(t *testing.T, p *platform, c *company) {
	t.Helper()
	lake := p.dataset(t, "lake", c.schema+".orders")
	rules := map[string]string{}
	for _, other := range lake.AlsoKnownAs {
		rules[other.Source+"/"+other.Name] = other.Rule
	}
	warehouse := "lake." + c.schema + ".orders"
	if rules["warehouse/"+warehouse] == "" || len(lake.Detail.Models) != 1 {
		t.Errorf("the table of the lake is also known as %+v with %d models, want Trino's table and dbt's model", lake.AlsoKnownAs, len(lake.Detail.Models))
	}
	if served := p.dataset(t, "warehouse", warehouse); served.SameAs == nil || served.SameAs.Source != "lake" {
		t.Errorf("Trino's table is shown with %v, want the lake's", served.SameAs)
	}
	page := p.page(t, "/d/lake/"+c.schema+".orders")
	for _, want := range []string{rules["warehouse/"+warehouse], warehouse, "All orders", "shop.orders"} {
		if want == "" || !strings.Contains(page, want) {
			t.Errorf("the page of the table does not show %q", want)
		}
	}
	if columns := p.page(t, "/d/lake/"+c.schema+".orders/columns"); !strings.Contains(columns, "In euros") {
		t.Error("what dbt says of a column is not shown")
	}
}

func testTopic(t *testing.T, p *platform, c *company) {
	t.Helper()
	d := p.dataset(t, "events", c.topic)
	topic := d.Detail.Topic
	if topic == nil || topic.PartitionCount != 3 || len(topic.Partitions) != 3 || d.RowCount.Value == nil || *d.RowCount.Value != 5 {
		t.Fatalf("the topic is %+v", d)
	}
	if len(topic.Groups) != 1 || topic.Groups[0].Lag == nil || *topic.Groups[0].Lag != 2 || len(topic.Groups[0].Members) != 1 {
		t.Errorf("its groups are %+v, want one that lags by 2 and has a member", topic.Groups)
	}
	parts := map[string]string{}
	for _, s := range d.Detail.Schemas {
		parts[s.Part] = s.Format
	}
	if parts["key"] != "AVRO" || parts["value"] != "AVRO" {
		t.Errorf("its schemas are %+v", d.Detail.Schemas)
	}
	for _, tab := range topicTabs {
		p.page(t, "/d/events/"+c.topic+tab)
	}
	if page := p.page(t, "/d/events/"+c.topic+"/consumers"); !strings.Contains(page, c.group()) {
		t.Error("the page does not show the group")
	}
}

var topicTabs = []string{"", "/columns", "/consumers", "/schemas", "/history"}

func testDatabase(t *testing.T, p *platform, c *company) {
	t.Helper()
	if d := p.dataset(t, "app", c.schema+".customers"); d.Description.Value != "Who has bought" || d.Kind != "table" {
		t.Errorf("the table of the database is %+v", d)
	}
	if d := p.dataset(t, "app", c.schema+".names"); d.Kind != "view" {
		t.Errorf("the view is a %s", d.Kind)
	}
}

func testPlatformPages(t *testing.T, p *platform, c *company) {
	t.Helper()
	b := p.tab(t, "/")
	paths := []string{"/sources", "/sources/events", "/sources/warehouse", "/d/lake/" + c.schema + ".orders", "/data?q=" + c.topic}
	for _, tab := range topicTabs {
		paths = append(paths, "/d/events/"+c.topic+tab)
	}
	for _, width := range []int64{1440, 400} {
		b.do(chromedp.EmulateViewport(width, 900))
		for i, path := range paths {
			b.visit(path)
			b.picture(fmt.Sprintf("platform-%d-%02d", width, i))
			for _, finding := range b.axe() {
				t.Errorf("%s at %d px: %s", path, width, finding)
			}
			if b.eval(`document.documentElement.scrollWidth > innerWidth`) == "true" {
				t.Errorf("%s scrolls sideways at %d px", path, width)
			}
		}
	}
}

func testNewColumns(t *testing.T, p *platform, c *company) {
	t.Helper()
	c.do(`ALTER TABLE lake.%s.orders ADD COLUMN coupon varchar`, c.schema)
	word := strings.TrimPrefix(c.topic, "platform-")
	c.register("value", `{"type":"record","name":"Value","fields":[{"name":"shipped_`+word+`","type":"string"},{"name":"carrier_`+word+`","type":["null","string"],"default":null}]}`)
	p.good(t, "lake", "warehouse", "schemas")
	p.wantHistory(t, "lake", c.schema+".orders", "column_added coupon")
	p.wantHistory(t, "warehouse", "lake."+c.schema+".orders", "column_added coupon")
	p.wantHistory(t, "events", c.topic, "column_added carrier_"+word)
	for _, s := range p.dataset(t, "events", c.topic).Detail.Schemas {
		if s.Part == "value" && (len(s.Versions) != 2 || s.Versions[0].Version != 2) {
			t.Errorf("the versions of the value's schema are %v", s.Versions)
		}
	}
	if got := p.found(t, "carrier_"+word); len(got) == 0 || got[0] != "events/"+c.topic {
		t.Errorf("the new field finds %q", got)
	}
}

func testGoneAndBack(t *testing.T, p *platform, c *company) {
	t.Helper()
	const create = `CREATE TABLE lake.%s.visits (id bigint, at timestamp(6))`
	names := map[string]string{"lake": c.schema + ".visits", "warehouse": "lake." + c.schema + ".visits"}
	c.do(create, c.schema)
	p.good(t, "lake", "warehouse")
	c.do(`DROP TABLE lake.%s.visits`, c.schema)
	p.good(t, "lake", "warehouse")
	for source, name := range names {
		if d := p.dataset(t, source, name); d.GoneAt == nil {
			t.Errorf("%s %s was dropped and is not gone", source, name)
		}
		p.wantHistory(t, source, name, "created dataset", "gone dataset")
	}
	if page := p.page(t, "/d/lake/"+names["lake"]); !strings.Contains(page, "Gone from lake") {
		t.Error("the page of a dropped table does not say so")
	}
	c.do(create, c.schema)
	p.good(t, "lake", "warehouse")
	for source, name := range names {
		if d := p.dataset(t, source, name); d.GoneAt != nil {
			t.Errorf("%s %s was made again and is gone", source, name)
		}
		p.wantHistory(t, source, name, "created dataset", "gone dataset", "back dataset")
	}
	if d := p.dataset(t, "warehouse", names["warehouse"]); d.SameAs == nil {
		t.Error("the table that came back is no longer one page")
	}
}

func testRenamed(t *testing.T, p *platform, c *company) {
	t.Helper()
	c.do(`ALTER TABLE lake.%s.visits RENAME TO lake.%s.sessions`, c.schema, c.schema)
	execute(t, connect(t, c.stack.PostgresURL), "ALTER TABLE "+c.schema+".customers RENAME TO buyers")
	p.good(t, "lake", "warehouse", "app")
	p.wantHistory(t, "lake", c.schema+".sessions", "created dataset", "renamed name")
	p.wantHistory(t, "warehouse", "lake."+c.schema+".sessions", "created dataset", "renamed name")
	p.wantHistory(t, "app", c.schema+".buyers", "created dataset", "renamed name")
}

// A secret is nowhere: not in pages, answers, logs or the database, where its reference stands instead.
func testNoSecret(t *testing.T, p *platform, c *company) {
	t.Helper()
	texts := map[string]string{"the log": p.output.String(), "the database": dumped(t, p.database)}
	for _, slug := range everything {
		for _, path := range []string{"/sources/" + slug, "/data?source=" + slug} {
			texts[path] = p.page(t, path)
		}
		for _, path := range []string{"/sources/" + slug, "/sources/" + slug + "/crawls", "/sources/" + slug + "/scopes"} {
			_, texts["/api/v1"+path] = p.api(t, p.token, http.MethodGet, "/api/v1"+path, "")
		}
	}
	for where, text := range texts {
		p.wantNoSecret(t, where, text)
	}
	for where, reference := range map[string]string{
		"the database": "${TRINO_PASSWORD}", "/api/v1/sources/warehouse": "${TRINO_PASSWORD}", "/sources/warehouse": "${TRINO_PASSWORD}",
	} {
		if !strings.Contains(texts[where], reference) {
			t.Errorf("%s does not show %s: this test proves little", where, reference)
		}
	}
}

func (p *platform) wantNoSecret(t *testing.T, where, text string) {
	t.Helper()
	for name, secret := range p.secrets {
		if strings.Contains(text, secret) {
			t.Errorf("%s tells %s", where, name)
		}
	}
}

// dumped returns all rows of all tables of a database.
func dumped(t *testing.T, address string) string {
	t.Helper()
	db := connect(t, address)
	rows, _ := db.Query(t.Context(), `SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables
		WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, table := range tables {
		if _, err := db.PgConn().CopyTo(t.Context(), &b, "COPY "+table+" TO STDOUT"); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// The estate is changed under a portal that runs: badly, then well, then something is taken away and comes back.
func testEstateChanged(t *testing.T, p *platform, c *company) {
	t.Helper()
	hup := func(estate string) {
		t.Helper()
		p.declare(t, estate)
		if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	source := func() sourceSeen { return ask[sourceSeen](t, p, "/sources/warehouse") }
	hup("sources:\n  warehouse:\n    kind: trino\n    password: " + p.secrets["WRONG_PASSWORD"] + "\n")
	eventually(t, "a bad estate is logged", func() bool { return strings.Contains(p.output.String(), "the one before stays in force") })
	if s := source(); s.Title != "Warehouse" || s.RetiredAt != nil {
		t.Errorf("a bad estate was applied: %+v", s)
	}
	all := c.declared()
	all["warehouse"][1] = "title: Big warehouse"
	hup(sources(all))
	eventually(t, "a good estate is applied", func() bool { return source().Title == "Big warehouse" })
	warehouse := all["warehouse"]
	delete(all, "warehouse")
	all["models"] = slices.DeleteFunc(slices.Clone(all["models"]), func(s string) bool { return strings.HasPrefix(s, "database_namespace") })
	hup(sources(all))
	eventually(t, "what is declared no longer is retired", func() bool { return source().RetiredAt != nil })
	if d := p.dataset(t, "warehouse", "lake."+c.schema+".orders"); d.GoneAt != nil {
		t.Error("a table of a retired source is gone")
	}
	if page := p.page(t, "/sources/warehouse"); !strings.Contains(page, "retired") {
		t.Error("the page of a retired source does not say so")
	}
	all["warehouse"] = warehouse
	hup(sources(all))
	eventually(t, "it comes back", func() bool { return source().RetiredAt == nil })
	p.good(t, "warehouse")
	p.wantNoSecret(t, "the log", p.output.String())
}

// openOn returns a new tab at path of a portal.
func openOn(t *testing.T, address, path string) *tab {
	t.Helper()
	browserOnce.Do(startBrowser)
	if errBrowser != nil {
		t.Fatal(errBrowser)
	}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int]("1")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	b := &tab{t, ctx, address}
	b.visit(path)
	return b
}
