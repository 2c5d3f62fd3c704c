package catalog

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// cols makes columns from "path type [!] [#id] [-- comment]": ! is required.
func cols(lines ...string) []Column {
	out := make([]Column, len(lines))
	for i, line := range lines {
		head, comment, _ := strings.Cut(line, " -- ")
		f := strings.Fields(head)
		c := Column{Position: i, Path: f[0], Type: f[1], Nullable: true, Comment: comment}
		for _, flag := range f[2:] {
			if flag == "!" {
				c.Nullable = false
			} else {
				c.NativeID = strings.TrimPrefix(flag, "#")
			}
		}
		out[i] = c
	}
	return out
}

func TestDiffColumns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		old, now []Column
		want     []Change
	}{
		{"nothing changed", cols("a int", "b text"), cols("a int", "b text"), nil},
		{"added and removed", cols("a int", "b text"), cols("a int", "c date"), []Change{
			{Kind: ColumnRemoved, Field: "b", Old: "text"}, {Kind: ColumnAdded, Field: "c", New: "date"},
		}},
		{"a native id proves a rename", cols("a int #1"), cols("b int #1"), []Change{{Kind: ColumnRenamed, Field: "b", Old: "a", New: "b"}}},
		{"without one it is another column", cols("a int"), cols("b int"), []Change{
			{Kind: ColumnRemoved, Field: "a", Old: "int"}, {Kind: ColumnAdded, Field: "b", New: "int"},
		}},
		{"the same name with another id was dropped and made anew", cols("a int #1"), cols("a int #2"), []Change{
			{Kind: ColumnRemoved, Field: "a", Old: "int"}, {Kind: ColumnAdded, Field: "a", New: "int"},
		}},
		{"two columns that swap names are two renames", cols("a int #1", "b int #2"), cols("b int #1", "a int #2"), []Change{
			{Kind: ColumnRenamed, Field: "b", Old: "a", New: "b"}, {Kind: ColumnRenamed, Field: "a", Old: "b", New: "a"},
		}},
		{"retyped, required and described", cols("a int"), cols("a long ! -- the key"), []Change{
			{Kind: ColumnRetyped, Field: "a", Old: "int", New: "long"},
			{Kind: ColumnNullable, Field: "a", Old: "nullable", New: "required"},
			{Kind: ColumnComment, Field: "a", New: "the key"},
		}},
		{"a field of a renamed struct has not changed", cols("s struct #1", "s.x int #2"), cols("t struct #1", "t.x int #2"), []Change{
			{Kind: ColumnRenamed, Field: "t", Old: "s", New: "t"},
		}},
		{"one column moved to the front", cols("a int", "b int", "c int"), cols("c int", "a int", "b int"), []Change{{Kind: ColumnMoved, Field: "c"}}},
		{"an insertion in front moves nothing", cols("a int", "b int"), cols("n int", "a int", "b int"), []Change{{Kind: ColumnAdded, Field: "n", New: "int"}}},
		{"case is part of a name", cols("a int"), cols("A int"), []Change{
			{Kind: ColumnRemoved, Field: "a", Old: "int"}, {Kind: ColumnAdded, Field: "A", New: "int"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, diffColumns(tt.old, tt.now)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDiffColumnsOfItselfIsEmpty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 30).Draw(t, "n")
		var columns []Column
		for i := range n {
			columns = append(columns, Column{
				Position: i, Path: JoinPath(rapid.String().Draw(t, "name"), FormatID(int64(i))), Type: "t",
				NativeID: rapid.SampledFrom([]string{"", FormatID(int64(i))}).Draw(t, "id"),
			})
		}
		if got := diffColumns(columns, columns); len(got) != 0 {
			t.Fatalf("a dataset differs from itself: %v", got)
		}
	})
}

func TestPathsSurviveAnyName(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.StringMatching(`[a".é ]{0,5}`), 1, 5).Draw(t, "names")
		if got := SplitPath(JoinPath(names...)); !cmp.Equal(got, names) {
			t.Fatalf("SplitPath(%q) = %q, want %q", JoinPath(names...), got, names)
		}
	})
}

func TestTidy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		limit    int
		want     string
	}{
		{"trims", "  a ", 10, "a"},
		{"NUL, which Postgres refuses", "a\x00b", 10, "a\uFFFDb"},
		{"invalid UTF-8", "a\xffb", 10, "a\uFFFDb"},
		{"cut at the border of a character", "ééééé", 7, "éé…"},
		{"as long as allowed", "abc", 3, "abc"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tidy(tt.in, tt.limit); got != tt.want {
				t.Errorf("tidy(%q, %d) = %q, want %q", tt.in, tt.limit, got, tt.want)
			}
		})
	}
}
