//go:build !noduckdb

package duckdb_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portreeve/catalog"
	"portreeve/connector/duckdb"
	"portreeve/fault"
)

func TestBadFilesAreNamed(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	write(t, dir, "COPY (SELECT i, md5(i::VARCHAR) AS s FROM range(100000) t(i)) TO 'good.parquet' (FORMAT parquet)")
	good, err := os.ReadFile(filepath.Join(dir, "good.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte{}, good...)
	for i := 4096; i < len(flipped)-65536; i += 512 {
		flipped[i] ^= 0xff
	}
	tests := []struct {
		name, file string
		content    []byte
		want       string
	}{
		{"missing", "gone.parquet", nil, "the data file gone.parquet is missing"},
		{"empty", "empty.parquet", []byte{}, "the data file empty.parquet is damaged"},
		{"truncated", "short.parquet", good[:len(good)/2], "the data file short.parquet is damaged"},
		{"not Parquet", "text.parquet", []byte(strings.Repeat("hello ", 100)), "the data file text.parquet is damaged"},
		{"bytes turned over", "flipped.parquet", flipped, "damaged"},
	}
	e := newEngine(t, duckdb.Options{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.content != nil {
				if err := os.WriteFile(filepath.Join(dir, tt.file), tt.content, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			p := plan(columns("0 i long", "0 s string"), files(dir, 100000, "good.parquet", tt.file)...)
			_, err := e.Profile(t.Context(), p, 1_000_000)
			if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Message(err), tt.want) {
				t.Errorf("error %v, message %q", err, fault.Message(err))
			}
			if strings.Contains(fault.Message(err), dir) {
				t.Errorf("the message tells the folder: %s", fault.Message(err))
			}
		})
	}
	if _, err := e.Sample(t.Context(), plan(columns("0 i long"), files(dir, 100000, "good.parquet")...), 1); err != nil {
		t.Error("after them:", err)
	}
}

func TestFolderThatTheWorkerCannotEnterIsNamed(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Log("workers have our own user here: nothing to check")
		return
	}
	dir := folder(t)
	secret := filepath.Join(dir, "secret", "deep")
	if err := os.MkdirAll(secret, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, secret, "COPY (SELECT 1 AS i) TO 'x.parquet' (FORMAT parquet)")
	if err := os.Chmod(filepath.Dir(secret), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := newEngine(t, duckdb.Options{}).Count(t.Context(), plan(nil, files(secret, 1, "x.parquet")...))
	if want := "the folder secret cannot be entered by the worker's user"; fault.Message(err) != want {
		t.Errorf("message %q, want %q", fault.Message(err), want)
	}
}

// hang runs for hours and never asks whether it should stop.
const hang = "SELECT levenshtein(repeat('a', 2000000), repeat('b', 2000000)) AS n"

func TestDeadlineStopsWhatDoesNotListen(t *testing.T) {
	t.Parallel()
	e := newEngine(t, duckdb.Options{QueryTimeout: 500 * time.Millisecond})
	_, err := e.Run(t.Context(), nil, hang, 1)
	if want := "took longer than 500ms and was stopped"; fault.Message(err) != want || fault.KindOf(err) != fault.Unavailable {
		t.Errorf("error %v", err)
	}
	if n, err := e.Count(t.Context(), plan(nil)); err != nil || n != 0 {
		t.Errorf("after it: %d, %v", n, err)
	}
}

func TestCallerWhoLeavesStopsTheJob(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := newEngine(t, duckdb.Options{}).Run(ctx, nil, hang, 1)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestBombsEndAlone(t *testing.T) {
	t.Parallel()
	e := newEngine(t, duckdb.Options{QueryTimeout: 3 * time.Second, Memory: 256 << 20})
	for _, tt := range []struct{ name, sql string }{
		{"memory beyond the limit", "SELECT length(repeat('x', 3000000000))"},
		{"memory that the engine does not count", "SELECT length(lpad('x', 2000000000, 'y'))"},
		{"a list of a billion", "SELECT len(list_value(range(1000000000)))"},
		{"one text of ten gigabytes", "SELECT length(string_agg(repeat('x', 1000000), '')) FROM range(10000)"},
		{"endless recursion", "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r"},
		{"cross join", "SELECT count(*) FROM range(1000000) a, range(1000000) b, range(1000) c WHERE a.range + b.range = c.range"},
		{"deep parentheses", "SELECT " + strings.Repeat("(", 20000) + "1" + strings.Repeat(")", 20000)},
		{"the C stack", "SELECT json_structure('" + strings.Repeat("[", 400_000) + "')"},
		{"a statement beyond the limit", "SELECT '" + strings.Repeat("x", 2<<20) + "'"},
		{"rows beyond a reply", "SELECT repeat(chr(1), 2000) FROM range(1000)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := e.Run(t.Context(), nil, tt.sql, 1000)
			if k := fault.KindOf(err); err != nil && k != fault.Unavailable && k != fault.Invalid {
				t.Errorf("%v: %v", k, err)
			}
			if n, err := e.Count(t.Context(), plan(nil)); err != nil || n != 0 {
				t.Errorf("after it: %d, %v", n, err)
			}
		})
	}
}

func TestExportLeavesWholeFilesOnly(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	e := newEngine(t, duckdb.Options{})
	write(t, dir, "COPY (SELECT i, i % 3 AS k FROM range(1000) t(i)) TO 'in.parquet' (FORMAT parquet)")
	in := plan(columns("0 i long", "0 k long"), files(dir, 1000, "in.parquet")...)
	out := filepath.Join(dir, "out.parquet")
	n, err := e.Export(t.Context(), []catalog.Plan{in}, `SELECT k, count(*) AS n FROM raw.t GROUP BY k ORDER BY k DESC -- it's ours`, out)
	if err != nil || n != 3 {
		t.Fatalf("%d rows, %v", n, err)
	}
	s, err := e.Sample(t.Context(), plan(columns("0 k long", "0 n long"), files(dir, 3, "out.parquet")...), 9)
	if err != nil || strings.Join(grid(s.Rows), " ") != "2|333 1|333 0|334" {
		t.Errorf("%v, %v", grid(s.Rows), err)
	}
	if _, err := e.Export(t.Context(), nil, "SELECT 1", out); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("an export over a file: %v", err)
	}
	bad := filepath.Join(dir, "bad.parquet")
	if _, err := e.Export(t.Context(), nil, "SELECT CAST('x' AS INT)", bad); err == nil || strings.Contains(err.Error(), "COPY (") {
		t.Errorf("a failing export: %v", err)
	}
	if _, err := os.Stat(bad); err == nil {
		t.Error("a failing export left a file")
	}
}

func TestEngineLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	e := duckdb.New(duckdb.Options{Dir: filepath.Join(dir, "work")})
	if _, err := e.Count(t.Context(), plan(nil)); err != nil {
		t.Fatal(err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Join(dir, "work"))
	if err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
	if _, err := e.Count(t.Context(), plan(nil)); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("after Close: %v", err)
	}
}
