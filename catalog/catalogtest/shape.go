package catalogtest

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portreeve/catalog"
)

// shapeOnly leaves out what systems differ in.
var shapeOnly = cmpopts.IgnoreFields(catalog.Column{}, "Position", "Nullable", "Comment", "NativeID")

func columnTypes(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	var table Table
	var want []catalog.Column
	for _, kind := range []Type{Long, Text, Double, Bool, Date, Instant, Decimal} {
		spelled, ok := s.Types[kind]
		if !ok {
			continue
		}
		table.Columns = append(table.Columns, Column{Name: "z_" + string(kind), Type: kind})
		want = append(want, catalog.Column{Path: "z_" + string(kind), Type: spelled})
	}
	s.System.Create(t, scope, "typed", table)
	if diff := cmp.Diff(want, s.one(t, scope).Columns, shapeOnly); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}

func nestedFields(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	table := Table{Columns: []Column{{Name: "id", Type: Long}}}
	want := []catalog.Column{{Path: "id", Type: s.Types[Long]}}
	if spelled, ok := s.Types[List]; ok {
		table.Columns = append(table.Columns, Column{Name: "tags", Type: List})
		want = append(want, catalog.Column{Path: "tags", Type: spelled}, catalog.Column{Path: "tags.element", Type: s.Types[Text]})
	}
	inner := []Column{{Name: "lat", Type: Double}, {Name: "odd.name", Type: Text}}
	fields := func(path string) []catalog.Column {
		return []catalog.Column{{Path: path + ".lat", Type: s.Types[Double]}, {Path: path + `."odd.name"`, Type: s.Types[Text]}}
	}
	if _, ok := s.Types[Struct]; ok {
		deep := Column{Name: "deep", Type: Struct, Fields: inner}
		place := Column{Name: "place", Type: Struct, Fields: append(inner[:2:2], deep)}
		table.Columns = append(table.Columns, place)
		want = append(append(want, catalog.Column{Path: "place", Type: s.spell(place)}), fields("place")...)
		want = append(append(want, catalog.Column{Path: "place.deep", Type: s.spell(deep)}), fields("place.deep")...)
	}
	if _, ok := s.Types[StructList]; ok {
		items := Column{Name: "items", Type: StructList, Fields: inner}
		table.Columns = append(table.Columns, items)
		want = append(want, catalog.Column{Path: "items", Type: s.spell(items)},
			catalog.Column{Path: "items.element", Type: s.spell(Column{Name: "element", Type: Struct, Fields: inner})})
		want = append(want, fields("items.element")...)
	}
	s.System.Create(t, scope, "nested", table)
	if diff := cmp.Diff(want, s.one(t, scope).Columns, shapeOnly); diff != "" {
		t.Errorf("columns (-want +got):\n%s", diff)
	}
}

func oddColumns(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	var table Table
	var want []string
	for _, name := range s.OddNames {
		table.Columns = append(table.Columns, Column{Name: name, Type: Long})
		want = append(want, catalog.JoinPath(name))
	}
	s.System.Create(t, scope, "odd", table)
	o := s.one(t, scope)
	if diff := cmp.Diff(want, paths(o)); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	for _, c := range o.Columns {
		if c.Depth() != 0 {
			t.Errorf("the column %s seems to lie in another", c.Path)
		}
	}
}

func wideTable(t *testing.T, s *suite) {
	t.Helper()
	width := 3000
	if s.MaxWidth > 0 {
		width = min(width, s.MaxWidth)
	}
	scope := s.scope(t)
	var table Table
	for i := range width {
		table.Columns = append(table.Columns, Column{Name: fmt.Sprintf("column_%04d", i), Type: Long})
	}
	s.System.Create(t, scope, "wide", table)
	got := paths(s.one(t, scope))
	if len(got) != width {
		t.Fatalf("%d columns, want %d", len(got), width)
	}
	for i, path := range got {
		if want := table.Columns[i].Name; path != want {
			t.Fatalf("column %d is %s, want %s", i, path, want)
		}
	}
}

func comments(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	short := `Says "what" it is: <b>bold</b>, ☃ and a
second line.`
	long := strings.Repeat("1234567890123456789012345678901☃", 1<<20/32) // over 1 MiB
	if s.MaxText > 0 {
		long = strings.ToValidUTF8(long[:min(len(long), s.MaxText)], "")
	}
	s.System.Create(t, scope, "short", Table{Comment: short, Columns: []Column{{Name: "id", Type: Long, Comment: short}}})
	s.System.Create(t, scope, "long", Table{Comment: long, Columns: []Column{{Name: "id", Type: Long, Comment: long}}})
	seen, failed := s.crawl(t, scope)
	if len(failed) > 0 {
		t.Fatal(failed)
	}
	if o := seen[s.Name(scope, "short")]; o.Description != short || o.Columns[0].Comment != short {
		t.Errorf("the comments are %q and %q, want %q", o.Description, o.Columns[0].Comment, short)
	}
	o := seen[s.Name(scope, "long")]
	for _, got := range []string{o.Description, o.Columns[0].Comment} {
		if len(got) > 64<<10 || !utf8.ValidString(got) || !strings.HasPrefix(got, long[:min(1000, len(long))]) {
			t.Errorf("a comment of over 1 MiB came back as %d bytes that begin with %.40q; want its beginning, at most 64 KiB", len(got), got)
		}
	}
}

func required(t *testing.T, s *suite) {
	t.Helper()
	scope := s.scope(t)
	s.System.Create(t, scope, "strict", Table{Columns: []Column{
		{Name: "must", Type: Long, Required: true}, {Name: "may", Type: Long},
	}})
	o := s.one(t, scope)
	if o.Columns[0].Nullable || !o.Columns[1].Nullable {
		t.Errorf("nullable: %v and %v, want false and true", o.Columns[0].Nullable, o.Columns[1].Nullable)
	}
}
