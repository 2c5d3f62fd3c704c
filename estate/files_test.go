package estate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"portreeve/catalog"
	"portreeve/estate"
	"portreeve/fault"
)

func TestLoadRefusesFiles(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(write(t, map[string]string{"x.yaml": "sources: {}\n"}), "x.yaml")
	tests := []struct {
		name string
		make func(dir string) error
		want string
	}{
		{"nothing there", func(string) error { return nil }, "has no file that ends in .yaml or .yml"},
		{"a link out of the folder", func(dir string) error { return os.Symlink(outside, dir+"/a.yaml") }, "a.yaml is a link that leads nowhere or out of the estate's folder"},
		{"a link to nothing", func(dir string) error { return os.Symlink("nowhere.txt", dir+"/a.yaml") }, "leads nowhere"},
		{"a pipe", func(dir string) error { return syscall.Mkfifo(dir+"/a.yaml", 0o600) }, "a.yaml is not a plain file"},
		{"a huge file", func(dir string) error { return os.WriteFile(dir+"/a.yaml", make([]byte, 1<<20+1), 0o600) }, "a.yaml has more than 1024 KiB"},
		{"a folder named like a file", func(dir string) error { return os.Mkdir(dir+"/a.yaml", 0o700) }, "has no file that ends in"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := tt.make(dir); err != nil {
				t.Fatal(err)
			}
			_, err := estate.Load(dir, kinds(), variables)
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Message(err), tt.want) {
				t.Errorf("Load = %v, want Invalid with %q", err, tt.want)
			}
		})
	}
	if _, err := estate.Load(filepath.Join(t.TempDir(), "no"), kinds(), variables); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a path to nothing: %v", err)
	}
}

// A ConfigMap of Kubernetes is a folder of links into a hidden folder that is swapped.
func TestLoadFollowsLinksWithinTheFolder(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"..2026_11/a.yaml": "sources:\n  a: {kind: kafka, brokers: b}\n"})
	for from, to := range map[string]string{"..data": "..2026_11", "a.yaml": "..data/a.yaml"} {
		if err := os.Symlink(to, filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "a.yaml")} {
		e, err := estate.Load(path, kinds(), variables)
		if err != nil || len(e.Sources) != 1 || e.Sources[0].DeclaredIn != "a.yaml:2" {
			t.Errorf("%s: %+v, %v", path, e, err)
		}
	}
}

func TestLoadTellsAtMostTwentyProblems(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"b.yaml": strings.Repeat("x", 10) + ": 1\n", "a.yaml": "sources:\n" + many(50, "{kind: none}")})
	_, err := estate.Load(dir, kinds(), variables)
	lines := strings.Split(fault.Message(err), "\n")
	if len(lines) != 22 || lines[0] != "the estate has 51 problems, nothing of it was applied:" || lines[21] != "  … and 31 more" {
		t.Errorf("%d lines, %q … %q", len(lines), lines[0], lines[len(lines)-1])
	}
	if !strings.HasPrefix(lines[1], "  "+filepath.Join(dir, "a.yaml")+":2:") {
		t.Errorf("the first problem is %q, want that of the first file", lines[1])
	}
}

// A source of one name in two files is refused, and where the first one stands is told.
func TestLoadTellsOfTwoFiles(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"a.yaml": "sources:\n" + many(1, "{kind: kafka, brokers: b}"), "b.yaml": "sources:\n" + many(1, "{kind: kafka, brokers: b}")})
	_, err := estate.Load(dir, kinds(), variables)
	if want := "b.yaml:2:3: sources.s0: this source is declared twice, first in a.yaml:2"; !strings.HasSuffix(fault.Message(err), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

func many(n int, source string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  s%d: %s\n", i, source)
	}
	return b.String()
}

func TestLoadOfAThousandSources(t *testing.T) {
	t.Parallel()
	const one = "{kind: trino, title: A warehouse, note: Loaded each night, url: 'https://${HOST}:8443', user: portreeve, password: '${PW}', catalogs: [lake, app]}"
	path := filepath.Join(write(t, map[string]string{"a.yaml": "sources:\n" + many(1000, one)}), "a.yaml")
	start := time.Now()
	e, err := estate.Load(path, kinds(), variables)
	if err != nil || len(e.Sources) != 1000 {
		t.Fatalf("%d sources, %v", len(e.Sources), err)
	}
	t.Logf("1,000 sources in %v", time.Since(start))
}

func TestExpand(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("p w\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	src := catalog.Source{Slug: "a", Config: map[string]string{
		"plain": "x", "password": "${PW}", "file": "${file:" + secret + "}", "both": "a ${HOST} ${HOST} b",
		"url": "postgres://${HOST}:${PW}@db:5432,db2/a?x=${PW}",
	}}
	got, err := estate.Expand(src, variables)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"plain": "x", "password": "s3cr3t/@:,", "file": "p w", "both": "a trino.example.com trino.example.com b",
		"url": "postgres://trino.example.com:s3cr3t%2F%40%3A,@db:5432,db2/a?x=s3cr3t%2F%40%3A%2C",
	}
	for name, value := range want {
		if got.Config[name] != value {
			t.Errorf("%s = %q, want %q", name, got.Config[name], value)
		}
	}
	if src.Config["password"] != "${PW}" {
		t.Error("the source itself was changed")
	}
	if err := os.Remove(secret); err != nil {
		t.Fatal(err)
	}
	_, err = estate.Expand(src, variables)
	if want := "the setting file of a: there is no file " + secret; fault.KindOf(err) != fault.Invalid || fault.Message(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// An estate is never taken apart so that it panics, hangs or is accepted with a secret in it.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"sources:\n  a: {kind: trino, url: 'https://${HOST}', password: ${PW}}\n", "sources: {a: {kind: kafka, brokers: [b], every: 1d}}", "? a\n: b\n",
		"a: &b [*b]\n", "- - - -\n", "sources:\n  a:\n    kind: trino\n    note: |\n      x\n    url: \"x\\u0000\"\n", "%YAML 1.2\n---\na: !!str b\n...\n",
		"sources: {a: {kind: postgres, url: 'postgres://u:p@h:1,h2/x?password=y'}}", "\ufeffsources:\r\n  a:\r\n    kind: x\r\n", "sources: {a: {kind: trino, url: h, same: [a=b|c, d]}}",
	} {
		f.Add([]byte(seed))
	}
	path := filepath.Join(f.TempDir(), "x.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := estate.Load(path, kinds(), variables)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%v is not Invalid", err)
			}
			return
		}
		for _, s := range e.Sources {
			if p := s.Config["password"]; p != "" && !strings.Contains(p, "${") {
				t.Fatalf("a password was accepted: %q", p)
			}
			if s.Kind == "" || s.DeclaredIn == "" || s.CrawlEvery < time.Minute || s.CrawlEvery > 30*24*time.Hour {
				t.Fatalf("half a source was accepted: %+v", s)
			}
		}
	})
}
