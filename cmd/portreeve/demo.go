package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/demo"
	"portreeve/fault"
)

type demoCmd struct {
	listenFlags
	estateFlags
	Fresh bool `help:"Forget the data of earlier demos in the home folder and begin anew."`
}

// Run brings the demo up and serves it until it is told to stop.
func (d *demoCmd) Run(ctx context.Context, c *cli) (err error) {
	if err := loopback(d.Listen); err != nil {
		return err
	}
	if err := loopbackURL(d.BaseURL); err != nil {
		return err
	}
	declared, err := d.load()
	if err != nil {
		return err
	}
	l, err := d.open(ctx)
	if err != nil {
		return err
	}
	defer l.Close() //nolint:errcheck // closed by the servers in the good case
	home, err := c.home()
	if err != nil {
		return err
	}
	logFile, err := openLog(filepath.Join(home, "portreeve.log"))
	if err != nil {
		return fault.Unavailablef(err, "the folder %s cannot be written: choose another with PORTREEVE_HOME", home)
	}
	defer logFile.Close()
	tell := progress(os.Stdout)
	log := c.logger(logFile)
	db, err := c.own(ctx, home, d.Fresh, log, tell)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	key, err := c.Key.demoKey(home)
	if err != nil {
		return err
	}
	p, err := newPortal(&d.listenFlags, &d.estateFlags, db, key, filepath.Join(home, "scratch"), log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	if err := d.prepare(ctx, p, home, tell, log); err != nil {
		return err
	}
	if err := p.declare(ctx, declared); err != nil {
		return err
	}
	return p.serve(ctx, l, true, func(url string) {
		tell("")
		tell("Portreeve is ready: " + url)
		tell("This is a demo: anyone on this machine is signed in without a password. Ctrl-C stops it; its data stays in " + home)
	})
}

// maxLog is the size in bytes from which a log is put aside, for one earlier log, when the demo starts.
const maxLog = 20 << 20

// openLog opens a log to append to: a second demo on the same home, which is refused, must not harm the log of the first.
func openLog(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".old"); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
}

// prepare makes the lake, the people and the first two crawls, each once.
func (d *demoCmd) prepare(ctx context.Context, p *portal, home string, tell func(string), log *slog.Logger) error {
	catalogURL, err := p.db.lake(ctx)
	if err != nil {
		return err
	}
	o := demo.Options{Home: home, CatalogDSN: catalogURL, Exporter: p.engine, Today: clock(), Progress: tell, Fresh: d.Fresh}
	lake, err := demo.Build(ctx, o)
	if err != nil {
		return fmt.Errorf("make the demo's lake: %w", err)
	}
	for _, person := range access.DemoPeople() {
		if _, err := p.access.EnsurePerson(ctx, person); err != nil {
			return fmt.Errorf("make the demo's people: %w", err)
		}
	}
	if err := demo.People(ctx, p.access, p.catalog); err != nil {
		return fmt.Errorf("make the demo's teams: %w", err)
	}
	source, err := p.catalog.PutSource(ctx, lake.Source)
	if err != nil {
		return err
	}
	if lake.Fresh {
		if err := firstCrawls(ctx, p, source, o, tell, log); err != nil {
			return err
		}
	}
	return p.jobs.StartProfiles(ctx, source.Slug)
}

// firstCrawls reads the new lake, changes it and reads it again, so that its tables have a history.
func firstCrawls(ctx context.Context, p *portal, source catalog.Source, o demo.Options, tell func(string), log *slog.Logger) error {
	conn, err := p.sources.Open(ctx, source)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // read from only
	tell("Reading the lake into the catalog")
	if err := crawlNow(ctx, p.db, p.catalog, source, conn, "demo", log); err != nil {
		return err
	}
	if err := demo.Evolve(ctx, o); err != nil {
		return fmt.Errorf("change the demo's lake: %w", err)
	}
	return crawlNow(ctx, p.db, p.catalog, source, conn, "demo", log)
}

// loopback refuses an address that others could reach: the demo signs everybody in.
func loopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fault.Invalidf("PORTREEVE_LISTEN", "PORTREEVE_LISTEN is %q: it must be host:port, such as 127.0.0.1:8080", address)
	}
	if ip := net.ParseIP(host); host == "localhost" || (ip != nil && ip.IsLoopback()) {
		return nil
	}
	return fault.Invalidf("PORTREEVE_LISTEN", "the demo listens on loopback only, since it asks nobody for a password: %s is not", address)
}

// loopbackURL returns an error when the address that the demo is to be reached at leads elsewhere: by a proxy everybody could
// come in.
func loopbackURL(address string) error {
	u, err := url.Parse(address)
	if ip := net.IP(nil); err == nil {
		ip = net.ParseIP(u.Hostname())
		if address == "" || u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback()) {
			return nil
		}
	}
	return fault.Invalidf("PORTREEVE_BASE_URL", "the demo is reached on this machine only, since it asks nobody for a password: %s is elsewhere", address)
}

// progress returns a function that writes a line to w with the seconds since the start.
func progress(w io.Writer) func(string) {
	start := clock()
	return func(line string) {
		if line != "" {
			line = fmt.Sprintf("%5.1f s  %s", time.Since(start).Seconds(), line)
		}
		_, _ = fmt.Fprintln(w, line)
	}
}

// crawlNow crawls a source in this process and waits for it.
func crawlNow(ctx context.Context, db *database, store *catalog.Store, src catalog.Source, conn catalog.Connection, by string, log *slog.Logger) error {
	run, err := startAndSync(ctx, db, store, src, conn, by, db.embedded != nil, log) // a killed demo may have left one open
	if err == nil && run.State == catalog.CrawlFailed {
		err = fault.Unavailablef(nil, "%s could not be read: %s", src.Slug, run.Message)
	}
	return err
}
