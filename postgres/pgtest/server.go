package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/migrations"
	"portreeve/postgres"
)

// server is where this process's databases live.
type server struct {
	base     string // its address, with some database
	admin    *pgxpool.Pool
	prefix   string // of the names of our databases
	count    atomic.Int64
	template func() (string, error) // makes it at the first call
	claimed  *pgx.Conn              // held open: with it goes the claim on prefix
	end      *removal               // held open, of an embedded server
}

var start = sync.OnceValues(newServer)

func shared(tb testing.TB) *server {
	tb.Helper()
	s, err := start()
	if err != nil {
		tb.Fatal("pgtest: no Postgres:", err)
	}
	return s
}

func newServer() (*server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	base := os.Getenv("PORTREEVE_TEST_DATABASE_URL")
	var end *removal
	if base == "" {
		home, err := newHome()
		if err != nil {
			return nil, err
		}
		if end, err = removeAfterUs(home); err != nil {
			return nil, err
		}
		e, err := startIn(ctx, home)
		if err != nil {
			return nil, errors.Join(err, end.now())
		}
		base = e.URL("postgres")
	}
	admin, err := postgres.Open(context.WithoutCancel(ctx), base, 10*time.Second)
	if err != nil {
		return nil, err
	}
	s := &server{base: base, admin: admin, end: end, prefix: "pgtest_" + rand.Text()[:10] + "_"}
	s.template = sync.OnceValues(s.makeTemplate)
	return s, s.claim(ctx)
}

// makeTemplate migrates a database for the others to be copied from.
func (s *server) makeTemplate() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	name := s.prefix + "template"
	if err := s.create(ctx, name, "template0"); err != nil {
		return "", err
	}
	pool, err := postgres.Open(ctx, s.url(name), 10*time.Second)
	if err != nil {
		return "", err
	}
	defer pool.Close() // a template is copied only while nobody is connected to it
	return name, migrations.Up(ctx, pool)
}

// claim marks our databases as in use, by a lock that ends with this process, and drops those of processes that are gone.
func (s *server) claim(ctx context.Context) error {
	const lock = `SELECT pg_advisory_lock(hashtext($1))`
	conn, err := pgx.ConnectConfig(ctx, s.admin.Config().ConnConfig)
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, lock, s.prefix); err != nil {
		return err
	}
	s.claimed = conn
	const q = `
		SELECT datname FROM pg_database d
		WHERE datname ~ '^pgtest_[A-Z0-9]{10}_' AND NOT EXISTS (
			SELECT FROM pg_locks
			WHERE locktype = 'advisory' AND objsubid = 1
			AND objid = (hashtext(substring(d.datname FOR 18))::bigint & 4294967295)::oid)`
	rows, _ := s.admin.Query(ctx, q)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, name := range names {
		if err := s.drop(name); err != nil {
			return err
		}
	}
	return err
}

// startIn starts a server for tests: durable enough for a process to be killed, not for the machine.
func startIn(ctx context.Context, home string) (*postgres.Embedded, error) {
	return postgres.StartEmbedded(ctx, postgres.EmbeddedOptions{
		Home: home, BinDir: os.Getenv("PORTREEVE_POSTGRES_BIN"), Cache: Cache(),
		Settings: map[string]string{
			"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off",
			"max_connections": "300", "shared_buffers": "64MB", "max_wal_size": "256MB",
		},
	})
}

// Cache returns the folder for fetched binaries that all tests of this user share, so that they are fetched once.
func Cache() string {
	if os.Geteuid() == 0 {
		return "/var/cache/portreeve" // the server's account cannot look into root's home
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "" // in each server's own folder then
	}
	return filepath.Join(dir, "portreeve")
}

const homePattern = "portreeve-pgtest-"

// newHome makes a folder for a server, and removes those that dead processes left.
func newHome() (string, error) {
	old, _ := filepath.Glob(filepath.Join(os.TempDir(), homePattern+"*"))
	for _, dir := range old {
		removeIfDead(dir)
	}
	dir, err := os.MkdirTemp("", homePattern)
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o711) //nolint:gosec // the server's account passes through it
}

// removeIfDead removes a folder that no server holds the lock of. A young one may be about to be locked.
func removeIfDead(dir string) {
	st, err := os.Stat(dir)
	if err != nil || time.Since(st.ModTime()) < 10*time.Minute {
		return
	}
	if f, err := os.OpenFile(filepath.Join(dir, "postgres.lock"), os.O_RDWR, 0); err == nil { //nolint:gosec // ours
		defer f.Close()
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			return
		}
	}
	_ = os.RemoveAll(dir)
}

// removal is a shell that waits for this process to end, in whatever way, then for the server in a folder, and then removes
// the folder. A test process has no other hook that a kill leaves alone.
type removal struct {
	shell *exec.Cmd
	alive io.Closer // the shell's standard input, which nobody else has: it ends when we do
}

func removeAfterUs(home string) (*removal, error) {
	const script = `read -r _
		while read -r pid <"$1/pgdata/postmaster.pid" && kill -0 "$pid"; do sleep 0.1; done 2>/dev/null
		rm -rf -- "$1"`
	c := exec.Command("/bin/sh", "-c", script, "sh", home) //nolint:gosec,noctx // the script is constant, and outlives us
	c.Dir = "/"
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is not for it
	alive, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("sh, to clean up: %w", err)
	}
	return &removal{c, alive}, nil
}

// now removes the folder without waiting for our end.
func (r *removal) now() error {
	_ = r.alive.Close()
	return r.shell.Wait()
}
