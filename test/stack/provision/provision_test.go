package provision

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// newStore returns an empty store, and what it has said so far.
func newStore(t *testing.T) (*Store, func() string) {
	t.Helper()
	var said bytes.Buffer
	s := &Store{Dir: t.TempDir(), Say: func(format string, args ...any) { fmt.Fprintf(&said, format+"\n", args...) }}
	return s, said.String
}

// filler fills a folder with two files, and counts how often it was asked to.
func filler(count *int) func(context.Context, string) error {
	return func(_ context.Context, dir string) error {
		*count++
		return errors.Join(os.Mkdir(filepath.Join(dir, "lib"), 0o755), write(dir, "lib/a b.jar", "program"), write(dir, "README", "read me"))
	}
}

func write(dir, name, text string) error {
	return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
}

func TestProgramsAreFetchedOnce(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	count := 0
	for range 3 {
		dir, err := s.have(t.Context(), "thing-1", "thing 1", filler(&count))
		if err != nil || dir != filepath.Join(s.Dir, "thing-1") {
			t.Fatal(dir, err)
		}
	}
	if count != 1 {
		t.Errorf("fetched %d times", count)
	}
}

func TestDamagedProgramsAreFetchedAnew(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(dir string) error{
		"a file is gone":       func(dir string) error { return os.Remove(filepath.Join(dir, "lib", "a b.jar")) },
		"a file is shorter":    func(dir string) error { return os.Truncate(filepath.Join(dir, "README"), 3) },
		"a file is another":    func(dir string) error { return write(dir, "README", "red me!") },
		"the listing is gone":  func(dir string) error { return os.Remove(filepath.Join(dir, listing)) },
		"the listing is empty": func(dir string) error { return write(dir, listing, "") },
		"the listing is noise": func(dir string) error { return write(dir, listing, "x\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, said := newStore(t)
			count := 0
			dir, err := s.have(t.Context(), "thing-1", "thing 1", filler(&count))
			if err != nil {
				t.Fatal(err)
			}
			if err := damage(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := s.have(t.Context(), "thing-1", "thing 1", filler(&count)); err != nil || count != 2 {
				t.Fatalf("fetched %d times, %v", count, err)
			}
			if text, err := os.ReadFile(filepath.Join(dir, "README")); string(text) != "read me" {
				t.Errorf("README holds %q, %v", text, err)
			}
			if !strings.Contains(said(), "damaged") {
				t.Errorf("it said only %q", said())
			}
		})
	}
}

func TestNothingHalfFetchedStays(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	_, err := s.have(t.Context(), "thing-1", "thing 1", func(_ context.Context, dir string) error {
		return errors.Join(write(dir, "half", "of it"), errors.New("no network"))
	})
	if err == nil || !strings.Contains(err.Error(), "thing 1: no network") {
		t.Errorf("error = %v", err)
	}
	left, err := filepath.Glob(filepath.Join(s.Dir, "thing-1*"))
	if err != nil || len(left) != 1 || filepath.Ext(left[0]) != ".lock" {
		t.Errorf("left behind: %v, %v", left, err)
	}
	count := 0
	if _, err := s.have(t.Context(), "thing-1", "thing 1", filler(&count)); err != nil {
		t.Error("the next attempt:", err)
	}
}

func TestASecondProcessWaits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	waits := make(chan struct{})
	first := &Store{Dir: dir, Say: func(string, ...any) {}}
	second := &Store{Dir: dir, Say: func(format string, _ ...any) {
		if strings.Contains(format, "waiting") {
			close(waits)
		}
	}}
	unlock, err := first.lock(t.Context(), "thing-1", "thing 1")
	if err != nil {
		t.Fatal(err)
	}
	var fetched atomic.Bool
	done := make(chan error)
	go func() {
		_, err := second.have(t.Context(), "thing-1", "thing 1", func(_ context.Context, dir string) error {
			fetched.Store(true)
			return write(dir, "it", "is here")
		})
		done <- err
	}()
	select {
	case <-waits:
	case <-time.After(20 * time.Second):
		t.Fatal("the second does not say that it waits")
	}
	if fetched.Load() {
		t.Error("the second did not wait")
	}
	unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}
	held, err := first.lock(t.Context(), "thing-2", "")
	if err != nil {
		t.Fatal(err)
	}
	defer held()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := second.lock(ctx, "thing-2", ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting ended with %v", err)
	}
}

func TestCheckSumNoticesAnotherFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if err := write(dir, "good.jar", "abc"); err != nil {
		t.Fatal(err)
	}
	if err := checkSum(filepath.Join(dir, "good.jar"), abc); err != nil {
		t.Error(err)
	}
	if err := checkSums(dir, abc+"  good.jar\n"); err != nil {
		t.Error(err)
	}
	for name, prepare := range map[string]struct{ file, text, says string }{
		"damaged":  {"good.jar", "abd", "damaged or not the one that is pinned"},
		"unknown":  {"evil.jar", "abc", "evil.jar is not among"},
		"complete": {"", "", "other.jar is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, sums := t.TempDir(), abc+"  good.jar\n"
			if err := write(dir, "good.jar", "abc"); err != nil {
				t.Fatal(err)
			}
			if prepare.file == "" {
				sums += abc + "  other.jar\n"
			} else if err := write(dir, prepare.file, prepare.text); err != nil {
				t.Fatal(err)
			}
			if err := checkSums(dir, sums); err == nil || !strings.Contains(err.Error(), prepare.says) {
				t.Errorf("error = %v, want %q", err, prepare.says)
			}
		})
	}
}

