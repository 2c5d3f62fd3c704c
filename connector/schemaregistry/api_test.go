package schemaregistry

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func FuzzHeads(f *testing.F) {
	for _, seed := range []string{
		`[{"subject": "a", "version": 1, "id": 2, "schema": "\"int\""}, {"subject": "b", "version": 3}]`, `[{"schema": "\"int\""}]`, `[]`, `null`, `{`, `[`,
		`<html>`, `[{"subject": "a", "version": 1, "references": [{"name": "x"}], "metadata": {"properties": {"owner": "x"}}}]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		heads := map[string]string{}
		err := readHeads(strings.NewReader(text), heads)
		for subject, sum := range heads {
			if subject == "" || len(sum) != 24 {
				t.Errorf("the head of %q is %q (%v)", subject, sum, err)
			}
		}
	})
}

func TestSumTellsVersionsApart(t *testing.T) {
	t.Parallel()
	sums := map[string]version{}
	for _, v := range []version{
		{Version: 1, ID: 1, Schema: "a"},
		{Version: 2, ID: 1, Schema: "a"},
		{Version: 1, ID: 2, Schema: "a"},
		{Version: 1, ID: 1, Schema: "b"},
		{Version: 1, ID: 1, Schema: "a", Type: "JSON"},
		{Version: 1, ID: 11, Schema: "a"},
		{Version: 11, ID: 1, Schema: "a"},
	} {
		if other, again := sums[v.sum()]; again {
			t.Errorf("%+v and %+v have one sum", v, other)
		}
		sums[v.sum()] = v
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	const now, soon = "Sat, 21 Nov 2026 10:00:00 GMT", "Sat, 21 Nov 2026 10:00:07 GMT"
	for _, tt := range []struct {
		after, date string
		want        time.Duration
	}{
		{"3", "", 3 * time.Second},
		{"", now, 0},
		{"-3", now, 0},
		{"soon", now, 0},
		{"99999999", now, 24 * time.Hour},
		{soon, now, 7 * time.Second},
		{now, soon, 0},
		{soon, "", 0},
	} {
		if got := retryAfter(http.Header{"Retry-After": {tt.after}, "Date": {tt.date}}); got != tt.want {
			t.Errorf("Retry-After %q at %q: %v, want %v", tt.after, tt.date, got, tt.want)
		}
	}
}

func TestSegment(t *testing.T) {
	t.Parallel()
	for subject, want := range map[string]string{
		"a/b c%d?e#f": "a%2Fb%20c%25d%3Fe%23f", "..": "%2E%2E", ".": "%2E", ":.ctx:a": ":.ctx:a", "☃": "%E2%98%83",
	} {
		if got := segment(subject); got != want {
			t.Errorf("segment(%s) = %s, want %s", subject, got, want)
		}
	}
}
