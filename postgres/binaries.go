//go:build unix

package postgres

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"portreeve/fault"
)

// oldestMajor is the oldest Postgres that the schema works with.
const oldestMajor = 15

// binaries is a folder with initdb and postgres.
type binaries struct {
	dir     string
	version string // such as 15.18
	major   int
}

// binaries returns those to run data of that major version with, or the newest for major 0: o.BinDir and nothing else, or
// local ones, or those that were fetched, or those that it fetches now.
func (h *home) binaries(ctx context.Context, o EmbeddedOptions, major int) (binaries, error) {
	if o.BinDir != "" {
		return h.given(ctx, o.BinDir, major)
	}
	var other []string
	for _, dir := range localFolders() {
		b, err := h.probe(ctx, dir)
		switch {
		case err != nil || b.major < oldestMajor:
		case major == 0 || b.major == major:
			return b, nil
		default:
			other = append(other, b.version)
		}
	}
	if major == 0 || major == fetchedMajor {
		return h.fetched(ctx, o, pinned())
	}
	return binaries{}, wrongMajor(h.data(), major, append(other, fetchedVersion))
}

// given returns the binaries of the folder that the operator named.
func (h *home) given(ctx context.Context, dir string, major int) (binaries, error) {
	const setting = "PORTREEVE_POSTGRES_BIN"
	if !hasPrograms(dir) {
		return binaries{}, fault.Invalidf(setting, "%s: %s does not hold the programs initdb and postgres", setting, dir)
	}
	b, err := h.probe(ctx, dir)
	switch {
	case err != nil:
		return binaries{}, fault.Invalidf(setting, "%s: %v", setting, err)
	case b.major < oldestMajor:
		return binaries{}, fault.Invalidf(setting, "%s: %s holds Postgres %s, which is older than %d", setting, dir, b.version, oldestMajor)
	case major != 0 && major != b.major:
		return binaries{}, wrongMajor(h.data(), major, []string{b.version})
	}
	return b, nil
}

func wrongMajor(data string, major int, have []string) error {
	return fault.Conflictf("the data in %s was made by Postgres %d, and here is Postgres %s: install Postgres %d, or start anew with --fresh",
		data, major, strings.Join(have, " and "), major)
}

// localFolders returns the folders in which systems install Postgres, newest first, and then that of the path.
func localFolders() []string {
	var dirs []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",          // Debian, Ubuntu, Gentoo
		"/usr/pgsql-*/bin",                   // Red Hat, from the Postgres project
		"/usr/libexec/postgresql*",           // Alpine
		"/opt/homebrew/opt/postgresql@*/bin", // Homebrew
		"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
		"/Library/PostgreSQL/*/bin",          // EDB
		"/Applications/Postgres.app/Contents/Versions/*/bin",
		"/usr/local/pgsql/bin", // from source
	} {
		found, _ := filepath.Glob(pattern)
		dirs = append(dirs, found...)
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return cmp.Compare(numberIn(b), numberIn(a)) })
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			dirs = append(dirs, filepath.Dir(p))
		}
	}
	return slices.DeleteFunc(dirs, func(dir string) bool { return !hasPrograms(dir) })
}

var number = regexp.MustCompile(`\d+`)

// numberIn returns the first number in a path, or 0.
func numberIn(path string) int {
	n, _ := strconv.Atoi(number.FindString(path))
	return n
}

func hasPrograms(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		if st, err := os.Stat(filepath.Join(dir, name)); err != nil || st.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

var versionLine = regexp.MustCompile(`^postgres \(PostgreSQL\) ((\d+)\S*)`)

// probe asks the postgres in dir for its version, as the account that is to run it.
func (h *home) probe(ctx context.Context, dir string) (binaries, error) {
	if err := h.as.reaches(dir); err != nil {
		return binaries{}, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	b := binaries{dir: dir}
	out, err := h.command(ctx, b, "postgres", "--version").Output()
	if err != nil {
		return binaries{}, fmt.Errorf("%s does not run: %w", filepath.Join(dir, "postgres"), err)
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return binaries{}, fmt.Errorf("%s does not say its version: %q", filepath.Join(dir, "postgres"), out)
	}
	b.version = string(m[1])
	b.major, err = strconv.Atoi(string(m[2]))
	return b, err
}
