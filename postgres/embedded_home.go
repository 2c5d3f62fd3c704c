//go:build unix

package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"portreeve/fault"
)

// home is the folder of an embedded server, locked.
type home struct {
	dir  string
	as   account
	lock *os.File
}

func (h *home) data() string    { return filepath.Join(h.dir, "pgdata") }
func (h *home) logFile() string { return filepath.Join(h.dir, "postgres.log") }

// close gives the folder free, unless a server that still ends holds it too.
func (h *home) close() { _ = h.lock.Close() }

// openHome makes and locks the folder dir, and decides who owns what is in it.
func openHome(ctx context.Context, dir string, o EmbeddedOptions) (*home, error) {
	h := &home{dir: dir}
	var err error
	if h.as, err = whoRuns(o.RunAs, h.data()); err != nil {
		return nil, err
	}
	if err := h.as.reaches(existing(dir)); err != nil {
		return nil, err
	}
	if err := makeHome(dir); err != nil {
		return nil, unusable(dir, err)
	}
	if h.lock, err = lockHome(ctx, dir); err != nil {
		return nil, err
	}
	if err := h.clear(o.Fresh); err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// existing returns dir or its nearest parent that is a folder.
func existing(dir string) string {
	for {
		if st, err := os.Stat(dir); err == nil && st.IsDir() || dir == filepath.Dir(dir) {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// clear removes what is not to be there: what a killed initdb left, and for a fresh start the data.
func (h *home) clear(fresh bool) error {
	half := []string{h.unfinished()}
	if fresh {
		half = append(half, h.data())
	}
	for _, dir := range half {
		if err := os.RemoveAll(dir); err != nil {
			return unusable(dir, err)
		}
	}
	return nil
}

// unfinished is where initdb works until its result is whole.
func (h *home) unfinished() string { return h.data() + ".new" }

// makeHome makes dir and its missing parents. When we are root they are passable to the user that the server runs as.
func makeHome(dir string) error {
	perm := fs.FileMode(0o700)
	if os.Geteuid() == 0 {
		perm = 0o711
	}
	st, err := os.Stat(dir)
	if err == nil && !st.IsDir() {
		return &fs.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR}
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeHome(filepath.Dir(dir)); err != nil {
			return err
		}
		if err := os.Mkdir(dir, perm); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return os.Chmod(dir, perm) // whatever the umask
	}
	return err
}

// unusable returns what a person is told when the file system refuses.
func unusable(path string, err error) error {
	reason := err
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		path, reason = pe.Path, pe.Err
	}
	return fault.Unavailablef(err, "cannot use %s: %s; free it or choose another folder", path, reason)
}

// lockHome locks dir for this process and for the server that it starts, which inherits the lock: so the folder is free
// only when both are gone, and a killed process's server, on its way down, is waited for.
func lockHome(ctx context.Context, dir string) (*os.File, error) {
	const step, patience, longest = 20 * time.Millisecond, 3 * time.Second, 30 * time.Second
	f, err := os.OpenFile(filepath.Join(dir, "postgres.lock"), os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // in our home
	if err != nil {
		return nil, unusable(dir, err)
	}
	for waited := time.Duration(0); ; waited += step {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, signLock(f)
		}
		holder := readPID(f.Name())
		switch {
		case !errors.Is(err, syscall.EWOULDBLOCK):
			err = unusable(f.Name(), err)
		case alive(holder) && waited >= patience, waited >= longest:
			err = fault.Conflictf("another portreeve runs on this folder (pid %d): %s", holder, dir)
		case ctx.Err() != nil:
			err = ctx.Err()
		default:
			if !alive(holder) && waited == time.Second { // its server was not told to end: not on Linux
				interrupt(readPID(filepath.Join(dir, "pgdata", "postmaster.pid")))
			}
			time.Sleep(step)
			continue
		}
		_ = f.Close()
		return nil, err
	}
}

// signLock writes our process id into the lock, for the message that others show.
func signLock(f *os.File) error {
	err := f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		_ = f.Close()
		return unusable(f.Name(), err)
	}
	return nil
}

// readPID returns the process id in the first line of file, or 0.
func readPID(file string) int {
	b, _ := os.ReadFile(file) //nolint:gosec // in our home
	line, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

func alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

func interrupt(pid int) {
	if pid > 0 {
		_ = syscall.Kill(pid, syscall.SIGINT)
	}
}

// dataMajor returns the major version of the Postgres that made the data, or 0 when there is none.
func (h *home) dataMajor() (int, error) {
	b, err := os.ReadFile(filepath.Join(h.data(), "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(h.data()); err == nil {
			return 0, fault.Conflictf("%s is not a Postgres data folder: move it away or start with --fresh", h.data())
		}
		return 0, nil
	}
	if err != nil {
		return 0, unusable(h.data(), err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0, fault.Conflictf("%s is damaged: move it away or start with --fresh", filepath.Join(h.data(), "PG_VERSION"))
	}
	return major, nil
}

// clearStalePID removes the pid file of a server that is gone. We hold the lock, so no server of ours lives; but the number
// may meanwhile belong to another process (in a container that is likely), and Postgres would then refuse to start.
func (h *home) clearStalePID() error {
	file := filepath.Join(h.data(), "postmaster.pid")
	pid := readPID(file)
	if alive(pid) && worksIn(pid, h.data()) {
		return fault.Conflictf("a Postgres that portreeve did not start (pid %d) runs on %s", pid, h.data())
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return unusable(file, err)
	}
	return nil
}

// maxSocketPath is the longest path of a unix socket, in bytes, on the systems we run on (Linux has 107).
const maxSocketPath = 103

// socketFolder makes the folder of the socket: in the home, or, where that path is too long for a socket, in the folder for
// temporary files.
func (h *home) socketFolder() (string, error) {
	dir := filepath.Join(h.dir, "pgrun")
	if len(dir)+len("/.s.PGSQL.5432") > maxSocketPath {
		sum := fnv.New64a()
		sum.Write([]byte(h.dir))
		dir = filepath.Join(os.TempDir(), fmt.Sprintf("portreeve-%d-%x", h.as.uid, sum.Sum64()))
	}
	if err := os.Mkdir(dir, 0o700); err == nil {
		return dir, h.as.give(dir)
	} else if !errors.Is(err, fs.ErrExist) {
		return "", unusable(dir, err)
	}
	st, err := os.Lstat(dir)
	if err != nil {
		return "", unusable(dir, err)
	}
	// In a folder that everybody writes to, another user may have put something there to listen in our place.
	if uid := ownerOf(st); !st.IsDir() || st.Mode().Perm() != 0o700 || (uid != h.as.uid && uid != os.Geteuid()) {
		return "", fault.Conflictf("%s is not ours: remove it", dir)
	}
	return dir, h.as.give(dir)
}
