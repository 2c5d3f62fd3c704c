//go:build noduckdb

package duckdb

import "portreeve/fault"

const linked = false

// Work tells that this binary does not hold the engine.
func Work() error { return fault.Unavailablef(nil, "this portreeve was built without DuckDB") }
