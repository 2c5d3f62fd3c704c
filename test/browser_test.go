package test

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

//go:embed testdata/axe.min.js
var axe string

// browser is one Chromium for all tests; each test has a tab with cookies of its own.
var (
	browser     context.Context
	browserOnce sync.Once
	errBrowser  error
)

func chromium() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no Chromium on the PATH: test/packages.sh installs one")
}

func startBrowser() {
	path, err := chromium()
	if err != nil {
		errBrowser = err
		return
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.WindowSize(1440, 900), chromedp.NoSandbox,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, _ := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, _ := chromedp.NewContext(allocator)
	if _, errBrowser = chromedp.Run(ctx, chromedp.Evaluate[int]("1")); errBrowser == nil { // the first Run owns the browser: no deadline
		browser = ctx
	}
}

// tab is a page in a browser, on a demo.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string
}

// open returns a new tab at path of the shared demo.
func open(t *testing.T, path string) *tab {
	t.Helper()
	r := sharedDemo(t)
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
	b := &tab{t, ctx, r.url}
	b.visit(path)
	return b
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + path))
}

// waitFor waits until a JavaScript expression is true. A page that is left in the meantime is asked again.
func (b *tab) waitFor(what, expression string) {
	b.t.Helper()
	if !b.comesTrue(20*time.Second, expression) {
		state, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`location.href + " focus: " + document.activeElement.id + "\n" + document.body.innerText.slice(0, 600)`))
		b.t.Fatalf("%s: never true\nat %s", what, state)
	}
}

// comesTrue reports whether a JavaScript expression becomes true in time.
func (b *tab) comesTrue(in time.Duration, expression string) bool {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, in)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`Boolean(`+expression+`)`))
		if err == nil && ok {
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}

func (b *tab) eval(expression string) string {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`String(`+expression+`)`))
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// picture keeps a screenshot if PORTREEVE_TEST_SHOTS names a folder.
func (b *tab) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("PORTREEVE_TEST_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	}
	if err != nil {
		b.t.Error(err)
	}
}

func TestBrowserSearchAsYouType(t *testing.T) {
	t.Parallel()
	b := open(t, "/data")
	b.do(chromedp.SendKeys(`#q`, "dealy")) // with a typo
	b.waitFor("results for a mistyped word", `document.querySelector("#found .results a[href*='flights']") !== null && location.search.includes("q=dealy")`)
	b.waitFor("the field keeps focus and text", `document.activeElement.id === "q" && document.activeElement.value === "dealy"`)
	b.do(chromedp.SendKeys(`#q`, kb.End+strings.Repeat(kb.Backspace, 5)+"carrier"))
	b.waitFor("results of the next question", `document.querySelector("#found .results") !== null && location.search.includes("q=carrier")`)
	b.picture("search")
	b.do(chromedp.Click(`#found input[name=kind], #found a[href*="kind="]`))
	b.waitFor("a facet goes into the address", `location.search.includes("kind=")`)
	address := b.eval(`location.pathname + location.search`)
	count := b.eval(`document.querySelectorAll("#found .results > li").length`)
	b.visit(address)
	if again := b.eval(`document.querySelectorAll("#found .results > li").length`); again != count || count == "0" {
		t.Errorf("the address shows %s results to a colleague, and %s here", again, count)
	}
}

func TestBrowserPaletteByKeyboard(t *testing.T) {
	t.Parallel()
	b := open(t, "/")
	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(2))) // Ctrl
	b.waitFor("Ctrl-K opens the palette", `document.querySelector("dialog[open] input") === document.activeElement`)
	b.do(chromedp.KeyEvent("clean fligh"))
	b.waitFor("the palette finds as one types", `[...document.querySelectorAll("dialog[open] a, dialog[open] [role=option]")].some(e => e.textContent.includes("clean.flights"))`)
	b.picture("palette")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.waitFor("Enter opens the first", `location.pathname.startsWith("/d/lake/clean.flights") && document.readyState === "complete"`)
	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(2)))
	b.waitFor("and again", `document.querySelector("dialog[open]") !== null`)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.waitFor("Esc closes it", `document.querySelector("dialog[open]") === null`)
	for range 5 { // on a busy machine the two keys may come too far apart to belong together
		b.do(chromedp.KeyEvent("gs"))
		if b.comesTrue(4*time.Second, `location.pathname === "/sources"`) {
			return
		}
	}
	t.Error("g s does not go to the sources")
}

func TestBrowserTabsOfADataset(t *testing.T) {
	t.Parallel()
	b := open(t, "/data?q=clean.flights")
	b.do(chromedp.Click(`.results a[href="/d/lake/clean.flights"]`))
	b.waitFor("the dataset opens", `document.querySelector("h1").textContent.includes("clean.flights")`)
	b.picture("overview")
	for _, tab := range []struct{ name, holds string }{{"columns", "dep_delay"}, {"history", "Version"}, {"sample", "JFK"}} {
		b.do(chromedp.Click(`nav.tabs a[href$="/` + tab.name + `"]`))
		b.waitFor(tab.name, fmt.Sprintf(`location.pathname.endsWith("/%s") && document.querySelector("nav.tabs [aria-current]").href.endsWith("/%s") && document.querySelector("main").innerText.includes(%q)`, tab.name, tab.name, tab.holds))
		b.picture(tab.name)
	}
}

