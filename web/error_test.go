package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// pgError is what pgx returns for an error of the server, as far as this package looks.
type pgError string

func (e pgError) Error() string    { return "SQLSTATE " + string(e) }
func (e pgError) SQLState() string { return string(e) }

func TestFailureOf(t *testing.T) {
	t.Parallel()
	cause := errors.New("secret cause")
	tests := []struct {
		name     string
		err      error
		status   int
		detail   string
		internal bool
		retry    bool
	}{
		{"a plain error says nothing", cause, 500, "", true, false},
		{"invalid", fault.Invalidf("/q", "a quote is missing"), 422, "A quote is missing.", false, false},
		{"forbidden", fault.Forbiddenf("not yours"), 403, "Not yours.", false, false},
		{"not found", fmt.Errorf("in: %w", fault.NotFoundf("there is no source x")), 404, "There is no source x.", false, false},
		{"conflict", fault.Conflictf("changed"), 409, "Changed.", false, false},
		{"unavailable", fault.Unavailablef(cause, "the lake does not answer"), 503, "The lake does not answer.", false, true},
		{"too large", fmt.Errorf("read: %w", &http.MaxBytesError{Limit: maxBody}), 413, "A request may send at most 1 MiB.", false, false},
		{"echo's own", echo.ErrMethodNotAllowed, 405, "", false, false},
		{"echo's internal ones say nothing", echo.NewHTTPError(500, "secret cause"), 500, "", true, false},
		{"Postgres shuts down", fmt.Errorf("q: %w", pgError("57P01")), 503, "The portal's database does not answer.", true, true},
		{"Postgres is full", pgError("53300"), 503, "The portal's database does not answer.", true, true},
		{"Postgres is not there", fmt.Errorf("dial: %w", &net.OpError{Op: "dial", Err: cause}), 503, "The portal's database does not answer.", true, true},
		{"Postgres hangs up", io.ErrUnexpectedEOF, 503, "The portal's database does not answer.", true, true},
		{"a mistake in our SQL", pgError("42601"), 500, "", true, false},
		{"a deadline", context.DeadlineExceeded, 503, "The portal's database does not answer.", true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := failureOf(tt.err)
			if f.status != tt.status || f.detail != tt.detail || f.internal != tt.internal || (f.retry > 0) != tt.retry || f.title == "" {
				t.Errorf("got %+v", f)
			}
			if strings.Contains(f.title+f.detail, "secret") {
				t.Errorf("tells the cause: %+v", f)
			}
		})
	}
}

func TestErrorPage(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	res := st.ask("GET", "/nowhere")
	doc := html(t, res)
	if got := doc.Find("main h1").Text(); got != "Nothing here" {
		t.Errorf("head %q", got)
	}
	wantText(t, doc, "main", "There is no page /nowhere.")
	if got := doc.Find("main code").Text(); got != res.Header.Get("X-Request-Id") {
		t.Errorf("the page shows request %q, the header %q", got, res.Header.Get("X-Request-Id"))
	}
	if ct := res.Header.Get("Content-Type"); ct != "text/html; charset=UTF-8" {
		t.Errorf("content type %q", ct)
	}
	if n := len(st.logged.lines(t, "request failed")); n != 0 {
		t.Error("a missing page is logged as our failure")
	}
}

// Whoever mistypes an address stays who they are, and finds a way on.
func TestMissingPageKnowsWhoAsks(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	session := st.as(access.Viewer)
	wantStatus(t, st.ask("POST", "/preferences", session, form("theme", "dark")), 303)
	for path, look := range map[string]string{
		"/nope": "nope", "/sources/lake/a/b": "b", "/d/lake/x%00": "x", "/palette/%3Cscript%3E": "<script>",
	} {
		res := st.ask("GET", path, session)
		wantStatus(t, res, 404)
		doc := html(t, res)
		if doc.Find("html").AttrOr("data-theme", "") != "dark" || doc.Find(`.rail a[href="/data"]`).Length() != 1 || doc.Find(`a[href^="/login"]`).Length() != 0 {
			t.Errorf("%s: the page is one for nobody", path)
		}
		if got := doc.Find(`main form[action="/data"] input[name=q]`).AttrOr("value", "?"); got != look {
			t.Errorf("%s: offers to look for %q, want %q", path, got, look)
		}
		if doc.Find(`main a[href="/data"]`).Length() != 1 || doc.Find("main script").Length() != 0 {
			t.Errorf("%s: %s", path, doc.Find("main").Text())
		}
	}
}

