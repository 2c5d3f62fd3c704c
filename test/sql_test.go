package test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// An analyst runs SQL over the lake, is told of a mistake at its place, and gets nothing of what is not there.
func TestBrowserSQL(t *testing.T) {
	t.Parallel()
	b := open(t, "/")
	b.do(chromedp.Click(`nav a[href="/sql"]`))
	b.waitFor("the page", `document.querySelector("#sql")`)
	run := func(sql string) {
		t.Helper()
		b.do(chromedp.SetValue(`#sql`, sql), chromedp.Focus(`#sql`), chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(2))) // Ctrl
	}
	run("SELECT carrier, count(*) AS flights\nFROM clean.flights GROUP BY carrier ORDER BY 2 DESC")
	b.waitFor("the result", `document.querySelector("#sql-result") && document.querySelector("tbody tr").innerText.includes("UA") && document.querySelector("main [role=status]").innerText.includes("16 rows")`)
	b.picture("sql")
	for _, finding := range b.axe() {
		t.Error(finding)
	}
	run("SELECT carrier,\n  nothing_like_this FROM clean.flights")
	b.waitFor("the mistake", `document.querySelector("#sql-problem")?.innerText.includes("Line 2, character 3") && document.activeElement.id === "sql"`)
	run("SELECT * FROM read_csv('/etc/passwd')")
	b.waitFor("a refusal", `document.querySelector("#sql-problem")?.innerText.includes("not allowed") && !document.body.innerText.includes("root:")`)
	run("SELECT * FROM clean.secrets")
	b.waitFor("no such table", `document.querySelector("#sql-problem")?.innerText.includes("no table clean.secrets")`)
	b.picture("sql-problem")
	b.visit("/d/lake/clean.flights")
	b.do(chromedp.Click(`.head-actions a[href^="/sql?"]`))
	b.waitFor("a first statement over the dataset", `document.querySelector("#sql").value.includes("FROM clean.flights\nLIMIT 100")`)
	b.do(chromedp.Click(`main form button.primary`))
	b.waitFor("its rows", `document.querySelector("main [role=status]")?.innerText.includes("100 rows, 16 columns")`)
}
