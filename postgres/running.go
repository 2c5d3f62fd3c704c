//go:build unix

package postgres

import (
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"syscall"
)

// RunningURL returns the address of database db of the embedded server that another process runs on home, or "" when none
// runs there. The caller must be the user that the server runs as, or root.
func RunningURL(home, db string) string {
	dir, err := filepath.Abs(home)
	if err != nil || !locked(filepath.Join(dir, "postgres.lock")) {
		return ""
	}
	sum := fnv.New64a()
	sum.Write([]byte(dir))
	short, _ := filepath.Glob(filepath.Join(os.TempDir(), fmt.Sprintf("portreeve-*-%x", sum.Sum64())))
	for _, socket := range append([]string{filepath.Join(dir, "pgrun")}, short...) {
		if _, err := os.Stat(filepath.Join(socket, fmt.Sprintf(".s.PGSQL.%d", socketPort))); err == nil {
			return (&Embedded{socket: socket}).URL(db)
		}
	}
	return ""
}

// HasData reports whether an embedded server has been started on home before.
func HasData(home string) bool {
	_, err := os.Stat(filepath.Join(home, "pgdata", "PG_VERSION"))
	return err == nil
}

// locked reports whether a process holds the lock file.
func locked(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}
