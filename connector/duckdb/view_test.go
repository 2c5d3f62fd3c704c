package duckdb

import (
	"testing"

	"portreeve/catalog"
	"portreeve/fault"
)

// A column that the data calls as the engine calls its own would make deletes hit the wrong rows: better none than wrong.
func TestColumnsNamedLikeTheEnginesOwn(t *testing.T) {
	t.Parallel()
	deleted := []catalog.PlanFile{{Path: "/a.parquet", Deletes: []string{"/d.parquet"}}}
	whole := []catalog.PlanFile{{Path: "/a.parquet"}}
	tests := []struct {
		name   string
		column string
		files  []catalog.PlanFile
		take   int64
		want   fault.Kind
	}{
		{"with deletes", "filename", deleted, 0, fault.Unavailable},
		{"in any case", "File_Row_Number", deleted, 0, fault.Unavailable},
		{"when sampled", "filename", whole, 10, fault.Unavailable},
		{"read whole", "filename", whole, 0, fault.Internal},
		{"another name", "file", deleted, 10, fault.Internal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := newView(catalog.Plan{Key: catalog.Key{Source: "lake", Name: "raw.t"}, Files: tt.files, Columns: []catalog.PlanColumn{{Name: tt.column, Type: "string"}}})
			v.Take = tt.take
			err := v.shadowed()
			if got := fault.KindOf(err); got != tt.want || (err == nil) != (tt.want == fault.Internal) {
				t.Errorf("shadowed() = %v, want kind %v", err, tt.want)
			}
		})
	}
}
