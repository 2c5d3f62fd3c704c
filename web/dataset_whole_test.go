package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"portreeve/catalog"
)

// One thing has one page, whichever of its names is asked for.
func TestSameThingHasOnePage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	for path, want := range map[string]string{
		"/d/dbt/shop.orders":                        "/d/lake/sales.orders?from=dbt%2Fshop.orders",
		"/d/trino/LAKE.sales.orders/columns":        "/d/lake/sales.orders/columns?from=trino%2Flake.sales.orders",
		"/d/events-registry/orders-key/schemas?x=1": "/d/events/orders/schemas?from=events-registry%2Forders-key&x=1",
		"/d/trino/PG.public.open_orders/history":    "/d/trino/pg.public.open_orders/history",
	} {
		if a := s.do(http.MethodGet, path); a.StatusCode != http.StatusFound || a.Header.Get("Location") != want {
			t.Errorf("GET %s = %d %q, want a way to %q", path, a.StatusCode, a.Header.Get("Location"), want)
		}
	}
	doc := s.page("/d/lake/sales.orders?from=dbt%2Fshop.orders")
	wantText(t, doc, "main > .callout", "You came from dbt/shop.orders: the same thing")
	if text := words(s.page("/d/lake/sales.orders?from=dbt%2Felse"), "main > .callout"); text != "" {
		t.Errorf("what is no other name is said to be one: %q", text)
	}
	if a := s.do(http.MethodPost, "/d/dbt/shop.orders/opened"); a.StatusCode != http.StatusNoContent {
		t.Fatalf("opened = %d", a.StatusCode)
	}
	wantText(t, s.page("/d/lake/sales.orders"), ".trust", "Opened by 1 person")
}

func TestKnownAs(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	doc := s.page("/d/lake/sales.orders")
	rows := map[string]string{}
	doc.Find("#known-as tbody tr").Each(func(_ int, tr *goquery.Selection) {
		rows[strings.Join(strings.Fields(tr.Find("th a").Text()+" "+tr.Find("th .break").Text()), " ")] = strings.Join(strings.Fields(tr.Text()), " ")
	})
	for name, wants := range map[string][]string{
		"trino lake.sales.orders": {"Table, all of it", "both have their files there", "/lake/sales/orders", "descriptions of columns"},
		"dbt shop.orders":         {"Model, all of it", "dbt builds it there", "description", "tag core", "team", "4 tests", "definition"},
	} {
		for _, want := range wants {
			if !strings.Contains(rows[name], want) {
				t.Errorf("%s is said to be %q, want %q in it", name, rows[name], want)
			}
		}
	}
	if href := doc.Find("#known-as tbody a").First().AttrOr("href", ""); href != "/sources/trino" {
		t.Errorf("the first name leads to %q, want its source", href)
	}
	wantText(t, doc, ".head-sub", "One row per order, cancelled ones among them. (from dbt shop.orders)")
	wantText(t, doc, ".head-meta", "sales (from dbt shop.orders)")
	wantText(t, doc, ".sec-head", "Observed in dbt shop.orders")
	columns := s.page("/d/lake/sales.orders/columns")
	wantText(t, columns, "table.columns", "Number of the order (from trino lake.sales.orders)")
	wantText(t, columns, "table.columns", "Who ordered (from dbt shop.orders)")
	if text := words(columns, "table.columns"); strings.Contains(text, "placed (from") {
		t.Error("a description of its own is said to be from somewhere else")
	}
	wantText(t, s.page("/d/lake/sales.orders/history"), ".versions", "in dbt shop.orders found to be the same thing as lake/sales.orders")
}

