package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portreeve/fault"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	var queue error
	st := newCore(t, func(s *Server) {
		s.Health = append(s.Health, Dependency{"queue", func(context.Context) error { return queue }})
	})
	ask := func(path string, status int) health {
		t.Helper()
		h := read[health](st, status, st.ask("GET", path))
		for i := range h.Dependencies {
			h.Dependencies[i].MS = 0
		}
		return h
	}
	ok := health{"ok", "1.2.3", []dependencyHealth{{"postgres", "ok", "", 0}, {"queue", "ok", "", 0}}}
	if diff := cmp.Diff(ok, ask("/readyz", 200)); diff != "" {
		t.Errorf("ready (-want +got):\n%s", diff)
	}
	queue = fault.Unavailablef(errors.New("secret"), "the queue stands still")
	want := health{"unavailable", "1.2.3", []dependencyHealth{{"postgres", "ok", "", 0}, {"queue", "unavailable", "the queue stands still", 0}}}
	if diff := cmp.Diff(want, ask("/readyz", 503)); diff != "" {
		t.Errorf("not ready (-want +got):\n%s", diff)
	}
	queue = errors.New("secret")
	if got := ask("/readyz", 503).Dependencies[1]; got.Problem != "" {
		t.Errorf("tells %q", got.Problem)
	}
	if got := ask("/livez", 200).Status; got != "ok" {
		t.Errorf("a dependency that is away makes the process %s", got)
	}
	queue = nil
	st.Drain()
	st.Drain()
	if got := ask("/readyz", 503).Status; got != "stopping" {
		t.Errorf("while it stops it is %s", got)
	}
}

func TestReadyzWithoutPostgres(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	st.pool.Close()
	h := read[health](st, 503, st.ask("GET", "/readyz"))
	if h.Dependencies[0].Status != "unavailable" {
		t.Errorf("got %+v", h)
	}
	wantStatus(t, st.ask("GET", "/livez"), 200)
}

func TestOps(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	ops := st.OpsHandler()
	ask := func(path string) (int, string) {
		w := httptest.NewRecorder()
		ops.ServeHTTP(w, httptest.NewRequest("GET", path, http.NoBody))
		text, err := io.ReadAll(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		return w.Code, string(text)
	}
	reader := st.reader()
	st.ask("GET", "/api/v1/datasets/lake/raw.flights", reader)
	st.ask("GET", "/api/v1/datasets/lake/a%2Fb", reader)
	st.ask("GET", "/made/up/1")
	st.ask("BREW", "/made/up/2")
	code, text := ask("/metrics")
	for _, want := range []string{
		`portreeve_http_request_seconds_count{method="GET",route="/api/v1/datasets/:source/:name",status="2xx"} 2`,
		`portreeve_http_request_seconds_count{method="GET",route="none",status="4xx"} 1`,
		`portreeve_http_request_seconds_count{method="other",route="none",status="4xx"} 1`,
		"portreeve_http_requests_in_flight 0", "portreeve_event_streams 0", "go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("status %d, no %s", code, want)
		}
	}
	if strings.Contains(text, "raw.flights") || strings.Contains(text, "made") {
		t.Error("the metrics tell addresses")
	}
	if code, text := ask("/debug/pprof/goroutine?debug=1"); code != 200 || !strings.Contains(text, "goroutine profile") {
		t.Errorf("pprof: status %d", code)
	}
	if code, text := ask("/readyz"); code != 200 || json.Unmarshal([]byte(text), &health{}) != nil {
		t.Errorf("readyz: status %d: %s", code, text)
	}
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/goroutine"} {
		wantStatus(t, st.ask("GET", path), 404) // not for visitors
	}
}
