package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"portreeve/access"
	"portreeve/notify"
	"portreeve/outbound"
)

// goTo asks for where a redirect leads.
func (st *core) goTo(t *testing.T, res *http.Response, how ...asking) *goquery.Document {
	t.Helper()
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("status %d, want a redirect", res.StatusCode)
	}
	return html(t, st.ask("GET", res.Header.Get("Location"), how...))
}

func TestWatchADataset(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	ana := st.as(access.Viewer)
	doc := st.goTo(t, st.ask("POST", "/watch", ana, form("kind", "dataset", "target", "lake/raw.flights", "on", "yes", "back", "/watching")), ana)
	if got := doc.Find("table a.rowlink").Text(); got != "lake/raw.flights" {
		t.Fatalf("the page of watches lists %q", got)
	}
	action := doc.Find("form[action$='/stop']").AttrOr("action", "")
	other := st.as(access.Owner)
	for _, path := range []string{action, strings.TrimSuffix(action, "/stop")} {
		if res := st.ask("POST", path, other, form("cadence", "daily")); res.StatusCode != http.StatusNotFound {
			t.Errorf("another's watch at %s: status %d", path, res.StatusCode)
		}
	}
	doc = st.goTo(t, st.ask("POST", strings.TrimSuffix(action, "/stop"), ana, form("cadence", "weekly")), ana)
	if got := doc.Find("select[name=cadence] option[selected]").AttrOr("value", ""); got != "weekly" {
		t.Errorf("the cadence is %q", got)
	}
	doc = st.goTo(t, st.ask("POST", action, ana), ana)
	if doc.Find(".empty").Length() != 1 {
		t.Error("the watch was not stopped")
	}
	undo := url.Values{}
	doc.Find(".callout form input").Each(func(_ int, in *goquery.Selection) {
		undo.Set(in.AttrOr("name", ""), in.AttrOr("value", ""))
	})
	doc = st.goTo(t, st.ask("POST", "/watch", ana, sending("application/x-www-form-urlencoded", undo.Encode())), ana)
	if got := doc.Find("table a.rowlink").Text() + " " + doc.Find("option[selected]").AttrOr("value", ""); got != "lake/raw.flights weekly" {
		t.Errorf("undone, the page lists %q", got)
	}
}

func TestWatchRefuses(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	ana := st.as(access.Viewer)
	for _, tt := range []struct {
		name, kind, target string
		status             int
	}{
		{"a dataset that is not there", "dataset", "lake/none", http.StatusNotFound},
		{"a search for everything", "search", "sort=name", http.StatusUnprocessableEntity},
		{"another kind", "page", "/data", http.StatusUnprocessableEntity},
		{"no team", "team", "", http.StatusUnprocessableEntity},
	} {
		if res := st.ask("POST", "/watch", ana, form("kind", tt.kind, "target", tt.target)); res.StatusCode != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, res.StatusCode, tt.status)
		}
	}
	if res := st.ask("POST", "/watch", ana, header("Sec-Fetch-Site", "cross-site"), form("kind", "dataset", "target", "lake/raw.flights")); res.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: status %d", res.StatusCode)
	}
}

func TestWatchASearch(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	ana := st.as(access.Viewer)
	button := func(doc *goquery.Document) string {
		b := doc.Find("button[form=watch-search]")
		return b.AttrOr("name", "") + " " + b.AttrOr("value", "")
	}
	if got := button(html(t, st.ask("GET", "/data", ana))); got != " " {
		t.Errorf("a search for everything can be watched: %q", got)
	}
	if got := button(html(t, st.ask("GET", "/data?sort=name&q=flights&offset=0&source=lake", ana))); got != "target q=flights&source=lake" {
		t.Fatalf("the button is %q", got)
	}
	doc := st.goTo(t, st.ask("POST", "/watch", ana, form("kind", "search", "target", "q=flights&source=lake")), ana)
	if got := button(doc); got != "stop q=flights&source=lake" {
		t.Errorf("then the button is %q", got)
	}
	doc = st.goTo(t, st.ask("POST", "/watch", ana, form("kind", "search", "stop", "q=flights&source=lake")), ana)
	if got := button(doc); got != "target q=flights&source=lake" {
		t.Errorf("stopped, the button is %q", got)
	}
}

