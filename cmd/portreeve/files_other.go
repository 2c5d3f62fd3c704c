//go:build !linux

package main

// closeOnExec does nothing here.
func closeOnExec() {}
