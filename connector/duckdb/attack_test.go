//go:build !noduckdb

package duckdb_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"portreeve/catalog"
	"portreeve/connector/duckdb"
	"portreeve/fault"
)

// target is a lake under attack: a person may see the rows of the EU, without the ssn. Whatever else there is holds the word
// CANARY.
type target struct {
	e     *duckdb.Engine
	views []duckdb.View
	dir   string
	names *strings.Replacer // of the placeholders in statements
}

func newTarget(t *testing.T) target {
	t.Helper()
	dir := folder(t)
	write(t, dir,
		`COPY (SELECT * FROM (VALUES (1, 'EU', 'CANARY-1', 'Ann', {'ok': 1, 'hid': 'CANARY-S'}), (2, 'EU', 'CANARY-2', 'Bob', {'ok': 2, 'hid': 'CANARY-S'}),
			(3, 'US', 'CANARY-3', 'CANARY-ROW', {'ok': 3, 'hid': 'CANARY-S'})) v(id, region, ssn, name, s)) TO 'base.parquet' (FORMAT parquet)`,
		`COPY (SELECT 'CANARY-FILE' AS c) TO 'other.parquet' (FORMAT parquet)`)
	for _, n := range []string{"canary.csv", "canary.txt", "canary.json"} {
		if err := os.WriteFile(filepath.Join(dir, n), []byte("CANARY-FILE\n\"CANARY\"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	decoy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := decoy.Accept(); err == nil {
			t.Errorf("a connection from %v", c.RemoteAddr())
		}
	}()
	t.Cleanup(func() {
		_ = decoy.Close()
		<-done
	})
	view := duckdb.View{
		Plan: plan(columns("0 id int", "0 region string", "0 ssn string", "0 name string", "0 s struct<1: ok: optional int, 2: hid: optional string>"),
			files(dir, 3, "base.parquet")...),
		Masks:  map[string]string{"ssn": "'***'", "s": "{'ok': s.ok}"},
		Filter: "region = 'EU' OR id < 0", // not a filter that the engine pushes into the scan: then nothing would be evaluated before it
	}
	return target{
		e: newEngine(t, duckdb.Options{}), views: []duckdb.View{view}, dir: dir,
		names: strings.NewReplacer("BASE", dir+"/base.parquet", "OTHER", dir+"/other.parquet", "DIR", dir, "HOST", decoy.Addr().String()),
	}
}

// run runs a statement and reports whatever of the canaries comes back.
func (g target) run(t *testing.T, sql string) error {
	t.Helper()
	rows, err := g.e.Run(t.Context(), g.views, g.names.Replace(sql), 100)
	seen := fmt.Sprint(grid(rows.Rows), rows.Columns, err)
	if strings.Contains(seen, "CANARY") {
		t.Errorf("%s\nlets out: %.500s", sql, seen)
	}
	if strings.Contains(fault.Message(err), "/base.parquet") && !strings.Contains(sql, "BASE") {
		t.Errorf("%s\ntells a path: %.500s", sql, fault.Message(err))
	}
	return err
}

// attacks are refused before they run.
var attacks = map[string][]string{
	"other files": {
		"FROM read_csv('DIR/canary.csv')", "FROM read_text('DIR/canary.txt')", "FROM read_blob('DIR/canary.txt')", "FROM read_json('DIR/canary.json')",
		"FROM read_parquet('OTHER')", "FROM 'OTHER'", "FROM 'DIR/canary.csv'", `FROM "DIR/canary.csv"`, "FROM '/etc/passwd'", "FROM read_text('/proc/self/environ')",
		"FROM read_text('/proc/self/maps')", "FROM read_blob('/proc/self/fd/3')", "FROM read_csv('DIR/../../../../etc/passwd')", "FROM sniff_csv('DIR/canary.csv')",
		"FROM glob('DIR/*')", "FROM read_csv_auto('DIR/*.csv')", "SELECT * FROM system.main.read_text('DIR/canary.txt')", `FROM "READ_TEXT"('DIR/canary.txt')`,
		"FROM read_ndjson_objects('DIR/canary.json')", "FROM read_duckdb('DIR/x.db', table_name = 't')",
	},
	"the own data files": {
		"FROM read_parquet('BASE')", "FROM 'BASE'", `FROM "BASE"`, "FROM parquet_scan('BASE')", "FROM read_blob('BASE')", "FROM parquet_metadata('BASE')",
		"FROM parquet_schema('BASE')", "FROM parquet_file_metadata('BASE')", "FROM parquet_kv_metadata('BASE')", "SUMMARIZE 'BASE'", "DESCRIBE 'BASE'",
		"FROM parquet_bloom_probe('BASE', 'ssn', 'CANARY-1')", "FROM parquet_full_metadata('BASE')", "SELECT * FROM (SUMMARIZE FROM 'BASE')",
	},
	"a file under the name of a WITH": {
		`WITH "BASE" AS (FROM "BASE") FROM "BASE"`, `WITH RECURSIVE "BASE" AS (FROM "BASE") FROM "BASE"`,
		`WITH RECURSIVE "BASE" AS (FROM "BASE" UNION ALL SELECT 1, '', '', '', NULL FROM "BASE" WHERE false) FROM "BASE"`,
		`WITH "BASE" AS MATERIALIZED (SELECT * FROM "BASE") SELECT * FROM "BASE"`, `WITH "BASE" AS (SELECT 1) SUMMARIZE "BASE"`,
		`WITH a AS (WITH b AS (FROM a) FROM b) FROM a`, `WITH duckdb_views AS (FROM duckdb_views) FROM duckdb_views`,
		`WITH RECURSIVE x AS (FROM x UNION ALL FROM x) FROM x`, `SELECT * FROM (WITH x AS (SELECT 1) FROM x), x`,
	},
	"the network": {
		"FROM read_csv('http://HOST/x.csv')", "FROM 'http://HOST/x.parquet'", "FROM read_parquet('s3://HOST/x')", "ATTACH 'postgres://HOST/x' AS p",
		"INSTALL httpfs", "LOAD httpfs", "INSTALL x FROM 'http://HOST'", "FROM read_text('https://HOST/')", "ATTACH 'http://HOST/x.db'",
	},
	"writing": {
		"COPY (SELECT 1) TO 'DIR/out.csv'", "COPY raw.t TO '/dev/stdout'", "EXPORT DATABASE 'DIR/export'", "IMPORT DATABASE 'DIR'", "ATTACH 'DIR/x.db'",
		"COPY (SELECT 1) TO 'BASE' (FORMAT parquet)", "SELECT 1) TO 'DIR/out.csv' --", "SELECT 1 /*", "SELECT 'x", "CREATE TABLE x AS SELECT 1", "INSERT INTO raw.t SELECT 1",
		"UPDATE raw.t SET id = 1", "DELETE FROM raw.t", "DROP VIEW raw.t", "TRUNCATE raw.t", "CHECKPOINT", "VACUUM",
	},
	"settings": {
		"SET enable_external_access = true", "RESET enable_external_access", "SET lock_configuration = false", "SET allowed_paths = ['/etc/passwd']",
		"PRAGMA enable_profiling", "PRAGMA database_list", "SET threads = 64", "CREATE SECRET s (TYPE s3)", "SET VARIABLE x = 1", "SELECT getvariable('x')",
		"SELECT current_setting('temp_directory')", "FROM duckdb_settings()", "CALL enable_logging(storage = 'file', storage_path = 'DIR/log')", "USE memory",
	},
	"other statements": {
		"SELECT 1; SELECT 2", "SELECT 1;; DROP VIEW raw.t", "", ";", "-- nothing", "BEGIN", "PREPARE p AS SELECT 1", "EXECUTE p", "CALL pragma_version()",
		"CREATE MACRO m() AS 1", "CREATE TEMP VIEW v AS SELECT 1", "CREATE OR REPLACE VIEW raw.t AS SELECT 1", "ATTACH ':memory:' AS m", "DETACH lake",
		"EXPLAIN SELECT * FROM raw.t", "EXPLAIN ANALYZE SELECT * FROM raw.t", "PIVOT raw.t ON region USING count(*)", "LOAD json", "KILL 1", "garbage",
	},
	"a table in a string": {
		"FROM query('SELECT 1')", "FROM query_table('raw.t')", "FROM query_table(['raw.t'])", "FROM json_execute_serialized_sql('{}')",
		"SELECT json_serialize_sql('SELECT 1')", "SELECT json_serialize_plan('FROM raw.t')", "FROM histogram(raw.t, id)", "FROM histogram_values(raw.t, id)",
		"SELECT json_deserialize_sql('{}')", "FROM seq_scan('raw.t')", "FROM summary((FROM raw.t))",
	},
	"the catalog": {
		"FROM information_schema.tables", "FROM information_schema.columns", "FROM pg_catalog.pg_views", "FROM pg_views", "FROM sqlite_master", "FROM duckdb_views",
		"FROM duckdb_views()", "FROM duckdb_tables()", "FROM duckdb_databases()", "FROM duckdb_columns()", "FROM duckdb_functions()", "FROM duckdb_secrets()",
		"FROM duckdb_temporary_files()", "FROM duckdb_external_file_cache()", "FROM pragma_storage_info('raw.t')", "FROM pragma_table_info('raw.t')", "SHOW TABLES",
		"SHOW ALL TABLES", "SHOW DATABASES", "FROM lake.information_schema.tables", "FROM system.information_schema.tables", "FROM which_secret('x', 's3')",
		"FROM sql_auto_complete('SELECT')", "SELECT pg_get_viewdef(1)", "SELECT version()", "SELECT current_database()", "SELECT current_schema()",
	},
	"values through side doors": {
		"SELECT stats(ssn) FROM raw.t", "SELECT stats(name) FROM raw.t", "SELECT error(ssn) FROM raw.t", "SELECT write_log(ssn) FROM raw.t", "SELECT sleep_ms(1)",
		"SELECT nextval('s')", "SELECT setseed(0.1)", "SELECT getenv('PATH')", "FROM raw.t AT (VERSION => 1)", "SELECT cast_to_type(1, 'x')", "FROM raw.other",
		"FROM other.raw.t", "FROM t", "SELECT __internal_compress_string_ubigint('a')",
	},
	"a file function hidden in a statement": {
		"WITH x AS (FROM read_text('DIR/canary.txt')) FROM x", "SELECT (SELECT content FROM read_text('DIR/canary.txt'))", "SELECT * FROM raw.t, LATERAL (FROM read_text('DIR/canary.txt'))",
		"SELECT 1 ORDER BY (SELECT content FROM read_text('DIR/canary.txt'))", "SELECT 1 LIMIT (SELECT length(content) FROM read_text('DIR/canary.txt'))",
		"SELECT list_transform([1], lambda x: (SELECT content FROM read_text('DIR/canary.txt')))", "SELECT count(*) FILTER (EXISTS (FROM 'DIR/canary.csv')) FROM raw.t",
		"SELECT id FROM raw.t QUALIFY row_number() OVER () = (SELECT 1 FROM 'DIR/canary.csv')", "SELECT * REPLACE ((SELECT content FROM read_text('DIR/canary.txt')) AS id) FROM raw.t",
		"FROM (PIVOT (FROM 'DIR/canary.csv') ON id IN (1) USING count(*))", "VALUES ((SELECT content FROM read_text('DIR/canary.txt')))",
		"SELECT 1 UNION ALL FROM 'DIR/canary.csv'", "SELECT * FROM raw.t SEMI JOIN 'DIR/canary.csv' USING (id)", "DESCRIBE FROM 'DIR/canary.csv'",
		"SELECT x.content FROM raw.t JOIN read_text('DIR/canary.txt') x ON true", "SELECT sum(id) OVER (ORDER BY id ROWS (SELECT length(content) FROM read_text('DIR/canary.txt')) PRECEDING) FROM raw.t",
		"TABLE 'DIR/canary.csv'", "SELECT * FROM range((SELECT length(content) FROM read_text('DIR/canary.txt')))", "SELECT 'DIR/canary.txt'.read_text()",
	},
}

func TestAttacksAreRefused(t *testing.T) {
	t.Parallel()
	g := newTarget(t)
	for group, statements := range attacks {
		t.Run(group, func(t *testing.T) {
			t.Parallel()
			for _, s := range statements {
				if err := g.run(t, s); fault.KindOf(err) != fault.Invalid {
					t.Errorf("%s\nis not refused: %v", s, err)
				}
			}
		})
	}
	t.Cleanup(func() {
		left, err := os.ReadDir(g.dir)
		if err != nil || len(left) != 5 {
			t.Errorf("files in the lake: %v, %v", left, err)
		}
	})
}

// masked run, or fail on values that the person may see, and tell nothing of what lies behind the mask and the filter.
var masked = []string{
	"FROM raw.t", "SELECT t FROM raw.t", "SELECT COLUMNS('s.*') FROM raw.t", "SELECT s.* FROM raw.t", "SELECT ssn AS x FROM raw.t", "SUMMARIZE raw.t", "DESCRIBE raw.t",
	"SELECT 'a' AS ssn UNION ALL BY NAME SELECT ssn FROM raw.t", "SELECT CAST(ssn AS INT) FROM raw.t", "SELECT CAST(name AS INT) FROM raw.t", "SELECT mode(ssn), min(ssn), max(ssn) FROM raw.t",
	"SELECT histogram(ssn) FROM raw.t", "SELECT quantile_disc(ssn, 0.5) FROM raw.t", "SELECT approx_top_k(name, 10) FROM raw.t", "SELECT to_json(t) FROM raw.t",
	"SELECT count(*) FROM raw.t WHERE ssn LIKE 'CAN' || 'ARY%'", "SELECT 1 // (name = 'Ann')::INT FROM raw.t", "SELECT name FROM raw.t ORDER BY ssn",
	"SELECT * FROM raw.t WHERE regexp_replace('x', CASE WHEN name LIKE 'CAN%' THEN name || '(' ELSE 'x' END, '') = 'x'",
	"SELECT * FROM raw.t WHERE url_decode(CASE WHEN region = 'US' THEN '%' || name ELSE '' END) = ''", "SELECT * FROM raw.t WHERE name::BIT IS NOT NULL",
	"SELECT * FROM raw.t WHERE date_diff(name, DATE '2020-01-01', DATE '2020-01-02') = 1", "SELECT * FROM raw.t WHERE name::UUID IS NOT NULL",
	"SELECT filename FROM raw.t", "SELECT file_row_number FROM raw.t", "SELECT rowid FROM raw.t",
}

func TestMasksAndFiltersHold(t *testing.T) {
	t.Parallel()
	g := newTarget(t)
	for _, s := range masked {
		_ = g.run(t, s)
	}
	rows, err := g.e.Run(t.Context(), g.views, "SELECT id, ssn, name, s FROM raw.t ORDER BY id", 10)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(grid(rows.Rows), " "); got != "1|***|Ann|map[ok:1] 2|***|Bob|map[ok:2]" {
		t.Errorf("the person sees %s", got)
	}
}

// friendly is what people may write.
var friendly = []string{
	"FROM raw.t", "TABLE raw.t", "VALUES (1), (2)", "SELECT 1;", "SELECT 1 -- a comment", "/* a comment */ SELECT 1", "FROM lake.raw.t", `FROM "RAW"."T"`,
	"WITH a AS (FROM raw.t), b AS (FROM a) SELECT count(*) FROM b", "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) FROM r",
	"WITH RECURSIVE r(a, n) USING KEY (a) AS (SELECT 1, 1 UNION SELECT a, n + 1 FROM r WHERE n < 3) FROM r", "WITH a AS MATERIALIZED (SELECT 1) FROM a, a AS b",
	"SELECT * FROM raw.t t, LATERAL (SELECT t.id + 1 AS x)", "SELECT list_transform([1, 2], lambda x: x + 1)", "SELECT [x + 1 FOR x IN [1, 2] IF x > 1]",
	"SELECT * FROM raw.t a POSITIONAL JOIN raw.t b", "SELECT * FROM raw.t a ASOF JOIN raw.t b ON a.id >= b.id", "FROM raw.t a SEMI JOIN raw.t b USING (id)",
	"FROM raw.t a ANTI JOIN raw.t b USING (id)", "FROM raw.t NATURAL JOIN raw.t b", "SELECT unnest([1, 2])", "SELECT unnest(s) FROM raw.t", "SELECT s.ok FROM raw.t",
	"SELECT COLUMNS('i.*') FROM raw.t", "SELECT COLUMNS(lambda c: c LIKE 'i%') FROM raw.t", "SELECT * EXCLUDE (ssn) FROM raw.t", "SELECT * REPLACE (id + 1 AS id) FROM raw.t",
	"SELECT * RENAME (id AS key) FROM raw.t", "SELECT id, row_number() OVER w FROM raw.t WINDOW w AS (PARTITION BY region ORDER BY id) QUALIFY row_number() OVER w = 1",
	"SELECT region, count(*) FROM raw.t GROUP BY ALL ORDER BY ALL", "SELECT region, id, count(*) FROM raw.t GROUP BY CUBE (region, id)",
	"SELECT region, count(*) FROM raw.t GROUP BY ROLLUP (region)", "SELECT DISTINCT ON (region) * FROM raw.t", "SELECT 1 AS a UNION ALL BY NAME SELECT 2 AS b",
	"FROM raw.t USING SAMPLE 50%", "FROM raw.t TABLESAMPLE reservoir(2)", "SELECT x: 1", "SELECT name.lower().upper() FROM raw.t", "SELECT TRY(CAST('x' AS INT))",
	"SELECT TIMESTAMP '2020-01-01' AT TIME ZONE 'Europe/Berlin'", "SELECT name COLLATE nocase FROM raw.t ORDER BY 1", "SELECT #1 FROM raw.t", "FROM raw.t LIMIT 10%",
	"DESCRIBE raw.t", "SHOW raw.t", "SUMMARIZE raw.t", "FROM (SUMMARIZE raw.t)", "FROM (PIVOT raw.t ON region IN ('EU') USING count(*))",
	"PIVOT raw.t ON region IN ('EU') USING count(*)", "UNPIVOT (SELECT id, id + 1 AS b FROM raw.t) ON id, b", "SELECT CASE WHEN id IN (1, 2) THEN 'a' ELSE 'b' END FROM raw.t",
	"SELECT '{\"a\": 1}'::JSON->>'a'", "FROM range(3)", "FROM generate_series(1, 3)", "SELECT id BETWEEN 1 AND 2, name ILIKE 'a%', name SIMILAR TO 'A.*' FROM raw.t",
	"SELECT now() > TIMESTAMP '2020-01-01', today()", "SELECT date_trunc('month', DATE '2020-02-03'), INTERVAL 3 DAY", "SELECT MAP {'a': 1}['a'], {'x': 1}.x, [1, 2][1]",
	"SELECT arg_max(name, id), list(id ORDER BY id), string_agg(name, ',') FROM raw.t", "SELECT (SELECT max(id) FROM raw.t), EXISTS (FROM raw.t)",
	"SELECT 'FROM read_text(1)' AS harmless", "SELECT id FROM raw.t EXCEPT SELECT 1", "SELECT 1::DECIMAL(10, 2)::VARCHAR || 'x'",
}

func TestFriendlySQLRuns(t *testing.T) {
	t.Parallel()
	g := newTarget(t)
	for _, s := range friendly {
		if err := g.run(t, s); err != nil {
			t.Errorf("%s\n%v", s, err)
		}
	}
}

func TestRefusalSaysWhatToDo(t *testing.T) {
	t.Parallel()
	g := newTarget(t)
	for sql, want := range map[string]string{
		"SELECT 1; SELECT 2":                     "one statement at a time, this is 2",
		"DROP VIEW raw.t":                        "only SELECT can be run here",
		"PIVOT raw.t ON region USING count(*)":   "PIVOT … ON column IN (…)",
		"FROM raw.nothing":                       "no such table, or not yours to read: raw.nothing",
		"FROM read_text('x')":                    "this table function is not allowed: read_text",
		"SELECT stats(id) FROM raw.t":            "this function is not allowed: stats",
		"SHOW TABLES":                            "the list of tables is in the catalog",
		"SELECT nothing FROM raw.t":              `"nothing" not found`,
		"SELEC 1":                                "syntax error",
		"SELECT CAST('x' AS INT), '" + "a" + "'": "Could not convert string 'x'",
	} {
		_, err := g.e.Run(t.Context(), g.views, sql, 1)
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Message(err), want) || strings.Contains(fault.Message(err), "the row") {
			t.Errorf("%s\n%v", sql, err)
		}
	}
}

func TestRunReturnsTablesAndLimits(t *testing.T) {
	t.Parallel()
	g := newTarget(t)
	out, err := g.e.Run(t.Context(), g.views, "WITH a AS (FROM raw.t) SELECT x.range, (SELECT count(*) FROM a) AS n FROM range(5000) x ORDER BY 1 DESC", 5000)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Rows) != duckdb.MaxRows || *out.Rows[0][0] != "4999" || *out.Rows[0][1] != "2" {
		t.Errorf("%d rows, first %v", len(out.Rows), grid(out.Rows[:1]))
	}
	if fmt.Sprint(out.Tables) != "[[raw t]]" {
		t.Errorf("tables %v", out.Tables)
	}
	if want := (catalog.SampleColumn{Name: "n", Type: "BIGINT", Numeric: true}); out.Columns[1] != want {
		t.Errorf("column %+v", out.Columns[1])
	}
}
