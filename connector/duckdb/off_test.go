//go:build noduckdb

package duckdb

import (
	"testing"

	"portreeve/catalog"
	"portreeve/fault"
)

func TestWithoutTheEngineEveryJobSaysSo(t *testing.T) {
	t.Parallel()
	e := New(Options{})
	_, profile := e.Profile(t.Context(), catalog.Plan{}, 1)
	_, sample := e.Sample(t.Context(), catalog.Plan{}, 1)
	_, count := e.Count(t.Context(), catalog.Plan{})
	_, export := e.Export(t.Context(), nil, "SELECT 1", "x")
	_, run := e.Run(t.Context(), nil, "SELECT 1", 1)
	for _, err := range []error{profile, sample, count, export, run, Work()} {
		if fault.KindOf(err) != fault.Unavailable || fault.Message(err) != "this portreeve was built without DuckDB" {
			t.Error(err)
		}
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}
