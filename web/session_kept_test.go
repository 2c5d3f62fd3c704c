package web

import (
	"net/http"
	"strings"
	"testing"

	"portreeve/access"
)

func TestTextSurvivesTheEndOfASession(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	session := st.as(access.Owner)
	st.exec(`UPDATE session SET expires_at = now()`)
	const text = "Flights & delays,\n\"as flown\".\n<script>alert(1)</script> ✈"
	res := st.ask("POST", "/sources/lake/crawl?x=1", session, form("description", text, "tag", "a", "tag", "b", "api_token", "not for the eye"))
	wantStatus(t, res, http.StatusUnauthorized)
	doc := html(t, res)
	again := doc.Find(`main form[method=post]`)
	if again.AttrOr("action", "") != "/sources/lake/crawl?x=1" {
		t.Errorf("sends again to %q", again.AttrOr("action", ""))
	}
	if got := again.Find("input[name=description]").AttrOr("value", ""); got != text {
		t.Errorf("the text came back as %q", got)
	}
	if again.Find("input[name=tag]").Length() != 2 || again.Find("input[name=tag]").First().AttrOr("value", "") != "a" {
		t.Error("a field with two values lost one, or their order")
	}
	if got := doc.Find("main pre").Text(); got != text {
		t.Errorf("shows %q", got)
	}
	if doc.Find("main script").Length() != 0 {
		t.Error("what was posted became markup")
	}
	link := doc.Find(`main a[href="/login"]`)
	if link.AttrOr("target", "") != "_blank" || link.AttrOr("rel", "") != "noopener" {
		t.Error("signing in leaves the page with the text")
	}
	if c := sessionOf(res); c == nil || c.MaxAge >= 0 {
		t.Error("the cookie of the ended session stays")
	}
}

func TestSignedOutElsewhere(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	res := st.ask("POST", "/sources/lake/crawl", form("a", "b"), header("HX-Request", "true"))
	wantStatus(t, res, http.StatusUnauthorized)
	if res.Header.Get("HX-Redirect") != "" || html(t, res).Find("html body > .callout a[target=_blank]").Length() != 1 {
		t.Error("a part of a page leads its page away, with all that is written there")
	}
	res = st.ask("POST", "/sources/lake/crawl", sending("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\nabc\r\n--x\r\n"+
		"Content-Disposition: form-data; name=\"about\"\r\n\r\nwords that somebody typed\r\n--x--\r\n"))
	wantStatus(t, res, http.StatusUnauthorized)
	if text := html(t, res).Find("main").Text(); !strings.Contains(text, "words that somebody typed") || !strings.Contains(text, "A file cannot be kept") {
		t.Errorf("says %q", text)
	}
	wantStatus(t, st.ask("POST", "/sources/lake/crawl", form("a", strings.Repeat("x", maxKept))), http.StatusSeeOther) // nobody's megabytes are read
	wantStatus(t, st.ask("POST", "/sources/lake/crawl", form("a", "b"), header("Sec-Fetch-Site", "cross-site")), http.StatusForbidden)
	wantStatus(t, st.ask("POST", "/preferences", form("theme", "dark")), http.StatusSeeOther)
}
