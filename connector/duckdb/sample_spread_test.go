package duckdb

import (
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"portreeve/catalog"
)

func TestSampleRowsAreSpread(t *testing.T) {
	t.Parallel()
	file := func(rows, bytes int64) catalog.PlanFile { return catalog.PlanFile{Rows: rows, Bytes: bytes} }
	tests := []struct {
		name  string
		files []catalog.PlanFile
		limit int64
		want  []pick
	}{
		{"one file: stretches of it", []catalog.PlanFile{file(1000, 0)}, 10, []pick{{0, []int64{0, 125, 250, 375, 376, 500, 625, 750, 875, 876}}}},
		{"two files: both, in stretches", []catalog.PlanFile{file(100, 0), file(100, 0)}, 4, []pick{{0, []int64{0, 50}}, {1, []int64{0, 50}}}},
		{"files too large to read far into", []catalog.PlanFile{file(100, 9*mib), file(100, 9*mib)}, 4, []pick{{0, []int64{0, 1}}, {1, []int64{0, 1}}}},
		{"what a short file lacks the others give", []catalog.PlanFile{file(1, 0), file(0, 0), file(3, 0), file(9, 9*mib)}, 9, []pick{{0, []int64{0}}, {1, []int64{0, 1, 2}}, {2, []int64{0, 1, 2, 3, 4}}}},
		{"fewer rows than wanted: all", []catalog.PlanFile{file(2, 0), file(1, 0)}, 9, []pick{{0, []int64{0, 1}}, {1, []int64{0}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, got := spreadRows(tt.files, tt.limit)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSampleOfManyFilesHasTheFirstTheLastAndSomeBetween(t *testing.T) {
	t.Parallel()
	var files []catalog.PlanFile
	for i := range 100 {
		files = append(files, catalog.PlanFile{Path: strconv.Itoa(i), Rows: 10})
	}
	for _, tt := range []struct {
		limit int64
		want  []string
	}{
		{50, []string{"0", "14", "28", "42", "56", "70", "84", "99"}},
		{100, []string{"0", "6", "13", "19", "26", "33", "39", "46", "52", "59", "66", "72", "79", "85", "92", "99"}},
	} {
		chosen, _ := spreadRows(files, tt.limit)
		var got []string
		for _, f := range chosen {
			got = append(got, f.Path)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Error(diff)
		}
	}
}

// Whatever the files, a sample has as many rows as there are, each of them once and in order.
func TestSampleRowsAreThere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var files []catalog.PlanFile
		var total int64
		for range rapid.IntRange(1, 40).Draw(t, "files") {
			f := catalog.PlanFile{Rows: rapid.Int64Range(0, 300).Draw(t, "rows"), Bytes: rapid.Int64Range(smallBytes-1, smallBytes+1).Draw(t, "bytes")}
			files, total = append(files, f), total+f.Rows
		}
		if total == 0 {
			return
		}
		limit := rapid.Int64Range(1, 500).Draw(t, "limit")
		chosen, picks := spreadRows(files, limit)
		var n int64
		for _, p := range picks {
			n += int64(len(p.Rows))
			if last := p.Rows[len(p.Rows)-1]; last >= chosen[p.File].Rows || p.Rows[0] < 0 {
				t.Fatalf("row %d of %d", last, chosen[p.File].Rows)
			}
			if !slices.IsSorted(p.Rows) || len(slices.Compact(slices.Clone(p.Rows))) != len(p.Rows) {
				t.Fatalf("rows %v", p.Rows)
			}
		}
		if n != min(limit, total) {
			t.Fatalf("%d rows of %d for %d", n, total, limit)
		}
	})
}
