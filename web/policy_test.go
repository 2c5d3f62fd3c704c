package web

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"portreeve/access"
)

// Who gets what from every route of this package's core, written by hand. Columns: nobody; sessions of a viewer, analyst,
// owner and admin; an owner's read token; an owner's write token; an analyst's write token; an owner's expired token.
// 303 leads to the login page. Pages do not know tokens, and the API does not know sessions.
const accessMatrix = `
GET  /livez                                      200 200 200 200 200  200 200 200 200
GET  /readyz                                     200 200 200 200 200  200 200 200 200
GET  /login                                      200 200 200 200 200  200 200 200 200
POST /login                                      403 403 403 403 403  403 403 403 403
POST /logout                                     303 303 303 303 303  303 303 303 303
POST /preferences                                login 303 303 303 303  login login login login
GET  /assets/none                                404 404 404 404 404  404 404 404 404
GET  /nowhere                                    404 404 404 404 404  404 404 404 404
POST /session                                    404 404 404 404 404  404 404 404 404
GET  /api/openapi.json                           200 200 200 200 200  200 200 200 401
GET  /api/docs                                   200 200 200 200 200  200 200 200 200
GET  /api/nowhere                                404 404 404 404 404  404 404 404 404
GET  /api/v1/search                              401 401 401 401 401  200 403 403 401
GET  /api/v1/datasets/lake/raw.flights           401 401 401 401 401  200 403 403 401
GET  /api/v1/datasets/lake/raw.flights/columns   401 401 401 401 401  200 403 403 401
GET  /api/v1/datasets/lake/raw.flights/history   401 401 401 401 401  200 403 403 401
GET  /api/v1/datasets/lake/raw.flights/snapshots 401 401 401 401 401  200 403 403 401
GET  /api/v1/datasets/lake/raw.flights/profile   401 401 401 401 401  404 403 403 401
GET  /api/v1/datasets/lake/raw.flights/sample    401 401 401 401 401  200 403 403 401
GET  /api/v1/datasets/lake/none                  401 401 401 401 401  404 403 403 401
GET  /api/v1/sources                             401 401 401 401 401  200 403 403 401
GET  /api/v1/sources/lake                        401 401 401 401 401  200 403 403 401
GET  /api/v1/sources/lake/scopes                 401 401 401 401 401  200 403 403 401
GET  /api/v1/sources/lake/crawls                 401 401 401 401 401  200 403 403 401
GET  /api/v1/crawls/1                            401 401 401 401 401  200 403 403 401
GET  /api/v1/crawls/1/events                     401 401 401 401 401  200 403 403 401
POST /api/v1/crawls                              401 401 401 401 401  403 202 403 401
`

func TestWhoMayWhat(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	expired := st.token(access.Owner, access.ScopeRead, access.ScopeWrite)
	st.exec(`UPDATE token SET expires_at = now()`)
	callers := []struct {
		name string
		who  asking
	}{
		{"nobody", func(*http.Request) {}},
		{"viewer", nil},
		{"analyst", nil},
		{"owner", nil},
		{"admin", nil},
		{"read token", bearer(st.token(access.Owner, access.ScopeRead))},
		{"write token", bearer(st.token(access.Owner, access.ScopeWrite))},
		{"analyst's write token", bearer(st.token(access.Analyst, access.ScopeWrite))},
		{"expired token", bearer(expired)},
	}
	for line := range strings.Lines(strings.TrimSpace(accessMatrix)) {
		cells := strings.Fields(line)
		method, path, wants := cells[0], cells[1], cells[2:]
		if len(wants) != len(callers) {
			t.Fatalf("%s %s has %d columns, want %d", method, path, len(wants), len(callers))
		}
		for i, caller := range callers {
			who := caller.who
			if who == nil {
				who = st.as(access.Role(caller.name)) // a new session for each: some routes end it
			}
			how := []asking{who}
			if method == http.MethodPost {
				how = append(how, sending("application/json", `{"source":"lake"}`), header("Sec-Fetch-Site", "same-origin"))
			}
			res := st.ask(method, path, how...)
			if got := verdict(res); got != wants[i] {
				t.Errorf("%s %s as %s: got %s, want %s", method, path, caller.name, got, wants[i])
			}
		}
	}
}

// verdict is a status as accessMatrix writes it.
func verdict(res *http.Response) string {
	if strings.HasPrefix(res.Header.Get("Location"), "/login") && res.Request == nil && res.Header.Get("Clear-Site-Data") == "" {
		return "login"
	}
	return strings.Fields(res.Status)[0]
}

