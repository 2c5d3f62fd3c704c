//go:build !noduckdb

package duckdb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

const probeCommand = "probe"

// attempts are what a worker that was taken over might try. They return nil if it worked.
func attempts(lake, dir string) map[string]func() error {
	data, other := filepath.Join(lake, "data"), filepath.Join(lake, "other")
	socket := func(domain, kind int) func() error {
		return func() error { _, err := unix.Socket(domain, kind, 0); return err }
	}
	open := func(path string, flags int) func() error {
		return func() error {
			f, err := os.OpenFile(path, flags, 0o600)
			if err == nil {
				err = f.Close()
			}
			return err
		}
	}
	call := func(nr uintptr, args ...uintptr) func() error {
		return func() error {
			args = append(args, 0, 0, 0, 0, 0, 0)
			if _, _, errno := unix.Syscall6(nr, args[0], args[1], args[2], args[3], args[4], args[5]); errno != 0 {
				return errno
			}
			return nil
		}
	}
	parent := os.Getppid()
	return map[string]func() error{
		"open: read its data file": open(data, os.O_RDONLY),
		"open: make a result":      open(filepath.Join(dir, "result"), os.O_RDWR|os.O_CREATE),
		"open: remove a result": func() error {
			_ = open(filepath.Join(dir, "x"), os.O_RDWR|os.O_CREATE)()
			return os.Remove(filepath.Join(dir, "x"))
		},
		"open: list its folder":         func() error { _, err := os.ReadDir(dir); return err },
		"open: signal to itself":        func() error { return unix.Tgkill(os.Getpid(), unix.Gettid(), 0) },
		"read another file":             open(other, os.O_RDONLY),
		"read passwd":                   open("/etc/passwd", os.O_RDONLY),
		"read its environment":          open("/proc/self/environ", os.O_RDONLY),
		"read the portal's memory":      open(fmt.Sprintf("/proc/%d/mem", parent), os.O_RDONLY),
		"write its data file":           open(data, os.O_WRONLY),
		"truncate its data file":        func() error { return os.Truncate(data, 0) },
		"make a file in the lake":       open(filepath.Join(lake, "new"), os.O_WRONLY|os.O_CREATE),
		"list the lake":                 func() error { _, err := os.ReadDir(lake); return err },
		"remove its data file":          func() error { return os.Remove(data) },
		"rename a result out":           func() error { return os.Rename(filepath.Join(dir, "result"), filepath.Join(lake, "moved")) },
		"plant a symlink":               func() error { return os.Symlink("/etc/passwd", filepath.Join(dir, "link")) },
		"plant a hard link":             func() error { return os.Link(data, filepath.Join(dir, "hard")) },
		"plant a fifo":                  func() error { return unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600) },
		"make a folder":                 func() error { return os.Mkdir(filepath.Join(dir, "sub"), 0o700) },
		"change a mode":                 func() error { return os.Chmod(filepath.Join(dir, "result"), 0o4755) },
		"change an owner":               func() error { return os.Chown(filepath.Join(dir, "result"), 1, 1) },
		"TCP":                           socket(unix.AF_INET, unix.SOCK_STREAM),
		"UDP":                           socket(unix.AF_INET6, unix.SOCK_DGRAM),
		"a Unix socket":                 socket(unix.AF_UNIX, unix.SOCK_STREAM),
		"netlink":                       socket(unix.AF_NETLINK, unix.SOCK_RAW),
		"vsock":                         socket(unix.AF_VSOCK, unix.SOCK_STREAM),
		"the kernel's ciphers":          socket(unix.AF_ALG, unix.SOCK_SEQPACKET),
		"a pair of sockets":             func() error { _, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err },
		"run a program":                 func() error { return exec.Command("/bin/true").Run() },
		"become a program":              func() error { return syscall.Exec("/bin/true", []string{"true"}, nil) },
		"fork":                          call(unix.SYS_CLONE, uintptr(unix.SIGCHLD)),
		"kill the portal":               func() error { return unix.Kill(parent, 0) },
		"signal a thread of the portal": func() error { return unix.Tgkill(parent, parent, 0) },
		"signal it by the old call":     call(unix.SYS_TKILL, uintptr(parent)),
		"hold the portal":               func() error { _, err := unix.PidfdOpen(parent, 0); return err },
		"trace the portal":              func() error { return unix.PtraceAttach(parent) },
		"limit the portal": func() error {
			return unix.Prlimit(parent, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 10, Max: 10}, nil)
		},
		"mount":            func() error { return unix.Mount("none", dir, "tmpfs", 0, "") },
		"a user namespace": func() error { return unix.Unshare(unix.CLONE_NEWUSER) },
		"another root":     func() error { return unix.Chroot(dir) },
		"a BPF program":    call(unix.SYS_BPF),
		"io_uring":         func() error { var p [120]byte; return call(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&p)))() },
		"a key": func() error {
			_, err := unix.AddKey("user", "x", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
			return err
		},
		"more address space":              func() error { return unix.Setrlimit(unix.RLIMIT_AS, &unix.Rlimit{Cur: 64 * gib, Max: 64 * gib}) },
		"x32: a call by its other number": call(0x40000000 + unix.SYS_GETPID),
	}
}

// probe fences itself as a worker does, tries everything and prints what worked.
func probe(lake, dir string) {
	err := confine(limits{AddressSpace: 4 * gib, CPU: 60, FileSize: gib})
	if err == nil {
		err = fence([]string{filepath.Join(lake, "data")}, dir)
	}
	worked := map[string]bool{}
	if err != nil {
		worked["fence: "+err.Error()] = true
	} else {
		for name, try := range attempts(lake, dir) {
			if try() == nil {
				worked[name] = true
			}
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(worked)
}

// TestFenceHoldsWithoutTheEngine tries the kernel's part alone, as root where the tests are: neither the engine's lock nor
// the guard nor file modes help it.
func TestFenceHoldsWithoutTheEngine(t *testing.T) {
	t.Parallel()
	lake, dir := t.TempDir(), t.TempDir()
	for _, n := range []string{"data", "other"} {
		if err := os.WriteFile(filepath.Join(lake, n), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/proc/self/exe", probeCommand, lake, dir)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	var worked map[string]bool
	if err != nil || json.Unmarshal(out, &worked) != nil {
		t.Fatalf("%v: %s%s", err, out, said.String())
	}
	for name := range attempts(lake, dir) {
		if harmless := len(name) > 5 && name[:5] == "open:"; worked[name] != harmless {
			t.Errorf("%s: worked is %v", name, worked[name])
		}
		delete(worked, name)
	}
	if len(worked) > 0 {
		t.Error(worked)
	}
}