func TestJavaMajor(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]int{
		"openjdk version \"25.0.1\" 2025-10-21 LTS\nOpenJDK Runtime Environment Temurin-25": 25,
		"openjdk version \"17.0.15\" 2025-04-15":                                            17,
		"java version \"1.8.0_442\"":                                                        8,
		"openjdk version \"26-ea\" 2026-03-17":                                              26,
		"openjdk version \"22\" 2024-03-19":                                                 22,
		"Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version \"21.0.2\"":                   21,
		"bash: java: command not found":                                                     0,
		"":                                                                                  0,
	} {
		if got := javaMajor(said); got != want {
			t.Errorf("javaMajor(%q) = %d, want %d", said, got, want)
		}
	}
}

// archiveOf returns a .tar.gz of the given entries.
func archiveOf(t *testing.T, entries ...*tar.Header) string {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	for _, h := range entries {
		if h.Typeflag == tar.TypeReg {
			h.Size = 3
		}
		if err := archive.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			_, _ = archive.Write([]byte("abc"))
		}
	}
	if err := errors.Join(archive.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "archive.tar.gz")
	if err := os.WriteFile(file, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestUntar(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := archiveOf(
		t, &tar.Header{Name: "top/", Typeflag: tar.TypeDir, Mode: 0o700}, &tar.Header{Name: "top/bin/run", Typeflag: tar.TypeReg, Mode: 0o700},
		&tar.Header{Name: "top/lib/a.jar", Typeflag: tar.TypeReg, Mode: 0o600}, &tar.Header{Name: "top/plugin/x/a.jar", Typeflag: tar.TypeLink, Linkname: "top/lib/a.jar"},
	)
	if err := untar(t.Context(), file, dir, "top"); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{"bin/run": 0o755, "lib/a.jar": 0o644, "plugin/x/a.jar": 0o644} {
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Mode() != mode || st.Size() != 3 {
			t.Errorf("%s: %v, %v", name, st, err)
		}
	}
	for _, h := range []*tar.Header{
		{Name: "../out", Typeflag: tar.TypeReg}, {Name: "in", Typeflag: tar.TypeLink, Linkname: "../out"},
	} {
		if err := untar(t.Context(), archiveOf(t, h), dir, ""); err == nil {
			t.Errorf("%s %s was unpacked", h.Name, h.Linkname)
		}
	}
}

func TestUnzip(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	archive := zip.NewWriter(&packed)
	for _, name := range []string{"pkg/runtime/bin/java", "pkg/runtime/lib/", "pkg/__init__.py"} {
		h := &zip.FileHeader{Name: name}
		h.SetMode(0o755)
		if _, err := archive.CreateHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	file, dir := filepath.Join(t.TempDir(), "a.whl"), t.TempDir()
	if err := errors.Join(archive.Close(), os.WriteFile(file, packed.Bytes(), 0o600), unzip(t.Context(), file, dir, "pkg/runtime")); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(filepath.Join(dir, "bin", "java")); err != nil || st.Mode() != 0o755 {
		t.Errorf("bin/java: %v, %v", st, err)
	}
	if exists(filepath.Join(dir, "__init__.py")) || exists(filepath.Join(dir, "pkg")) {
		t.Error("it unpacked what lies elsewhere too")
	}
}

// TestDamagedDownloadIsFetchedAgain has an mvn whose local repository holds, at first, what is not the archive.
func TestDamagedDownloadIsFetchedAgain(t *testing.T) {
	bin := t.TempDir()
	const mvn = `#!/bin/sh
		for a in "$@"; do case "$a" in -Dmaven.repo.local=*) repository=${a#*=};; esac; done
		echo "$*" >>"$0.calls"
		mkdir -p "$repository/org/example/thing/1"
		file=$repository/org/example/thing/1/thing-1-all.tar.gz
		if [ "$(wc -l <"$0.calls")" -eq 1 ]; then printf abd >"$file"; else [ -e "$file" ] || printf abc >"$file"; fi`
	if err := os.WriteFile(filepath.Join(bin, "mvn"), []byte(mvn), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	s, said := newStore(t)
	a := artifact{
		group: "org.example", name: "thing", version: "1", classifier: "all",
		sum: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	}
	file := filepath.Join(s.Dir, "thing.tar.gz")
	if err := s.fetch(t.Context(), "thing 1", a, file); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); string(text) != "abc" || !strings.Contains(said(), "fetching it again") {
		t.Errorf("fetched %q, %v, and said %q", text, err, said())
	}
	calls, _ := os.ReadFile(filepath.Join(bin, "mvn.calls"))
	if strings.Count(string(calls), "-Dartifact=org.example:thing:1:tar.gz:all") != 2 {
		t.Errorf("called:\n%s", calls)
	}
	a.sum = strings.Repeat("0", 64)
	if err := s.fetch(t.Context(), "thing 1", a, file); err == nil || !strings.Contains(err.Error(), "not the one that is pinned") {
		t.Errorf("an archive that stays another: %v", err)
	}
}

func TestMissingClientIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	s, _ := newStore(t)
	err := s.run(t.Context(), "thing 1", s.Dir, "mvn")
	if err == nil || !strings.Contains(err.Error(), "apt-get install maven") {
		t.Errorf("error = %v", err)
	}
}