func TestTabsAreThoseThatThereAre(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	for path, want := range map[string]string{
		"/d/lake/sales.orders":           "Overview, Columns 3, Definition, dbt, History, Sample",
		"/d/events/orders":               "Overview, Partitions 6, Consumers 3, Schemas 4, Columns 3, History",
		"/d/events/empty":                "Overview, Partitions 1, Consumers, History",
		"/d/events-registry/money":       "Overview, Schemas 1, Columns 1, History",
		"/d/trino/pg.public.open_orders": "Overview, Columns 2, Definition, History",
		"/d/dbt/shop.revenue":            "Overview, dbt, History",
		"/d/shop/public.orders":          "Overview, Columns 2, History, Sample",
	} {
		doc := s.page(path)
		var tabs []string
		doc.Find("nav.tabs a").Each(func(_ int, a *goquery.Selection) {
			tabs = append(tabs, strings.Join(strings.Fields(a.Text()), " "))
			if a.AttrOr("aria-current", "") == "" {
				s.page(a.AttrOr("href", "")) // each leads somewhere
			}
		})
		if got := strings.Join(tabs, ", "); got != want {
			t.Errorf("%s has the tabs %q, want %q", path, got, want)
		}
	}
	for _, path := range []string{"/d/lake/sales.orders/partitions", "/d/lake/sales.orders/consumers", "/d/shop/public.orders/schemas", "/d/shop/public.orders/dbt", "/d/shop/public.orders/definition"} {
		if a := s.do(http.MethodGet, path); a.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s = %d, want 404", path, a.StatusCode)
		}
	}
	wantText(t, s.page("/d/events/orders/sample"), ".empty", "Rows of a topic cannot be shown yet")
	if a := s.do(http.MethodGet, "/d/events/orders/sample.csv"); a.StatusCode != http.StatusNotFound {
		t.Errorf("the sample of a topic as CSV = %d", a.StatusCode)
	}
}

func TestKeysOfATable(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	doc := s.page("/d/shop/public.orders")
	table := doc.Find("[aria-labelledby=h-keys] tbody")
	if got := strings.Join(strings.Fields(table.Find("th").Text()), " "); got != "Primary keyForeign keyForeign keyIndex" {
		t.Errorf("keys are %q", got)
	}
	links := table.Find("a")
	if href := links.AttrOr("href", ""); links.Length() != 1 || href != "/d/shop/public.customers" || links.Text() != "public.customers" {
		t.Errorf("references lead to %q, want only the table that is known", href)
	}
	wantText(t, doc, "[aria-labelledby=h-keys]", "other.shops (id)")
}

// An estimate is never shown as a count.
func TestEstimatesSaySo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	doc := s.page("/d/shop/public.orders")
	wantText(t, doc, ".rule-start .facts", "Rowsabout 1,203,000 estimated by Postgres")
	wantText(t, doc, ".head-meta", "Table of about 1,203,000 rows")
	if strings.Contains(words(doc, ".rule-start .facts"), "about 83") {
		t.Error("a size that is no estimate is called one")
	}
	wantText(t, s.page("/d/events/orders"), ".stats", "Messagesabout 8,400")
	wantText(t, s.page("/data?q=orders&source=shop"), ".results", "about 1.2 M rows")
}

func TestFiguresOverTime(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.source(catalog.Source{Slug: "shop", Kind: "postgres", CrawlEvery: time.Hour})
	s.crawlOf("shop", scopesOf{"public": {{Name: "public.new", Kind: catalog.Table}}})
	wantText(t, s.page("/d/shop/public.new"), "main", "No measurements yet")
	table := database()[1]
	s.crawlOf("shop", scopesOf{"public": {table}})
	wantText(t, s.page("/d/shop/public.orders"), "main", "There is nothing to compare yet")
	s.exec(`UPDATE measurement SET at = at - interval '3 hours'`)
	table.RowCount, table.DataAt = new(int64(1_500_000)), new(s.now.Add(-time.Hour))
	s.crawlOf("shop", scopesOf{"public": {table}})
	s.now = time.Now()
	doc := s.page("/d/shop/public.orders")
	if label := doc.Find("svg.chart[role=img]").First().AttrOr("aria-label", ""); !strings.Contains(label, "1.2 M at first, 1.5 M now") {
		t.Errorf("the chart is called %q", label)
	}
	if d := doc.Find("svg.chart path.l").First().AttrOr("d", ""); !strings.HasPrefix(d, "M0.0 ") || strings.Count(d, "V") != 1 {
		t.Errorf("one step is drawn as %q", d)
	}
	if doc.Find("svg.chart path.arrival").AttrOr("d", "") == "" {
		t.Error("no mark says when data arrived")
	}
	wantText(t, doc, "[aria-label='Figures over time'] tbody", "1,203,000")
	wantText(t, s.page("/d/shop/public.orders/history"), "main", "Rows estimated by Postgres")
}

func TestBranchesAndTags(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	doc := s.page("/d/lake/sales.orders/history")
	wantText(t, doc, "[aria-labelledby=h-refs] tbody tr:first-child", "auditBranch")
	if n := doc.Find("[aria-labelledby=h-refs] tbody tr:first-child time").Length(); n != 1 {
		t.Error("when the snapshot of a branch was written is known, and not said")
	}
	wantText(t, doc, "[aria-labelledby=h-refs] tbody tr:last-child", "unknown")
}
