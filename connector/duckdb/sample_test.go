//go:build !noduckdb

package duckdb_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portreeve/catalog"
	"portreeve/connector/duckdb"
)

func TestSampleWritesValuesExactly(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	tests := []struct {
		name, sql, ice, want string
		numeric              bool
	}{
		{"largest long", "9223372036854775807::BIGINT", "long", "9223372036854775807", true},
		{"decimal beyond a float", "12345678901234567890.12::DECIMAL(38,2)", "decimal(38, 2)", "12345678901234567890.12", true},
		{"float as short as it is exact", "0.1::DOUBLE", "double", "0.1", true},
		{"not a number", "'nan'::DOUBLE", "double", "nan", true},
		{"infinity", "'-inf'::FLOAT", "float", "-inf", true},
		{"null", "NULL::INTEGER", "int", "∅", true},
		{"int read as long after a promotion", "7::INTEGER", "long", "7", true},
		{"boolean", "true", "boolean", "true", false},
		{"markup stays text", "'<script>alert(1)</script>'", "string", "<script>alert(1)</script>", false},
		{"empty text is not null", "''", "string", "", false},
		{"emoji and quotes", `'🦆 "it''s"'`, "string", `🦆 "it's"`, false},
		{"binary in hexadecimal", `'\xDE\xAD\x00'::BLOB`, "binary", "DEAD00", false},
		{"date", "DATE '2013-02-28'", "date", "2013-02-28", false},
		{"microseconds", "TIMESTAMP '2013-01-01 05:00:00.000001'", "timestamp", "2013-01-01 05:00:00.000001", false},
		{"time with zone is shown in UTC", "TIMESTAMPTZ '2013-01-01 05:00:00+02'", "timestamptz", "2013-01-01 03:00:00+00", false},
		{"nanoseconds", "'2013-01-01 05:00:00.000000001'::TIMESTAMP_NS", "timestamp_ns", "2013-01-01 05:00:00.000000001", false},
		{"time of day", "TIME '05:06:07'", "time", "05:06:07", false},
		{"uuid", "'6f0a5c52-5a5c-4f0b-8a47-3f1f7c1a2b3c'::UUID", "uuid", "6f0a5c52-5a5c-4f0b-8a47-3f1f7c1a2b3c", false},
		{"struct as JSON", "{'a': 1, 'b': 'x'}", "struct<3: a: optional int, 4: b: optional string (its, doc))>", `{"a":1,"b":"x"}`, false},
		{"list of structs as JSON", "[{'k': 1}, NULL]", "list<struct<5: k: required int>>", `[{"k":1},null]`, false},
		{"map as JSON", "MAP {'k': 1.5::DOUBLE}", "map<string, double>", `{"k":1.5}`, false},
		{"a type nobody knows is text", "{'a': 1}", "variant", "{'a': 1}", false},
	}
	e := newEngine(t, duckdb.Options{Parallel: 2})
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := strings.Repeat("x", i+1) + ".parquet"
			write(t, dir, "COPY (SELECT "+tt.sql+" AS c) TO '"+file+"' (FORMAT parquet)")
			s, err := e.Sample(t.Context(), plan(columns("0 c "+tt.ice), files(dir, 1, file)...), 5)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.want}, grid(s.Rows)); diff != "" {
				t.Error(diff)
			}
			if s.Columns[0].Numeric != tt.numeric {
				t.Errorf("numeric is %v for %s", s.Columns[0].Numeric, s.Columns[0].Type)
			}
			if s.Cut || s.SnapshotID != "7" || s.Key.Name != "raw.t" {
				t.Errorf("cut %v, snapshot %q, key %v", s.Cut, s.SnapshotID, s.Key)
			}
		})
	}
}

