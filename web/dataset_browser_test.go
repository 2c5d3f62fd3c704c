package web

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// platformPages are the pages of all kinds of datasets.
var platformPages = []string{
	"/d/lake/sales.orders?from=dbt%2Fshop.orders", "/d/lake/sales.orders/columns", "/d/lake/sales.orders/definition", "/d/lake/sales.orders/dbt",
	"/d/lake/sales.orders/history", "/d/events/orders", "/d/events/orders/partitions", "/d/events/orders/consumers",
	"/d/events/orders/consumers?group=billing", "/d/events/orders/schemas", "/d/events/orders/columns", "/d/events/orders/sample", "/d/events/empty",
	"/d/events-registry/money/schemas", "/d/trino/pg.public.open_orders", "/d/dbt/shop.revenue", "/d/shop/public.orders", "/d/shop/public.orders/history", "/ui",
}

// What a browser shows of them is accessible, and fits a screen, in light, dark and narrow. PORTREEVE_TEST_SHOTS names a
// folder for pictures.
func TestBrowserPagesOfAllKinds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.platform()
	s.exec(`UPDATE measurement SET at = at - interval '30 hours'`)
	table := database()[1]
	for i := range 5 {
		table.RowCount, table.ByteCount, table.DataAt = new(int64(1_203_000+90_000*i)), new(int64(88_000_000+6_000_000*i)), new(s.now.Add(time.Duration(i-6)*time.Hour))
		s.crawlOf("shop", scopesOf{"public": {table, database()[0]}})
		s.exec(`UPDATE measurement SET at = at - interval '5 hours'`)
	}
	axe, err := os.ReadFile("../test/testdata/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int]("1")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, 4*time.Minute)
	t.Cleanup(cancel)
	for _, mode := range []struct {
		name, scheme string
		width        int64
	}{{"light", "light", 1440}, {"dark", "dark", 1280}, {"narrow", "light", 400}} {
		for i, path := range platformPages {
			look(t, ctx, mode.scheme, mode.width, s.http.URL+path)
			for _, finding := range axeOf(t, ctx, string(axe)) {
				t.Errorf("%s %s: %s", mode.name, path, finding)
			}
			if wide := eval(t, ctx, `document.documentElement.scrollWidth - innerWidth`); wide != "0" {
				t.Errorf("%s %s scrolls sideways by %s px", mode.name, path, wide)
			}
			shoot(t, ctx, fmt.Sprintf("%s-%02d", mode.name, i))
		}
	}
}

func look(t *testing.T, ctx context.Context, scheme string, width int64, address string) { //nolint:revive // the test comes first
	t.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}}
	err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 1000), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, media)
		return err
	}), chromedp.Navigate(address))
	if err != nil {
		t.Fatal(err)
	}
}

func eval(t *testing.T, ctx context.Context, expression string) string { //nolint:revive // the test comes first
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[string](`String(`+expression+`)`))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// axeOf returns what axe-core finds on the page.
func axeOf(t *testing.T, ctx context.Context, axe string) (findings []string) { //nolint:revive // the test comes first
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[chromedp.Void](axe)); err != nil {
		t.Fatal(err)
	}
	const run = `axe.run().then(r => JSON.stringify(r.violations.map(v => v.id + ": " + v.help + " " + v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + " " + (n.any[0]?.message ?? "")).join(" | "))))`
	out, err := chromedp.Run(ctx, chromedp.Evaluate[string](run, chromedp.EvalAwaitPromise))
	if err == nil {
		err = json.Unmarshal([]byte(out), &findings)
	}
	if err != nil {
		t.Fatal(err)
	}
	return findings
}

func shoot(t *testing.T, ctx context.Context, name string) { //nolint:revive // the test comes first
	t.Helper()
	dir := os.Getenv("PORTREEVE_TEST_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}
