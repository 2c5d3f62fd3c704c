package web

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestModelOfATable(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	doc := s.page("/d/lake/sales.orders/dbt")
	wantText(t, doc, "h2", "Model model.shop.orders")
	wantText(t, doc, ".sec-head", "1 failed, 1 warned, 1 never run, 1 passed")
	kinds := doc.Find("main tbody th").Map(func(_ int, th *selection) string { return strings.Join(strings.Fields(th.Text()), " ") })
	if diff := cmp.Diff([]string{"unique", "orders_are_paid warn only", "accepted_values", "not_null"}, kinds); diff != "" {
		t.Errorf("tests (-want +got):\n%s", diff)
	}
	wantText(t, doc, "main tbody tr:first-child", "Got 3 results")
	for _, fact := range []string{"models/orders.sql", `"lake"."sales"."orders"`, "Ann, ann@example.com", "success in 4.2 s, 120,400 rows"} {
		wantText(t, doc, ".facts", fact)
	}
	links := doc.Find("ul.list a")
	if href := links.AttrOr("href", ""); links.Length() != 1 || href != "/d/dbt/shop.revenue" {
		t.Errorf("what it depends on leads to %q, want only what is known", href)
	}
	wantText(t, doc, "ul.list", "source.shop.raw.stg_orders")
}

func TestExposureLeadsToItsPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	link := s.page("/d/dbt/shop.revenue").Find(".head-actions a")
	if href := link.AttrOr("href", ""); href != "https://bi.example.com/d/7?a=1&b=2" || !strings.Contains(link.AttrOr("rel", ""), "noopener") {
		t.Errorf("it leads to %q", href)
	}
	wantText(t, s.page("/d/dbt/shop.revenue/dbt"), "ul.list", "model.shop.orders")
	for address, want := range map[string]string{
		"https://a.b/c": "https://a.b/c", "http://a.b": "http://a.b", "javascript:alert(1)": "", "data:text/html,x": "", "//a.b": "", "https:///x": "",
		"https://user:pw@a.b": "", "file:///etc/passwd": "", "\x00": "", "HTTPS://a.b": "https://a.b",
	} {
		if got := webURL(address); got != want {
			t.Errorf("%q leads to %q, want %q", address, got, want)
		}
	}
}

func TestDefinitions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	doc := s.page("/d/trino/pg.public.open_orders/definition")
	wantText(t, doc, ".sec-head", "SQL of the viewin trino pg.public.open_orders, 3 lines")
	lines := doc.Find(".numbered li").Map(func(_ int, li *selection) string { return li.Text() })
	if diff := cmp.Diff([]string{"SELECT o.id, 'it''s <b>' AS note -- of those that are open", "FROM orders o", "WHERE o.closed_at IS NULL"}, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if doc.Find(".numbered b").Length() != 0 {
		t.Error("SQL became markup")
	}
	wantText(t, doc, ".tok-c", "-- of those that are open")
	wantText(t, s.page("/d/lake/sales.orders/definition"), ".sec-head", "Code of the modelin dbt shop.orders, 2 lines")
}
