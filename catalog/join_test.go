package catalog_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/postgres/pgtest"
)

// platform is several sources, each with one scope.
type platform struct {
	*catalog.Store
	t       *testing.T
	begin   func(source string) int64
	sql     func(statement string)
	holding map[string][]catalog.Observation
}

func newPlatform(t *testing.T, sources ...catalog.Source) *platform {
	t.Helper()
	db := pgtest.New(t)
	p := &platform{Store: catalog.NewStore(db), t: t, holding: map[string][]catalog.Observation{}}
	for _, s := range sources {
		s.Kind = "script"
		if _, err := p.PutSource(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	p.sql = func(statement string) {
		if _, err := db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	p.begin = func(source string) (id int64) {
		err := pgx.BeginFunc(t.Context(), db, func(tx pgx.Tx) (err error) {
			id, _, err = catalog.OpenCrawl(t.Context(), tx, source, "test")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	return p
}

type held []catalog.Observation

func (h held) Scopes(context.Context) ([]string, error) { return []string{"all"}, nil }

func (h held) Datasets(context.Context, string, catalog.Known) iter.Seq2[catalog.Observation, error] {
	return func(yield func(catalog.Observation, error) bool) {
		for _, o := range h {
			if !yield(o, nil) {
				return
			}
		}
	}
}

func (h held) Has(_ context.Context, name string) (bool, error) {
	return slices.ContainsFunc(h, func(o catalog.Observation) bool { return o.Name == name }), nil
}

func (p *platform) crawl(source string, now ...catalog.Observation) {
	p.t.Helper()
	run, err := catalog.Sync(p.t.Context(), p.Store, p.begin(source), held(now), time.Now, slog.New(slog.DiscardHandler))
	if err != nil || run.State != catalog.CrawlFinished {
		p.t.Fatalf("crawl of %s: %+v, %v", source, run, err)
	}
}

// whole returns what the page of source/name shows, as "main: other (rule), …".
func (p *platform) whole(source, name string) (catalog.Whole, string) {
	p.t.Helper()
	d, err := p.Dataset(p.t.Context(), catalog.Key{Source: source, Name: name})
	if err != nil {
		p.t.Fatal(err)
	}
	w, err := p.Whole(p.t.Context(), d)
	if err != nil {
		p.t.Fatal(err)
	}
	text := []string{w.Key().String() + ":"}
	for _, o := range w.Others {
		text = append(text, fmt.Sprintf("%s (%s)", o.Key(), o.MainRule))
	}
	return w, strings.Join(text, " ")
}

func (p *platform) hits(q string) []string {
	p.t.Helper()
	r, err := p.Search(p.t.Context(), catalog.SearchQuery{Text: q, Limit: 10})
	if err != nil {
		p.t.Fatal(err)
	}
	var names []string
	for _, h := range r.Items {
		names = append(names, h.Key().String())
	}
	return names
}

func id(namespace, name, rule string) catalog.Identifier {
	return catalog.Identifier{Namespace: namespace, Name: name, Rule: rule}
}

var (
	lakeOrders = catalog.Observation{
		Name: "raw.orders", Kind: catalog.Table, NativeID: "1",
		Columns:     []catalog.Column{{Path: "id", Type: "long"}, {Path: "Amount", Type: "decimal(9,2)"}},
		Identifiers: []catalog.Identifier{id("file", "/lake/raw/orders", "its files are there")},
	}
	trinoOrders = catalog.Observation{
		Name: "lake.raw.orders", Kind: catalog.Table, Standing: catalog.Serves,
		Columns: []catalog.Column{{Path: "id", Type: "bigint"}, {Path: "amount", Type: "decimal(9,2)"}},
		Identifiers: []catalog.Identifier{
			id("trino://trino:8080", "lake.raw.orders", "Trino's name"), id("file:", "file:///lake/raw/orders/", "its files are there"),
		},
	}
	dbtOrders = catalog.Observation{
		Name: "shop.orders", Kind: catalog.Model, Standing: catalog.Describes, Description: "Zebra sales", Team: "shop",
		Columns:     []catalog.Column{{Path: "amount", Type: "decimal", Comment: "in quokkas"}},
		Identifiers: []catalog.Identifier{id("trino://TRINO", "Lake.raw.Orders", "dbt builds it")},
	}
)

func newShop(t *testing.T) *platform {
	t.Helper()
	return newPlatform(t, catalog.Source{Slug: "lake"}, catalog.Source{Slug: "trino", Namespace: "trino://trino:8080", Aliases: []string{"trino:8080"}},
		catalog.Source{Slug: "dbt"})
}

func TestJoinOnePage(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.crawl("dbt", dbtOrders)
	if _, got := p.whole("dbt", "shop.orders"); got != "dbt/shop.orders:" {
		t.Errorf("alone: %s", got)
	}
	p.crawl("trino", trinoOrders)
	p.crawl("lake", lakeOrders) // joins dbt by way of trino
	w, got := p.whole("dbt", "shop.orders")
	if want := "lake/raw.orders: trino/lake.raw.orders (its files are there) dbt/shop.orders (dbt builds it)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if w.Description != "Zebra sales" || w.Team != "shop" || w.From["description"].Source != "dbt" || w.Documented != 1 || w.ColumnCount != 2 {
		t.Errorf("the whole says %+v", w)
	}
	columns, err := p.WholeColumns(t.Context(), &w, 10)
	if err != nil || len(columns) != 2 || columns[1].Comment != "in quokkas" || columns[1].Type != "decimal(9,2)" || columns[1].CommentFrom.Source != "dbt" {
		t.Errorf("columns %+v, %v", columns, err)
	}
	for _, q := range []string{"zebra", "quokkas", "orders", "source:dbt", "team:shop"} {
		if diff := cmp.Diff([]string{"lake/raw.orders"}, p.hits(q)); diff != "" {
			t.Errorf("search for %s (-want +got):\n%s", q, diff)
		}
	}
	versions, err := p.WholeVersions(t.Context(), &w, 0, 50)
	if err != nil || len(versions) < 4 {
		t.Errorf("history %+v, %v", versions, err)
	}
	shapes := 0
	for _, v := range versions { // that names mean the same thing is no version, nor is another name's first sight
		shapes = max(shapes, v.Shape)
	}
	if shapes != 1 {
		t.Errorf("version %d is current, though nothing changed: %+v", shapes, versions)
	}
}

func TestJoinComesApart(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.crawl("lake", lakeOrders)
	p.crawl("trino", trinoOrders)
	p.crawl("dbt", dbtOrders)
	p.crawl("lake") // gone there: Trino, which still has it, takes over
	if _, got := p.whole("dbt", "shop.orders"); got != "trino/lake.raw.orders: dbt/shop.orders (dbt builds it)" {
		t.Errorf("after the lake lost it: %s", got)
	}
	if _, got := p.whole("lake", "raw.orders"); got != "lake/raw.orders:" {
		t.Errorf("what is gone: %s", got)
	}
	p.crawl("lake", lakeOrders)
	if _, got := p.whole("dbt", "shop.orders"); got[:16] != "lake/raw.orders:" {
		t.Errorf("after it came back: %s", got)
	}
	moved := trinoOrders
	moved.Identifiers = moved.Identifiers[:1:1]
	p.crawl("trino", moved)
	if _, got := p.whole("lake", "raw.orders"); got != "lake/raw.orders:" {
		t.Errorf("after Trino's table moved: %s", got)
	}
	if diff := cmp.Diff([]string{"trino/lake.raw.orders"}, p.hits("zebra")); diff != "" {
		t.Errorf("search (-want +got):\n%s", diff)
	}
	first, _ := p.whole("lake", "raw.orders")
	p.crawl("trino", moved)
	if again, _ := p.whole("lake", "raw.orders"); !again.ChangedAt.Equal(first.ChangedAt) {
		t.Error("a crawl that found nothing new changed something")
	}
}

// A folder that all tables name as theirs makes them not one.
func TestJoinNotByWhatAllShare(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	var all []catalog.Observation
	for i := range 30 {
		o := catalog.Observation{Name: fmt.Sprintf("raw.t%d", i), Kind: catalog.Table, Identifiers: []catalog.Identifier{id("s3://lake", "", "x"), id("s3a://Lake", "all", "x")}}
		all = append(all, o)
	}
	p.crawl("lake", all...)
	if _, got := p.whole("lake", "raw.t7"); got != "lake/raw.t7:" {
		t.Errorf("joined: %s", got)
	}
}

func TestTopicAndSubjects(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, catalog.Source{Slug: "events"}, catalog.Source{Slug: "registry"})
	topic := func(part string) []catalog.Identifier {
		return []catalog.Identifier{{Namespace: "kafka://b:9092", Name: "orders", Rule: "TopicNameStrategy", Part: part}}
	}
	subject := func(part string) catalog.Observation {
		return catalog.Observation{
			Name: "orders-" + part, Kind: catalog.Schema, Standing: catalog.Describes, Identifiers: topic(part),
			Columns: []catalog.Column{{Path: "id", Type: part + " id"}}, Detail: catalog.Detail{Schema: &catalog.SchemaDetail{Subject: "orders-" + part}},
		}
	}
	p.crawl("registry", subject("key"), subject("value"))
	rows := int64(5)
	p.crawl("events", catalog.Observation{
		Name: "orders", Kind: catalog.Topic, Identifiers: topic(""), RowCount: &rows, Estimated: []string{"rows"},
		Detail: catalog.Detail{Topic: &catalog.TopicDetail{Replication: 3, Notes: []string{"a\x00b"}}},
	})
	w, got := p.whole("registry", "orders-key")
	if got != "events/orders: registry/orders-key (TopicNameStrategy) registry/orders-value (TopicNameStrategy)" {
		t.Errorf("got %s", got)
	}
	if w.Detail.Topic == nil || w.Detail.Topic.Replication != 3 || w.Others[1].Detail.Schema == nil || w.Others[1].Part != "value" {
		t.Errorf("details %+v", w)
	}
	columns, err := p.WholeColumns(t.Context(), &w, 10)
	if err != nil || len(columns) != 2 || columns[0].Type != "value id" || columns[0].Part != "value" || columns[1].Part != "key" {
		t.Errorf("columns %+v, %v", columns, err)
	}
	if m, err := p.Measurements(t.Context(), w.ID, 10); err != nil || len(m) != 1 || *m[0].RowCount != 5 {
		t.Errorf("measurements %+v, %v", m, err)
	}
}

// A catalog that cannot be listed hides its schemas; they are not gone.
func TestScopesBelowAFailedOneStay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.source.scopes = map[string][]catalog.Observation{"dwh.a": {table("dwh.a.t", "x")}, "other.b": {table("other.b.t", "x")}}
	b.sync(t)
	b.source.scopes = map[string][]catalog.Observation{"dwh": nil}
	b.source.broken["dwh"] = fault.Unavailablef(nil, "the catalog dwh cannot be read")
	if run := b.sync(t); run.State != catalog.CrawlPartial {
		t.Errorf("the crawl: %+v", run)
	}
	if b.dataset(t, "dwh.a.t").GoneAt != nil {
		t.Error("what could not be listed was taken for gone")
	}
	if b.dataset(t, "other.b.t").GoneAt == nil {
		t.Error("what is gone was not noticed")
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	p := newShop(t)
	p.crawl("lake", lakeOrders)
	p.crawl("trino", trinoOrders, catalog.Observation{Name: "lake.raw.Other", Kind: catalog.Table})
	for _, c := range []struct {
		namespace, name string
		symlinks        []catalog.Identifier
		want            string
	}{
		{"trino://Trino:8080", "LAKE.raw.orders", nil, "lake/raw.orders"},
		{"trino:8080", "lake.raw.orders", nil, "lake/raw.orders"},
		{"trino:8080", "lake.raw.other", nil, "trino/lake.raw.Other"},
		{"file", "/lake/raw/orders", nil, "lake/raw.orders"},
		{"s3://nowhere", "x", []catalog.Identifier{id("hive://h", "y", ""), id("file", "file:/lake/raw/orders", "")}, "lake/raw.orders"},
		{"s3://nowhere", "x", nil, ""},
		{"", "", nil, ""},
	} {
		got, err := p.Resolve(t.Context(), c.namespace, c.name, c.symlinks...)
		if c.want == "" {
			if fault.KindOf(err) != fault.NotFound {
				t.Errorf("Resolve(%s, %s) = %v, %v", c.namespace, c.name, got, err)
			}
			continue
		}
		if err != nil || got.Key.String() != c.want || got.Rule == "" {
			t.Errorf("Resolve(%s, %s) = %v, %v; want %s", c.namespace, c.name, got, err, c.want)
		}
	}
}

func FuzzNormal(f *testing.F) {
	for _, s := range [][2]string{{"file", "/a"}, {"file://x", "b"}, {"S3A://B", "/k/"}, {"trino://H:8080/", "A.b"}, {"file", "file:///a%20b"}, {"", ""}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, namespace, name string) {
		ns, n := catalog.Normal(namespace, name)
		if strings.ContainsFunc(namespace+name, unicode.IsSpace) {
			return // nobody's names: cleaning one space may bare the next
		}
		if again, m := catalog.Normal(ns, n); again != ns || m != n {
			t.Errorf("Normal(%q, %q) = %q, %q and then %q, %q", namespace, name, ns, n, again, m)
		}
	})
}
