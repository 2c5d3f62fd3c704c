package web

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// What only a browser can tell: that it keeps a __Host- cookie that came over plain HTTP from loopback, and sends it back;
// that no page asks for what the content policy refuses; that scripts can write HTML through the one policy that is named
// and through no other way.
func TestBrowserPolicy(t *testing.T) {
	t.Parallel()
	st := newDemo(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + l.Addr().String()
	srv := st.HTTPServer(st.handler)
	go srv.Serve(l) //nolint:errcheck // ends with Close
	t.Cleanup(func() { srv.Close() })

	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.Flag("disable-dev-shm-usage", true))
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	var mu sync.Mutex
	var refused []string
	err = chromedp.Listen(ctx, func(ev any) {
		if e, ok := ev.(*log.EventEntryAdded); ok && strings.Contains(e.Entry.Text, "Content Security Policy") {
			mu.Lock()
			defer mu.Unlock()
			refused = append(refused, e.Entry.URL+": "+e.Entry.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate(base+"/login")); err != nil {
		t.Fatal(err)
	}
	res, err := chromedp.RunResponse(ctx, chromedp.Click(`button[value="owner"]`))
	if err != nil || res.URL != base+"/" {
		t.Fatalf("signing in leads to %+v, %v", res, err)
	}
	kept, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{})
	if err != nil {
		t.Fatal(err)
	}
	cookies := kept.Cookies
	if len(cookies) != 1 || cookies[0].Name != "__Host-sid" || !cookies[0].Secure || !cookies[0].HTTPOnly {
		t.Fatalf("the browser keeps %+v", cookies)
	}
	for _, path := range []string{"/", "/data", "/d/lake/raw.flights", "/d/lake/a%2Fb/columns", "/sources", "/sources/lake", "/ui", "/login", "/nowhere", "/api/docs"} {
		if err := chromedp.Do(ctx, chromedp.Navigate(base+path)); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	if who, err := chromedp.Run(ctx, chromedp.Evaluate[string](`fetch("/login").then(r => r.text()).then(t => t.includes("you now") ? t.split("you now")[0].match(/value="(\w+)"/g).at(-1) : "")`, chromedp.EvalAwaitPromise)); err != nil || who != `value="owner"` {
		t.Errorf("the session is not sent back: %q, %v", who, err)
	}
	mu.Lock()
	before := refused
	mu.Unlock()
	if len(before) > 0 {
		t.Errorf("refused: %s", strings.Join(before, "\n"))
	}
	const foreign = `new Promise(done => { document.addEventListener("securitypolicyviolation", e => done(e.violatedDirective)); new Image().src = "http://127.0.0.1:1/x.png" })`
	if got, err := chromedp.Run(ctx, chromedp.Evaluate[string](foreign, chromedp.EvalAwaitPromise)); err != nil || got != "img-src" {
		t.Errorf("a picture from elsewhere: %q, %v; want it refused", got, err)
	}
	mu.Lock()
	if len(refused) == 0 {
		t.Error("what is refused does not reach this test: the check above proves nothing")
	}
	mu.Unlock()
	const attack = `(() => { try { document.body.innerHTML = "<b>x</b>"; return "written" } catch (e) { return e.name } })()`
	if got, err := chromedp.Run(ctx, chromedp.Evaluate[string](attack)); err != nil || got != "TypeError" {
		t.Errorf("a script that writes HTML as text: %q, %v; want a TypeError", got, err)
	}
}
