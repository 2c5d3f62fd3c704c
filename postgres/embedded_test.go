//go:build unix

package postgres_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
	"portreeve/postgres"
	"portreeve/postgres/pgtest"
)

// folder returns a new folder that any user may pass through, unlike t.TempDir.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "portreeve-test-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// startEmbedded starts a server of the binaries that all tests run.
func startEmbedded(ctx context.Context, o postgres.EmbeddedOptions) (*postgres.Embedded, error) {
	o.Cache = pgtest.Cache()
	if o.BinDir == "" {
		o.BinDir = os.Getenv("PORTREEVE_POSTGRES_BIN")
	}
	return postgres.StartEmbedded(ctx, o)
}

// start starts a server in home, which stops when the test ends.
func start(t *testing.T, o postgres.EmbeddedOptions) *postgres.Embedded {
	t.Helper()
	e, err := startEmbedded(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop() })
	return e
}

func exec(t *testing.T, e *postgres.Embedded, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), e.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// ask returns the text that a query gives.
func ask(t *testing.T, e *postgres.Embedded, query string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), e.URL(""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var got string
	if err := conn.QueryRow(t.Context(), query).Scan(&got); err != nil {
		t.Fatal(err)
	}
	return got
}

func stop(t *testing.T, e *postgres.Embedded) {
	t.Helper()
	if err := e.Stop(); err != nil {
		t.Fatal(err)
	}
}

func TestStartEmbeddedKeepsItsData(t *testing.T) {
	t.Parallel()
	o := postgres.EmbeddedOptions{Home: filepath.Join(folder(t), "made", "on", "the", "way")}
	e := start(t, o)
	if got := ask(t, e, `SHOW server_version`); !strings.HasPrefix(got, e.BinVersion) {
		t.Errorf("BinVersion = %q, the server says %q", e.BinVersion, got)
	}
	exec(t, e, `CREATE TABLE kept AS SELECT 'Zürich' AS city`)
	for range 2 { // the second is in the way of nobody
		if err := e.CreateDatabase(t.Context(), `odd "name"`); err != nil {
			t.Fatal(err)
		}
	}
	stop(t, e)
	if err := e.Stop(); err != nil {
		t.Errorf("the second Stop = %v", err)
	}
	select {
	case <-e.Done():
		t.Error("Done is closed after Stop: nothing died")
	default:
	}

	e = start(t, o)
	if got := ask(t, e, `SELECT lower(city) FROM kept`); got != "zürich" {
		t.Errorf("after a restart: %q", got)
	}
	conn, err := pgx.Connect(t.Context(), e.URL(`odd "name"`))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close(t.Context())
	stop(t, e)

	o.Fresh = true
	e = start(t, o)
	if got := ask(t, e, `SELECT coalesce(to_regclass('kept')::text, 'gone')`); got != "gone" {
		t.Errorf("after a fresh start there is still %s", got)
	}
}

