//go:build !noduckdb

package duckdb

import (
	"fmt"
	"os"
	"testing"
)

// TestMain makes this test binary a worker when an engine under test starts it as one, and a probe of the fence.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 {
		os.Exit(m.Run())
	}
	switch os.Args[1] {
	case Command:
		if err := Work(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case exitCommand, orphanCommand, muteCommand, deafCommand:
		misbehave(os.Args[1])
	case probeCommand:
		probe(os.Args[2], os.Args[3])
	default:
		os.Exit(m.Run())
	}
}