func TestPathsThatLeadOn(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	session := st.as(access.Viewer)
	for path, want := range map[string]string{
		"/data/": "/data", "/data/?q=a%26b": "/data?q=a%26b", "/sources///": "/sources", "/d/lake": "/data?source=lake", "/d/lake/": "/d/lake",
		"/d/a%26b": "/data?source=a%26b", "/d/lake/raw.flights/": "/d/lake/raw.flights", "/d/lake/a%2Fb/lineage": "/d/lake/a%2Fb?no=lineage",
		"//evil.example/": "", "/nowhere/": "", "/palette/x/": "", "/": "", "/d/lake/raw.flights": "",
	} {
		if got := st.ask("GET", path, session).Header.Get("Location"); got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
	}
	doc := html(t, st.ask("GET", "/d/lake/raw.flights?no=lineage", session))
	wantText(t, doc, "main .callout", "A dataset has no part called “lineage”. This is its overview.")
	if n := html(t, st.ask("GET", "/data?no=lineage", session)).Find(".callout:contains('has no part')").Length(); n != 0 {
		t.Error("another page than the overview says that it is the overview")
	}
}

func TestErrorPageOfAMissingDataset(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	doc := html(t, st.ask("GET", "/d/lake/raw.flihgts", st.as(access.Viewer)))
	if got := doc.Find(`main a[href="/d/lake/raw.flights"]`).Length(); got != 1 {
		t.Errorf("the page has %d links to the name that was meant:\n%s", got, doc.Find("main").Text())
	}
	if n := doc.Find("main script").Length(); n != 0 {
		t.Error("a name became markup")
	}
}

func TestErrorInAPartOfAPageIsAPart(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	res := st.ask("GET", "/d/lake/none", st.as(access.Viewer), header("HX-Request", "true"), header("HX-Request-Type", "partial"))
	wantStatus(t, res, 404)
	text, err := io.ReadAll(res.Body)
	if err != nil || strings.Contains(string(text), "<html") || !strings.Contains(string(text), `role="alert"`) {
		t.Errorf("got %s", text)
	}
}

// A failure of ours: shown as a number, logged once with its cause.
func TestInternalErrorIsLoggedAndNotShown(t *testing.T) {
	t.Parallel()
	st := newCore(t, func(s *Server) { s.Crawls = failingCrawls{} })
	requests := map[string]func() *http.Response{
		"of the API": func() *http.Response {
			return st.ask("POST", "/api/v1/crawls", bearer(st.token(access.Owner, access.ScopeWrite)), sending("application/json", `{"source":"lake"}`))
		},
		"of a page": func() *http.Response { return st.ask("POST", "/sources/lake/crawl", st.as(access.Owner)) },
	}
	for name, request := range requests {
		before := len(st.logged.lines(t, "request failed"))
		res := request()
		wantStatus(t, res, 500)
		text, err := io.ReadAll(res.Body)
		id := res.Header.Get("X-Request-Id")
		if err != nil || strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), id) {
			t.Errorf("%s: answered %s", name, text)
		}
		lines := st.logged.lines(t, "request failed")[before:]
		if len(lines) != 1 || lines[0]["request_id"] != id || lines[0]["err"] != "queue: hunter2" || lines[0]["level"] != "ERROR" {
			t.Errorf("%s: logged %v", name, lines)
		}
	}
}

type failingCrawls struct{}

func (failingCrawls) StartCrawl(context.Context, access.Act, string) (int64, error) {
	return 0, errors.New("queue: hunter2")
}

func TestClientThatLeftIsNotAnError(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	st.ask("GET", "/api/v1/sources", st.reader(), func(r *http.Request) { *r = *r.WithContext(ctx) })
	if lines := st.logged.lines(t, "request failed"); len(lines) != 0 {
		t.Errorf("logged %v", lines)
	}
	if lines := st.logged.lines(t, "request"); len(lines) != 1 || lines[0]["status"] != 499.0 {
		t.Errorf("logged %v, want one request with status 499", lines)
	}
}

func TestMissingKeepsOtherErrors(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	key := catalog.Key{Source: "lake", Name: "raw.flights"}
	if err := st.missing(t.Context(), key, nil); err != nil {
		t.Errorf("no error became %v", err)
	}
	away := fault.Unavailablef(nil, "away")
	if err := st.missing(t.Context(), key, away); !errors.Is(err, away) || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}
	err := st.missing(t.Context(), key, fault.NotFoundf("x"))
	if f := failureOf(err); f.status != 404 || len(f.near) == 0 {
		t.Errorf("got %+v", f)
	}
}