// The three files are one table that lived: a column was renamed and widened, one added, one dropped, one moved, and the
// same within a struct, a list and a map.
func TestSampleFollowsFieldIDs(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	write(t, dir,
		`COPY (SELECT 1::INT AS a, 'gone' AS b, {'p': 1, 'q': 'z'} AS s, [{'k': 1}] AS l, MAP {'m': {'v': 1}} AS m) TO '1.parquet'
			(FORMAT parquet, FIELD_IDS {a: 1, b: 2, s: {__duckdb_field_id: 3, p: 4, q: 5}, l: {__duckdb_field_id: 6, element: {__duckdb_field_id: 7, k: 8}},
			m: {__duckdb_field_id: 12, key: 13, value: {__duckdb_field_id: 14, v: 15}}})`,
		`COPY (SELECT 'new' AS c, [{'k2': 5, 'm': 6}] AS l, {'q2': 'w', 'r': 3.5::DOUBLE} AS s, 2::BIGINT AS a2, MAP {'m': {'v2': 2}} AS m) TO '2.parquet'
			(FORMAT parquet, FIELD_IDS {a2: 1, c: 9, s: {__duckdb_field_id: 3, q2: 5, r: 10}, l: {__duckdb_field_id: 6, element: {__duckdb_field_id: 7, k2: 8, m: 11}},
			m: {__duckdb_field_id: 12, key: 13, value: {__duckdb_field_id: 14, v2: 15}}})`,
		`COPY (SELECT NULL::STRUCT(q2 VARCHAR, r DOUBLE) AS s, 3::BIGINT AS a2, 'by name' AS c) TO '3.parquet' (FORMAT parquet)`,
	)
	p := plan(columns("1 a2 long", "9 c string", "3 s struct<5: q2: optional string, 10: r: optional double>",
		"6 l list<struct<8: k2: optional int, 11: m: optional int>>", "12 m map<string, struct<15: v2: optional int>>"),
		files(dir, 1, "1.parquet", "2.parquet", "3.parquet")...)
	s, err := newEngine(t, duckdb.Options{}).Sample(t.Context(), p, 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`1|∅|{"q2":"z","r":null}|[{"k2":1,"m":null}]|{"m":{"v2":1}}`,
		`2|new|{"q2":"w","r":3.5}|[{"k2":5,"m":6}]|{"m":{"v2":2}}`,
		`3|by name|∅|∅|∅`,
	}
	if diff := cmp.Diff(want, grid(s.Rows)); diff != "" {
		t.Error(diff)
	}
}

func TestDeletedRowsAreNotSeen(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	write(t, dir,
		"COPY (SELECT i FROM range(5) t(i)) TO 'a b%.parquet' (FORMAT parquet)",
		"COPY (SELECT i + 100 AS i FROM range(3) t(i)) TO 'whole.parquet' (FORMAT parquet)",
		"COPY (SELECT 'file://"+dir+"/a b%.parquet' AS file_path, pos::BIGINT AS pos FROM (VALUES (0), (3)) v(pos)) TO 'd1.parquet' (FORMAT parquet)",
		"COPY (SELECT '"+dir+"/a b%.parquet' AS file_path, 4::BIGINT AS pos) TO 'd2.parquet' (FORMAT parquet)",
		"COPY (SELECT 'file:"+dir+"/other.parquet' AS file_path, 1::BIGINT AS pos) TO 'd3.parquet' (FORMAT parquet)",
	)
	fs := files(dir, 5, "a b%.parquet", "whole.parquet")
	fs[0].Deletes = []string{dir + "/d1.parquet", dir + "/d2.parquet", dir + "/d3.parquet"}
	fs[1].Rows = 3
	e := newEngine(t, duckdb.Options{})
	s, err := e.Sample(t.Context(), plan(columns("1 i long"), fs...), 10)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, row := range grid(s.Rows) {
		got[row] = true
	}
	want := map[string]bool{"1": true, "2": true, "100": true, "101": true, "102": true}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n, err := e.Count(t.Context(), plan(nil, fs...)); err != nil || n != 5 {
		t.Errorf("count %d, %v", n, err)
	}
	pr, err := e.Profile(t.Context(), plan(columns("1 i long"), fs...), 1000)
	if err != nil || pr.RowsRead != 5 || pr.Sampled() {
		t.Errorf("profile of %d of %d rows, %v", pr.RowsRead, pr.RowsTotal, err)
	}
}

