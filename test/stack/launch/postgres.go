package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/postgres"
	"portreeve/postgres/pgtest"
)

// icebergTables are those of an Iceberg JDBC catalog, as Trino and iceberg-go both use them.
const icebergTables = `
	CREATE TABLE iceberg_tables (
		catalog_name               varchar(255) NOT NULL,
		table_namespace            varchar(255) NOT NULL,
		table_name                 varchar(255) NOT NULL,
		metadata_location          varchar(1000),
		previous_metadata_location varchar(1000),
		iceberg_type               varchar(5),
		PRIMARY KEY (catalog_name, table_namespace, table_name)
	);
	CREATE TABLE iceberg_namespace_properties (
		catalog_name   varchar(255) NOT NULL,
		namespace      varchar(255) NOT NULL,
		property_key   varchar(255),
		property_value varchar(1000),
		PRIMARY KEY (catalog_name, namespace, property_key)
	)`

// startPostgres starts the databases app and lake, and opens a port to them.
func (p *Platform) startPostgres(ctx context.Context) error {
	began := time.Now()
	e, err := postgres.StartEmbedded(ctx, postgres.EmbeddedOptions{
		Home: filepath.Join(p.Home, "postgres"), Cache: pgtest.Cache(),
		Progress: func(line string) { p.say("postgres: %s", line) },
		Settings: map[string]string{
			"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off",
			"max_connections": "200", "shared_buffers": "64MB", "max_wal_size": "256MB",
		},
	})
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	p.postgres = e
	if err := errors.Join(e.CreateDatabase(ctx, "app"), e.CreateDatabase(ctx, "lake")); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	conn, err := pgx.Connect(ctx, e.URL("lake"))
	if err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, icebergTables); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	if p.forward, err = newForwarder(p.site.Ports.Postgres, e.URL("app")); err != nil {
		return fmt.Errorf("postgres: %w", err)
	}
	p.say("postgres up in %.1f s", time.Since(began).Seconds())
	return nil
}

// forwarder opens a port to the embedded server, which has only a socket: Trino comes over TCP.
type forwarder struct {
	listener net.Listener
	socket   string
	mu       sync.Mutex
	open     map[net.Conn]bool // nil once closed
}

func newForwarder(port int, to string) (*forwarder, error) {
	address, err := url.Parse(to)
	if err != nil {
		return nil, err
	}
	q := address.Query()
	f := &forwarder{socket: filepath.Join(q.Get("host"), ".s.PGSQL."+q.Get("port")), open: map[net.Conn]bool{}}
	if f.listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
		return nil, err
	}
	go f.serve()
	return f, nil
}

func (f *forwarder) serve() {
	for {
		client, err := f.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go f.connect(client)
		}
	}
}

func (f *forwarder) connect(client net.Conn) {
	server, err := net.Dial("unix", f.socket)
	if err != nil {
		_ = client.Close()
		return
	}
	if !f.hold(client, server) {
		return
	}
	var both sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{client: server, server: client} {
		both.Go(func() {
			_, _ = io.Copy(to, from)
			_ = to.Close() // Postgres knows no half-closed connections
			_ = from.Close()
		})
	}
	both.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, client)
	delete(f.open, server)
}

// hold notes connections for close; when that was called already it closes them.
func (f *forwarder) hold(conns ...net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		if f.open == nil {
			_ = c.Close()
			continue
		}
		f.open[c] = true
	}
	return f.open != nil
}

func (f *forwarder) close() {
	_ = f.listener.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.open {
		_ = c.Close()
	}
	f.open = nil
}