// tell makes a change of raw.flights and tells of it.
func (st *core) tell() {
	st.t.Helper()
	st.exec(`INSERT INTO dataset_change (dataset_id, kind, field, new) SELECT id, 'column_added', 'added', 'int' FROM dataset WHERE name = 'raw.flights'`)
	if err := st.Notify.Tell(st.t.Context()); err != nil {
		st.t.Fatal(err)
	}
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	ana, other := st.as(access.Viewer), st.as(access.Owner)
	if doc := html(t, st.ask("GET", "/", ana)); !strings.Contains(doc.Find("section[aria-labelledby=h-needs]").Text(), "Nothing. Watch a dataset") {
		t.Error("Home does not say what to do when nothing is watched")
	}
	st.ask("POST", "/watch", ana, form("kind", "dataset", "target", "lake/raw.flights"))
	st.tell()
	st.tell()
	doc := html(t, st.ask("GET", "/", ana))
	if got := doc.Find("a.bell").AttrOr("aria-label", ""); got != "Notifications, 2 unread" {
		t.Errorf("the bell says %q", got)
	}
	if got := doc.Find("section[aria-labelledby=h-needs] .notice .title").First(); got.Text() != "lake/raw.flights: columns changed" || got.AttrOr("href", "") != "/d/lake/raw.flights/history" {
		t.Errorf("Home lists %q at %q", got.Text(), got.AttrOr("href", ""))
	}
	doc = html(t, st.ask("GET", "/notifications", ana))
	ids := doc.Find("button[name=read]").Map(func(_ int, b *goquery.Selection) string { return b.AttrOr("value", "") })
	all := doc.Find("button[name=until]").AttrOr("value", "")
	if len(ids) != 2 || all != ids[0] {
		t.Fatalf("unread are %q, all are up to %q", ids, all)
	}
	st.ask("POST", "/notifications", other, form("until", all))
	if doc := html(t, st.ask("GET", "/notifications?unread=1", ana)); doc.Find(".notice").Length() != 2 {
		t.Error("another person marked them as read")
	}
	st.ask("POST", "/notifications", ana, form("read", ids[0]))
	if doc := html(t, st.ask("GET", "/notifications?unread=1", ana)); doc.Find(".notice").Length() != 1 {
		t.Error("one was not marked as read, or more than one")
	}
	st.tell()
	st.ask("POST", "/notifications", ana, form("until", all))
	doc = html(t, st.ask("GET", "/notifications?event=schema", ana))
	if doc.Find(".notice").Length() != 3 || doc.Find(".notice.unread").Length() != 1 {
		t.Errorf("%d stand there, %d unread: what came after the page was drawn must stay unread", doc.Find(".notice").Length(), doc.Find(".notice.unread").Length())
	}
	if doc := html(t, st.ask("GET", "/notifications?event=owner", ana)); doc.Find(".empty").Length() != 1 {
		t.Error("the filter shows what it should leave out")
	}
	if doc := html(t, st.ask("GET", "/notifications", other)); doc.Find(".notice").Length() != 0 {
		t.Error("another person sees them")
	}
}

func TestChannels(t *testing.T) {
	t.Parallel()
	got := make(chan string, 4)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header.Get("webhook-id") }))
	defer hook.Close()
	st := newCore(t, func(s *Server) {
		s.Outside = notify.NewOutside(nil, outbound.Policy{Allowed: []string{strings.TrimPrefix(hook.URL, "http://")}}, s.BaseURL, time.Now)
	})
	ana := st.as(access.Viewer)
	if doc := html(t, st.ask("GET", "/watching", ana)); doc.Find("button[name=email][disabled]").Length() != 1 || !strings.Contains(doc.Text(), "This portal sends no mail") {
		t.Error("without a mail server e-mail can be turned on")
	}
	if res := st.ask("POST", "/watching/email", ana, form("email", "on")); res.StatusCode != http.StatusConflict {
		t.Errorf("e-mail without a mail server: status %d", res.StatusCode)
	}
	res := st.ask("POST", "/watching/webhook", ana, form("webhook", "http://127.0.0.1:1/x"))
	doc := html(t, res)
	if in := doc.Find("#webhook-url"); res.StatusCode != http.StatusUnprocessableEntity || in.AttrOr("value", "") != "http://127.0.0.1:1/x" || in.AttrOr("aria-invalid", "") != "true" || doc.Find("#webhook-error").Text() == "" {
		t.Errorf("a private address: status %d, %q", res.StatusCode, doc.Find("#webhook").Text())
	}
	if said := words(doc, "#webhook-error"); said != sentence(said) {
		t.Errorf("what is wrong with it is no sentence: %q", said)
	}
	doc = html(t, st.ask("POST", "/watching/webhook", ana, form("webhook", hook.URL)))
	if secret := doc.Find("#webhook-secret").Text(); !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("the secret is %q", secret)
	}
	if doc := html(t, st.ask("GET", "/watching", ana)); doc.Find("#webhook-secret").Length() != 0 {
		t.Error("the secret is shown again")
	}
	if res := st.ask("POST", "/watching/webhook/test", ana); res.StatusCode != http.StatusOK || len(got) != 1 {
		t.Errorf("the test: status %d, %d arrived", res.StatusCode, len(got))
	}
	hook.Close()
	if doc := html(t, st.ask("POST", "/watching/webhook/test", ana)); !strings.Contains(doc.Find("#webhook-error").Text(), "did not arrive") {
		t.Error("a test that fails does not say so")
	}
}

