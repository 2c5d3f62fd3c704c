package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

func TestHeadersOnEveryResponse(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	const content = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types htmx"
	want := map[string]string{
		"Content-Security-Policy":      content,
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Strict-Transport-Security":    "max-age=31536000; includeSubDomains",
		"X-Frame-Options":              "DENY",
		"Cache-Control":                "no-store",
	}
	responses := map[string]*http.Response{
		"a page":                   st.ask("GET", "/login"),
		"a page that is missing":   st.ask("GET", "/nowhere"),
		"a wrong method":           st.ask("PUT", "/login"),
		"a redirect to the login":  st.ask("GET", "/"),
		"a request across sites":   st.ask("POST", "/login", header("Sec-Fetch-Site", "cross-site")),
		"a foreign host":           st.ask("GET", "/", func(r *http.Request) { r.Host = "evil.example" }),
		"an asset that is absent":  st.ask("GET", "/assets/none"),
		"health":                   st.ask("GET", "/livez"),
		"an answer of the API":     st.ask("GET", "/api/v1/sources", st.reader()),
		"an error of the API":      st.ask("GET", "/api/v1/sources"),
		"an error of an operation": st.ask("GET", "/api/v1/crawls/999", st.reader()),
	}
	for name, res := range responses {
		for h, v := range want {
			if got := res.Header.Get(h); got != v {
				t.Errorf("%s: %s is %q, want %q", name, h, got, v)
			}
		}
		if id := res.Header.Get("X-Request-Id"); len(id) != 16 {
			t.Errorf("%s: X-Request-Id is %q", name, id)
		}
		for _, h := range []string{"Server", "X-Powered-By"} {
			if res.Header.Get(h) != "" {
				t.Errorf("%s: tells %s", name, h)
			}
		}
		if ct := res.Header.Get("Content-Type"); res.StatusCode != http.StatusSeeOther && ct == "" {
			t.Errorf("%s: no content type", name)
		}
	}
}

func TestStrictTransportOnlyOverHTTPS(t *testing.T) {
	t.Parallel()
	st := newCore(t, func(s *Server) { s.BaseURL = "http://data.example.com" })
	if got := st.ask("GET", "/login").Header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("over plain HTTP: %q", got)
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, host string
		demo       bool
		want       int
	}{
		{"its own", "data.example.com", false, 200},
		{"its own in capitals", "DATA.example.com", false, 200},
		{"a foreign one", "evil.example", false, 421},
		{"its own with another port", "data.example.com:444", false, 421},
		{"one that begins like its own", "data.example.com.evil.example", false, 421},
		{"none", "", false, 421},
		{"loopback outside of the demo", "localhost:8080", false, 421},
		{"localhost in the demo", "localhost:8080", true, 200},
		{"127.0.0.1 in the demo", "127.0.0.1:9", true, 200},
		{"::1 in the demo", "[::1]:8080", true, 200},
		{"::1 without a port in the demo", "[::1]", true, 200},
		{"a name that begins like loopback, in the demo", "127.0.0.1.evil.example", true, 421},
		{"a foreign one in the demo", "evil.example:8080", true, 421},
		{"a private address in the demo", "10.0.0.1:8080", true, 421},
	}
	plain, demo := newCore(t, nil), newCore(t, func(s *Server) { s.Demo = true })
	for _, tt := range tests {
		st := plain
		if tt.demo {
			st = demo
		}
		for _, path := range []string{"/login", "/api/openapi.json"} {
			res := st.ask("GET", path, func(r *http.Request) { r.Host = tt.host }, header("X-Forwarded-Host", "data.example.com"))
			if res.StatusCode != tt.want {
				t.Errorf("%s, %s: status %d, want %d", tt.name, path, res.StatusCode, tt.want)
			}
		}
	}
	wantStatus(t, plain.ask("GET", "/livez", func(r *http.Request) { r.Host = "10.1.2.3:8080" }), 200)
}

