package trino

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"portreeve/fault"
	"portreeve/test/stack"
)

// gate stands before the real Trino and may answer a statement in its place.
type gate struct {
	*httptest.Server
	// answer returns true when it has answered.
	answer func(w http.ResponseWriter, r *http.Request, statement string) bool
}

func newGate(tb testing.TB, answer func(w http.ResponseWriter, r *http.Request, statement string) bool) *gate {
	tb.Helper()
	target, err := url.Parse(stack.Of(tb).Trino)
	if err != nil {
		tb.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host // the addresses that Trino tells then lead through the gate
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusTeapot) },
	}
	g := &gate{answer: answer}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var statement string
		if r.Method == http.MethodPost {
			text, _ := io.ReadAll(r.Body)
			statement = string(text)
			r.Body = io.NopCloser(strings.NewReader(statement))
		}
		if !g.answer(w, r, statement) {
			proxy.ServeHTTP(w, r)
		}
	}))
	tb.Cleanup(g.Close)
	return g
}

// refuse answers as Trino does when a query fails.
func refuse(w http.ResponseWriter, name, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"id": "1", "error": map[string]any{"errorName": name, "errorType": kind, "message": message},
	})
}

func TestTriesAgain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer func(w http.ResponseWriter)
		times  int32 // how often it is given
		want   fault.Kind
		posts  int32
	}{
		{"a full queue", func(w http.ResponseWriter) {
			refuse(w, "QUERY_QUEUE_FULL", "INSUFFICIENT_RESOURCES", "Too many queued queries")
		}, 2, 0, 3},
		{"a queue that stays full", func(w http.ResponseWriter) {
			refuse(w, "QUERY_QUEUE_FULL", "INSUFFICIENT_RESOURCES", "Too many queued queries")
		}, 99, fault.Unavailable, 4},
		{"a proxy without a back end", func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) }, 2, 0, 3},
		{"too many requests", func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
		}, 2, 0, 3},
		{"a limit that stays", func(w http.ResponseWriter) { refuse(w, "EXCEEDED_TIME_LIMIT", "INSUFFICIENT_RESOURCES", "too long") }, 99, fault.Unavailable, 1},
		{"a wrong password", func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) }, 99, fault.Forbidden, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var posts atomic.Int32
			g := newGate(t, func(w http.ResponseWriter, r *http.Request, _ string) bool {
				if r.Method != http.MethodPost || posts.Add(1) > tt.times {
					return false
				}
				tt.answer(w)
				return true
			})
			c := newCrawler(t, map[string]string{"url": g.URL})
			c.pauses = []time.Duration{time.Millisecond, time.Millisecond, time.Millisecond}
			_, err := c.Scopes(t.Context())
			if tt.want == 0 {
				// The list of catalogs is asked for as often as it takes, the schemas of each once.
				if err != nil || posts.Load() < tt.posts {
					t.Errorf("%d requests, %v", posts.Load(), err)
				}
				return
			}
			if fault.KindOf(err) != tt.want || posts.Load() != tt.posts {
				t.Errorf("%d requests, want %d; error %v of the kind %v", posts.Load(), tt.posts, err, fault.KindOf(err))
			}
		})
	}
}

// A server that dies in the middle ends the scope: what was not read must not seem to be gone.
func TestServerDies(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := s.schema(t, s.lake)
	for i := range 20 {
		s.do(t, `CREATE TABLE %s (id bigint)`, at.table(fmt.Sprint("t", i), ""))
	}
	for name, die := range map[string]func(w http.ResponseWriter, r *http.Request){
		"the connection breaks": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"it says nothing more":  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"it answers nonsense":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var dead atomic.Bool
			g := newGate(t, func(w http.ResponseWriter, r *http.Request, statement string) bool {
				if strings.HasPrefix(statement, "SHOW CREATE TABLE") && strings.Contains(statement, `"t3"`) {
					dead.Store(true)
				}
				if dead.Load() {
					die(w, r)
				}
				return dead.Load()
			})
			c := newCrawler(t, map[string]string{"url": g.URL, "timeout": "3s"})
			seen, failed := crawl(t, c, at, nil)
			if err := failed[""]; len(seen)+len(failed) > 20 || fault.KindOf(err) != fault.Unavailable || fault.Message(err) == "" {
				t.Errorf("%d seen, failed %v; want an error for the scope", len(seen), failed)
			}
		})
	}
}

