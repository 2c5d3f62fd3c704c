//go:build !linux

package duckdb

import (
	"os"
	"syscall"
)

func self() (string, error) { return os.Executable() }

func attributes(uint32) *syscall.SysProcAttr { return nil }

func threadLimit() uint64 { return 0 }

func giveTo(string, uint32) error { return nil }
