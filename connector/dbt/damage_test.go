package dbt_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"portreeve/catalog"
	"portreeve/catalog/catalogtest"
	"portreeve/connector/dbt"
	"portreeve/fault"
)

// recorded copies the recorded artifacts to a folder of the test's own.
func recorded(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/recorded")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func contents(t *testing.T, parts ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// failure returns the error that a crawl of the package shop ends with, which must be for people.
func failure(t *testing.T, c catalog.Crawler) error {
	t.Helper()
	var last error
	for o, err := range c.Datasets(t.Context(), "shop", nil) {
		if last = err; err != nil && o.Name != "" {
			t.Fatalf("only %s failed: %v", o.Name, err)
		}
	}
	_, scopesErr := c.Scopes(t.Context())
	_, hasErr := c.Has(t.Context(), "shop.orders")
	if (last == nil) != (scopesErr == nil) || (last == nil) != (hasErr == nil) {
		t.Errorf("Datasets says %v, Scopes %v, Has %v", last, scopesErr, hasErr)
	}
	return last
}

func TestDamagedArtifacts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		file   string
		damage func(text string) string
		want   string // what the error says; {dir} is the folder
	}{
		{"cut off", "manifest.json", func(s string) string { return s[:20_000] }, "{dir}/manifest.json is cut off at byte 20000"},
		{"cut off within a string", "manifest.json", func(s string) string { return s[:strings.Index(s, "select id")+5] }, "is cut off at byte"},
		{"empty", "manifest.json", func(string) string { return "" }, "is cut off at byte 0"},
		{"compressed", "manifest.json", func(s string) string {
			var b strings.Builder
			w := gzip.NewWriter(&b)
			fmt.Fprint(w, s)
			w.Close()
			return b.String()
		}, "is no JSON: it must be as dbt wrote it, not compressed"},
		{"in UTF-16", "manifest.json", func(string) string { return "\xff\xfe{\x00" }, "is no JSON: it must be as dbt wrote it"},
		{"a page", "manifest.json", func(string) string { return "<html>" }, "is no JSON"},
		{"a list", "manifest.json", func(string) string { return "[]" }, "is no JSON"},
		{"null", "manifest.json", func(string) string { return "null" }, "is no manifest of dbt but some other JSON"},
		{"other JSON", "manifest.json", func(string) string { return `{"name": "x"}` }, "is no manifest of dbt but some other JSON"},
		{"a comma too many", "manifest.json", func(s string) string { return strings.Replace(s, `"nodes":{`, `"nodes":{,`, 1) }, "is no JSON at byte"},
		{"too deep", "manifest.json", func(s string) string {
			return strings.Replace(s, `"selectors":{}`, `"selectors":`+strings.Repeat("[", 100_000), 1)
		}, "more than 500 objects in one another"},
		{"results cut off", "run_results_test.json", func(s string) string { return s[:1000] }, "{dir}/run_results_test.json is cut off at byte 1000"},
		{"catalog cut off", "catalog.json", func(s string) string { return s[:1000] }, "{dir}/catalog.json is cut off at byte 1000"},
		{"freshness cut off", "sources.json", func(s string) string { return s[:500] }, "{dir}/sources.json is cut off at byte 500"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := recorded(t)
			path := filepath.Join(dir, tt.file)
			replace(t, path, []byte(tt.damage(contents(t, path))))
			err := failure(t, open(t, dir))
			want := strings.ReplaceAll(tt.want, "{dir}", dir)
			if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Message(err), want) {
				t.Errorf("error %v, want it to say %q", err, want)
			}
		})
	}
}

func TestAnotherArtifactForTheManifest(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"catalog.json": "but its artifact catalog", "run_results.json": "but its artifact run-results"} {
		dir := recorded(t)
		replace(t, filepath.Join(dir, "manifest.json"), []byte(contents(t, dir, name)))
		if err := failure(t, open(t, dir)); !strings.Contains(fault.Message(err), want) {
			t.Errorf("%s as the manifest: %v", name, err)
		}
	}
}

func TestNoManifest(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "missing")} {
		if err := failure(t, open(t, dir)); !strings.Contains(fault.Message(err), "there is no manifest.json in "+dir) {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// A pipe would be waited for, for ever.
func TestNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "manifest.json"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := failure(t, open(t, dir)); !strings.Contains(fault.Message(err), "is no file") {
		t.Error(err)
	}
}

func TestOptionalFilesMayBeMissing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	replace(t, filepath.Join(dir, "manifest.json"), []byte(contents(t, "testdata/recorded/manifest.json")))
	m := crawl(t, open(t, dir), "shop")["shop.orders"]
	if len(m.Columns) != 5 || m.Columns[0].Type != "bigint" {
		t.Errorf("columns %v, want those that the project describes", m.Columns)
	}
	if d := m.Detail.Model; d.Run != nil || len(d.Tests) != 4 || d.Tests[0].Status != "" || d.Tests[0].RanAt != nil {
		t.Errorf("the run is %v and the tests are %v though nothing is known to have run", d.Run, d.Tests)
	}
}

// dbt writes a manifest in the place of the old one, byte by byte.
func TestManifestWrittenWhileItIsRead(t *testing.T) {
	t.Parallel()
	p := newProject(t)
	for i := range 5 {
		p.Create(t, "shop", fmt.Sprintf("m%d", i), catalogtest.Table{Comment: "old"})
	}
	path := filepath.Join(p.dir, "manifest.json")
	old := contents(t, path)
	now := strings.ReplaceAll(strings.Replace(old, `"name":"m4"`, `"name":"m5"`, 1), `"old"`, `"new"`)
	overwrite := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]string{}
	for o, err := range open(t, p.dir).Datasets(t.Context(), "shop", nil) {
		if err != nil {
			t.Fatalf("%s: %v", o.Name, err)
		}
		if len(seen) == 0 {
			overwrite(now)
		}
		seen[o.Name] = o.Description
	}
	if len(seen) != 5 || seen["shop.m0"] != "old" || seen["shop.m1"] != "new" || seen["shop.m5"] != "new" {
		t.Errorf("after it was written anew: %v", seen)
	}
	texts, n := []string{old, now}, 0
	var last error
	for _, err := range open(t, p.dir).Datasets(t.Context(), "shop", nil) {
		if last = err; err == nil {
			overwrite(texts[n%2])
			n++
		}
	}
	if fault.KindOf(last) != fault.Unavailable || n != 2 {
		t.Errorf("written again and again: %d datasets, then %v; want one try more, then an error", n, last)
	}
}

func TestCancelledWhileReading(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(t, "testdata/recorded").Scopes(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Scopes() = %v", err)
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"":                         "the folder of the artifacts is missing",
		"target":                   "the path target is not an absolute path",
		"https://x.example/target": "is an address: artifacts are read from folders only",
	} {
		_, err := dbt.Connector().Open(t.Context(), catalog.Source{Config: map[string]string{dbt.PathKey: path}})
		if fe, ok := errors.AsType[*fault.Error](err); !ok || fe.Kind != fault.Invalid || fe.Field != dbt.PathKey || !strings.Contains(fe.Msg, want) {
			t.Errorf("path %q: %v, want %q", path, err, want)
		}
	}
}
