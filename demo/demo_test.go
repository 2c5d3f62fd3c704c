package demo_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"portreeve/connector/duckdb"
	"portreeve/demo"
	"portreeve/postgres/pgtest"
)

// TestMain lets the test binary be the engine's worker, as the real binary is.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == duckdb.Command {
		if err := duckdb.Work(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// today is a Saturday; the newest Tuesday before it is the 17th.
var today = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

// options returns where a test makes its lake: a folder that the engine's user may enter.
func options(t *testing.T) demo.Options {
	t.Helper()
	home, err := os.MkdirTemp("", "portreeve-demo-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	if err := os.Chmod(home, 0o755); err != nil { //nolint:gosec // on purpose
		t.Fatal(err)
	}
	engine := duckdb.New(duckdb.Options{Dir: filepath.Join(home, "work")})
	t.Cleanup(func() { _ = engine.Close() })
	return demo.Options{
		Home: home, CatalogDSN: pgtest.URL(pgtest.Empty(t)), Exporter: engine, Today: today,
		Progress: func(line string) { t.Log(line) },
	}
}

func TestBuild(t *testing.T) {
	o := options(t)
	start := time.Now()
	lake, err := demo.Build(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(time.Since(start), lake)
	start = time.Now()
	if err := demo.Evolve(t.Context(), o); err != nil { t.Fatal(err) }
	t.Log(time.Since(start))
}
