//go:build unix && !linux

package launch

import "syscall"

// bind does nothing: here the reaper alone ends what a killed process left.
func bind(*syscall.SysProcAttr) {}
