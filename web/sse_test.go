package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/labstack/echo/v4"

	"portreeve/access"
	"portreeve/catalog"
)

// event is one server-sent event.
type event struct{ name, data string }

// watcher reads a stream from a real connection.
type watcher struct {
	t    *testing.T
	res  *http.Response
	line *bufio.Scanner
}

// watch opens a stream over HTTP.
func (st *core) watch(server *httptest.Server, path string, how ...asking) *watcher {
	st.t.Helper()
	r, err := http.NewRequestWithContext(st.t.Context(), http.MethodGet, server.URL+path, http.NoBody)
	if err != nil {
		st.t.Fatal(err)
	}
	r.Host = "data.example.com"
	for _, h := range how {
		h(r)
	}
	res, err := server.Client().Do(r)
	if err != nil {
		st.t.Fatal(err)
	}
	st.t.Cleanup(func() { res.Body.Close() })
	return &watcher{st.t, res, bufio.NewScanner(res.Body)}
}

// next returns the next event, or false at the end of the stream. Comments are passed over.
func (w *watcher) next() (event, bool) {
	w.t.Helper()
	var e event
	for w.line.Scan() {
		switch text := w.line.Text(); {
		case strings.HasPrefix(text, "event: "):
			e.name = text[7:]
		case strings.HasPrefix(text, "data: "):
			e.data += text[6:] + "\n"
		case text == "" && e.name != "":
			return e, true
		}
	}
	return e, false
}

func (st *core) serve() *httptest.Server {
	server := httptest.NewUnstartedServer(nil)
	server.Config = st.HTTPServer(st.handler)
	server.Start()
	st.t.Cleanup(server.Close)
	return server
}

func TestCrawlEvents(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	id, err := st.StartCrawl(t.Context(), access.Act{Who: access.Operator()}, "lake")
	if err != nil {
		t.Fatal(err)
	}
	w := st.watch(st.serve(), "/api/v1/crawls/"+catalog.FormatID(id)+"/events", st.reader())
	if ct := w.res.Header.Get("Content-Type"); !strings.HasPrefix(ct, "text/event-stream") || w.res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("content type %q, cache %q", ct, w.res.Header.Get("Cache-Control"))
	}
	state := func() string {
		e, ok := w.next()
		var c CrawlAnswer
		if err := json.Unmarshal([]byte(e.data), &c); err != nil || !ok || e.name != "crawl" || c.ID != catalog.FormatID(id) {
			t.Fatalf("event %+v: %v", e, err)
		}
		return c.State
	}
	if got := state(); got != "queued" {
		t.Errorf("at first the crawl is %s", got)
	}
	st.events.announce(catalog.CrawlTopic, "999") // somebody else's
	st.exec(`UPDATE crawl SET state = 'running' WHERE finished_at IS NULL`)
	st.events.announce(catalog.CrawlTopic, catalog.FormatID(id))
	if got := state(); got != "running" {
		t.Errorf("then the crawl is %s", got)
	}
	st.exec(`UPDATE crawl SET state = 'finished', finished_at = now() WHERE finished_at IS NULL`)
	st.events.announce(catalog.CrawlTopic, catalog.FormatID(id))
	if got := state(); got != "finished" {
		t.Errorf("at last the crawl is %s", got)
	}
	if e, ok := w.next(); ok {
		t.Errorf("after the end of the crawl comes %+v", e)
	}
}

func TestCrawlEventsOfACrawlThatIsOver(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	w := st.watch(st.serve(), "/api/v1/crawls/1/events", st.reader())
	if _, ok := w.next(); !ok {
		t.Error("nothing is told of it")
	}
	if _, ok := w.next(); ok {
		t.Error("the stream goes on")
	}
	get[problem](st, 404, "/api/v1/crawls/999/events")
	get[problem](st, 404, "/api/v1/crawls/x/events")
}

