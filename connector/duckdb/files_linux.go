package duckdb

import (
	"io/fs"
	"os"
	"syscall"
)

// mayEnter reports whether the worker's user can pass through a folder. The engine asks access(2), so no capability helps.
func mayEnter(dir fs.FileInfo, uid uint32) bool { return permits(dir, uid, 1) }

func mayRead(file fs.FileInfo, uid uint32) bool { return permits(file, uid, 4) }

// permits reports whether the file's mode gives the worker's user, who is in no group but its own, the right bit. Where the
// portal is not root, the worker is the portal's own user and the kernel decides.
func permits(info fs.FileInfo, uid uint32, bit fs.FileMode) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Getuid() != 0 {
		return true
	}
	switch uid {
	case stat.Uid:
		bit <<= 6
	case stat.Gid:
		bit <<= 3
	}
	return info.Mode().Perm()&bit != 0
}