func TestStopMail(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	who := access.Principal{Person: st.person(access.Viewer)}
	if err := st.Notify.SetEmail(t.Context(), access.Act{Who: who, Via: "test"}, true); err != nil {
		t.Fatal(err)
	}
	var sealed []byte
	if err := st.pool.QueryRow(t.Context(), `SELECT stop_sealed FROM channel`).Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	secret, err := st.Key.Open("mail stop link", sealed)
	if err != nil {
		t.Fatal(err)
	}
	on := func() (on bool) {
		t.Helper()
		c, err := st.Notify.Channel(t.Context(), who.ID)
		if err != nil {
			t.Fatal(err)
		}
		return c.Email
	}
	for _, wrong := range []string{secret[1:], "x", secret + "x"} {
		if res := st.ask("POST", "/stop-mail/"+wrong); res.StatusCode != http.StatusNotFound {
			t.Errorf("a wrong link: status %d", res.StatusCode)
		}
	}
	if res := st.ask("GET", "/stop-mail/"+secret); res.StatusCode != http.StatusOK || !on() {
		t.Errorf("opening the link: status %d, mail is on: %v", res.StatusCode, on())
	}
	if res := st.ask("POST", "/stop-mail/"+secret, form("List-Unsubscribe", "One-Click")); res.StatusCode != http.StatusOK || on() {
		t.Errorf("stopping in one step, signed out: status %d, mail is on: %v", res.StatusCode, on())
	}
	if strings.Contains(fmt.Sprint(st.logged.lines(t, "request")), secret) {
		t.Error("the log holds the link's secret")
	}
	var actions int
	if err := st.pool.QueryRow(t.Context(), `SELECT count(*) FROM audit WHERE action = 'channel.change' AND via = 'link in a mail' AND person_id = $1`, who.ID).Scan(&actions); err != nil || actions != 1 {
		t.Errorf("%d rows in the audit log, %v", actions, err)
	}
}

func TestWatchAPI(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	writer := bearer(st.token(access.Viewer, access.ScopeRead, access.ScopeWrite))
	w := read[watchAnswer](st, http.StatusCreated, st.ask("POST", "/api/v1/watches", writer, sending("application/json", `{"kind":"dataset","target":"lake/raw.flights"}`)))
	if w.Target != "lake/raw.flights" || w.Cadence != "now" {
		t.Errorf("the watch is %+v", w)
	}
	st.tell()
	list := get[List[notificationAnswer]](st, http.StatusOK, "/api/v1/notifications?unread=true", writer)
	if len(list.Items) != 1 || list.Items[0].URL != "https://data.example.com/d/lake/raw.flights/history" {
		t.Fatalf("notifications: %+v", list)
	}
	if res := st.ask("POST", "/api/v1/notifications/read", writer, sending("application/json", `{"up_to":"`+list.Items[0].ID+`"}`)); res.StatusCode != http.StatusNoContent {
		t.Errorf("marking as read: status %d", res.StatusCode)
	}
	if list := get[List[notificationAnswer]](st, http.StatusOK, "/api/v1/notifications?unread=true", writer); len(list.Items) != 0 {
		t.Errorf("still unread: %+v", list.Items)
	}
	other := bearer(st.token(access.Owner, access.ScopeRead, access.ScopeWrite))
	if res := st.ask("DELETE", "/api/v1/watches/"+w.ID, other); res.StatusCode != http.StatusNotFound {
		t.Errorf("another's watch: status %d", res.StatusCode)
	}
	if res := st.ask("DELETE", "/api/v1/watches/"+w.ID, writer); res.StatusCode != http.StatusNoContent {
		t.Errorf("stopping: status %d", res.StatusCode)
	}
	if list := get[List[watchAnswer]](st, http.StatusOK, "/api/v1/watches", writer); len(list.Items) != 0 {
		t.Errorf("still watched: %+v", list.Items)
	}
}