func TestBaseURLMustBeOne(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "data.example.com", "ftp://data.example.com", "https://", "https://data.example.com/portal", "http://[::1"} {
		s := &Server{BaseURL: base}
		if _, err := s.Handler(); fault.KindOf(err) != fault.Invalid {
			t.Errorf("base URL %q: got %v, want Invalid", base, err)
		}
	}
}

// Requests that change something and that another site made the browser send. None carries a token of ours: there are none.
func TestCrossSiteRequests(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	tests := []struct {
		name string
		how  []asking
		want int
	}{
		{"from another site", []asking{header("Sec-Fetch-Site", "cross-site")}, 403},
		{"from another subdomain", []asking{header("Sec-Fetch-Site", "same-site")}, 403},
		{"from another origin, told by an old browser", []asking{header("Origin", "https://evil.example")}, 403},
		{"from a sandboxed frame", []asking{header("Origin", "null")}, 403},
		{"from our own page", []asking{header("Sec-Fetch-Site", "same-origin")}, 303},
		{"from our own page, told by an old browser", []asking{header("Origin", "https://data.example.com")}, 303},
		{"typed by the user", []asking{header("Sec-Fetch-Site", "none")}, 303},
	}
	for _, tt := range tests {
		p := st.person(access.Viewer)
		if err := st.Access.SetPreferences(t.Context(), p.ID, "", ""); err != nil {
			t.Fatal(err)
		}
		res := st.ask("POST", "/preferences", append(tt.how, st.as(access.Viewer), form("theme", "dark"))...)
		wantStatus(t, res, tt.want)
		if got := st.person(access.Viewer).Theme; (got == "dark") != (tt.want == 303) {
			t.Errorf("%s: the theme is %q after status %d", tt.name, got, res.StatusCode)
		}
	}
}

