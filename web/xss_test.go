package web

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// payloads are texts that run a script where a page puts one of them among its own markup: 200 of them, for text, attributes,
// addresses, styles and Markdown.
func payloads() []string {
	var all []string
	for _, handler := range []string{"alert(1)", "window.ran=1"} {
		for _, tag := range []string{"img src=x onerror", "svg onload", "body onload", "input autofocus onfocus", "details open ontoggle", "video src=x onerror", "iframe onload", "marquee onstart", "a href=# autofocus onfocus", "object data=x onerror"} {
			for _, around := range []string{"<%s=%s>", "\"><%s=%s>", "'><%s=%s>", "</textarea><%s=%s>", "</title><%s=%s>", "<x/%s=%s//"} {
				all = append(all, fmt.Sprintf(around, tag, handler))
			}
		}
		for _, scheme := range []string{"javascript:%s", "JaVaScRiPt:%s", "java\tscript:%s", "\x01javascript:%s", "data:text/html,<script>%s</script>", "vbscript:%s"} {
			all = append(all, fmt.Sprintf(scheme, handler))
			for _, md := range []string{"[x](%s)", "![x](%s)", "<%s>", "[x]: %s\n\n[x]", "[a](<%s>)"} {
				all = append(all, fmt.Sprintf(md, fmt.Sprintf(scheme, handler)))
			}
		}
	}
	return append(all, "<script>alert(1)</script>", "<script src=//x.invalid></script>", "{{alert(1)}}", "${alert(1)}", "\" onmouseover=alert(1) x=\"",
		"<style>*{background:url(//x.invalid)}</style>", "<link rel=stylesheet href=//x.invalid>", "<base href=//x.invalid>",
		"<meta http-equiv=refresh content=0;url=//x.invalid>", "`\"'><script>alert(1)</script>")
}

// TestNoTextRunsAsScript fills every text that people or sources write with each of the payloads, and opens every page that
// shows it in a browser: nothing runs, nothing is asked for elsewhere, and the content policy has nothing to refuse.
func TestNoTextRunsAsScript(t *testing.T) {
	t.Parallel()
	w := newHostile(t, payloads())
	var mu sync.Mutex
	var ran []string
	ctx := browserFor(t, func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := ev.(type) {
		case *log.EventEntryAdded:
			if strings.Contains(e.Entry.Text, "Content Security Policy") {
				ran = append(ran, "refused: "+e.Entry.URL+": "+e.Entry.Text)
			}
		case *page.EventJavascriptDialogOpening:
			ran = append(ran, "a script ran: "+e.Message)
		}
	})
	w.signIn(t, ctx)
	shown := 0
	for _, path := range w.pages() {
		if err := chromedp.Do(ctx, chromedp.Navigate(w.base+path)); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if got := eval(t, ctx, `performance.getEntriesByType("navigation")[0].responseStatus + ""`); got != "200" {
			t.Errorf("%s answers %s", path, got)
		}
		if eval(t, ctx, `/alert\(1\)|window\.ran/.test(document.documentElement.outerHTML) + ""`) == "true" {
			shown++
		}
		if got := eval(t, ctx, `String(window.ran) + document.querySelectorAll("script:not([src^='/assets/']),[onerror],[onload],[onfocus],[ontoggle],[onstart],iframe,object,base,link[href*=invalid]").length`); got != "undefined0" {
			t.Errorf("%s: a payload became markup: %s", path, got)
		}
		if got := eval(t, ctx, `[...document.querySelectorAll("[href],[src],[action],[formaction]")].filter(e => /^\s*(java|vb)script:|^data:text/i.test(e.href || e.src || e.action || "")).length + ""`); got != "0" {
			t.Errorf("%s: %s addresses are scripts", path, got)
		}
		mu.Lock()
		for _, r := range ran {
			t.Errorf("%s: %s", path, r)
		}
		ran = nil
		mu.Unlock()
	}
	if all := len(w.pages()); shown < all-3 { // /register, /me and the search for nothing may have none of them
		t.Errorf("%d of %d pages show a payload: the others prove nothing", shown, all)
	}
}

// browserFor returns a browser whose events listen hears of.
func browserFor(t *testing.T, listen func(any)) context.Context {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Listen(ctx, listen); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int]("1")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// listenOn serves a portal on a free port of loopback, and returns its address.
func (st *core) listenOn(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := st.HTTPServer(st.handler)
	go srv.Serve(l) //nolint:errcheck // ends with Close
	t.Cleanup(func() { srv.Close() })
	return "http://" + l.Addr().String()
}