func TestBrowserCrawlShowsProgressAndEnds(t *testing.T) {
	t.Parallel()
	b := open(t, "/login")
	b.as("admin")
	b.visit("/sources/lake")
	before := b.eval(`document.querySelectorAll("main tbody a[href*='/crawls/']").length`)
	b.do(chromedp.Click(`form[action="/sources/lake/crawl"] button`))
	b.waitFor("the crawl is listed, and ends on the page by itself", `document.querySelectorAll("main tbody a[href*='/crawls/']").length > `+before+
		` && /^finished: /i.test(document.querySelector(".crawl [role=status]").innerText) && !document.querySelector("main progress")`)
	b.waitFor("the button keeps the focus", `document.activeElement.id === "crawl-now" && !document.activeElement.ariaDisabled`)
	b.picture("source")
	b.do(chromedp.Click(`.crawl a[href*="/crawls/"]`))
	b.waitFor("its outcome leads to what it did", `location.pathname.includes("/crawls/") && document.querySelector("h1").innerText.startsWith("Crawl ")`)
}

// pages are all kinds of pages that the demo has.
var pages = []string{
	"/", "/data", "/data?q=flights", "/data?q=zzzzqqqq", "/d/lake/raw.flights", "/d/lake/clean.flights/columns", "/d/lake/clean.flights/history",
	"/d/lake/clean.flights/sample", "/d/lake/no.such", "/sources", "/sources/lake", "/sources/lake/crawls/1", "/login", "/ui", "/api/docs", "/nowhere",
}

// missing are those of pages that are not there.
var missing = []string{"/d/lake/no.such", "/nowhere"}

// pagesOfPeople are those that an admin sees besides.
var pagesOfPeople = []string{
	"/d/lake/clean.flights/edit", "/d/lake/clean.flights/columns/edit", "/d/lake/clean.flights/access", "/data/edit?q=clean", "/data/sheet", "/register",
	"/teams", "/teams/flight-ops", "/teams/new", "/people", "/people/1", "/domains", "/domains/operations", "/domains/new", "/ownership", "/glossary", "/glossary/new",
	"/requests", "/watching", "/notifications", "/me", "/admin/audit", "/admin/services", "/sql",
}

// as signs in as one of the demo's people.
func (b *tab) as(person string) {
	b.t.Helper()
	b.visit("/login")
	b.do(chromedp.Click(`button[value="` + person + `"]`))
	b.waitFor("signed in as "+person, `location.pathname !== "/login" && document.readyState === "complete"`)
}

func TestBrowserAccessibleLightDarkNarrow(t *testing.T) {
	t.Parallel()
	modes := []struct {
		name, scheme string
		width        int64
	}{{"light", "light", 1440}, {"dark", "dark", 1440}, {"narrow", "light", 400}}
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) {
			b := open(t, "/")
			b.do(chromedp.EmulateViewport(mode.width, 900))
			media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: mode.scheme}}}
			b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
				_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, media)
				return err
			}))
			for i, path := range slices.Concat(pages, pagesOfPeople) {
				if i == len(pages) {
					b.as("admin")
				}
				b.visit(path)
				b.picture(fmt.Sprintf("%s-%02d", mode.name, i))
				if title := b.eval("document.title"); strings.Contains(title, "Nothing here") != slices.Contains(missing, path) {
					t.Errorf("the title of %s is %s", path, title)
				}
				for _, finding := range b.axe() {
					t.Errorf("%s %s: %s", mode.name, path, finding)
				}
				if wide := b.eval(`document.documentElement.scrollWidth > innerWidth`); wide == "true" {
					t.Errorf("%s %s scrolls sideways: %s px in %s", mode.name, path, b.eval("document.documentElement.scrollWidth"), b.eval("innerWidth"))
				}
			}
		})
	}
}

// axe returns what axe-core finds on the page.
func (b *tab) axe() (findings []string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[chromedp.Void](axe)); err != nil {
		b.t.Fatal(err)
	}
	const run = `axe.run().then(r => JSON.stringify(r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + " " + (n.any[0]?.message ?? ""))}))))`
	out, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](run, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	var violations []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(out), &violations); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range violations {
		findings = append(findings, fmt.Sprintf("%s: %s\n\t%s", v.ID, v.Help, strings.Join(v.Nodes, "\n\t")))
	}
	return findings
}

// The policy lets nothing run that is not a file of ours.
func TestBrowserRefusesInjectedScript(t *testing.T) {
	t.Parallel()
	b := open(t, "/")
	const inject = `new Promise(done => {
		document.addEventListener("securitypolicyviolation", e => done(e.violatedDirective))
		const s = document.createElement("script")
		try { s.textContent = "window.ran = true"; document.body.append(s) } catch (e) { done("script " + e.message) }
		setTimeout(() => done("nothing was reported"), 5000)
	})`
	got, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](inject, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if ran := b.eval("window.ran === true"); ran == "true" || !strings.Contains(got, "script") {
		t.Errorf("the injected script ran: %s; report: %s", ran, got)
	}
}

// Nothing that a page itself does is against the policy, and nothing is asked of another origin.
func TestBrowserPagesKeepTheirPolicy(t *testing.T) {
	t.Parallel()
	b := open(t, "/")
	watch := page.AddScriptToEvaluateOnNewDocumentParams{Source: `window.violations = []; document.addEventListener("securitypolicyviolation", e => violations.push(e.violatedDirective + " " + e.blockedURI + " " + e.sourceFile))`}
	b.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, watch)
		return err
	}))
	for i, path := range slices.Concat(pages, pagesOfPeople) {
		if i == len(pages) {
			b.as("admin")
		}
		b.visit(path)
		if got := b.eval(`violations.join("; ")`); got != "" {
			t.Errorf("%s: %s", path, got)
		}
		if got := b.eval(`performance.getEntriesByType("resource").filter(e => !e.name.startsWith(location.origin)).map(e => e.name).join(" ")`); got != "" {
			t.Errorf("%s asks another origin: %s", path, got)
		}
	}
}