func TestBodyIsBounded(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	big := strings.Repeat("x", maxBody)
	page := st.ask("POST", "/preferences", st.as(access.Viewer), form("back", big))
	wantStatus(t, page, http.StatusRequestEntityTooLarge)
	api := st.ask("POST", "/api/v1/crawls", bearer(st.token(access.Owner, access.ScopeWrite)), sending("application/json", `{"source":"`+big+`"}`))
	wantStatus(t, api, http.StatusRequestEntityTooLarge)
	if got := api.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("the API answers with %q", got)
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	res := st.ask("DELETE", "/api/v1/sources", st.reader())
	wantStatus(t, res, http.StatusMethodNotAllowed)
	if got := res.Header.Get("Allow"); !strings.Contains(got, "GET") {
		t.Errorf("Allow is %q", got)
	}
	for _, method := range []string{"TRACE", "CONNECT", "OPTIONS", "PATCH", "BREW"} {
		if res := st.ask(method, "/login"); res.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: status %d, want 405", method, res.StatusCode)
		}
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	server := httptest.NewServer(st.handler)
	t.Cleanup(server.Close)
	for path, want := range map[string]int{"/login": 200, "/nowhere": 404, "/api/v1/crawls/1/events": 200, "/api/v1/sources": 200} {
		r, err := http.NewRequestWithContext(t.Context(), "HEAD", server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = "data.example.com"
		st.reader()(r)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || len(text) > 0 || res.StatusCode != want {
			t.Errorf("HEAD %s: status %d, %d bytes, %v; want %d", path, res.StatusCode, len(text), err, want)
		}
	}
}

func TestPanicTakesDownOneRequest(t *testing.T) {
	t.Parallel()
	st := newCore(t, func(s *Server) { s.Rows = panicRows{} })
	res := st.ask("GET", "/api/v1/datasets/lake/raw.flights/sample", st.reader())
	p := read[problem](st, 500, res)
	if p.RequestID == "" || strings.Contains(p.Detail+p.Title, "secret") {
		t.Errorf("problem %+v", p)
	}
	lines := st.logged.lines(t, "request failed")
	if len(lines) != 1 || lines[0]["request_id"] != p.RequestID || !strings.Contains(fmt.Sprint(lines[0]["err"]), "secret") {
		t.Errorf("logged %v, want the panic once, under the id that was answered", lines)
	}
	wantStatus(t, st.ask("GET", "/livez"), 200)
}

type panicRows struct{}

func (panicRows) Sample(context.Context, catalog.Key, []string, int) (catalog.Sample, error) {
	panic("secret of the panic")
}

func TestRequestLog(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	token := st.token(access.Viewer, access.ScopeRead)
	st.ask("GET", "/api/v1/datasets/lake/raw.flights?who=private-value", bearer(token), header("User-Agent", "line\nbreak"))
	st.ask("GET", "/no/such/private-path")
	lines := st.logged.lines(t, "request")
	if len(lines) != 2 {
		t.Fatalf("%d lines for two requests", len(lines))
	}
	first := lines[0]
	if first["route"] != "/api/v1/datasets/:source/:name" || first["status"] != 200.0 || first["method"] != "GET" ||
		first["bytes"].(float64) < 100 || first["person"] == 0.0 || len(first["request_id"].(string)) != 16 {
		t.Errorf("logged %v", first)
	}
	if lines[1]["route"] != "" || lines[1]["status"] != 404.0 {
		t.Errorf("logged %v", lines[1])
	}
	for _, secret := range []string{"private-value", "private-path", token, "raw.flights"} {
		if strings.Contains(st.logged.text(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	st := newCore(t, func(s *Server) { s.Now = func() time.Time { return now } })
	reader, other := st.reader(), bearer(st.token(access.Owner, access.ScopeRead))
	for i := range personBurst {
		if res := st.ask("GET", "/api/v1/crawls/1", reader); res.StatusCode != 200 {
			t.Fatalf("request %d: status %d", i, res.StatusCode)
		}
	}
	res := st.ask("GET", "/api/v1/crawls/1", reader)
	p := read[problem](st, http.StatusTooManyRequests, res)
	if res.Header.Get("Retry-After") != "1" || p.RequestID == "" {
		t.Errorf("Retry-After %q, problem %+v", res.Header.Get("Retry-After"), p)
	}
	wantStatus(t, st.ask("GET", "/api/v1/crawls/1", other), 200)
	wantStatus(t, st.ask("GET", "/api/v1/sources"), 401) // nobody is somebody else
	now = now.Add(time.Second)
	wantStatus(t, st.ask("GET", "/api/v1/crawls/1", reader), 200)
}

func TestLimitsForgetTheIdle(t *testing.T) {
	t.Parallel()
	l, now := newLimits(), time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	for i := range maxLimiters - 1 {
		l.take(fmt.Sprint("idle ", i), 1, 2, now)
	}
	now = now.Add(time.Minute)
	for range 2 {
		l.take("busy", 1, 2, now)
	}
	l.take("one more", 1, 2, now)
	if len(l.of) > 2 {
		t.Errorf("%d limiters are kept; those of the idle have nothing to remember", len(l.of))
	}
	if l.take("busy", 1, 2, now) == 0 {
		t.Error("making room forgot who was over the limit")
	}
}

func TestRemoteHost(t *testing.T) {
	t.Parallel()
	same := func(a, b string) bool {
		return remoteHost(&http.Request{RemoteAddr: a}) == remoteHost(&http.Request{RemoteAddr: b})
	}
	for _, tt := range []struct {
		name, a, b string
		want       bool
	}{
		{"ports do not matter", "192.0.2.1:5", "192.0.2.1:6", true},
		{"IPv4 addresses do", "192.0.2.1:5", "192.0.2.2:5", false},
		{"one IPv6 network is one", "[2001:db8::1]:5", "[2001:db8::2]:5", true},
		{"another IPv6 network is another", "[2001:db8::1]:5", "[2001:db8:0:1::1]:5", false},
	} {
		if same(tt.a, tt.b) != tt.want {
			t.Errorf("%s: %s and %s", tt.name, tt.a, tt.b)
		}
	}
}

func TestServerBounds(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	srv := st.HTTPServer(st.handler)
	if srv.ReadHeaderTimeout != 5*time.Second || srv.IdleTimeout != time.Minute || srv.MaxHeaderBytes != 32<<10 || srv.WriteTimeout == 0 || srv.ReadTimeout == 0 {
		t.Errorf("bounds %+v", srv)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	if err := srv.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}