// Every route that any router serves, with its policy, written by hand: a route that is added, or that changes hands, is
// noticed here.
func TestPolicyOfEveryRoute(t *testing.T) {
	t.Parallel()
	s := &Server{Demo: true, BaseURL: "http://localhost"}
	got := map[string]string{}
	for _, r := range []*router{s.pages(), s.api()} {
		for _, rt := range r.echo.Routes() {
			got[rt.Method+" "+rt.Path] = r.policies[rt.Method+" "+rt.Path].String()
		}
	}
	want := map[string]string{
		"GET /":                                        "viewer",
		"GET /data":                                    "viewer",
		"GET /data.csv":                                "viewer",
		"GET /d/:source":                               "viewer",
		"GET /d/:source/:name":                         "viewer",
		"GET /d/:source/:name/:part":                   "viewer",
		"GET /d/:source/:name/columns":                 "viewer",
		"GET /d/:source/:name/history":                 "viewer",
		"GET /d/:source/:name/definition":              "viewer",
		"GET /d/:source/:name/partitions":              "viewer",
		"GET /d/:source/:name/consumers":               "viewer",
		"GET /d/:source/:name/schemas":                 "viewer",
		"GET /d/:source/:name/schemas/:file":           "viewer",
		"GET /d/:source/:name/dbt":                     "viewer",
		"GET /d/:source/:name/sample":                  "viewer",
		"GET /d/:source/:name/sample.csv":              "viewer",
		"POST /d/:source/:name/opened":                 "viewer, readers too",
		"GET /sources":                                 "viewer",
		"GET /sources/:slug":                           "viewer",
		"GET /sources/:slug/events":                    "viewer",
		"GET /sources/:slug/crawls/:id":                "viewer",
		"POST /sources/:slug/crawl":                    "owner",
		"GET /palette":                                 "viewer",
		"GET /ui":                                      "viewer",
		"GET /login":                                   "public",
		"POST /login":                                  "public",
		"POST /logout":                                 "public",
		"POST /session":                                "public",
		"POST /preferences":                            "viewer, readers too",
		"GET /livez":                                   "public",
		"GET /readyz":                                  "public",
		"GET /assets/*":                                "public",
		"GET /api/openapi.json":                        "public",
		"GET /api/docs":                                "public",
		"GET /api/v1/search":                           "read viewer",
		"GET /api/v1/datasets/:source/:name":           "read viewer",
		"GET /api/v1/datasets/:source/:name/columns":   "read viewer",
		"GET /api/v1/datasets/:source/:name/history":   "read viewer",
		"GET /api/v1/datasets/:source/:name/snapshots": "read viewer",
		"GET /api/v1/datasets/:source/:name/profile":   "read viewer",
		"GET /api/v1/datasets/:source/:name/sample":    "read viewer",
		"GET /api/v1/sources":                          "read viewer",
		"GET /api/v1/sources/:slug":                    "read viewer",
		"GET /api/v1/sources/:slug/scopes":             "read viewer",
		"GET /api/v1/sources/:slug/crawls":             "read viewer",
		"POST /api/v1/crawls":                          "write owner",
		"GET /api/v1/crawls/:id":                       "read viewer",
		"GET /api/v1/crawls/:id/events":                "read viewer",
	}
	for _, area := range []map[string]string{
		policiesOfLogin, policiesOfAccount, policiesOfAudit, policiesOfEdit, policiesOfSheet, policiesOfRegister, policiesOfPeople,
		policiesOfRequest, policiesOfWatch, policiesOfSQL,
	} {
		maps.Copy(want, area)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
}

func TestServerWithARouteWithoutPolicyDoesNotStart(t *testing.T) {
	t.Parallel()
	ok := func(c echo.Context) error { return c.NoContent(http.StatusOK) }
	r := (&Server{}).router(nil, nil)
	r.add(route{http.MethodGet, "/open", public, ok})
	if err := r.check(); err != nil {
		t.Fatal("a router whose routes all have one is refused:", err)
	}
	r.add(route{http.MethodGet, "/forgotten", policy{}, ok})
	if err := r.check(); err == nil || !strings.Contains(err.Error(), "GET /forgotten") {
		t.Errorf("got %v, want an error that names GET /forgotten", err)
	}
	r = (&Server{}).router(nil, nil)
	r.echo.GET("/around", ok)
	if err := r.check(); err == nil || !strings.Contains(err.Error(), "GET /around") {
		t.Errorf("got %v, want an error that names GET /around", err)
	}
}