func TestSampleComesFromManyFiles(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprintf("%d.parquet", i))
		name := []string{"i", "renamed"}[i%2] // two shapes
		write(t, dir, fmt.Sprintf("COPY (SELECT i AS %s FROM range(%d, %d) t(i)) TO '%s' (FORMAT parquet, ROW_GROUP_SIZE 2048, FIELD_IDS {%[1]s: 1})",
			name, i*10_000, i*10_000+5000, names[i]))
	}
	p := plan(columns("1 i long"), files(dir, 5000, names...)...)
	e := newEngine(t, duckdb.Options{})
	var first []string
	for range 2 {
		s, err := e.Sample(t.Context(), p, 16)
		if err != nil {
			t.Fatal(err)
		}
		got := grid(s.Rows)
		want := []string{"0", "1", "10000", "10001", "20000", "20001", "30000", "30001", "50000", "50001", "60000", "60001", "70000", "70001", "90000", "90001"}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if first == nil {
			first = grid(s.Rows)
		}
		if diff := cmp.Diff(first, grid(s.Rows)); diff != "" {
			t.Error("another sample of the same snapshot:", diff)
		}
	}
}

func TestSampleComesFromAllOfOneFile(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	write(t, dir, "COPY (SELECT i FROM range(80000) t(i)) TO '1.parquet' (FORMAT parquet, ROW_GROUP_SIZE 4096)")
	s, err := newEngine(t, duckdb.Options{}).Sample(t.Context(), plan(columns("0 i long"), files(dir, 80_000, "1.parquet")...), 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"0", "10000", "20000", "30000", "30001", "40000", "50000", "60000", "70000", "70001"}
	if diff := cmp.Diff(want, grid(s.Rows)); diff != "" {
		t.Error(diff)
	}
}

func TestSampleIsFullThoughItsRowsAreDeleted(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	write(t, dir,
		"COPY (SELECT i FROM range(8000) t(i)) TO '1.parquet' (FORMAT parquet)",
		"COPY (SELECT '"+dir+"/1.parquet' AS file_path, pos::BIGINT AS pos FROM range(8000) t(pos) WHERE pos % 1000 < 500) TO 'd.parquet' (FORMAT parquet)")
	fs := files(dir, 8000, "1.parquet")
	fs[0].Deletes = []string{dir + "/d.parquet"}
	s, err := newEngine(t, duckdb.Options{}).Sample(t.Context(), plan(columns("0 i long"), fs...), 3)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"500", "501", "502"}, grid(s.Rows)); diff != "" {
		t.Error(diff)
	}
}

func TestSampleOfColumnsNamedLikeTheEnginesOwnIsTheFirstRows(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	write(t, dir, "COPY (SELECT 100 - i AS file_row_number FROM range(100) t(i)) TO '1.parquet' (FORMAT parquet)")
	s, err := newEngine(t, duckdb.Options{}).Sample(t.Context(), plan(columns("0 file_row_number long"), files(dir, 100, "1.parquet")...), 3)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"100", "99", "98"}, grid(s.Rows)); diff != "" {
		t.Error(diff)
	}
}

func TestAnyColumnNameIsOnlyAName(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	names := []string{`a"b`, "a.b", "<script>", "🦆", "id", "ID", "filename", "file_row_number", "select", "'; DROP TABLE t; --", "c1", "x/y\\z"}
	var cols []catalog.PlanColumn
	var selects, want []string
	for i, n := range names {
		cols = append(cols, catalog.PlanColumn{FieldID: i + 1, Name: n, Type: "string"})
		value := fmt.Sprint("v", i)
		selects, want = append(selects, "'"+value+`' AS "`+strings.ReplaceAll(n, `"`, `""`)+`"`), append(want, value)
	}
	write(t, dir, "COPY (SELECT 0 AS zero, "+strings.Join(selects, ", ")+") TO 'n.parquet' (FORMAT parquet, FIELD_IDS 'auto')")
	e := newEngine(t, duckdb.Options{})
	s, err := e.Sample(t.Context(), plan(cols, files(dir, 1, "n.parquet")...), 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{strings.Join(want, "|")}, grid(s.Rows)); diff != "" {
		t.Error(diff)
	}
	for i, c := range s.Columns {
		if c.Name != cols[i].Name {
			t.Errorf("column %d is called %q", i, c.Name)
		}
	}
	if _, err := e.Profile(t.Context(), plan(cols, files(dir, 1, "n.parquet")...), 10); err != nil {
		t.Error("profile:", err)
	}
}

