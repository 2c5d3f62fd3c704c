package web

import (
	"net/http"
	"testing"

	"portreeve/access"
	"portreeve/catalog"
)

func TestAPICrawl(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	writer := bearer(st.token(access.Owner, access.ScopeWrite))
	start := func() (string, *http.Response) {
		res := st.ask("POST", "/api/v1/crawls", writer, sending("application/json", `{"source":"lake"}`), header("Idempotency-Key", "k"))
		return read[struct{ ID string }](st, 202, res).ID, res
	}
	id, res := start()
	if id == "" || res.Header.Get("Location") != "/api/v1/crawls/"+id {
		t.Errorf("id %q, Location %q", id, res.Header.Get("Location"))
	}
	if again, _ := start(); again != id {
		t.Errorf("asking again opened crawl %s beside %s", again, id)
	}
	open := get[crawlDetail](st, 200, "/api/v1/crawls/"+id)
	if open.State != "queued" || open.Trigger != "The owner" || open.FinishedAt != nil || open.Errors == nil {
		t.Errorf("open crawl is %+v", open)
	}
	done := st.crawl()
	closed := get[crawlDetail](st, 200, "/api/v1/crawls/"+catalog.FormatID(done.ID))
	if closed.State != "partial" || closed.Failed != 1 || len(closed.Errors) != 1 || closed.Errors[0].Name != "raw.broken" || closed.Errors[0].Message == "" {
		t.Errorf("crawl is %+v", closed)
	}
	list := pageThrough[CrawlAnswer](st, "/api/v1/sources/lake/crawls", 1)
	if len(list) != 2 || list[0].ID != closed.ID {
		t.Errorf("crawls of the lake: %+v", list)
	}
}

func TestAPICrawlRefuses(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	writer := bearer(st.token(access.Owner, access.ScopeWrite))
	tests := []struct {
		name, kind, body string
		status           int
		pointer          string
	}{
		{"an unknown source", "application/json", `{"source":"none"}`, 404, ""},
		{"no source", "application/json", `{}`, 422, ""},
		{"a source that is no slug", "application/json", `{"source":"a b"}`, 422, "/source"},
		{"a source that is no text", "application/json", `{"source":7}`, 422, "/source"},
		{"a field that is not known", "application/json", `{"source":"lake","force":true}`, 422, "/force"},
		{"what is no JSON", "application/json", `{"source":`, 400, ""},
		{"nothing", "application/json", ``, 400, ""},
		{"a form", "application/x-www-form-urlencoded", `source=lake`, 415, ""},
		{"a source with a NUL", "application/json", `{"source":"la\u0000ke"}`, 422, "/source"},
	}
	for _, tt := range tests {
		res := st.ask("POST", "/api/v1/crawls", writer, sending(tt.kind, tt.body))
		if res.StatusCode != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, res.StatusCode, tt.status)
		}
		p := read[problem](st, res.StatusCode, res)
		if p.RequestID != res.Header.Get("X-Request-Id") || p.Status != res.StatusCode || p.Title == "" || res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: problem %+v as %s", tt.name, p, res.Header.Get("Content-Type"))
		}
		if tt.pointer != "" && (len(p.Errors) != 1 || p.Errors[0].Pointer != tt.pointer || p.Errors[0].Message == "") {
			t.Errorf("%s: errors %+v, want one at %s", tt.name, p.Errors, tt.pointer)
		}
	}
	if got := get[List[CrawlAnswer]](st, 200, "/api/v1/sources/lake/crawls"); len(got.Items) != 1 {
		t.Errorf("a refused request opened a crawl: %+v", got.Items)
	}
}

func TestAPIAsksForAToken(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	session := st.as(access.Admin)
	tests := []struct {
		name   string
		how    []asking
		status int
		auth   string
	}{
		{"nothing", nil, 401, `Bearer realm="portreeve"`},
		{"a session", []asking{session}, 401, `Bearer realm="portreeve"`},
		{"a password", []asking{header("Authorization", "Basic YTpi")}, 401, `Bearer realm="portreeve"`},
		{"a made-up token", []asking{bearer("prt_x")}, 401, `Bearer realm="portreeve", error="invalid_token"`},
		{"a token without the scope", []asking{bearer(st.token(access.Admin, access.ScopeWrite))}, 403, `Bearer realm="portreeve", error="insufficient_scope"`},
		{"a token", []asking{st.reader()}, 200, ""},
		{"a token, written in lower case", []asking{header("Authorization", "bearer "+st.token(access.Viewer, access.ScopeRead))}, 200, ""},
		{"a session and a made-up token", []asking{session, bearer("prt_x")}, 401, `Bearer realm="portreeve", error="invalid_token"`},
	}
	for _, tt := range tests {
		res := st.ask("GET", "/api/v1/sources", tt.how...)
		if res.StatusCode != tt.status || res.Header.Get("WWW-Authenticate") != tt.auth {
			t.Errorf("%s: status %d, WWW-Authenticate %q", tt.name, res.StatusCode, res.Header.Get("WWW-Authenticate"))
		}
		if len(res.Cookies()) > 0 {
			t.Errorf("%s: the API set a cookie", tt.name)
		}
	}
	wantStatus(t, st.ask("GET", "/api/v1/sources?access_token="+st.token(access.Viewer, access.ScopeRead)), 401)
}
