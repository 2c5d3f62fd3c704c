package web

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
)

// twoParts is a page with two parts that htmx may ask for.
func twoParts(filler string) templ.Component {
	part := func(name string) templ.Component {
		return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
			text := templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
				_, err := io.WriteString(w, "<p>"+name+"</p>")
				return err
			})
			return templ.Fragment(name).Render(templ.WithChildren(ctx, text), w)
		})
	}
	return templ.Join(templ.Raw("<html>"+filler), part("one"), part("two"), templ.Raw("</html>"))
}

func renderTwoParts(t *testing.T, filler string, headers map[string]string, fragments ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest("GET", "/", http.NoBody)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	if err := render(echo.New().NewContext(r, w), 200, twoParts(filler), fragments...); err != nil {
		t.Fatal(err)
	}
	return w.Result()
}

func TestRender(t *testing.T) {
	t.Parallel()
	const whole = "<html><p>one</p><p>two</p></html>"
	asked := map[string]string{"HX-Request": "true", "HX-Request-Type": "partial"}
	tests := []struct {
		name      string
		headers   map[string]string
		fragments []string
		want      string
	}{
		{"the whole page to a browser", nil, []string{"one"}, whole},
		{"the part to htmx", asked, []string{"one"}, "<p>one</p>"},
		{"several parts to htmx", asked, []string{"one", "two"}, "<p>one</p><p>two</p>"},
		{"the whole page when it has no parts", asked, nil, whole},
		{"the whole page when htmx replaces all of it", map[string]string{"HX-Request": "true", "HX-Request-Type": "full"}, []string{"one"}, whole},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			res := renderTwoParts(t, "", tt.headers, tt.fragments...)
			text, err := io.ReadAll(res.Body)
			if err != nil || string(text) != tt.want {
				t.Errorf("got %s, %v; want %s", text, err, tt.want)
			}
			if vary := res.Header.Get("Vary"); !strings.Contains(vary, "HX-Request-Type") || !strings.Contains(vary, "Accept-Encoding") {
				t.Errorf("Vary is %q", vary)
			}
		})
	}
}

func TestRenderCompressesLongPages(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a long page ", 1000)
	res := renderTwoParts(t, long, map[string]string{"Accept-Encoding": "br, gzip"})
	if got := res.Header.Get("Content-Encoding"); got != "gzip" {
		t.Fatalf("encoding %q", got)
	}
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || !strings.Contains(string(text), long) {
		t.Errorf("the page does not come back: %v", err)
	}
	if got := renderTwoParts(t, long, nil).Header.Get("Content-Encoding"); got != "" {
		t.Errorf("a browser that did not ask for it gets %q", got)
	}
	if got := renderTwoParts(t, "", map[string]string{"Accept-Encoding": "gzip"}).Header.Get("Content-Encoding"); got != "" {
		t.Errorf("a short page is sent as %q", got)
	}
}

func TestRenderSendsNothingOfAPageThatFails(t *testing.T) {
	t.Parallel()
	w, bad := httptest.NewRecorder(), errors.New("bad")
	page := templ.Join(templ.Raw("<html>"), templ.ComponentFunc(func(context.Context, io.Writer) error { return bad }))
	err := render(echo.New().NewContext(httptest.NewRequest("GET", "/", http.NoBody), w), 200, page)
	if !errors.Is(err, bad) || w.Body.Len() > 0 || len(w.Header()) > 0 {
		t.Errorf("error %v, sent %q with %v", err, w.Body, w.Header())
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	if len(assets()) == 0 {
		t.Fatal("there are no assets")
	}
	for name, f := range assets() {
		res := st.ask("GET", asset(name), header("Accept-Encoding", "gzip"))
		if res.StatusCode != 200 || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") || res.Header.Get("Content-Type") != f.kind {
			t.Errorf("%s: status %d, %v", name, res.StatusCode, res.Header)
		}
		if f.kind == "application/octet-stream" {
			t.Errorf("%s has no known type", name)
		}
		if got := res.Header.Get("Content-Encoding"); (got == "gzip") != (f.gzipped != nil) {
			t.Errorf("%s: encoding %q", name, got)
		}
		plain := st.ask("GET", "/assets/"+name)
		if got := plain.Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("%s under an address that outlives its content: %q", name, got)
		}
		if text, err := io.ReadAll(plain.Body); err != nil || string(text) != string(f.plain) {
			t.Errorf("%s is not what was built (%v)", name, err)
		}
		wantStatus(t, st.ask("GET", "/assets/"+name, header("If-None-Match", plain.Header.Get("ETag"))), http.StatusNotModified)
	}
	for _, path := range []string{"/assets/", "/assets/../server.go", "/assets/..%2fserver.go", "/assets/.gitkeep", "/assets", "/assets//app.js"} {
		wantStatus(t, st.ask("GET", path), 404)
	}
}
