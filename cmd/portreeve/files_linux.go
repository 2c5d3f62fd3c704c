package main

import "golang.org/x/sys/unix"

// closeOnExec keeps files that a shell or supervisor left open in this process from its children: the workers that read
// rows must hold nothing but their own.
func closeOnExec() {
	_ = unix.CloseRange(3, ^uint(0)>>1, unix.CLOSE_RANGE_CLOEXEC) // an older kernel: they stay open, as everywhere else
}
