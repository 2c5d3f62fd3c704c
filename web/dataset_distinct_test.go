package web

import (
	"testing"

	"portreeve/catalog"
)

func TestDistinctSaysWhereItIsAnEstimate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		profile *catalog.ColumnProfile
		want    string
	}{
		{"estimated", &catalog.ColumnProfile{Distinct: new(int64(12))}, "~12"},
		{"counted", &catalog.ColumnProfile{Distinct: new(int64(12)), DistinctExact: true}, "12"},
		{"not known", &catalog.ColumnProfile{}, "–"},
		{"no profile", nil, "–"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := (columnRow{Profile: tt.profile}).distinct(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
