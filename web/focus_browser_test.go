package web

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// After a refused form the focus is at the field at fault and never on another button, and leaving what was typed asks.
func TestBrowserFocusAfterErrors(t *testing.T) {
	t.Parallel()
	st := newDemo(t)
	base := st.listenOn(t)
	ctx := browserFor(t, func(any) {})
	if err := chromedp.Do(ctx, chromedp.Navigate(base+"/login")); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(`button[value="admin"]`)); err != nil {
		t.Fatal(err)
	}
	const asks = `(() => { const e = new Event("beforeunload", { cancelable: true }); dispatchEvent(e); return String(e.defaultPrevented) })()`
	for _, part := range []string{"/edit", "/announce"} {
		if err := chromedp.Do(ctx, chromedp.Navigate(base+"/d/lake/raw.flights"+part)); err != nil {
			t.Fatal(err)
		}
		if got := eval(t, ctx, asks); got != "false" {
			t.Errorf("%s: leaving a form that nobody typed in asks: %s", part, got)
		}
		want := "text" // of the announcement, which is empty
		if part == "/edit" {
			want = "team"
			eval(t, ctx, `document.getElementById("team").value = "nobody"`)
		}
		if _, err := chromedp.RunResponse(ctx, chromedp.Click(`.form-actions .primary`)); err != nil {
			t.Fatal(err)
		}
		if got := eval(t, ctx, `document.activeElement.id`); got != want {
			t.Errorf("%s: the focus is on %q, want %q", part, got, want)
		}
		if got := eval(t, ctx, asks); got != "true" {
			t.Errorf("%s: leaving what was not saved does not ask: %s", part, got)
		}
		eval(t, ctx, `document.querySelector("form[data-keep]").dataset.keep = "fresh"`) // or else the browser would ask now
	}
}
