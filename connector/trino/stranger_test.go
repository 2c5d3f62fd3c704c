package trino

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"

	"portreeve/fault"
)

// What answers and is no Trino is told as such, with how its answer begins, fit for a terminal.
func TestGarbageIsNoTrino(t *testing.T) {
	t.Parallel()
	page := "<html>\x1b[2J\x1b]0;owned\x07\r\n<h1>Welcome</h1>" + strings.Repeat(" blah", 1000)
	for _, tt := range []struct {
		name, content, body string
		status              int
		says                string
	}{
		{"a page", "text/html; charset=utf-8", page, 200, "answers, but is no Trino (200, text/html)"},
		{"no such page", "text/html", page, 404, "answers, but is no Trino (404, text/html)"},
		{"no such path", "application/json", `{"detail":"Not Found"}`, 404, "answers, but is no Trino (404, application/json)"},
		{"a page where JSON is said", "application/json", page, 200, "answers, but is no Trino"},
		{"an empty page", "text/html", "", 500, "answers, but is no Trino (500, text/html)"},
		{"another JSON", "application/json", `{"status":"UP"}`, 200, "answers, but is no Trino"},
		{"a list", "application/json", `[1]`, 200, "answers, but is no Trino"},
		{"nothing", "", "", 200, "answers, but is no Trino"},
		{"its own error", "text/plain", "Invalid\x1b[1m header", 400, "answers with an error (400, text/plain)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = []string{tt.content}
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			t.Cleanup(server.Close)
			_, err := newCrawler(t, map[string]string{"url": server.URL}).Scopes(t.Context())
			wantMessage(t, err, fault.Unavailable, tt.says, "")
			if err == nil {
				return
			}
			if text := err.Error(); len(text) > 500 || strings.IndexFunc(text, unicode.IsControl) >= 0 {
				t.Errorf("the error has %d bytes: %q", len(text), text)
			}
			if tt.body == page && tt.content != "application/json" && !strings.Contains(err.Error(), "<h1>Welcome") {
				t.Errorf("the error does not say how the answer begins: %v", err)
			}
		})
	}
}

func TestGarbageTellsNoSecret(t *testing.T) {
	t.Parallel()
	s := settings{user: "u", password: "hunter2-hunter2"}
	for _, text := range []string{"you said hunter2-hunter2", "Authorization: Basic dTpodW50ZXIyLWh1bnRlcjI="} {
		if got := excerpt(text, s.secrets()); got != "" {
			t.Errorf("%q", got)
		}
	}
	if got := excerpt("hello", s.secrets()); got != "hello" {
		t.Errorf("%q", got)
	}
	none := settings{user: "u"}
	if got := excerpt("hello", none.secrets()); got != "hello" {
		t.Errorf("without a secret: %q", got)
	}
}
