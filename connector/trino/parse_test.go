package trino

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
)

func TestColumns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, typ string
		want      []string // path and type of what follows the column c
		spelled   string   // "" if as it was
	}{
		{"a scalar has no fields", "timestamp(6) with time zone", nil, ""},
		{"blanks in a scalar are no matter", "decimal(9, 2)", nil, "decimal(9,2)"},
		{"capitals of SHOW CREATE TABLE", `ROW(a bigint)`, []string{"c.a bigint"}, "row(a bigint)"},
		{"quoted names", `row("a b" bigint, "d""e" varchar, "f,g(" date)`, []string{"c.a b bigint", `c."d""e" varchar`, "c.f,g( date"}, ""},
		{
			"bare names with blanks", "row(a b bigint, at timestamp(3) with time zone)",
			[]string{"c.a b bigint", "c.at timestamp(3) with time zone"},
			`row("a b" bigint, at timestamp(3) with time zone)`,
		},
		{"a bare name with a quote in it", `row(d"e varchar, x date)`, []string{`c."d""e" varchar`, "c.x date"}, `row("d""e" varchar, x date)`},
		{"names that are types", "row(date date, row row(map bigint))", []string{"c.date date", "c.row row(map bigint)", "c.row.map bigint"}, ""},
		{
			"fields without names", "row(bigint, varchar(3), interval day to second)",
			[]string{"c.field0 bigint", "c.field1 varchar(3)", "c.field2 interval day to second"},
			"row(field0 bigint, field1 varchar(3), field2 interval day to second)",
		},
		{"a type that nobody knows", "row(a mytype(3), b other thing)", []string{"c.a mytype(3)", "c.b other thing"}, ""},
		{"lists and maps", "map(varchar, array(row(x bigint)))", []string{
			"c.key varchar", "c.value array(row(x bigint))", "c.value.element row(x bigint)", "c.value.element.x bigint",
		}, ""},
		{"a dot in a name", `row("a.b" bigint)`, []string{`c."a.b" bigint`}, ""},
		{"brackets that do not match", "row(a bigint", nil, ""},
		{"too many brackets", "row(a bigint))", nil, ""},
		{"nothing in the brackets", "row()", []string{"c.field0 "}, "row(field0 )"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := columns([]column{{name: "c", typ: tt.typ}})
			var fields []string
			for _, c := range got[1:] {
				fields = append(fields, c.Path+" "+c.Type)
			}
			if diff := cmp.Diff(tt.want, fields); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if want := max(tt.spelled, ""); want == "" && got[0].Type != tt.typ || want != "" && got[0].Type != want {
				t.Errorf("spelled %q", got[0].Type)
			}
		})
	}
}

func TestDeepType(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("array(", 10_000) + "bigint" + strings.Repeat(")", 10_000)
	if got := columns([]column{{name: "c", typ: deep}}); len(got) != maxDepth+1 {
		t.Errorf("%d columns, want %d", len(got), maxDepth+1)
	}
	wide := "row(" + strings.Repeat("a bigint, ", 100_000) + "z bigint)"
	if got := columns([]column{{name: "c", typ: wide}}); len(got) != maxColumns+1 { // one more than can be kept, so that it is told
		t.Errorf("%d columns, want %d", len(got), maxColumns+1)
	}
}

