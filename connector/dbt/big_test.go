package dbt_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bigVariable names the folder that a child of TestBigManifest crawls.
const bigVariable = "PORTREEVE_TEST_DBT_BIG"

// bigModels is how many models there are in a bigProject.
const bigModels = 6000

// TestBigManifest crawls a project of 100 MB in a process of its own, whose time and memory are then known. Time is that of
// the processor: the machine may be busy with other tests. The race detector multiplies both.
func TestBigManifest(t *testing.T) {
	if dir := os.Getenv(bigVariable); dir != "" {
		seen := 0
		for o, err := range open(t, dir).Datasets(t.Context(), "big", nil) {
			if seen++; err != nil || len(o.Columns) != 20 || len(o.Detail.Model.Tests) != 4 || o.Detail.Model.Tests[0].Status != "fail" {
				t.Fatalf("%s: %+v, %v", o.Name, o, err)
			}
		}
		if seen != bigModels {
			t.Errorf("%d datasets, want %d", seen, bigModels)
		}
		return
	}
	dir := t.TempDir()
	size := bigProject(t, dir)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestBigManifest$")
	child.Env = append(os.Environ(), bigVariable+"="+dir)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	took := child.ProcessState.UserTime() + child.ProcessState.SystemTime()
	rss := child.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10 // MiB on Linux, which counts KiB
	t.Logf("%d MB of artifacts, %d models: %v of processor time, at most %d MiB of memory", size/1e6, bigModels, took, rss)
	maxTime, maxRSS := 10*time.Second, int64(200)
	if raced {
		maxTime, maxRSS = 6*maxTime, 3*maxRSS
	}
	if took > maxTime {
		t.Errorf("it took %v, more than %v", took, maxTime)
	}
	if rss > maxRSS && runtime.GOOS == "linux" {
		t.Errorf("it took %d MiB of memory, more than %d", rss, maxRSS)
	}
}

// bigProject writes a manifest of about 100 MB, as a project of 6,000 models with 24,000 tests has it, with a catalog.json
// and results in proportion. It returns the bytes of all files.
func bigProject(tb testing.TB, dir string) (size int64) {
	tb.Helper()
	const all, perModel = bigModels, 4
	sql := strings.Repeat(`select a.\"column\", sum(b.amount) as total -- ☃\nfrom {{ ref('other') }} a join b using (id)\n`, 30)
	config := `"config":{"enabled":true,"materialized":"table","tags":["nightly"],"meta":{},` + strings.Repeat(`"post-hook":[],"quoting":{},`, 10) + `"x":null}`
	write := func(name string, body func(w *bufio.Writer)) {
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			tb.Fatal(err)
		}
		defer f.Close()
		w := bufio.NewWriter(f)
		body(w)
		if err := w.Flush(); err != nil {
			tb.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			tb.Fatal(err)
		}
		size += info.Size()
	}
	write("manifest.json", func(w *bufio.Writer) {
		w.WriteString(`{"metadata":{"dbt_schema_version":"https://schemas.getdbt.com/dbt/manifest/v12.json","project_name":"big","adapter_type":"trino"},"nodes":{`)
		for i := range all {
			fmt.Fprintf(w, `"model.big.m%d":{"name":"m%d","package_name":"big","resource_type":"model","description":"Model %d.","raw_code":"%s",`+
				`"compiled_code":"%s",%s,"relation_name":"\"lake\".\"s\".\"m%d\"","depends_on":{"nodes":["model.big.m%d"]},"columns":{`,
				i, i, i, sql, sql, config, i, i/2)
			for c := range 20 {
				fmt.Fprintf(w, `%s"c%d":{"name":"c%d","description":"The column %d of this model.","data_type":"bigint","meta":{},"constraints":[],"tags":[]}`,
					comma(c), c, c, c)
			}
			w.WriteString("}},")
			for c := range perModel {
				fmt.Fprintf(w, `"test.big.not_null_m%d_c%d.abc":{"name":"not_null_m%d_c%d","resource_type":"test","package_name":"big",`+
					`"test_metadata":{"name":"not_null","kwargs":{"column_name":"c%d","model":"{{ get_where_subquery(ref('m%d')) }}"}},"column_name":"c%d",`+
					`"attached_node":"model.big.m%d","compiled_code":"%s",%s}%s`,
					i, c, i, c, c, i, c, i, sql[:1200], config, comma(all*perModel-1-i*perModel-c))
			}
		}
		w.WriteString(`},"macros":{`)
		for i := range 2000 {
			fmt.Fprintf(w, `%s"macro.dbt.m%d":{"name":"m%d","macro_sql":"%s"}`, comma(i), i, i, sql)
		}
		w.WriteString("}}")
	})
	write("catalog.json", func(w *bufio.Writer) {
		w.WriteString(`{"metadata":{},"nodes":{`)
		for i := range all {
			fmt.Fprintf(w, `%s"model.big.m%d":{"metadata":{"type":"BASE TABLE"},"stats":{},"columns":{`, comma(i), i)
			for c := range 20 {
				fmt.Fprintf(w, `%s"C%d":{"type":"bigint","index":%d,"name":"C%d","comment":null}`, comma(c), c, c, c)
			}
			w.WriteString("}}")
		}
		w.WriteString("}}")
	})
	write("run_results.json", func(w *bufio.Writer) {
		w.WriteString(`{"metadata":{"generated_at":"2026-11-21T10:00:00Z"},"args":{"which":"build"},"results":[`)
		for i := range all {
			for c := range perModel {
				fmt.Fprintf(w, `{"unique_id":"test.big.not_null_m%d_c%d.abc","status":"fail","failures":3,"message":"Got 3 results, configured to fail if != 0",`+
					`"execution_time":0.5,"timing":[{"name":"execute","completed_at":"2026-11-21T09:59:00Z"}],"compiled_code":"%s"},`, i, c, sql[:300])
			}
			fmt.Fprintf(w, `{"unique_id":"model.big.m%d","status":"success","execution_time":1.5,"adapter_response":{"rows_affected":10}}%s`, i, comma(all-1-i))
		}
		w.WriteString("]}")
	})
	return size
}

// comma separates what comes before n others.
func comma(n int) string { return string(bytes.Repeat([]byte(","), min(n, 1))) }
