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
		rows[strings.Join(strings.Fields(tr.Find("th a").First().Text()+" "+tr.Find("th .break").Text()), " ")] = strings.Join(strings.Fields(tr.Text()), " ")
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
	wantText(t, doc, ".head-sub", "Observed in dbt shop.orders")
	wantText(t, doc, ".head-meta", "sales Where the team comes from Observed in dbt shop.orders")
	if doc.Find("h2:contains('What it is')").Length() != 0 {
		t.Error("a description of one sentence stands twice")
	}
	for page, want := range map[string]string{"/d/lake/sales.orders": "/d/lake/sales.orders/dbt", "/d/events/orders": "/d/events/orders/schemas?subject=orders-key"} {
		if n := s.page(page).Find("#known-as tbody a[href='" + want + "']").Length(); n != 1 {
			t.Errorf("%d names on %s lead to %s", n, page, want)
		}
	}
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
		"/d/shop/public.orders":          "Overview, Columns 2, History",
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
		if a := s.do(http.MethodGet, path); a.StatusCode != http.StatusSeeOther {
			t.Errorf("GET %s = %d, want a way to the overview", path, a.StatusCode)
		}
	}
	wantText(t, s.page("/d/lake/sales.orders?no=partitions"), "main > .callout", "This table has no tab Partitions (they belong to topics). This is its overview.")
	wantText(t, s.page("/d/events/orders/sample"), ".empty", "Rows of a topic cannot be shown here")
	wantText(t, s.page("/d/shop/public.orders/sample"), ".empty", "Rows of shop cannot be shown here")
	if n := s.page("/d/shop/public.orders").Find("#h-glance").Closest("section").Find("thead th").Length(); n != 3 {
		t.Errorf("columns whose values are not read have %d headings, want 3", n)
	}
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
	table := database()[1]
	s.crawlOf("shop", scopesOf{"public": {table}})
	if text := words(s.page("/d/shop/public.orders"), "main"); strings.Contains(text, "Size over time") {
		t.Error("one measurement is shown as a course of things")
	}
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

func TestWhyNamesAreTheSame(t *testing.T) {
	t.Parallel()
	sources := []catalog.SourceStatus{{Source: catalog.Source{Slug: "shop", Namespace: "postgres://db:5432", Aliases: []string{"postgres://127.0.0.1:22799"}}}}
	for rule, want := range map[string]string{
		"both have their files there":                                    "both have their files there",
		"the estate says that catalog app is postgres://127.0.0.1:22799": "the estate says that catalog app is the source shop",
		"postgres://db:5432 has it":                                      "the source shop has it",
		"catalog app is mysql://else:1":                                  "catalog app is mysql://else:1",
	} {
		if got := withSlugs(rule, sources); got != want {
			t.Errorf("%q becomes %q, want %q", rule, got, want)
		}
	}
	k := knownAs{Same: catalog.Same{Dataset: catalog.Dataset{MainEvidence: "file /" + strings.Repeat("very/long/", 30) + "orders"}}}
	if text, whole := k.evidence(); whole || len([]rune(text)) > evidenceShown+1 || !strings.HasPrefix(text, "…/") || !strings.HasSuffix(text, "/orders") {
		t.Errorf("a long path is shown as %q", text)
	}
}

// What a view reads leads to its page, by whichever part of its name the view says it.
func TestDefinitionLeadsToWhatItReads(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.source(catalog.Source{Slug: "shop", Kind: "postgres", CrawlEvery: time.Hour})
	s.crawlOf("shop", scopesOf{"public": {
		{Name: "public.orders", Kind: catalog.Table, Detail: catalog.Detail{Keys: []catalog.TableKey{
			{Name: "orders_status_check", Kind: "check", Columns: []string{"status"}, Text: "CHECK (status <> '')"},
		}}},
		{Name: "public.people", Kind: catalog.Table},
		{Name: "public.open", Kind: catalog.View, Definition: "SELECT o.id, '<i>' FROM orders o\nJOIN \"public\".\"people\" p ON p.id = orders.id\nJOIN nowhere n ON true"},
	}})
	code := s.page("/d/shop/public.open/definition").Find(".code")
	var got []string
	code.Find("a").Each(func(_ int, a *goquery.Selection) { got = append(got, a.Text()+" "+a.AttrOr("href", "")) })
	want := `orders /d/shop/public.orders, "public"."people" /d/shop/public.people`
	if strings.Join(got, ", ") != want {
		t.Errorf("the definition leads to %q, want %q", got, want)
	}
	if code.Find("i").Length() != 0 {
		t.Error("a definition became markup")
	}
	wantText(t, s.page("/d/shop/public.orders"), "[aria-labelledby=h-keys]", "CHECK (status <> '')")
}