func TestStreamsEndAtShutdown(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	id, err := st.StartCrawl(t.Context(), access.Act{Who: access.Operator()}, "lake")
	if err != nil {
		t.Fatal(err)
	}
	server := st.serve()
	w := st.watch(server, "/api/v1/crawls/"+catalog.FormatID(id)+"/events", st.reader())
	if _, ok := w.next(); !ok {
		t.Fatal("no first event")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := server.Config.Shutdown(ctx); err != nil {
		t.Error("an open stream holds up the shutdown:", err)
	}
	if _, ok := w.next(); ok {
		t.Error("the stream goes on")
	}
	wantStatus(t, st.ask("GET", "/readyz"), http.StatusServiceUnavailable)
}

func TestStreamsAreCapped(t *testing.T) {
	t.Parallel()
	st := newStreams()
	for range maxPersonStreams {
		if !st.enter(1) {
			t.Fatal("a person has no room below the cap")
		}
	}
	if st.enter(1) {
		t.Error("a person has more streams than the cap")
	}
	st.leave(1)
	if !st.enter(1) {
		t.Error("a stream that ended still counts")
	}
	for p := int64(2); st.all < maxStreams; p++ {
		if !st.enter(p) {
			t.Fatal("the process has no room below the cap")
		}
	}
	if st.enter(-1) {
		t.Error("the process has more streams than the cap")
	}
}

func TestTooManyStreamsAnswer429(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	p := st.person(access.Viewer)
	for range maxPersonStreams {
		st.live().streams.enter(p.ID)
	}
	res := st.ask("GET", "/api/v1/crawls/1/events", st.reader())
	if read[problem](st, 429, res); res.Header.Get("Retry-After") != "15" {
		t.Errorf("Retry-After %q", res.Header.Get("Retry-After"))
	}
}

// testStream runs stream with next on a recorder, in a bubble where time is ours.
func testStream(t *testing.T, events *testEvents, topics []string, next func(string) (string, []byte, bool, error)) (*httptest.ResponseRecorder, error) {
	t.Helper()
	s := &Server{Events: events, Now: time.Now}
	w := httptest.NewRecorder()
	c := echo.New().NewContext(httptest.NewRequest(http.MethodGet, "/", http.NoBody), w)
	err := s.stream(c, topics, next)
	if s.live().streams.all != 0 {
		t.Error("the stream ended and still counts")
	}
	return w, err
}

func newTestEvents() *testEvents { return &testEvents{topics: map[string][]chan string{}} }

func TestStreamBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, asked := time.Now(), 0
		w, err := testStream(t, newTestEvents(), []string{"x"}, func(payload string) (string, []byte, bool, error) {
			asked++
			if asked == 4 {
				return "end", []byte("a\nb\r\n"), true, nil
			}
			return "", nil, false, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 3*streamBeat {
			t.Errorf("three beats took %v", took)
		}
		const want = ":\n\n:\n\n:\n\n:\n\nevent: end\ndata: a\ndata: b\n\n"
		if diff := cmp.Diff(want, w.Body.String()); diff != "" {
			t.Errorf("stream (-want +got):\n%s", diff)
		}
	})
}

func TestStreamOfSeveralTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events, heard := newTestEvents(), []string{}
		go func() {
			synctest.Wait()
			events.announce("a", "1")
			synctest.Wait()
			events.announce("b", "2")
		}()
		_, err := testStream(t, events, []string{"a", "b"}, func(payload string) (string, []byte, bool, error) {
			heard = append(heard, payload)
			return "", nil, payload == "2", nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"", "1", "2"}, heard); diff != "" {
			t.Errorf("heard (-want +got):\n%s", diff)
		}
	})
}

func TestStreamErrors(t *testing.T) {
	t.Parallel()
	bad := errors.New("bad")
	w, err := testStream(t, newTestEvents(), []string{"x"}, func(string) (string, []byte, bool, error) { return "", nil, false, bad })
	if !errors.Is(err, bad) || w.Body.Len() > 0 {
		t.Errorf("before the first event: error %v, sent %q; want the error and nothing sent", err, w.Body)
	}
	events := newTestEvents()
	_, err = testStream(t, events, []string{"x"}, func(payload string) (string, []byte, bool, error) {
		if payload != "" {
			return "", nil, false, bad
		}
		events.announce("x", "1")
		return "e", nil, false, nil
	})
	if !errors.Is(err, bad) {
		t.Errorf("after the first event: error %v", err)
	}
}

func TestStreamEndsWithItsReader(t *testing.T) {
	t.Parallel()
	st := newCore(t, nil)
	id, err := st.StartCrawl(t.Context(), access.Act{Who: access.Operator()}, "lake")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := httptest.NewRequest(http.MethodGet, "/api/v1/crawls/"+catalog.FormatID(id)+"/events", http.NoBody).WithContext(ctx)
	r.Host = "data.example.com"
	st.reader()(r)
	out, in := io.Pipe()
	done := make(chan struct{})
	go func() {
		st.handler.ServeHTTP(&pipeWriter{in, http.Header{}}, r)
		close(done)
	}()
	if _, err := bufio.NewReader(out).ReadString('}'); err != nil {
		t.Fatal(err)
	}
	cancel()
	out.Close()
	<-done
	if n := st.live().streams.all; n != 0 {
		t.Errorf("%d streams are open without a reader", n)
	}
}

// pipeWriter is a response that is read while it is written.
type pipeWriter struct {
	*io.PipeWriter
	header http.Header
}

func (w *pipeWriter) Header() http.Header { return w.header }
func (w *pipeWriter) WriteHeader(int)     {}
func (w *pipeWriter) Flush()              {}
