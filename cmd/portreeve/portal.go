package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/connector/duckdb"
	"portreeve/fault"
	"portreeve/job"
	"portreeve/notify"
	"portreeve/postgres"
	"portreeve/web"
)

// listenFlags are the settings of everything that serves.
type listenFlags struct {
	Listen    string        `env:"PORTREEVE_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address of the portal."`
	OpsListen string        `env:"PORTREEVE_OPS_LISTEN" default:"127.0.0.1:8081" placeholder:"HOST:PORT" help:"Address of metrics and pprof, for operators only."`
	BaseURL   string        `env:"PORTREEVE_BASE_URL" placeholder:"URL" help:"The portal's address as people type it, such as https://data.example.com. Default: the listening address."`
	Anchors   string        `name:"audit-anchors" env:"PORTREEVE_AUDIT_ANCHORS" placeholder:"FILE" help:"File to add the head of the audit log to, every minute in which it changed: with it, portreeve verify finds out that the end was cut off. Best on another machine's disk. It is logged in any case."`
	Tell      mailFlags     `embed:""`
	Drain     time.Duration `env:"PORTREEVE_DRAIN" default:"20s" help:"Time that open requests and jobs get at shutdown."`
}

// listeners are the open ports: taken before anything else is touched, so that a port in use leaves nothing half-made.
type listeners struct{ portal, ops net.Listener }

func (f *listenFlags) open(ctx context.Context) (l listeners, err error) {
	if u, err := url.Parse(f.BaseURL); f.BaseURL != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")) {
		return l, fault.Invalidf("PORTREEVE_BASE_URL", "PORTREEVE_BASE_URL is %q: it must be like https://data.example.com", f.BaseURL)
	}
	if l.portal, err = listen(ctx, f.Listen, "PORTREEVE_LISTEN"); err != nil {
		return l, err
	}
	if l.ops, err = listen(ctx, f.OpsListen, "PORTREEVE_OPS_LISTEN"); err != nil {
		_ = l.portal.Close()
	}
	return l, err
}

// Close closes both ports.
func (l listeners) Close() error { return errors.Join(l.portal.Close(), l.ops.Close()) }

func listen(ctx context.Context, address, variable string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fault.Unavailablef(nil, "%s is in use: stop what listens there or choose another address with %s", address, variable)
	case err != nil:
		return nil, fault.Invalidf(variable, "cannot listen on %q (%s): %v", address, variable, errors.Unwrap(err))
	}
	return l, nil
}

// portal is everything that runs beside a database.
type portal struct {
	flags    *listenFlags
	estate   *estateFlags
	login    *loginFlags // nil in a demo
	declared estateState
	db       *database
	catalog  *catalog.Store
	access   *access.Store
	notify   *notify.Store
	outside  *notify.Outside
	key      access.Key
	sources  *sources
	engine   *duckdb.Engine
	jobs     *job.Client
	listener *postgres.Listener
	log      *slog.Logger
}

func newPortal(flags *listenFlags, declared *estateFlags, db *database, key access.Key, scratch string, log *slog.Logger) (*portal, error) {
	p := &portal{flags: flags, estate: declared, db: db, catalog: catalog.NewStore(db.pool), access: access.NewStore(db.pool), key: key, log: log}
	audit := access.NewAudit(key)
	p.catalog.Audit, p.access.Audit, p.access.Anchors = audit, audit, flags.Anchors
	p.notify = notify.NewStore(db.pool)
	p.notify.Audit, p.notify.Key = audit, key
	p.access.Told = notify.TellAccess
	if err := emptyScratch(scratch); err != nil {
		return nil, err
	}
	p.engine = duckdb.New(duckdb.Options{Dir: scratch, Log: log})
	p.sources = newSources(p.catalog, p.engine, connectors(db.lake), os.LookupEnv)
	p.listener = postgres.NewListener(catalog.CrawlTopic)
	err := checkAnchorFile(flags.Anchors)
	if err != nil {
		return nil, err
	}
	if p.outside, err = flags.Tell.outside(); err != nil {
		return nil, err
	}
	p.jobs, err = job.New(db.pool, job.Options{Catalog: p.catalog, Access: p.access, Open: p.sources.Open, Reader: p.engine, Log: log, Now: clock, Notify: p.notify, Outside: p.outside})
	return p, err
}

// emptyScratch makes the workers' folder, and removes what workers of a killed portal left in it.
func emptyScratch(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o711) //nolint:gosec // workers have a user id of their own
	}
	if err != nil {
		return fault.Unavailablef(err, "the folder %s for the workers cannot be made", dir)
	}
	return nil
}

// Close frees what newPortal took, the database excepted.
func (p *portal) Close() error { return errors.Join(p.sources.Close(), p.engine.Close()) }

// serve serves on l until ctx ends, then lets open requests and jobs finish. ready is called once requests are answered.
func (p *portal) serve(ctx context.Context, l listeners, demo bool, ready func(url string)) error {
	base := p.flags.BaseURL
	if base == "" {
		base = "http://" + l.portal.Addr().String()
	}
	if err := p.access.StartKey(ctx); err != nil {
		return err
	}
	p.outside.BaseURL = strings.TrimSuffix(base, "/")
	s := &web.Server{
		Catalog: p.catalog, Access: p.access, Notify: p.notify, Outside: p.outside, Key: p.key, SQL: &statements{p.sources, p.access, p.engine}, Rows: p.sources, Crawls: p.jobs, Events: p.listener, Log: p.log, Now: clock,
		Version: version, BaseURL: base, Demo: demo, Connectors: p.sources.connectors,
		Health: []web.Dependency{{Name: "postgres", Check: p.db.pool.Ping}},
	}
	if p.estate.Estate != "" {
		s.Estate = p.declared.get
	}
	if p.login != nil {
		provider, err := p.login.provider(strings.TrimSuffix(base, "/"))
		if err != nil {
			return err
		}
		if provider != nil { // a nil pointer in an interface is not nil
			s.Login = provider
		}
	}
	handler, err := s.Handler()
	if err != nil {
		return err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go p.listener.Run(background, p.db.pool, p.log)
	if err := p.jobs.Start(background); err != nil {
		return fmt.Errorf("start the job queue: %w", err)
	}
	p.rereadEstate(background)
	main, ops := s.HTTPServer(handler), s.HTTPServer(s.OpsHandler())
	failed := make(chan error, 2)
	for server, on := range map[*http.Server]net.Listener{main: l.portal, ops: l.ops} {
		go func() { failed <- server.Serve(on) }()
	}
	ready(base)
	for err == nil && ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case err = <-failed:
		case <-p.db.lost():
			err = p.db.revive(ctx)
		}
	}
	return errors.Join(err, p.shutdown(s, main, ops))
}

func (p *portal) shutdown(s *web.Server, servers ...*http.Server) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), p.flags.Drain)
	defer cancel()
	s.Drain() // readiness says no, streams end
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(ctx))
	}
	return errors.Join(err, p.jobs.Stop(ctx))
}
