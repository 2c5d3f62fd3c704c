package test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func TestBrowserHomeFindsAsOneTypes(t *testing.T) {
	t.Parallel()
	b := open(t, "/")
	b.waitFor("the box has the focus", `document.activeElement.id === "q"`)
	b.do(chromedp.KeyEvent("clean fligh"))
	b.waitFor("it lists what it finds", `[...document.querySelectorAll("#home-list [role=option]")].some(e => e.textContent.includes("clean.flights")) && document.activeElement.getAttribute("aria-expanded") === "true"`)
	b.picture("home-list")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.waitFor("Esc closes the list and keeps the text", `document.querySelector("#home-list").children.length === 0 && document.activeElement.value === "clean fligh"`)
	b.do(chromedp.KeyEvent("ts"))
	b.waitFor("it lists again", `document.querySelector("#home-list [role=option]") !== null && document.activeElement.value === "clean flights"`)
	b.do(chromedp.KeyEvent(kb.Enter))
	b.waitFor("Enter without a choice searches, and the box there has the focus", `location.pathname === "/data" && document.activeElement.id === "q" && document.activeElement.value === "clean flights"`)
	b.do(chromedp.KeyEvent(kb.Escape))
	b.waitFor("Esc leaves the box and keeps the text", `document.activeElement === document.body && document.querySelector("#q").value === "clean flights"`)
	b.do(chromedp.KeyEvent("/"))
	b.waitFor("the slash goes to the box whose hint it is", `document.activeElement.id === "q" && document.querySelector("dialog[open]") === null`)
	if got := b.eval(`getComputedStyle(document.querySelector(".top-search .kbd")).display`); got != "none" {
		t.Errorf("the top bar claims the slash too: %s", got)
	}
}

func TestBrowserTopBarOpensThePalette(t *testing.T) {
	t.Parallel()
	b := open(t, "/sources")
	b.do(chromedp.Click(`.top-search input`))
	b.waitFor("a click opens it", `document.activeElement.id === "palette-q"`)
	b.waitFor("it offers pages and actions", `document.querySelector("#palette-list button[form=palette-do]") !== null`)
	b.picture("palette-empty")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.waitFor("Esc closes it", `document.querySelector("dialog[open]") === null && document.activeElement.matches(".top-search input")`)
	b.do(chromedp.KeyEvent("theme dark"))
	b.waitFor("what one types goes there", `document.activeElement.id === "palette-q" && document.activeElement.value === "theme dark" && document.querySelector("#palette-list [aria-selected=true]")?.textContent.includes("Theme: dark")`)
	b.do(chromedp.KeyEvent(kb.Enter))
	b.waitFor("the theme changes on the page", `document.documentElement.dataset.theme === "dark" && document.querySelector("dialog[open]") === null && location.pathname === "/sources"`)
	b.visit("/nope")
	b.waitFor("and stays", `document.documentElement.dataset.theme === "dark" && document.querySelector("main #q").value === "nope"`)
	b.picture("nope-dark")
	b.do(chromedp.Click(`button[popovertarget=me]`), chromedp.Click(`#me button[name=theme][value=""]`))
	b.waitFor("back to the system's", `document.documentElement.dataset.theme === undefined && document.querySelector("#me [name=theme][value='']").ariaPressed === "true"`)
	b.do(chromedp.Click(`.rail-size`))
	b.waitFor("the rail shrinks, the focus stays", `document.documentElement.dataset.nav === "icons" && document.activeElement.matches(".rail-size") && document.activeElement.title === "Expand"`)
	b.do(chromedp.Click(`.rail-size`))
	b.waitFor("and grows", `document.documentElement.dataset.nav === undefined`)
}

func TestBrowserFiltersWhereThereIsNoRoom(t *testing.T) {
	t.Parallel()
	for _, width := range []int64{1024, 400} {
		b := open(t, "/data?q=flight")
		b.do(chromedp.EmulateViewport(width, 900))
		b.visit("/data?q=flight")
		b.waitFor("results come before filters", `document.querySelector("[data-results]").getBoundingClientRect().top < 450 && getComputedStyle(document.querySelector("#facets")).display === "none"`)
		b.do(chromedp.Click(`.drawer-open`), chromedp.Click(`#facets input[name=kind]`))
		b.waitFor("a filter counts, in the open sheet", `location.search.includes("kind=") && document.querySelector(".drawer-open .count")?.textContent === "1" && document.querySelector("#facets:popover-open .drawer-foot")`)
		b.picture("drawer")
		b.do(chromedp.Click(`.drawer-foot button`))
		b.waitFor("the sheet closes", `!document.querySelector("#facets:popover-open") && document.querySelector(".chip")`)
		b.do(chromedp.Click(`.chip a`))
		b.waitFor("the focus comes back to where one types", `!location.search.includes("kind=") && document.activeElement.id === "q"`)
	}
}
