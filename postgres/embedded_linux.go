package postgres

import (
	"fmt"
	"os"
	"syscall"
)

// bind makes the kernel interrupt the child when the thread that started it ends, so also when we are killed.
func bind(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }

// worksIn reports whether process pid has dir as its working folder, as a server has its data.
func worksIn(pid int, dir string) bool {
	at, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return false
	}
	st, err := os.Stat(dir)
	return err == nil && os.SameFile(at, st)
}
