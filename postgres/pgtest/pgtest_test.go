package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/postgres/pgtest"
)

// ask returns the texts that a query gives.
func ask(t *testing.T, pool *pgxpool.Pool, query string, args ...any) []string {
	t.Helper()
	rows, _ := pool.Query(t.Context(), query, args...)
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return got
}

const insertSource = `INSERT INTO source (slug, kind) VALUES ('mine', 'iceberg')`

func TestNewBelongsToOneTest(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"one", "two", "three"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := pgtest.New(t)
			if got := ask(t, pool, `SELECT slug FROM source`); len(got) > 0 {
				t.Errorf("a new database holds %v", got)
			}
			if _, err := pool.Exec(t.Context(), insertSource); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestNewIsDroppedWithItsTest(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("inner", func(t *testing.T) {
		pool := pgtest.New(t)
		name = pool.Config().ConnConfig.Database
		conn, err := pgx.Connect(t.Context(), pgtest.URL(pool)) // one that the pool does not know of
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	if got := ask(t, pgtest.Empty(t), `SELECT datname FROM pg_database WHERE datname = $1`, name); len(got) > 0 {
		t.Errorf("%s is still there", got)
	}
}

func TestEmptyHasNoSchema(t *testing.T) {
	t.Parallel()
	if got := ask(t, pgtest.Empty(t), `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`); len(got) > 0 {
		t.Errorf("tables: %v", got)
	}
}

func TestURLIsThatOfThePool(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t)
	if _, err := pool.Exec(t.Context(), insertSource); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), pgtest.URL(pool))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var slug string
	if err := conn.QueryRow(t.Context(), `SELECT slug FROM source`).Scan(&slug); err != nil || slug != "mine" {
		t.Errorf("slug = %q, %v", slug, err)
	}
}

func TestServerKeepsItsDataAndAddress(t *testing.T) {
	t.Parallel()
	own := pgtest.Server(t)
	pool := own.Pool()
	if _, err := pool.Exec(t.Context(), insertSource); err != nil {
		t.Fatal(err)
	}
	before := own.URL()
	for _, end := range []struct {
		name string
		f    func()
	}{{"stopped", own.Stop}, {"killed", own.Kill}} {
		t.Run(end.name, func(t *testing.T) {
			end.f()
			if err := pool.Ping(t.Context()); err == nil {
				t.Error("it still answers")
			}
			own.Start()
			pool.Reset()
			if diff := cmp.Diff([]string{"mine"}, ask(t, pool, `SELECT slug FROM source`)); diff != "" {
				t.Error("after the start (-want +got):\n", diff)
			}
			if got := own.URL(); got != before {
				t.Errorf("its address changed from %s to %s", before, got)
			}
		})
	}
}

// again runs one test of this binary in another process, against the server at url; "" lets it start its own.
func again(ctx context.Context, test, url string, env ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, os.Args[0], "-test.v", "-test.run=^"+test+"$")
	c.Env = append(os.Environ(), append(env, "PORTREEVE_TEST_DATABASE_URL="+url)...)
	return c
}

func TestAServerThatIsMissingFailsTheTest(t *testing.T) {
	t.Parallel()
	nowhere := "postgres:///postgres?user=postgres&host=" + url.QueryEscape(t.TempDir())
	out, err := again(t.Context(), "TestEmptyHasNoSchema", nowhere).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--- FAIL") || !strings.Contains(string(out), "pgtest: no Postgres") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestAGivenServerIsUsedAndCleaned(t *testing.T) {
	t.Parallel()
	own := pgtest.Server(t)
	pool := own.Pool()
	if _, err := pool.Exec(t.Context(), `CREATE DATABASE "pgtest_ABCDEFGHIJ_7"`); err != nil { // of a process that is gone
		t.Fatal(err)
	}
	for _, address := range []string{own.URL(), dsn(t, own.URL())} {
		out, err := again(t.Context(), "TestNewBelongsToOneTest", address).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		// Only the template of the last run is left, for the next run to drop.
		left := ask(t, pool, `SELECT datname FROM pg_database WHERE datname ~ '^pgtest_'`)
		if len(left) != 1 || !strings.HasSuffix(left[0], "_template") {
			t.Errorf("databases left: %v", left)
		}
	}
}

// dsn returns a URL in its other form.
func dsn(t *testing.T, address string) string {
	t.Helper()
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	return "host=" + cfg.Host + " user=" + cfg.User + " dbname=" + cfg.Database
}

// It runs in two processes: in the one that is killed, hold is set.
func TestServerAndFolderGoWithAKilledProcess(t *testing.T) {
	const hold = "PORTREEVE_TEST_HOLD"
	if os.Getenv(hold) != "" {
		os.Stdout.WriteString("at " + pgtest.New(t).Config().ConnConfig.Host + "\n")
		select {} // until it is killed
	}
	t.Parallel()
	c := again(t.Context(), "TestServerAndFolderGoWithAKilledProcess", "", hold+"=1")
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	home := ""
	for lines := bufio.NewScanner(out); home == "" && lines.Scan(); {
		if socket, ok := strings.CutPrefix(lines.Text(), "at "); ok {
			home = filepath.Dir(socket)
		}
	}
	if _, err := os.Stat(filepath.Join(home, "pgdata", "postmaster.pid")); err != nil {
		t.Error("the server does not run:", err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	for deadline := time.After(30 * time.Second); ; {
		if _, err := os.Stat(home); errors.Is(err, fs.ErrNotExist) {
			return
		}
		select {
		case <-deadline:
			t.Fatal("still there:", home)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
