package catalog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portreeve/catalog"
)

func TestOpenedByCountsPeopleOfThirtyDays(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("raw.a", "x"), table("raw.b", "x"))
	b.sync(t)
	a := b.dataset(t, "raw.a").ID
	if people, opens, err := b.OpenedBy(t.Context(), a); people != 0 || opens != 0 || err != nil {
		t.Errorf("before anyone opened it: %d people, %d opens, %v", people, opens, err)
	}
	people := make([]int64, 3)
	for i, subject := range []string{"ana", "ben", "eva"} {
		const q = `INSERT INTO person (issuer, subject, name, role) VALUES ('i', $1, $1, 'viewer') RETURNING id`
		if err := b.db.QueryRow(t.Context(), q, subject).Scan(&people[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, person := range []int64{people[0], people[0], people[1], people[2]} {
		if err := b.MarkOpened(t.Context(), person, a); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.MarkOpened(t.Context(), people[0], b.dataset(t, "raw.b").ID); err != nil {
		t.Fatal(err)
	}
	const old = `UPDATE dataset_open SET opened_at = now() - interval '31 days' WHERE person_id = $1`
	if _, err := b.db.Exec(t.Context(), old, people[2]); err != nil {
		t.Fatal(err)
	}
	if people, opens, err := b.OpenedBy(t.Context(), a); people != 2 || opens != 3 || err != nil {
		t.Errorf("%d people with %d opens, %v; want 2 with 3", people, opens, err)
	}
}

func TestResolveKnowsTheNamesOfOneSource(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("raw.a", "x"), table("raw.Twin", "x"), table(`odd"; DROP`, "x"))
	b.sync(t)
	if _, err := b.PutSource(t.Context(), catalog.Source{Slug: "other", Kind: "script"}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		source string
		names  []string
		want   map[string]catalog.Key
	}{
		{"one of two is there", "lake", []string{"raw.a", "e.g"}, map[string]catalog.Key{"raw.a": {Source: "lake", Name: "raw.a"}}},
		{"twice asked, once answered", "lake", []string{"raw.a", "raw.a"}, map[string]catalog.Key{"raw.a": {Source: "lake", Name: "raw.a"}}},
		{"another case is another name", "lake", []string{"raw.twin"}, map[string]catalog.Key{}},
		{"any name is text", "lake", []string{`odd"; DROP`}, map[string]catalog.Key{`odd"; DROP`: {Source: "lake", Name: `odd"; DROP`}}},
		{"another source", "other", []string{"raw.a"}, map[string]catalog.Key{}},
		{"nothing asked", "lake", nil, map[string]catalog.Key{}},
	}
	for _, tt := range tests {
		got, err := b.Named(t.Context(), tt.source, tt.names)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", tt.name, err, diff)
		}
	}
}

func TestChangedByIsOfOneCrawl(t *testing.T) {
	t.Parallel()
	b := newBench(t, table("raw.b", "x"), table("raw.a", "x"))
	first := b.sync(t)
	b.source.scopes["raw"] = []catalog.Observation{table("raw.b", "x", "y"), table("raw.a", "x")}
	second, third := b.sync(t), b.sync(t)
	for _, tt := range []struct {
		name  string
		crawl catalog.Crawl
		want  []catalog.Key
	}{
		{"the first finds all", first, []catalog.Key{{Source: "lake", Name: "raw.a"}, {Source: "lake", Name: "raw.b"}}},
		{"the second a new column", second, []catalog.Key{{Source: "lake", Name: "raw.b"}}},
		{"the third nothing", third, nil},
	} {
		run, err := b.Crawl(t.Context(), tt.crawl.ID)
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.ChangedBy(t.Context(), &run, 10)
		if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", tt.name, err, diff)
		}
	}
}
