//go:build unix

package postgres

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"portreeve/fault"
)

// account is the user that the server runs as: ourselves, or an unprivileged one when we are root, whom Postgres refuses.
type account struct {
	name     string
	uid, gid int
	drop     bool // we are root and become it
}

// whoRuns returns the account for the server on data, which need not exist.
func whoRuns(runAs, data string) (account, error) {
	if os.Geteuid() != 0 {
		return account{uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	if runAs != "" {
		a, err := lookup(runAs)
		if err != nil {
			return account{}, fault.Invalidf("run-as", "there is no user %s to run Postgres as", runAs)
		}
		if a.uid == 0 {
			return account{}, fault.Invalidf("run-as", "Postgres does not run as root: name another user")
		}
		return a, nil
	}
	names := []string{"postgres", "nobody"}
	if st, err := os.Lstat(data); err == nil && ownerOf(st) != 0 {
		names = append([]string{strconv.Itoa(ownerOf(st))}, names...)
	}
	for _, name := range names {
		if a, err := lookup(name); err == nil && a.uid != 0 {
			return a, nil
		}
	}
	return account{}, fault.Unavailablef(nil, "Postgres does not run as root, and this machine has neither a user postgres nor nobody")
}

// lookup returns the user of that name or number. Postgres looks its user up too: one without a name cannot run it.
func lookup(name string) (account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return account{}, err
		}
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	return account{name: u.Username, uid: uid, gid: gid, drop: true}, errors.Join(err1, err2)
}

// credential returns what a child process is to become, or nil to stay what we are.
func (a account) credential() *syscall.Credential {
	if !a.drop {
		return nil
	}
	return &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid), Groups: []uint32{}} //nolint:gosec // ids are 32 bits
}

// give makes the account own dir and what is in it.
func (a account) give(dir string) error {
	st, err := os.Lstat(dir)
	if err != nil {
		return unusable(dir, err)
	}
	if !a.drop || ownerOf(st) == a.uid {
		return nil
	}
	root, err := os.OpenRoot(dir) // whoever owns it now could put links in our way
	if err != nil {
		return unusable(dir, err)
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Lchown(path, a.uid, a.gid)
	})
	if err != nil {
		return unusable(dir, err)
	}
	return nil
}

// reaches returns an error that says what to do when the account may not pass all folders on the way to, and including, dir.
func (a account) reaches(dir string) error {
	if !a.drop {
		return nil
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return unusable(dir, err)
	}
	for at := real; ; at = filepath.Dir(at) {
		st, err := os.Stat(at)
		if err != nil {
			return unusable(at, err)
		}
		if !a.passes(st) {
			return fault.Unavailablef(nil, "%s is closed to the user %s, who runs Postgres when portreeve is started by root: "+
				"choose a folder such as /var/lib/portreeve, or chmod o+x %s", at, a.name, at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// passes reports whether the account may enter the folder st describes.
func (a account) passes(st fs.FileInfo) bool {
	bit := fs.FileMode(0o001)
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		switch {
		case int(sys.Uid) == a.uid:
			bit = 0o100
		case int(sys.Gid) == a.gid:
			bit = 0o010
		}
	}
	return st.Mode()&bit != 0
}

// ownerOf returns the user id of a file's owner.
func ownerOf(st fs.FileInfo) int {
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		return int(sys.Uid)
	}
	return os.Geteuid()
}
