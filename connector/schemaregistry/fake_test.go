package schemaregistry_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"portreeve/catalog"
)

// server answers as a registry with the given subjects does, like Confluent's or Apicurio's, and as badly as a test wants.
type server struct {
	names     []string
	confluent bool // names subjects in /schemas and tells own compatibilities
	page      int  // most subjects in an answer, 0: any number
	noPages   bool // does not know of offset and limit
	schema    func(name string) string
	refs      func(name string) []catalog.SchemaReference
	before    func(w http.ResponseWriter, r *http.Request) (answered bool)

	mu    sync.Mutex
	asked map[string]int // paths, subjects left out
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	s.mu.Lock()
	if s.asked == nil {
		s.asked = map[string]int{}
	}
	s.asked[strings.Join(append(parts[:1:1], parts[min(2, len(parts)):]...), "/")]++
	s.mu.Unlock()
	if s.before != nil && s.before(w, r) {
		return
	}
	subject := ""
	if len(parts) > 1 {
		subject, _ = url.PathUnescape(parts[1])
	}
	found := slices.Contains(s.names, subject)
	switch {
	case r.URL.Path == "/subjects":
		s.write(w, s.cut(r, s.names))
	case r.URL.Path == "/schemas" && s.confluent:
		out := []map[string]any{}
		for _, name := range s.cut(r, s.names) {
			out = append(out, s.version(name))
		}
		s.write(w, out)
	case r.URL.Path == "/config":
		s.write(w, map[string]string{"compatibilityLevel": "BACKWARD"})
	case parts[0] == "config" && s.confluent:
		refuse(w, http.StatusNotFound, 40408)
	case !found:
		refuse(w, http.StatusNotFound, 40401)
	case parts[0] == "config":
		s.write(w, map[string]string{"compatibilityLevel": "BACKWARD"})
	case len(parts) == 3:
		s.write(w, []int{1})
	default:
		s.write(w, s.version(subject))
	}
}

func (s *server) cut(r *http.Request, names []string) []string {
	offset, _ := strconv.Atoi(r.URL.Query().Get("offset"))
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if s.noPages || err != nil {
		return names
	}
	if s.page > 0 {
		limit = min(limit, s.page)
	}
	names = names[min(offset, len(names)):]
	return names[:min(limit, len(names))]
}

func (s *server) version(name string) map[string]any {
	v := map[string]any{"subject": name, "version": 1, "id": 1, "schema": `{"type":"record","name":"A","fields":[{"name":"id","type":"long"}]}`}
	if s.schema != nil {
		v["schema"] = s.schema(name)
	}
	if s.refs != nil {
		v["references"] = s.refs(name)
	}
	return v
}

func (s *server) write(w http.ResponseWriter, answer any) {
	w.Header().Set("Content-Type", "application/vnd.schemaregistry.v1+json")
	_ = json.NewEncoder(w).Encode(answer)
}

func refuse(w http.ResponseWriter, status, code int) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error_code": %d, "message": "no"}`, code)
}

func (s *server) start(tb testing.TB) string {
	tb.Helper()
	running := httptest.NewServer(s)
	tb.Cleanup(running.Close)
	return running.URL
}

// crawled is what a crawl came to.
type crawled struct {
	seen      map[string]catalog.Observation
	failed    map[string]error
	end       error
	unchanged int
}

func crawl(ctx context.Context, conn catalog.Connection, known catalog.Known) crawled {
	c := crawled{seen: map[string]catalog.Observation{}, failed: map[string]error{}}
	for o, err := range conn.Crawler.Datasets(ctx, "subjects", known) {
		switch {
		case o.Name == "":
			c.end = err
		case err != nil:
			c.failed[o.Name] = err
		default:
			c.seen[o.Name] = o
			if o.Unchanged {
				c.unchanged++
			}
		}
	}
	return c
}

func (c crawled) known() catalog.Known {
	known := catalog.Known{}
	for name, o := range c.seen {
		known[name] = o.Version
	}
	return known
}

func many(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("topic_%05d-value", i)
	}
	return names
}