func TestEmbeddedServer(t *testing.T) {
	t.Parallel()
	home := folder(t)
	if err := os.WriteFile(filepath.Join(home, "postgres.log"), make([]byte, 11<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	e := start(t, postgres.EmbeddedOptions{Home: home, Settings: map[string]string{"work_mem": "5MB"}})
	tests := []struct{ name, query, want string }{
		{"opens no port", `SHOW listen_addresses`, ""},
		{"survives a power cut", `SELECT current_setting('fsync') || current_setting('full_page_writes') || current_setting('synchronous_commit')`, "ononon"},
		{"cleans up", `SHOW autovacuum`, "on"},
		{"is modest", `SELECT current_setting('shared_buffers') || ' ' || current_setting('max_connections')`, "128MB 60"},
		{"does not compile queries", `SHOW jit`, "off"},
		{"takes settings", `SHOW work_mem`, "5MB"},
		{"writes UTF-8", `SHOW server_encoding`, "UTF8"},
		{"sorts by code point", `SELECT string_agg(v, '' ORDER BY v) FROM unnest(ARRAY['b', 'ä', 'B', 'a']) v`, "Babä"},
		{"keeps UTC", `SHOW timezone`, "UTC"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := ask(t, e, tt.query); got != tt.want {
				t.Errorf("%s = %q, want %q", tt.query, got, tt.want)
			}
		})
	}
	t.Run("is out of reach of Ctrl-C", func(t *testing.T) {
		if got, err := syscall.Getpgid(e.PID()); err != nil || got != e.PID() {
			t.Errorf("process group %d of server %d, %v", got, e.PID(), err)
		}
	})
	t.Run("has a folder that nobody else enters", func(t *testing.T) {
		for _, dir := range []string{"pgdata", "pgrun"} {
			if st, err := os.Stat(filepath.Join(home, dir)); err != nil || st.Mode().Perm() != 0o700 {
				t.Errorf("%s: %v, %v", dir, st.Mode(), err)
			}
		}
	})
	t.Run("begins its log anew when it is long", func(t *testing.T) {
		if st, err := os.Stat(filepath.Join(home, "postgres.log")); err != nil || st.Size() == 0 || st.Size() > 1<<20 {
			t.Errorf("postgres.log has %d bytes, %v", st.Size(), err)
		}
	})
	t.Run("is not shared", func(t *testing.T) {
		_, err := startEmbedded(t.Context(), postgres.EmbeddedOptions{Home: home})
		want := "another portreeve runs on this folder (pid " + strconv.Itoa(os.Getpid()) + ")"
		if fault.KindOf(err) != fault.Conflict || !strings.Contains(fault.Message(err), want) {
			t.Errorf("error = %v, want a Conflict that says %q", err, want)
		}
	})
	t.Run("tells when it dies", func(t *testing.T) {
		if err := syscall.Kill(e.PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-e.Done()
		if err := e.Stop(); err == nil {
			t.Error("Stop hides that the server was killed")
		}
	})
	t.Run("starts after it was killed", func(t *testing.T) {
		stop(t, start(t, postgres.EmbeddedOptions{Home: home}))
	})
	t.Run("starts although its number belongs to another process now", func(t *testing.T) {
		pid := filepath.Join(home, "pgdata", "postmaster.pid")
		if err := os.WriteFile(pid, []byte(strconv.Itoa(os.Getppid())+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		stop(t, start(t, postgres.EmbeddedOptions{Home: home}))
	})
	t.Run("refuses data of another major", func(t *testing.T) {
		if err := os.WriteFile(filepath.Join(home, "pgdata", "PG_VERSION"), []byte("13\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := startEmbedded(t.Context(), postgres.EmbeddedOptions{Home: home})
		for _, want := range []string{"made by Postgres 13", "here is Postgres " + e.BinVersion, "--fresh"} {
			if fault.KindOf(err) != fault.Conflict || !strings.Contains(fault.Message(err), want) {
				t.Errorf("error = %v, want a Conflict that says %q", err, want)
			}
		}
	})
}

func TestStartEmbeddedInADeepFolder(t *testing.T) {
	t.Parallel()
	home := filepath.Join(folder(t), strings.Repeat("deep", 20), strings.Repeat("er", 20))
	e := start(t, postgres.EmbeddedOptions{Home: home})
	if got := ask(t, e, `SELECT 'there'`); got != "there" {
		t.Errorf("got %q", got)
	}
}

func TestStartEmbeddedRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(folder(t), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	photos := folder(t)
	if err := os.MkdirAll(filepath.Join(photos, "pgdata", "holiday"), 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		o    postgres.EmbeddedOptions
		kind fault.Kind
		says string
	}{
		{"no folder", postgres.EmbeddedOptions{}, fault.Invalid, "needs a folder"},
		{"a file for a folder", postgres.EmbeddedOptions{Home: file}, fault.Unavailable, file + ": not a directory"},
		{"a folder in a file", postgres.EmbeddedOptions{Home: filepath.Join(file, "x")}, fault.Unavailable, "not a directory"},
		{"somebody's photos", postgres.EmbeddedOptions{Home: photos}, fault.Conflict, "not a Postgres data folder"},
		{"a setting that Postgres does not know", postgres.EmbeddedOptions{
			Home: folder(t), Settings: map[string]string{"color": "red"},
		}, fault.Unavailable, `unrecognized configuration parameter "color"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := startEmbedded(t.Context(), tt.o)
			if fault.KindOf(err) != tt.kind || !strings.Contains(fault.Message(err), tt.says) {
				t.Errorf("error = %v, want %v that says %q", err, tt.kind, tt.says)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(photos, "pgdata", "holiday")); err != nil {
		t.Error("the photos are gone:", err)
	}
}

func TestStartEmbeddedLeavesNothingHalfMade(t *testing.T) {
	t.Parallel()
	home, bin := folder(t), folder(t)
	full := `#!/bin/sh
		while [ "$1" != -D ]; do shift; done
		mkdir "$2/base"
		echo 'initdb: error: could not write to file "base/1": No space left on device' >&2
		exit 1`
	syscall.ForkLock.RLock() // a child forked now would hold the files open for writing, and they could not be run
	for name, script := range map[string]string{"initdb": full, "postgres": "#!/bin/sh\necho 'postgres (PostgreSQL) 18.6'"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	syscall.ForkLock.RUnlock()
	_, err := startEmbedded(t.Context(), postgres.EmbeddedOptions{Home: home, BinDir: bin})
	if fault.KindOf(err) != fault.Unavailable || !strings.HasSuffix(fault.Message(err), "No space left on device") {
		t.Errorf("error = %v", err)
	}
	for _, name := range []string{"pgdata", "pgdata.new"} {
		if _, err := os.Stat(filepath.Join(home, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there: %v", name, err)
		}
	}
	stop(t, start(t, postgres.EmbeddedOptions{Home: home})) // and the folder is not locked
}

func TestStartEmbeddedEndsWithItsContext(t *testing.T) {
	t.Parallel()
	home := folder(t)
	ctx, cancel := context.WithCancel(t.Context())
	o := postgres.EmbeddedOptions{Home: home, Progress: func(line string) {
		if strings.HasPrefix(line, "Making") {
			cancel()
		}
	}}
	if _, err := startEmbedded(ctx, o); err == nil {
		t.Fatal("started although the context had ended")
	}
	stop(t, start(t, postgres.EmbeddedOptions{Home: home}))
}
