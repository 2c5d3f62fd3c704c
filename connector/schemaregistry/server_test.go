package schemaregistry_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"portreeve/catalog"
	"portreeve/fault"
)

// TestListsInPages meets registries that cut the list without a word, that know no pages, and one whose list moves.
func TestListsInPages(t *testing.T) {
	t.Parallel()
	moving := &server{names: many(1500), page: 200}
	pages := 0
	moving.before = func(_ http.ResponseWriter, r *http.Request) bool {
		moving.mu.Lock()
		defer moving.mu.Unlock()
		if r.URL.Path == "/subjects" {
			if pages++; pages%2 == 0 {
				moving.names = slices.Delete(slices.Clone(moving.names), 0, 7) // all that follow move up
			}
		}
		return false
	}
	strict := &server{names: many(1200)}
	strict.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/subjects" || r.URL.RawQuery == "" {
			return false
		}
		refuse(w, http.StatusBadRequest, 400)
		return true
	}
	for name, s := range map[string]*server{
		"no queries": strict, "in one page": {names: many(3)}, "pages of 999": {names: many(2500), page: 999},
		"no pages": {names: many(1200), noPages: true}, "a moving list": moving,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := slices.Clone(s.names)
			c := crawl(t.Context(), open(t, map[string]string{"url": s.start(t)}), nil)
			if c.end != nil || len(c.failed) > 0 {
				t.Fatal(c.end, c.failed)
			}
			for i, subject := range all {
				if _, found := c.seen[subject]; !found && slices.Contains(s.names, subject) {
					t.Fatalf("subject %d of %d, %s, was not seen", i, len(all), subject)
				}
			}
		})
	}
}

// TestUnchangedIsCheap counts what a second crawl asks for.
func TestUnchangedIsCheap(t *testing.T) {
	t.Parallel()
	for _, confluent := range []bool{true, false} {
		t.Run(fmt.Sprintf("confluent %v", confluent), func(t *testing.T) {
			t.Parallel()
			s := &server{names: many(700), confluent: confluent}
			conn := open(t, map[string]string{"url": s.start(t)})
			first := crawl(t.Context(), conn, nil)
			if first.end != nil || len(first.seen) != 700 || first.unchanged > 0 {
				t.Fatalf("%d subjects, %d unchanged, %v", len(first.seen), first.unchanged, first.end)
			}
			s.mu.Lock()
			s.asked = map[string]int{}
			s.mu.Unlock()
			again := crawl(t.Context(), conn, first.known())
			if again.end != nil || again.unchanged != 700 {
				t.Errorf("%d of 700 unchanged, %v", again.unchanged, again.end)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			want := 700
			if confluent {
				want = 0
			}
			if got := s.asked["subjects/versions/latest"]; got != want {
				t.Errorf("%d schemas were fetched, want %d (%v)", got, want, s.asked)
			}
			if o := first.seen["topic_00000-value"]; o.Detail.Schema.Compatibility != "BACKWARD" || !o.Detail.Schema.Inherited {
				t.Errorf("compatibility %+v", o.Detail.Schema)
			}
		})
	}
}

// TestNewSettingsAreSeen checks that naming the Kafka cluster reaches subjects that have not changed.
func TestNewSettingsAreSeen(t *testing.T) {
	t.Parallel()
	s := &server{names: []string{"orders-value", "orders-key", "free", "orders-A"}, confluent: true}
	address := s.start(t)
	before := crawl(t.Context(), open(t, map[string]string{"url": address}), nil)
	if ids := before.seen["orders-value"].Identifiers; len(ids) != 1 {
		t.Errorf("without a cluster the subject is known as %v", ids)
	}
	after := crawl(t.Context(), open(t, map[string]string{"url": address, "kafka": "kafka://k:9092"}), before.known())
	if after.unchanged > 0 {
		t.Errorf("%d subjects are said to be unchanged", after.unchanged)
	}
	for subject, want := range map[string]string{"orders-value": "orders value", "orders-key": "orders key", "orders-A": "orders ", "free": ""} {
		o, got := after.seen[subject], ""
		for _, id := range o.Identifiers {
			if id.Namespace == "kafka://k:9092" {
				got = id.Name + " " + id.Part
			}
		}
		if got != want {
			t.Errorf("%s is about %q, want %q", subject, got, want)
		}
	}
}

// TestBadAnswers meets what stands where a registry should.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	answer := func(status int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		kind    fault.Kind
		says    string
	}{
		{"a proxy's page", answer(200, "<html>Welcome</html>"), fault.Unavailable, "answers, but is no schema registry (200, text/html)"},
		{"another JSON", answer(200, `{"status": "UP"}`), fault.Unavailable, "answers, but is no schema registry (200, text/plain)"},
		{"half an answer", answer(200, `["a", "b`, "Content-Length", "100"), fault.Unavailable, "does not answer"},
		{"a login page", answer(302, "", "Location", "https://sso.test/login?secret=x"), fault.Unavailable, "sends elsewhere, to sso.test"},
		{"a host that misleads", answer(302, "", "Location", "https://ann:pw@a\u202eb.test/"), fault.Unavailable, "sends elsewhere, to a b.test:"},
		{"words that mislead", answer(500, `{"error_code": 50001, "message": "a\u202eb\u001b[2J\nc"}`), fault.Unavailable, "says a b [2J c"},
		{"nothing there", answer(404, "not found"), fault.Unavailable, "answers, but is no schema registry (404, text/plain)"},
		{"a wrong password", answer(401, ""), fault.Forbidden, "the registry does not accept the user ann"},
		{"no right", answer(403, `{"error_code": 40301}`), fault.Forbidden, "the user ann may not read the list of subjects"},
		{"an error of its own", answer(500, `{"error_code": 50001, "message": "store is down"}`), fault.Unavailable, "store is down"},
		{"a crash", answer(500, "trace"), fault.Unavailable, "fails (HTTP 500)"},
		{"a long wait", answer(429, "", "Retry-After", "3600"), fault.Unavailable, "asks to wait 1h0m0s"},
		{
			"a long wait until a date", answer(429, "", "Date", "Sat, 21 Nov 2026 10:00:00 GMT", "Retry-After", "Sat, 21 Nov 2026 10:05:00 GMT"),
			fault.Unavailable, "asks to wait 5m0s",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			running := httptest.NewServer(tt.handler)
			t.Cleanup(running.Close)
			conn := open(t, map[string]string{"url": running.URL, "user": "ann", "password": "hunter2"})
			c := crawl(t.Context(), conn, nil)
			if len(c.seen) > 0 || c.end == nil || fault.KindOf(c.end) != tt.kind || !strings.Contains(fault.Message(c.end), tt.says) {
				t.Errorf("%d subjects, error %v, want %s", len(c.seen), c.end, tt.says)
			}
			if c.end != nil && (strings.Contains(c.end.Error(), "hunter2") || strings.Contains(c.end.Error(), "secret=x")) {
				t.Errorf("the error tells a secret: %v", c.end)
			}
		})
	}
}