func TestParseTable(t *testing.T) {
	t.Parallel()
	const text = `CREATE TABLE lake."odd ""schema".t (
   id bigint NOT NULL COMMENT 'it''s, (here)
second line',
   "a ""b" ROW(lat double, "odd.na""me" varchar, d ROW(x array(ROW(y bigint)))),
   ts timestamp(6) with time zone DEFAULT 'NOT NULL' COMMENT U&'\2603 \\ \+01F600 \D83D\DE00 \zz',
   n decimal(9, 2) NOT NULL COMMENT 'c' WITH (x = 'y'),
   m map(varchar, bigint)
)
COMMENT 'table, ''quoted'''
WITH (
   extra_properties = MAP(ARRAY['a','b'], ARRAY['1','2)']),
   format = 'PARQUET',
   format_version = 2,
   ids = ARRAY[1,2],
   location = 'file:///x/it''s',
   partitioning = ARRAY['bucket(id, 4)','day("a ""b")'],
   sorted_by = ARRAY[]
)`
	got, err := parseTable(text)
	if err != nil {
		t.Fatal(err)
	}
	want := definition{
		columns: []column{
			{"id", "bigint", true, "it's, (here)\nsecond line"},
			{`a "b`, `ROW(lat double, "odd.na""me" varchar, d ROW(x array(ROW(y bigint))))`, false, ""},
			{"ts", "timestamp(6) with time zone", false, `☃ \ 😀 😀 \zz`},
			{"n", "decimal(9, 2)", true, "c"},
			{"m", "map(varchar, bigint)", false, ""},
		},
		comment: "table, 'quoted'",
		properties: map[string]string{
			"extra_properties": "MAP(ARRAY['a','b'], ARRAY['1','2)'])", "format": "PARQUET", "format_version": "2", "location": "file:///x/it's",
			"ids": "ARRAY[1,2]",
		},
		lists: map[string][]string{"partitioning": {"bucket(id, 4)", `day("a ""b")`}, "sorted_by": nil},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(definition{}, column{})); diff != "" {
		t.Errorf("definition (-want +got):\n%s", diff)
	}
	for i := range len(text) - 1 { // whatever is cut off is either noticed or was not needed
		if d, err := parseTable(text[:i]); err == nil && len(d.columns) != len(want.columns) {
			t.Fatalf("a text cut at %d is taken for whole", i)
		}
	}
}

func FuzzParseType(f *testing.F) {
	for _, seed := range []string{
		"bigint", `row(lat double, "odd.na""me" varchar, d row(x array(row(y bigint))))`, "map(varchar, array(decimal(9, 2)))",
		`row(d"e varchar)`, `row("a`, "row(date( date( date(", "array(,)", "row(interval interval day to second)", "row((((", `row("" bigint)`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := columns([]column{{name: "c", typ: text}})
		if len(got) == 0 || len(got) > maxColumns+1 {
			t.Fatalf("%d columns", len(got))
		}
		for _, c := range got {
			if len(c.Type) > maxName || !utf8.ValidString(c.Type) || catalog.SplitPath(c.Path)[0] != "c" {
				t.Fatalf("column %+v", c)
			}
		}
		// What was once spelled by us stays as it is, if it was cut nowhere.
		typ := parseType(text)
		if again := parseType(typ.spell()); typ.kind != "" && utf8.ValidString(text) && again.kind == "" && wellFormed(typ) {
			t.Fatalf("%q is spelled %q, which cannot be read", text, typ.spell())
		}
	})
}

// wellFormed reports whether all scalars within a type look like some.
func wellFormed(t dataType) bool {
	if t.kind == "" {
		return looksLikeType(t.text) && !strings.ContainsAny(t.text, `"`) && strings.Count(t.text, "(") <= 1
	}
	for _, f := range t.fields {
		if !wellFormed(f.of) {
			return false
		}
	}
	return true
}

func FuzzParseTable(f *testing.F) {
	for _, seed := range []string{
		"CREATE TABLE a.b.c (\n   id bigint NOT NULL COMMENT 'x'\n)\nCOMMENT 'y'\nWITH (\n   format = 'ORC',\n   partitioning = ARRAY['a','b']\n)",
		`CREATE TABLE "a"."b""".c (x ROW("a b" varchar))`, "CREATE TABLE a (b c", "CREATE TABLE a (b 'c' COMMENT U&'\\+1", "CREATE TABLE a (b c WITH (",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parseTable(text)
		if err == nil && len(d.columns) == 0 {
			t.Fatal("a table without columns")
		}
		for _, c := range d.columns {
			if err == nil && (c.name == "" && !strings.Contains(text, `""`) || c.typ == "") {
				t.Fatalf("column %+v", c)
			}
		}
	})
}
