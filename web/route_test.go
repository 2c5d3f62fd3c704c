package web

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"pgregory.net/rapid"

	"portreeve/access"
	"portreeve/catalog"
)

func TestPathsAreDecodedOnce(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	reader := st.reader()
	for _, name := range oddNames {
		for _, encode := range []func(string) string{url.PathEscape, percentAll} {
			got := get[datasetAnswer](st, 200, "/api/v1/datasets/lake/"+encode(name), reader)
			if got.Name != name {
				t.Errorf("%s answers with %q, want %q", encode(name), got.Name, name)
			}
			link := datasetURL(catalog.Key{Source: "lake", Name: name}, "")
			if got.URL != link {
				t.Errorf("%q has the page %q, want %q", name, got.URL, link)
			}
		}
	}
}

// percentAll escapes every byte, as no one must but anyone may.
func percentAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}

// Ways of writing a path that some server somewhere took for the path meant. Here each is another name, or nothing.
func TestPathMutations(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	reader := st.reader()
	for target, want := range map[string]int{
		"/api/v1/datasets/lake/raw.flights":          200,
		"/api/v1/datasets/lake/raw.flights/":         404,
		"/api/v1/datasets/lake//raw.flights":         404,
		"/api/v1/datasets//lake/raw.flights":         404,
		"/api/v1/./datasets/lake/raw.flights":        404,
		"/api/v1/datasets/lake/x/../raw.flights":     404,
		"/api/v1/datasets/lake/..;/lake/raw.flights": 404,
		"/api/v1/datasets/lake/raw.flights;a=b":      404,
		"/api/v1/datasets/lake/raw.flights%00":       404,
		"/api/v1/datasets/lake%2fraw.flights":        404,
		"/api/v1/datasets%2flake/raw.flights":        404,
		"/api/v1/datasets/lake/a%2Fb":                200,
		"/api/v1/datasets/lake/a%252Fb":              404,
		"/api/v1/datasets/lake/a/b":                  404,
		"/api/v1/datasets/lake/%252F":                200,
		"/api/v1/datasets/lake/%2F":                  404,
		"/api/v1/datasets/lake/raw.flights%5c":       404,
		"/API/v1/sources":                            404,
		"/%61pi/v1/sources":                          404,
		"//api/v1/sources":                           404,
		"/api//v1/sources":                           404,
		"/api/v1/sources/..%2fsources":               404,
		"/api":                                       404,
	} {
		if res := st.ask("GET", target, reader); res.StatusCode != want {
			t.Errorf("%s: status %d, want %d", target, res.StatusCode, want)
		}
	}
	for _, target := range []string{"/preferences/", "//preferences", "/./preferences", "/%70references", "/preferences;x", "/x/..;/preferences", "/PREFERENCES"} {
		if res := st.ask("POST", target, form("theme", "dark")); res.StatusCode != 404 {
			t.Errorf("POST %s: status %d, want 404", target, res.StatusCode)
		}
	}
	for _, name := range []string{"X-HTTP-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix"} {
		res := st.ask("GET", "/api/v1/crawls/1", reader, header(name, "POST"))
		wantStatus(t, res, 200)
	}
}

func TestDatasetURLComesBack(t *testing.T) {
	t.Parallel()
	var got []string
	now := time.Unix(0, 0) // an hour passes with every request, so that none is too many
	clock := func() time.Time { now = now.Add(time.Hour); return now }
	r := (&Server{Now: clock}).router(func(echo.Context) (access.Principal, error) { return access.Principal{}, nil }, func(err error, c echo.Context) {
		got = append(got, err.Error())
	})
	r.add(route{http.MethodGet, "/d/:source/:name/columns", public, func(c echo.Context) error {
		got = append(got, c.Param("name"))
		return nil
	}})
	h := asSent(r.echo)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Filter(func(s string) bool { return s != "" && isText(s) }).Draw(t, "name")
		link := datasetURL(catalog.Key{Source: "lake", Name: name}, "columns")
		u, err := url.ParseRequestURI(link)
		if err != nil {
			t.Fatal(err)
		}
		got = nil
		req := &http.Request{Method: http.MethodGet, URL: u, Header: http.Header{}, RemoteAddr: "192.0.2.1:1"}
		req = req.WithContext(context.WithValue(context.Background(), requestKey{}, &request{}))
		h.ServeHTTP(httptest.NewRecorder(), req)
		if len(got) != 1 || got[0] != name {
			t.Fatalf("%q leads by %s to %q", name, link, got)
		}
	})
}