// TestWaitsWhenAsked meets a registry that answers every request only when it is asked again.
func TestWaitsWhenAsked(t *testing.T) {
	t.Parallel()
	met := map[string]bool{}
	s := &server{names: many(2)}
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if again := met[r.URL.String()]; again {
			return false
		}
		met[r.URL.String()] = true
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusTooManyRequests)
		return true
	}
	if c := crawl(t.Context(), open(t, map[string]string{"url": s.start(t)}), nil); c.end != nil || len(c.failed) > 0 || len(c.seen) != 2 {
		t.Errorf("%d subjects, errors %v, %v", len(c.seen), c.failed, c.end)
	}
}

// TestOneSubjectFailsAlone has a schema that cannot be read, one that we may not read, and one that a proxy refuses.
func TestOneSubjectFailsAlone(t *testing.T) {
	t.Parallel()
	s := &server{names: []string{"a", "broken", "closed", "in/between", "deleted", "lost", "z"}}
	s.schema = func(name string) string {
		if name == "broken" {
			return "{\n\n oops"
		}
		return `"string"`
	}
	s.refs = func(name string) []catalog.SchemaReference {
		if name == "lost" {
			return []catalog.SchemaReference{{Name: "x.Y", Subject: "nobody", Version: 3}}
		}
		return nil
	}
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		switch path := r.URL.EscapedPath(); {
		case strings.HasPrefix(path, "/subjects/closed/"):
			refuse(w, http.StatusForbidden, 40301)
		case strings.HasPrefix(path, "/subjects/in%2Fbetween/"):
			http.Error(w, "bad path", http.StatusNotFound)
		case strings.HasPrefix(path, "/subjects/deleted/"):
			refuse(w, http.StatusNotFound, 40401)
		default:
			return false
		}
		return true
	}
	c := crawl(t.Context(), open(t, map[string]string{"url": s.start(t)}), nil)
	if c.end != nil || len(c.seen) != 2 || len(c.failed) != 4 {
		t.Fatalf("%d subjects, errors %v, %v", len(c.seen), c.failed, c.end)
	}
	for name, says := range map[string]string{
		"broken": "version 1 of the subject broken cannot be read: line 3 is not JSON", "closed": "may not read the subject closed",
		"in/between": "a proxy before the registry refuses such a name", "lost": "refers to version 3 of nobody, which is not in the registry",
	} {
		if got := fault.Message(c.failed[name]); !strings.Contains(got, says) {
			t.Errorf("%s: %s, want %s", name, got, says)
		}
	}
}

