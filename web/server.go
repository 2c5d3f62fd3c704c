// Package web is the portal as people and programs meet it: pages, partials, the JSON API, static assets.
//
// A page is three neighbouring files: x.go holds its handlers, x.templ its markup, x_test.go proves both. Handlers parse,
// make one domain call, render, and return errors; one place turns errors into pages.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"portreeve/access"
	"portreeve/catalog"
)

// Server holds what the pages need. All fields but Rows are required.
type Server struct {
	Catalog *catalog.Store
	Access  *access.Store
	Rows    Rows           // nil: samples cannot be read here
	Crawls  CrawlStarter   // starts crawls in the background
	Events  Events         // tells of changes by id
	Health  []Dependency   // what /readyz asks
	Log     *slog.Logger   // receives one line per request and every internal error
	Now     func() time.Time
	Version string
	BaseURL string // such as https://data.example.com; its host is the only one answered to, besides loopback in the demo
	Demo    bool   // people are switched by a click; loopback only
}

// Rows reads rows of datasets outside the portal's process.
type Rows interface {
	// Sample returns the first limit rows of the dataset's current snapshot.
	Sample(ctx context.Context, key catalog.Key, limit int) (catalog.Sample, error)
}

// CrawlStarter puts crawls in the queue.
type CrawlStarter interface {
	// StartCrawl returns the id of the crawl of source that is queued or running, starting one if there is none. by is the
	// name of the person who asks.
	StartCrawl(ctx context.Context, source, by string) (int64, error)
}

// Events fans out what other processes announce. Payloads are ids, never content.
type Events interface {
	// Subscribe returns a channel of payloads announced on topic until cancel is called. A slow reader loses payloads, not
	// the newest one.
	Subscribe(topic string) (payloads <-chan string, cancel func())
}

// Dependency is something that readiness depends on.
type Dependency struct {
	Name  string
	Check func(context.Context) error
}

// route is a path, who may use it, and what answers.
type route struct {
	method string
	path   string
	policy policy
	handle handler
}

// Handler returns the portal as one http.Handler. It fails when a route declares no policy.
func (s *Server) Handler() (http.Handler, error) { return s.handler() }
