package launch

import "syscall"

// bind makes the kernel kill the child when the thread that started it ends, so also when we are killed.
func bind(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
