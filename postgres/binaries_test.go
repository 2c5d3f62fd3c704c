//go:build unix

package postgres

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portreeve/fault"
)

// repository serves testdata/name packed as the registry does, at whatever path ends like a package.
func repository(t *testing.T, name string) (string, archive) {
	t.Helper()
	txz, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var jar bytes.Buffer
	z := zip.NewWriter(&jar)
	w, err := z.Create("postgres.txz")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(txz); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "-"+fetchedVersion+".jar") {
			http.NotFound(w, r) // also of the hash: the library goes on without
			return
		}
		_, _ = w.Write(jar.Bytes())
	}))
	t.Cleanup(srv.Close)
	sum := sha256.Sum256(txz)
	return srv.URL, archive{hex.EncodeToString(sum[:]), int64(len(txz))}
}

// tree lists the files below dir with their modes.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		st, err := d.Info()
		name, _ := filepath.Rel(dir, path)
		files[name] = st.Mode().String()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func testHome(t *testing.T) *home {
	t.Helper()
	dir, err := os.MkdirTemp("", "portreeve-binaries-") //nolint:usetesting // t.TempDir is closed to the account that root's server runs as
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	h, err := openHome(t.Context(), dir, EmbeddedOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	return h
}

func TestFetchedIsWholeAndRunnable(t *testing.T) {
	t.Parallel()
	h := testHome(t)
	url, fake := repository(t, "postgres.txz")
	known := map[string]archive{platform(): fake}
	var lines []string
	o := EmbeddedOptions{Repository: url + "/", Progress: func(line string) { lines = append(lines, line) }}
	got, err := h.fetched(t.Context(), o, known)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(h.dir, "postgres", fetchedVersion)
	want := binaries{dir: filepath.Join(dir, "bin"), version: "18.6", major: 18}
	if got != want {
		t.Errorf("fetched = %+v, want %+v", got, want)
	}
	files := map[string]string{
		"lock":                                         "-rw-------",
		fetchedVersion:                                 "drwxr-xr-x",
		fetchedVersion + "/bin":                        "drwxr-xr-x",
		fetchedVersion + "/bin/initdb":                 "-rwxr-xr-x",
		fetchedVersion + "/bin/postgres":               "-rwxr-xr-x",
		fetchedVersion + "/lib":                        "drwxr-xr-x",
		fetchedVersion + "/lib/libpq.so":               "Lrwxrwxrwx",
		fetchedVersion + "/lib/libpq.so.5.18":          "-rwxr-xr-x",
		fetchedVersion + "/share":                      "drwxr-xr-x",
		fetchedVersion + "/share/deep":                 "drwxr-xr-x",
		fetchedVersion + "/share/deep/er":              "drwxr-xr-x",
		fetchedVersion + "/share/deep/er/postgres.bki": "-rw-r--r--",
	}
	if diff := cmp.Diff(files, tree(t, filepath.Join(h.dir, "postgres"))); diff != "" {
		t.Error("unpacked (-want +got):\n", diff)
	}
	if len(lines) != 3 || !strings.Contains(lines[0], "Fetching Postgres "+fetchedVersion) {
		t.Errorf("progress = %q", lines)
	}
	o.Repository = "http://127.0.0.1:1" // nothing listens: a second fetch would fail
	if again, err := h.fetched(t.Context(), o, nil); err != nil || again != want {
		t.Errorf("the second time: %+v, %v", again, err)
	}
}

func TestFetchedOnceForSeveralServers(t *testing.T) {
	t.Parallel()
	url, fake := repository(t, "postgres.txz")
	cache := filepath.Join(testHome(t).dir, "cache")
	var fetches atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		h := testHome(t)
		wg.Go(func() {
			o := EmbeddedOptions{Repository: url, Cache: cache, Progress: func(line string) {
				if strings.HasPrefix(line, "Fetching") {
					fetches.Add(1)
				}
			}}
			if _, err := h.fetched(t.Context(), o, map[string]archive{platform(): fake}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := fetches.Load(); n != 1 {
		t.Errorf("it was fetched %d times", n)
	}
}

func TestFetchedRefuses(t *testing.T) {
	t.Parallel()
	postgres, known := repository(t, "postgres.txz")
	up, upKnown := repository(t, "upwards.txz")
	link, linkKnown := repository(t, "through-link.txz")
	empty := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(empty.Close)
	tests := []struct {
		name string
		url  string
		want archive
		says string
	}{
		{"an archive with another hash", postgres, archive{strings.Repeat("0", 64), known.size}, known.sha256},
		{"the true pin for a false archive", postgres, pinned()["linux-amd64"], "not the one we know"},
		{"no network", "http://127.0.0.1:1", known, "connect to the network for the first start, install Postgres 15 or newer"},
		{"a registry that lacks it", empty.URL, known, "no version found"},
		{"a file that leads out", up, upKnown, "escapes"},
		{"a link that leads out", link, linkKnown, "escapes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := testHome(t)
			o := EmbeddedOptions{Repository: tt.url, Progress: func(string) {}}
			_, err := h.fetched(t.Context(), o, map[string]archive{platform(): tt.want})
			if fault.KindOf(err) != fault.Unavailable || !strings.Contains(fault.Message(err), tt.says) {
				t.Errorf("error = %v, want Unavailable that says %q", err, tt.says)
			}
			if strings.Contains(fault.Message(err), "\n") {
				t.Errorf("more than a line: %q", fault.Message(err))
			}
			left := tree(t, filepath.Join(h.dir, "postgres"))
			if diff := cmp.Diff(map[string]string{"lock": "-rw-------"}, left); diff != "" {
				t.Error("left behind (-want +got):\n", diff)
			}
			if _, err := os.Lstat(filepath.Join(h.dir, "escaped")); err == nil {
				t.Error("a file was written outside")
			}
		})
	}
}

func TestFetchedKnowsItsPlatforms(t *testing.T) {
	t.Parallel()
	_, err := testHome(t).fetched(t.Context(), EmbeddedOptions{}, map[string]archive{"plan9-mips": {}})
	if got := fault.Message(err); !strings.Contains(got, instead) || !strings.Contains(got, platform()) {
		t.Errorf("message = %q", got)
	}
}

func TestFetchedEndsWithItsContext(t *testing.T) {
	t.Parallel()
	asked, end := make(chan struct{}, 1), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-end // a registry that never answers
	}))
	defer srv.Close()
	defer close(end)
	h := testHome(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	o := EmbeddedOptions{Repository: srv.URL, Progress: func(string) {}}
	if _, err := h.fetched(ctx, o, pinned()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("error = %v", err)
	}
}

// programs makes a folder with an initdb and a postgres that are the given shell scripts.
func programs(t *testing.T, initdb, postgres string) string {
	t.Helper()
	dir := testHome(t).dir
	syscall.ForkLock.RLock() // a child forked now would hold the files open for writing, and they could not be run
	defer syscall.ForkLock.RUnlock()
	for name, script := range map[string]string{"initdb": initdb, "postgres": postgres} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestGivenBinaries(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		dir   string
		major int // of the data
		kind  fault.Kind
		says  string
	}{
		{"a folder without programs", t.TempDir(), 0, fault.Invalid, "does not hold the programs initdb and postgres"},
		{"a folder that is missing", "/nowhere", 0, fault.Invalid, "does not hold"},
		{"a Postgres that is too old", programs(t, "", "echo 'postgres (PostgreSQL) 14.11'"), 0, fault.Invalid, "14.11, which is older than 15"},
		{"a postgres that is none", programs(t, "", "echo hello"), 0, fault.Invalid, "does not say its version"},
		{"a postgres that does not run", programs(t, "", "exit 3"), 0, fault.Invalid, "does not run"},
		{"data of another major", programs(t, "", "echo 'postgres (PostgreSQL) 17.2'"), 16, fault.Conflict, "made by Postgres 16, and here is Postgres 17.2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := testHome(t).binaries(t.Context(), EmbeddedOptions{BinDir: tt.dir}, tt.major)
			if fault.KindOf(err) != tt.kind || !strings.Contains(fault.Message(err), tt.says) {
				t.Errorf("error = %v, want %v that says %q", err, tt.kind, tt.says)
			}
		})
	}
}

func TestComplaint(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, out, want string }{
		{"the fatal line of a server", "LOG:  starting\nFATAL:  could not write lock file: No space left on device\nLOG:  shut down\n", "could not write lock file: No space left on device"},
		{"the error of initdb", "creating directory ... ok\ninitdb: error: could not create directory: Read-only file system\ninitdb: removing\n", "could not create directory: Read-only file system"},
		{"its hint", "FATAL:  could not extend file\nHINT:  Check free disk space.\n", "could not extend file (Check free disk space.)"},
		{"the first of several", "FATAL:  one\nFATAL:  two\n", "one"},
		{"else the last line", "one\n\ntwo\n\n", "two"},
		{"silence", "", "no reason given"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := complaint([]byte(tt.out)); got != tt.want {
				t.Errorf("complaint = %q, want %q", got, tt.want)
			}
		})
	}
}
