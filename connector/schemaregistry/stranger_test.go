package schemaregistry_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"

	"portreeve/fault"
)

// How the answer of something else begins is told fit for a terminal, and not if it repeats our password.
func TestGarbageIsNoRegistry(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 404, 405} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<h1>\x1b[2J\x1b]0;owned\x07\r\nWelcome " + r.Header.Get("Authorization") + strings.Repeat(" blah", 1000)))
		}))
		t.Cleanup(server.Close)
		for _, password := range []string{"", "hunter2hunter2"} {
			conn := open(t, map[string]string{"url": server.URL, "user": "ann", "password": password})
			if password == "" {
				conn = open(t, map[string]string{"url": server.URL})
			}
			err := crawl(t.Context(), conn, nil).end
			if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Message(err), "is no schema registry (") {
				t.Fatalf("%d: %v", status, err)
			}
			text := err.Error()
			if len(text) > 500 || strings.IndexFunc(text, unicode.IsControl) >= 0 || strings.Contains(text, "Welcome") != (password == "") {
				t.Errorf("%d: the error is %q", status, text)
			}
		}
	}
}
