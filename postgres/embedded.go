//go:build unix

package postgres

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portreeve/fault"
)

// DefaultDatabase is the database that StartEmbedded makes.
const DefaultDatabase = "portreeve"

// EmbeddedOptions say where an embedded server lives. Only Home is needed.
type EmbeddedOptions struct {
	// Home is the folder of the server: data (pgdata), log (postgres.log), lock (postgres.lock) and socket (pgrun). It is
	// made if missing.
	Home string
	// Fresh deletes the data that is there, so that the server starts empty.
	Fresh bool
	// BinDir holds initdb and postgres; "" looks for local ones and otherwise fetches them once.
	BinDir string
	// Cache is the folder that fetched binaries go to, each version in one of its own; "" is postgres in Home.
	Cache string
	// Repository is the address of a mirror to fetch from; "" is the registry that the fetcher knows.
	Repository string
	// RunAs is the user that the server runs as when we are root. "" is the owner of the data, else postgres, else nobody.
	RunAs string
	// Settings are server settings that replace ours, such as fsync=off.
	Settings map[string]string
	// Progress is told what takes time, a line at a time; it may be nil.
	Progress func(string)
	// Log may be nil.
	Log *slog.Logger
}

// Embedded is a Postgres server that we started: reachable through a unix socket only, and only by us and root.
type Embedded struct {
	BinVersion string // of the binaries, such as "18.6"

	socket string // its folder
	server *server
}

// StartEmbedded returns a server on the data in o.Home, made new where there is none, once it answers; the database
// DefaultDatabase exists then. ctx bounds the start only: the server runs until Stop and ends with this process, however
// that ends (on Linux at once; elsewhere the next start ends a server that a killed process left).
//
// A folder that another portreeve runs on, and data of another major version, are a Conflict. A bad option is Invalid.
// Whatever else keeps a server from starting is Unavailable, with a message that says what to do; nothing half-made stays.
func StartEmbedded(ctx context.Context, o EmbeddedOptions) (*Embedded, error) {
	if o.Home == "" {
		return nil, fault.Invalidf("home", "the embedded Postgres needs a folder")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	dir, err := filepath.Abs(o.Home)
	if err != nil {
		return nil, err
	}
	h, err := openHome(ctx, dir, o)
	if err != nil {
		return nil, err
	}
	e, err := h.start(ctx, o)
	if err != nil {
		h.close()
		return nil, err
	}
	if err := e.CreateDatabase(ctx, DefaultDatabase); err != nil {
		return nil, errors.Join(err, e.Stop())
	}
	return e, nil
}

// start brings up a server in h, which is locked.
func (h *home) start(ctx context.Context, o EmbeddedOptions) (*Embedded, error) {
	major, err := h.dataMajor()
	if err != nil {
		return nil, err
	}
	bin, err := h.binaries(ctx, o, major)
	if err != nil {
		return nil, err
	}
	if major == 0 {
		o.Progress("Making an empty database in " + h.data())
		if err := h.initialize(ctx, bin, o.Settings); err != nil {
			return nil, err
		}
	}
	socket, err := h.socketFolder()
	if err != nil {
		return nil, err
	}
	if err := h.clearStalePID(); err != nil {
		return nil, err
	}
	s, err := h.launch(ctx, bin, socket, settings(o.Settings))
	if err != nil {
		return nil, err
	}
	e := &Embedded{BinVersion: bin.version, socket: socket, server: s}
	if err := s.ready(ctx, e.URL("postgres")); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	o.Log.InfoContext(ctx, "embedded postgres is up", "version", bin.version, "binaries", bin.dir, "pid", s.pid())
	return e, nil
}

// settings returns ours, for a demo on a laptop that should survive a power cut, with those of more in their place.
func settings(more map[string]string) map[string]string {
	all := map[string]string{
		"shared_buffers": "128MB", "max_connections": "60", "jit": "off", "huge_pages": "off",
		"fsync": "on", "autovacuum": "on",
		"wal_level": "minimal", "max_wal_senders": "0", // nobody replicates from it
		"unix_socket_permissions": "0700",
		"log_checkpoints":         "off", "log_timezone": "UTC", "timezone": "UTC",
	}
	maps.Copy(all, more)
	return all
}

// URL returns the address of database db, which need not exist; "" is DefaultDatabase.
func (e *Embedded) URL(db string) string {
	if db == "" {
		db = DefaultDatabase
	}
	q := url.Values{"host": {e.socket}, "port": {strconv.Itoa(socketPort)}, "user": {superuser}, "sslmode": {"disable"}}
	return "postgres:///" + url.PathEscape(db) + "?" + q.Encode()
}

// CreateDatabase makes database name unless it exists.
func (e *Embedded) CreateDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, e.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var exists bool
	const q = `SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)`
	if err := conn.QueryRow(ctx, q, name).Scan(&exists); err != nil || exists {
		return err
	}
	_, err = conn.Exec(ctx, `CREATE DATABASE `+pgx.Identifier{name}.Sanitize())
	if pe, ok := errors.AsType[*pgconn.PgError](err); ok && pe.Code == "42P04" { // duplicate_database: another was faster
		return nil
	}
	return err
}

// Done is closed when the server ends without Stop; Stop then says why.
func (e *Embedded) Done() <-chan struct{} { return e.server.died }

// PID returns the process id of the server.
func (e *Embedded) PID() int { return e.server.pid() }

// Stop ends the server: open transactions are rolled back. It returns once the server is gone and its folder is free for
// the next; a second call returns the same.
func (e *Embedded) Stop() error {
	err := e.server.stop()
	_ = os.Remove(e.socket) // only when it is empty; made again by the next start
	return err
}
