package duckdb

import (
	"os"
	"syscall"
)

// workerThreads bounds the threads of all workers together where they have a user of their own.
const workerThreads = 512

// self names this binary even after its file was replaced or moved.
func self() (string, error) { return "/proc/self/exe", nil }

// attributes puts a worker in its own group and, where the portal is root, gives it a user without rights, an empty
// network and its own IPC.
func attributes(uid uint32) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() == 0 {
		a.Credential = &syscall.Credential{Uid: uid, Gid: uid}
		a.Cloneflags = syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC
	}
	return a
}

// threadLimit is how many threads workers may have together: as another user than the portal they share them with nobody.
func threadLimit() uint64 {
	if os.Getuid() == 0 {
		return workerThreads
	}
	return 0
}

// giveTo makes dir the worker's.
func giveTo(dir string, uid uint32) error {
	if os.Getuid() != 0 {
		return nil
	}
	return os.Chown(dir, int(uid), int(uid))
}
