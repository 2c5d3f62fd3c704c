//go:build unix

package postgres

import (
	"archive/tar"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
	"github.com/xi2/xz"

	"portreeve/fault"
)

// What is fetched where a machine has no Postgres.
const (
	fetchedVersion = "18.6.0"
	fetchedMajor   = 18
)

// archive is a packed Postgres as we know it.
type archive struct {
	sha256 string // in hex
	size   int64  // in bytes
}

// pinned holds the archives of fetchedVersion by platform. Nothing of an archive that differs is unpacked, let alone run.
func pinned() map[string]archive {
	mac := archive{"f4db5df0b13e3e72149c0547ccd1eee177cfe67accb8c296e8d0e46ef3601f01", 71165492} // runs on both
	return map[string]archive{
		"linux-amd64":        {"63999c2914366d62c68e51794e597588c336e75ed2958d53c558e8deca5e13fc", 15114736},
		"linux-amd64-alpine": {"d9bba3fa653ad08f5e92303587451ed6d1ca4883afb377773630ae853d40121f", 14851612},
		"linux-arm64":        {"2eb24d67326da41a81064d116b0bce412dff543c835d6fcc1c099e4abcf18836", 14137620},
		"darwin-amd64":       mac,
		"darwin-arm64":       mac,
	}
}

func platform() string {
	p := runtime.GOOS + "-" + runtime.GOARCH
	if _, err := os.Stat("/etc/alpine-release"); err == nil {
		p += "-alpine" // another C library
	}
	return p
}

const instead = "install Postgres 15 or newer, or set PORTREEVE_POSTGRES_BIN to the folder of its programs"

// fetched returns the binaries that were fetched before, or fetches them if they are known for this platform.
func (h *home) fetched(ctx context.Context, o EmbeddedOptions, known map[string]archive) (binaries, error) {
	dir := filepath.Join(cmp.Or(o.Cache, filepath.Join(h.dir, "postgres")), fetchedVersion)
	if !hasPrograms(filepath.Join(dir, "bin")) {
		want, ok := known[platform()]
		if !ok {
			return binaries{}, fault.Unavailablef(nil, "there is no Postgres here and none to fetch for %s: %s", platform(), instead)
		}
		if err := fetchOnce(ctx, o, dir, want); err != nil {
			return binaries{}, err
		}
	}
	b, err := h.probe(ctx, filepath.Join(dir, "bin"))
	if err != nil {
		return binaries{}, fault.Unavailablef(err, "the fetched Postgres does not run on this machine: %s", instead)
	}
	return b, nil
}