func TestSampleIsBounded(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	var wide, long []string
	var wideColumns []catalog.PlanColumn
	for i := range 3000 {
		name := "c" + strings.Repeat("x", i%3) + string(rune('a'+i%26)) + "_" + strings.Repeat("i", i/26)
		wideColumns = append(wideColumns, catalog.PlanColumn{Name: name, Type: "string"})
		wide = append(wide, "repeat('ü', 3000) AS "+name)
	}
	long = append(long, "repeat('ü', 100000) AS a", "repeat('\\xAA'::BLOB::VARCHAR, 3000)::BLOB AS b", "list_transform(range(10000), lambda x: 7) AS c")
	write(t, dir,
		"COPY (SELECT "+strings.Join(wide, ", ")+" FROM range(3)) TO 'wide.parquet' (FORMAT parquet)",
		"COPY (SELECT "+strings.Join(long, ", ")+" FROM range(100)) TO 'long.parquet' (FORMAT parquet)")
	e := newEngine(t, duckdb.Options{SampleTimeout: time.Minute})
	t.Run("long values are cut between characters", func(t *testing.T) {
		s, err := e.Sample(t.Context(), plan(columns("0 a string", "0 b binary", "0 c list<long>"), files(dir, 100, "long.parquet")...), 100)
		if err != nil {
			t.Fatal(err)
		}
		if !s.Cut || len(s.Rows) != 100 {
			t.Errorf("cut %v, %d rows", s.Cut, len(s.Rows))
		}
		if got := *s.Rows[0][0]; got != strings.Repeat("ü", catalog.SampleValue/2) {
			t.Errorf("text of %d bytes", len(got))
		}
		if got := len(*s.Rows[0][1]); got != catalog.SampleValue {
			t.Errorf("binary of %d digits", got)
		}
		if got := len(*s.Rows[0][2]); got != catalog.SampleValue {
			t.Errorf("list of %d bytes", got)
		}
	})
	t.Run("a row that is too wide for a reply is cut, not lost", func(t *testing.T) {
		s, err := e.Sample(t.Context(), plan(wideColumns, files(dir, 3, "wide.parquet")...), 3)
		if err != nil {
			t.Fatal(err)
		}
		if !s.Cut || len(s.Rows) == 0 || len(s.Rows[0]) != 3000 || *s.Rows[0][2999] == "" {
			t.Errorf("cut %v, %d rows", s.Cut, len(s.Rows))
		}
	})
}

func TestEmptyTableHasNoRows(t *testing.T) {
	t.Parallel()
	e := newEngine(t, duckdb.Options{})
	p := plan(columns("1 a long", "2 b struct<3: x: optional date>"))
	s, err := e.Sample(t.Context(), p, 10)
	if err != nil || len(s.Rows) != 0 || len(s.Columns) != 2 || s.Columns[0].Type != "BIGINT" {
		t.Errorf("sample %+v, %v", s, err)
	}
	if n, err := e.Count(t.Context(), p); err != nil || n != 0 {
		t.Errorf("count %d, %v", n, err)
	}
	pr, err := e.Profile(t.Context(), p, 10)
	if err != nil || pr.RowsTotal != 0 || len(pr.Columns) != 2 || pr.Columns[0].Min != nil {
		t.Errorf("profile %+v, %v", pr, err)
	}
}
