// Package web is the portal as people and programs meet it: pages, partials, the JSON API, static assets.
//
// A page is three neighbouring files: x.go holds its handlers, x.templ its markup, x_test.go proves both. Handlers parse,
// make one domain call, render, and return errors; one place turns errors into pages.
//
// Pages and the API are two routers that share nothing but what stands before both: cookies mean nothing under /api, tokens
// nothing elsewhere.
package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
	"portreeve/notify"
)

// Server holds what the pages need. All fields are required but Rows and Login.
type Server struct {
	Catalog *catalog.Store
	Access  *access.Store
	Key     access.Key      // seals what must not stand in the database as it is
	Login   Provider        // nil: people sign in by a token only, and in the demo by a click
	Notify  *notify.Store   // watches and what came of them
	Outside *notify.Outside // by which people are told beside Home
	SQL     SQL             // nil: no statements of people are run
	Rows    Rows            // nil: samples cannot be read here
	Crawls  CrawlStarter    // starts crawls in the background
	Events  Events          // tells of changes by id
	// Connectors are the kinds of sources there are, for what their settings mean; of others only names are shown.
	Connectors []catalog.Connector
	Estate     func() EstateState // how what operators declare does; nil without an estate
	Health     []Dependency       // what /readyz asks
	Log        *slog.Logger       // receives one line per request and every internal error
	Now        func() time.Time
	Version    string
	BaseURL    string // such as https://data.example.com; its host is the only one answered to; if that is loopback, so are its other names
	Demo       bool   // people are switched by a click; loopback only

	once sync.Once
	run  *running
}

// Rows reads rows of datasets outside the portal's process.
type Rows interface {
	// Sample returns the first limit rows of the dataset's current snapshot, of these top-level columns; nil is all. Others are
	// not read.
	Sample(ctx context.Context, key catalog.Key, columns []string, limit int) (catalog.Sample, error)
}

// CrawlStarter puts crawls in the queue.
type CrawlStarter interface {
	// StartCrawl returns the id of the crawl of source that is queued or running, starting one if there is none.
	StartCrawl(ctx context.Context, act access.Act, source string) (int64, error)
}

// Events fans out what other processes announce. Payloads are ids, never content.
type Events interface {
	// Subscribe returns a channel of payloads announced on topic until cancel is called. A slow reader loses payloads, not
	// the newest one.
	Subscribe(topic string) (payloads <-chan string, cancel func())
}

// EstateState is how the estate does: which version holds, and what is wrong with a newer one.
type EstateState struct {
	AppliedAt time.Time // of the version that holds
	Sources   int       // that it declares
	RefusedAt time.Time // since when newer versions are refused; zero while the newest one holds
	Problems  []string  // of the newest one, as file:line:column: what
}

// Dependency is something that readiness depends on.
type Dependency struct {
	Name  string
	Check func(context.Context) error
}

// running is what a Server gathers while it serves.
type running struct {
	metrics  *metrics
	limits   *limits
	streams  *streams
	draining chan struct{} // closed once the server stops taking new work
	drain    sync.Once
}

// live returns what the server gathers while it serves, the same at every call.
func (s *Server) live() *running {
	s.once.Do(func() {
		s.run = &running{metrics: newMetrics(), limits: newLimits(), streams: newStreams(), draining: make(chan struct{})}
	})
	return s.run
}

// Drain makes /readyz say no and ends all event streams: the server is about to stop. It may be called more than once.
func (s *Server) Drain() {
	r := s.live()
	r.drain.Do(func() { close(r.draining) })
}

// Handler returns the portal as one http.Handler. It fails when a route declares no policy.
func (s *Server) Handler() (http.Handler, error) { return s.handler() }

func (s *Server) handler() (http.Handler, error) {
	base, err := url.Parse(s.BaseURL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") || strings.Trim(base.Path, "/") != "" {
		return nil, fault.Invalidf("PORTREEVE_BASE_URL", "the base URL %q is not like https://data.example.com", s.BaseURL)
	}
	pages, api := s.pages(), s.api()
	if err := errors.Join(pages.check(), api.check()); err != nil {
		return nil, err
	}
	split := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if isAPI(r) {
			api.echo.ServeHTTP(w, r)
		} else {
			pages.echo.ServeHTTP(w, r)
		}
	})
	h := s.onlyHosts(base, split)
	return s.observe(secure(base.Scheme == "https", asSent(h))), nil
}

// isAPI reports whether a request is for the API; the API's description for people is a page. It looks at the path as it was
// sent: what hides "api" behind escapes is neither a page nor the API.
func isAPI(r *http.Request) bool {
	path := r.URL.EscapedPath()
	return path == "/api" || (strings.HasPrefix(path, "/api/") && path != docsPath)
}

// HTTPServer returns a server for h with the bounds that every listener of the portal has. Its Shutdown ends the event
// streams first, which would otherwise never end.
func (s *Server) HTTPServer(h http.Handler) *http.Server {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute, // event streams move it
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug), // broken handshakes and the like
	}
	srv.RegisterOnShutdown(s.Drain)
	return srv
}