// fetchOnce fetches into dir unless another process does so first.
func fetchOnce(ctx context.Context, o EmbeddedOptions, dir string, want archive) error {
	parent := filepath.Dir(dir)
	if err := makeOpen(parent); err != nil {
		return unusable(parent, err)
	}
	lock, err := os.OpenFile(filepath.Join(parent, "lock"), os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // in our cache
	if err != nil {
		return unusable(parent, err)
	}
	defer lock.Close()
	for syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	if hasPrograms(filepath.Join(dir, "bin")) {
		return nil
	}
	return fetch(ctx, o.Repository, dir, want, o.Progress)
}

// fetch puts the Postgres that packs to want into dir, which appears only when it is whole. Its parent is locked.
func fetch(ctx context.Context, repository, dir string, want archive, progress func(string)) error {
	parent := filepath.Dir(dir)
	old, _ := filepath.Glob(filepath.Join(parent, "fetch-*")) // of processes that were killed
	for _, scratch := range old {
		_ = os.RemoveAll(scratch)
	}
	if err := os.RemoveAll(dir); err != nil {
		return unusable(dir, err)
	}
	scratch, err := os.MkdirTemp(parent, "fetch-")
	if err != nil {
		return unusable(parent, err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	progress(fmt.Sprintf("Fetching Postgres %s for %s, once (%.0f MB)", fetchedVersion, platform(), float64(want.size)/1e6))
	file, err := download(ctx, repository, scratch, progress)
	if err != nil {
		return fault.Unavailablef(err, "cannot fetch Postgres %s (%v): connect to the network for the first start, %s", fetchedVersion, err, instead)
	}
	if err := check(file, want); err != nil {
		return err
	}
	progress("Unpacking it")
	whole := filepath.Join(scratch, "whole")
	if err := unpack(file, whole); err != nil {
		return fault.Unavailablef(err, "cannot unpack Postgres in %s: %v", parent, err)
	}
	if err := os.Rename(whole, dir); err != nil {
		return unusable(dir, err)
	}
	progress("Postgres " + fetchedVersion + " is ready in " + dir)
	return nil
}

// makeOpen makes a folder that the server's account can read in, whatever the umask.
func makeOpen(dir string) error {
	if st, err := os.Stat(dir); err == nil && st.IsDir() {
		return nil
	}
	if err := makeHome(dir); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755) //nolint:gosec // programs are no secret
}

// download fetches the packed binaries into scratch and returns the file. The library would next unpack and run them; a link
// to nowhere in place of its target folder stops it before that.
func download(ctx context.Context, repository, scratch string, progress func(string)) (string, error) {
	nowhere := filepath.Join(scratch, "nowhere")
	if err := os.Symlink(filepath.Join(scratch, "missing"), nowhere); err != nil {
		return "", err
	}
	cfg := embeddedpostgres.DefaultConfig().Version(fetchedVersion).Logger(io.Discard).Port(0).
		CachePath(scratch).BinariesPath(filepath.Join(nowhere, "pg")).
		RuntimePath(filepath.Join(scratch, "run")).DataPath(filepath.Join(nowhere, "data"))
	if repository != "" {
		cfg = cfg.BinaryRepositoryURL(strings.TrimRight(repository, "/"))
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- embeddedpostgres.NewDatabase(cfg).Start() }()
	for beat := 1; ; beat++ {
		select {
		case err := <-done:
			files, _ := filepath.Glob(filepath.Join(scratch, "embedded-postgres-binaries-*.txz"))
			if len(files) != 1 {
				return "", err
			}
			return files[0], nil
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(10 * time.Second):
			progress(fmt.Sprintf("Still fetching, %d s", 10*beat))
		}
	}
}

// check deletes file and returns an error unless it is the archive want.
func check(file string, want archive) error {
	f, err := os.Open(file) //nolint:gosec // in our scratch folder
	if err != nil {
		return unusable(file, err)
	}
	defer f.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, f)
	if err != nil {
		return unusable(file, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want.sha256 {
		_ = os.Remove(file)
		return fault.Unavailablef(nil, "the Postgres that was fetched is not the one we know (%d bytes, SHA-256 %s and not %s): "+
			"it was deleted; %s", size, got, want.sha256, instead)
	}
	return nil
}

// unpack writes what is in the packed file into the new folder dir.
func unpack(file, dir string) error {
	f, err := os.Open(file) //nolint:gosec // in our scratch folder
	if err != nil {
		return err
	}
	defer f.Close()
	packed, err := xz.NewReader(f, 0)
	if err != nil {
		return err
	}
	if err := makeOpen(dir); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir) // no name or link in the archive leads out of it
	if err != nil {
		return err
	}
	defer root.Close()
	for entries := tar.NewReader(packed); ; {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = unpackEntry(root, entry, entries)
		}
		if err != nil {
			return err
		}
	}
}

func unpackEntry(root *os.Root, entry *tar.Header, body io.Reader) error {
	name := filepath.Clean(entry.Name)
	if entry.Typeflag == tar.TypeDir {
		return openFolders(root, name)
	}
	if err := openFolders(root, filepath.Dir(name)); err != nil {
		return err
	}
	switch entry.Typeflag {
	case tar.TypeReg:
		perm := fs.FileMode(0o644)
		if entry.Mode&0o100 != 0 {
			perm = 0o755
		}
		f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, perm)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, body)
		return errors.Join(err, f.Chmod(perm), f.Close())
	case tar.TypeSymlink:
		return root.Symlink(entry.Linkname, name)
	}
	return fmt.Errorf("%s is neither a file, a folder nor a link", name)
}

// openFolders makes the folder name and its parents, readable to the server's account.
func openFolders(root *os.Root, name string) error {
	if name == "." {
		return nil
	}
	err := root.Mkdir(name, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(name) != name {
		if err := openFolders(root, filepath.Dir(name)); err != nil {
			return err
		}
		err = root.Mkdir(name, 0o755)
	}
	if err != nil {
		return err
	}
	return root.Chmod(name, 0o755)
}