// Who may not ask for SHOW CREATE TABLE still sees the columns, and who may not read a table has no figures of it.
func TestFewerRights(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := s.schema(t, s.lake)
	for _, name := range []string{"one", "two", "three", "four", "five", "six"} {
		s.do(t, `CREATE TABLE %s (id bigint NOT NULL, place row("odd name" bigint)) COMMENT 'c'`, at.table(name, ""))
	}
	for _, tt := range []struct {
		name    string
		refused []string
		figures bool
	}{
		{"no definition", []string{"SHOW CREATE"}, true},
		{"no definition and no metadata", []string{"SHOW CREATE", "$"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGate(t, func(w http.ResponseWriter, _ *http.Request, statement string) bool {
				if !slices.ContainsFunc(tt.refused, func(word string) bool { return strings.Contains(statement, word) }) {
					return false
				}
				refuse(w, "PERMISSION_DENIED", "USER_ERROR", "Access Denied: Cannot do that")
				return true
			})
			c := newCrawler(t, map[string]string{"url": g.URL})
			seen, failed := crawl(t, c, at, nil)
			o := seen["one"]
			if len(seen) != 6 || len(failed) > 0 || len(o.Columns) != 3 || o.Columns[2].Path != "place.odd name" || o.Columns[0].Nullable {
				t.Fatalf("failed %v, seen %+v", failed, seen)
			}
			if got := o.RowCount != nil && o.Version != "" && o.Location != "" && o.Description == "c"; got != tt.figures {
				t.Errorf("figures are known: %v, want %v", got, tt.figures)
			}
			if n := c.Queries(); n > 30 {
				t.Errorf("%d queries for six tables", n)
			}
		})
	}
}

// A catalog that cannot be listed fails alone, under a scope of its own, and keeps the schemas that it had.
func TestCatalogFails(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	at := s.schema(t, "memory")
	var down, dead atomic.Bool
	g := newGate(t, func(w http.ResponseWriter, _ *http.Request, statement string) bool {
		if dead.Load() {
			panic(http.ErrAbortHandler)
		}
		if !down.Load() || !strings.Contains(statement, `"memory"`) {
			return false
		}
		refuse(w, "GENERIC_INTERNAL_ERROR", "INTERNAL_ERROR", "The remote system is down")
		return true
	})
	c := newCrawler(t, map[string]string{"url": g.URL, "catalogs": "memory\ntpch"})
	for range 2 {
		scopes, err := c.Scopes(t.Context())
		if err != nil || !slices.Contains(scopes, "tpch.tiny") || !slices.Contains(scopes, "memory."+at.schema) || slices.Contains(scopes, "memory") != down.Load() {
			t.Fatalf("down %v: scopes %q, %v", down.Load(), scopes, err)
		}
		down.Store(true)
	}
	for _, scope := range []string{"memory", "memory." + at.schema} {
		elements := 0
		for o, err := range c.Datasets(t.Context(), scope, nil) {
			if elements++; o.Name != "" || fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Message(err), "The remote system is down") {
				t.Errorf("%s: %+v, %v", scope, o, err)
			}
		}
		if elements != 1 {
			t.Errorf("%s: %d elements, want one", scope, elements)
		}
	}
	dead.Store(true)
	if scopes, err := c.Scopes(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("without a server: scopes %q, %v", scopes, err)
	}
}

// A user who may not see a catalog is told so.
func TestCatalogForbidden(t *testing.T) {
	t.Parallel()
	newServer(t)
	for _, user := range []string{"limited", "readonly"} { // the stack's, and that of a developer's
		c := newCrawler(t, map[string]string{"user": user, "catalogs": "memory\ntpch\nno_such_catalog"})
		scopes, err := c.Scopes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(scopes, "memory") {
			continue
		}
		if !slices.Contains(scopes, "no_such_catalog") || !slices.ContainsFunc(scopes, func(s string) bool { return strings.HasPrefix(s, "tpch.") }) {
			t.Errorf("scopes %q", scopes)
		}
		for scope, want := range map[string]fault.Kind{"memory": fault.Forbidden, "no_such_catalog": fault.NotFound, "tpch.no_such": fault.NotFound} {
			for _, err := range c.Datasets(t.Context(), scope, nil) {
				if fault.KindOf(err) != want || fault.Message(err) == "" {
					t.Errorf("%s: %v, want %v", scope, err, want)
				}
			}
		}
		return
	}
	t.Error("there is no user who may not see the catalog memory")
}

// Nothing that was begun for a reader who went away goes on at the server, and no more runs at a time than was set.
func TestLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := newCrawler(t, map[string]string{"source": prefix + "tag", "parallel": "2"})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() {
			_, err := c.query(ctx, `SELECT count(*) FROM tpch.sf1000.lineitem CROSS JOIN tpch.sf1000.lineitem`)
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
		})
	}
	group.Wait()
	deadline := time.Now().Add(20 * time.Second)
	for {
		rows := s.do(t, `SELECT count(*), count_if(state NOT IN ('FINISHED', 'FAILED')) FROM system.runtime.queries WHERE source = %s`, literal(prefix+"tag"))
		if rows[0][1] == "0" {
			if rows[0][0] != "2" {
				t.Errorf("%s queries reached the server, want two", rows[0][0])
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s of %s queries still run", rows[0][1], rows[0][0])
		}
		select {
		case <-t.Context().Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}
