//go:build !linux && !noduckdb

package duckdb

const probeCommand = "probe"

// probe has nothing to try: only Linux fences workers.
func probe(string, string) {}
