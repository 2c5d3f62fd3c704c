//go:build !noduckdb

package duckdb

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"unsafe"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// confine takes from the process what it never needs. It runs before the engine starts its threads.
func confine(l limits) error {
	set := map[int]uint64{
		unix.RLIMIT_AS: l.AddressSpace, unix.RLIMIT_CPU: l.CPU, unix.RLIMIT_FSIZE: l.FileSize, unix.RLIMIT_NOFILE: 1024, unix.RLIMIT_CORE: 0,
	}
	if l.Threads > 0 {
		set[unix.RLIMIT_NPROC] = l.Threads
	}
	for what, n := range set {
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: n, Max: n}); err != nil {
			return fmt.Errorf("limit %d: %w", what, err)
		}
	}
	return install(filter(uint32(os.Getpid()))) //nolint:gosec // a process id is positive
}

// install puts a seccomp program on all threads of the process, beside those it has.
func install(f []unix.SockFilter) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]} //nolint:gosec // some hundred
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&prog))) //nolint:gosec // the call takes an address
	if errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}

// denied are calls that reach sockets, programs, other processes and other ways out. Landlock leaves UDP and Unix sockets
// alone before ABI 10, and a network namespace takes root. Calls that one architecture only has are in deniedHere.
var denied = []uint32{
	unix.SYS_SOCKET, unix.SYS_SOCKETPAIR, unix.SYS_IO_URING_SETUP, unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_KILL,
	unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV,
	unix.SYS_PROCESS_MADVISE, unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_GETFD, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_KCMP, unix.SYS_UNSHARE,
	unix.SYS_SETNS, unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_FSOPEN, unix.SYS_OPEN_TREE, unix.SYS_MOVE_MOUNT, unix.SYS_CHROOT,
	unix.SYS_PIVOT_ROOT, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_BPF, unix.SYS_PERF_EVENT_OPEN, unix.SYS_USERFAULTFD, unix.SYS_ADD_KEY,
	unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL, unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT,
	unix.SYS_MKNODAT, unix.SYS_SYMLINKAT, unix.SYS_LINKAT,
}

type op = unix.SockFilter

const callNumber, callArch, callArg0 = 0, 4, 16 // offsets in seccomp_data; both architectures are little-endian

func load(k uint32) op { return op{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: k} }

// test compares what was loaded with k and jumps over that many instructions.
func test(how uint16, k uint32, yes, no uint8) op {
	return op{Code: unix.BPF_JMP | how | unix.BPF_K, Jt: yes, Jf: no, K: k}
}

func ret(k uint32) op { return op{Code: unix.BPF_RET | unix.BPF_K, K: k} }

var allow, deny = ret(unix.SECCOMP_RET_ALLOW), ret(unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM))

// filter is the seccomp program of the worker with this process id.
func filter(pid uint32) []op {
	f := []op{
		load(callArch), test(unix.BPF_JEQ, auditArch, 1, 0), ret(unix.SECCOMP_RET_KILL_PROCESS), load(callNumber),
		test(unix.BPF_JGE, 0x40000000, 0, 1), deny, // x32: the same calls under other numbers
		test(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), ret(unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)), // libc then uses clone, whose flags can be read
		test(unix.BPF_JEQ, unix.SYS_CLONE, 0, 4), load(callArg0), test(unix.BPF_JSET, unix.CLONE_THREAD, 0, 1), allow, deny,
		test(unix.BPF_JEQ, unix.SYS_TGKILL, 0, 4), load(callArg0), test(unix.BPF_JEQ, pid, 0, 1), allow, deny, // signals to itself only
		test(unix.BPF_JEQ, unix.SYS_PRLIMIT64, 0, 4), load(callArg0), test(unix.BPF_JEQ, 0, 0, 1), allow, deny,
	}
	for _, call := range slices.Concat(denied, deniedHere) {
		f = append(f, test(unix.BPF_JEQ, call, 0, 1), deny)
	}
	return append(f, allow)
}

// noSignals denies the call by which Landlock is put on each thread, which also sends signals to others.
var noSignals = []op{load(callNumber), test(unix.BPF_JEQ, unix.SYS_TKILL, 0, 1), deny, allow}

// oldestLandlock is the first version that guards against truncating files.
const oldestLandlock = 3

// fence leaves the process no file to open but these, for reading, and those it makes in dir.
func fence(files []string, dir string) error {
	v, err := ll.LandlockGetABIVersion()
	if err != nil {
		return fmt.Errorf("the kernel's Landlock: %w", err)
	}
	if v < oldestLandlock {
		return fmt.Errorf("the kernel's Landlock has version %d, the oldest that will do is %d", v, oldestLandlock)
	}
	// No MAKE_SYM, MAKE_FIFO or REFER: the portal opens what it finds in dir.
	const write = ll.AccessFSReadFile | ll.AccessFSWriteFile | ll.AccessFSReadDir | ll.AccessFSRemoveFile | ll.AccessFSMakeReg | ll.AccessFSTruncate
	rules := []landlock.Rule{landlock.PathAccess(write, dir)}
	if len(files) > 0 {
		rules = append(rules, landlock.PathAccess(ll.AccessFSReadFile, files...))
	}
	if err := landlock.V7.BestEffort().Restrict(rules...); err != nil {
		return err
	}
	return install(noSignals)
}
