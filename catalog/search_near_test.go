package catalog_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"portreeve/catalog"
)

func TestDistance(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, a, b string
		want       int
	}{
		{"equal", "flights", "flights", 0},
		{"a letter less", "flight", "flights", 1},
		{"a letter more", "fflights", "flights", 1},
		{"another letter", "flighds", "flights", 1},
		{"two swapped", "fligths", "flights", 1},
		{"letters, not bytes", "größe", "größer", 1},
		{"nothing", "", "abc", 3},
		{"all different", "abc", "xyz", 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := catalog.Distance(tt.a, tt.b); got != tt.want {
				t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[ab]{0,6}`)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		d := catalog.Distance(a, b)
		if d != catalog.Distance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) {
			t.Fatalf("distance(%q, %q) = %d", a, b, d)
		}
	})
}

func TestNear(t *testing.T) {
	t.Parallel()
	s, db := searchable(t, 200)
	plantLake(t, db)
	plant(t, db, catalog.Dataset{Name: "raw.flights_old", GoneAt: &corpusDay}, "x")
	secret := plant(t, db, catalog.Dataset{Name: "raw.fligths_pay"}, "x")
	if _, err := db.Exec(t.Context(), `UPDATE search SET vis = '{keepers}' WHERE dataset_id = $1`, secret); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, source, dataset string
		want                  []string
	}{
		{"swapped letters, whatever descriptions say", "source00", "raw.fligths", []string{"raw.flights", "clean.flights"}},
		{"a letter less", "source00", "raw.flight", []string{"raw.flights", "clean.flights"}},
		{"another case", "source00", "CLEAN.Flihgts", []string{"clean.flights", "raw.flights"}},
		{"without a folder", "source00", "planes", []string{"clean.planes", "raw.planes"}},
		{"a misspelt folder", "source00", "mart.on_time_daly", []string{"marts.on_time_daily"}},
		{"a slash for a dot", "source00", "raw/planes", []string{"raw.planes", "clean.planes"}},
		{"the beginning of a name", "source00", "marts.carrier", []string{"marts.carrier_scorecard"}},
		{"a misspelt source", "source0", "marts.on_time_daily", []string{"marts.on_time_daily"}},
		{"nothing like it", "source00", "raw.xyzzy", []string{}},
		{"nothing at all", "source00", "", []string{}},
		{"no letter", "source00", "🙂'\\%_", []string{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			near, err := s.Near(t.Context(), catalog.Key{Source: tt.source, Name: tt.dataset}, 3)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{}
			for _, d := range near {
				got = append(got, d.Name)
			}
			if tt.name == "without a folder" {
				slices.Sort(got)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNearSources(t *testing.T) {
	t.Parallel()
	s, _ := searchable(t, 1)
	for _, slug := range []string{"lake", "lake2", "kafka"} {
		if _, err := s.PutSource(t.Context(), catalog.Source{Slug: slug, Kind: "iceberg"}); err != nil {
			t.Fatal(err)
		}
	}
	for slug, want := range map[string][]string{
		"lak": {"lake", "lake2"}, "LAKE": {"lake", "lake2"}, "lkae2": {"lake2", "lake"}, "kafak": {"kafka"}, "k": {}, "": {}, "snowflake": {},
	} {
		near, err := s.NearSources(t.Context(), slug, 2)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, src := range near {
			got = append(got, src.Slug)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: %s", slug, diff)
		}
	}
}
