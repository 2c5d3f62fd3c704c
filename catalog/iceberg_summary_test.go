package catalog_test

import (
	"strconv"
	"testing"

	"portreeve/catalog"
)

func TestTakeSummary(t *testing.T) {
	t.Parallel()
	type summary = map[string]string
	added := func(s *catalog.Snapshot) *int64 { return s.AddedRows }
	deleted := func(s *catalog.Snapshot) *int64 { return s.DeletedRows }
	total := func(s *catalog.Snapshot) *int64 { return s.TotalRows }
	for _, tt := range []struct {
		name    string
		summary summary
		figure  func(*catalog.Snapshot) *int64
		want    string
	}{
		{"given", summary{"added-records": "7"}, added, "7"},
		{"left out by a writer that gives totals", summary{"total-records": "9"}, added, "0"},
		{"left out by a writer that gives none", summary{}, added, "unknown"},
		{"no number", summary{"added-records": "many", "total-records": "9"}, added, "unknown"},
		{"negative", summary{"added-records": "-1", "total-records": "9"}, added, "unknown"},
		{"deleted by position", summary{"total-records": "20", "added-position-deletes": "3"}, deleted, "3"},
		{"deleted both ways", summary{"deleted-records": "2", "total-records": "20", "added-position-deletes": "3"}, deleted, "5"},
		{"deleted by value", summary{"total-records": "20", "added-equality-deletes": "1"}, deleted, "unknown"},
		{"left after deletes by position", summary{"total-records": "20", "total-position-deletes": "16"}, total, "4"},
		{"more deletes than rows", summary{"total-records": "20", "total-position-deletes": "26"}, total, "0"},
		{"left after deletes by value", summary{"total-records": "20", "total-equality-deletes": "1"}, total, "unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var s catalog.Snapshot
			s.TakeSummary(tt.summary)
			got := "unknown"
			if n := tt.figure(&s); n != nil {
				got = strconv.FormatInt(*n, 10)
			}
			if got != tt.want {
				t.Errorf("of %v: %s, want %s", tt.summary, got, tt.want)
			}
		})
	}
}
