package dbt

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestRelationName(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, relation, adapter, want string }{
		{"quoted names keep their case", `"Dev"."Main"."Orders"`, "postgres", "Dev.Main.Orders"},
		{"postgres lowers what is not quoted", `Dev."Main".Orders`, "postgres", "dev.Main.orders"},
		{"snowflake raises it", `dev.main."orders"`, "snowflake", "DEV.MAIN.orders"},
		{"trino lowers everything", `"Lake"."Raw"."Orders"`, "trino", "lake.raw.orders"},
		{"bigquery quotes with backticks", "`my-project`.`Data`.`orders`", "bigquery", "my-project.Data.orders"},
		{"sqlserver with brackets", `[db].[dbo].[a]]b]`, "sqlserver", "db.dbo.a]b"},
		{"spark has two parts", "raw.Orders", "spark", "raw.Orders"},
		{"a quote within is doubled", `"a"."b"."c""d"`, "duckdb", `a.b.c"d`},
		{"a dot within stays", `"a"."b.c"`, "duckdb", "a.b.c"},
		{"none of an ephemeral model", "", "duckdb", ""},
		{"a file of duckdb is no name", `'s3://bucket/x.parquet'`, "duckdb", ""},
		{"nor is a function", `read_parquet('x.parquet')`, "duckdb", ""},
		{"nor a query", "(select 1)", "duckdb", ""},
		{"a quote that does not end", `"a"."b`, "duckdb", ""},
		{"an empty part", `a..b`, "duckdb", ""},
		{"a dot at the end", `a.b.`, "duckdb", ""},
		{"something after the quote", `"a"b`, "duckdb", ""},
		{"too many parts", "a.b.c.d.e", "duckdb", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := relationName(tt.relation, tt.adapter); got != tt.want {
				t.Errorf("relationName(%q, %s) = %q, want %q", tt.relation, tt.adapter, got, tt.want)
			}
		})
	}
}

func FuzzRelationName(f *testing.F) {
	for _, seed := range []string{`"a"."b"."c"`, "a.b", "`x`", `[a]`, `"`, `"a"".b`, "☃.☃", "\x00.\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, relation string) {
		got := relationName(relation, "trino")
		if len(got) > maxShort || strings.ContainsRune(got, 0) || utf8.ValidString(relation) && !utf8.ValidString(got) {
			t.Errorf("relationName(%q) = %q", relation, got)
		}
	})
}