// TestDiesInTheMiddle has a registry that stops answering: what was not read must not pass for deleted.
func TestDiesInTheMiddle(t *testing.T) {
	t.Parallel()
	s, answered := &server{names: many(100)}, 0
	s.before = func(w http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if strings.HasSuffix(r.URL.Path, "/latest") {
			answered++
		}
		if answered <= 20 {
			return false
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
		return true
	}
	c := crawl(t.Context(), open(t, map[string]string{"url": s.start(t)}), nil)
	if fault.KindOf(c.end) != fault.Unavailable || len(c.seen) == 0 || len(c.seen) > 20 {
		t.Errorf("%d subjects, error %v", len(c.seen), c.end)
	}
}

// TestGoesOnToAnotherNode lists a node that is down, one that is broken, and one that answers.
func TestGoesOnToAnotherNode(t *testing.T) {
	t.Parallel()
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	t.Cleanup(broken.Close)
	s := &server{names: many(30)}
	conn := open(t, map[string]string{"url": down.URL + "\n" + broken.URL + "\n" + s.start(t) + "/"})
	if c := crawl(t.Context(), conn, nil); c.end != nil || len(c.seen) != 30 {
		t.Errorf("%d subjects, error %v", len(c.seen), c.end)
	}
}

// TestStops checks that a consumer may leave, and that a cancelled crawl does not pass for whole.
func TestStops(t *testing.T) {
	t.Parallel()
	s := &server{names: many(200)}
	conn := open(t, map[string]string{"url": s.start(t)})
	for range 10 {
		for _, err := range conn.Crawler.Datasets(t.Context(), "subjects", nil) {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	elements := 0
	for _, err := range conn.Crawler.Datasets(ctx, "subjects", nil) {
		cancel()
		last = err
		elements++
	}
	if last == nil || elements > 4 {
		t.Errorf("%d elements, the last error %v", elements, last)
	}
}

// TestHangs has a registry that takes requests and says nothing.
func TestHangs(t *testing.T) {
	t.Parallel()
	s := &server{names: many(3)}
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}
	start := time.Now()
	c := crawl(t.Context(), open(t, map[string]string{"url": s.start(t), "timeout": "1s"}), nil)
	if took := time.Since(start); fault.KindOf(c.end) != fault.Unavailable || !strings.Contains(c.end.Error(), "within 1s") || took > 60*time.Second {
		t.Errorf("after %v: %v", took, c.end)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for field, config := range map[string]map[string]string{
		"url": {}, "timeout": {"timeout": "1"}, "cert_file": {"cert_file": "x"}, "user": {"password": "x"},
		"token": {"user": "a", "token": "b"}, "kafka": {"kafka": "events"}, "ca_file": {"ca_file": "/dev/zero"},
		"key_file": {"cert_file": "server_test.go", "key_file": "/dev/zero"},
	} {
		if field != "url" {
			config["url"] = "http://r.test"
		}
		wantField(t, config, field)
	}
	for _, bad := range []string{"r.test:8081", "ftp://r.test", "http://ann:pw@r.test", "http://", "http://r.test?x=1"} {
		wantField(t, map[string]string{"url": bad}, "url")
	}
}

// BenchmarkCrawl reads 10,000 subjects, and again when none has changed.
func BenchmarkCrawl(b *testing.B) {
	for _, confluent := range []bool{true, false} {
		s := &server{names: many(10_000), confluent: confluent}
		conn := open(b, map[string]string{"url": s.start(b)})
		var known catalog.Known
		b.Run(fmt.Sprintf("first confluent=%v", confluent), func(b *testing.B) {
			for b.Loop() {
				known = crawl(b.Context(), conn, nil).known()
			}
		})
		b.Run(fmt.Sprintf("unchanged confluent=%v", confluent), func(b *testing.B) {
			for b.Loop() {
				if c := crawl(b.Context(), conn, known); c.unchanged != 10_000 {
					b.Fatal(c.unchanged, c.end)
				}
			}
		})
	}
}
