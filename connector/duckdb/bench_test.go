//go:build !noduckdb

package duckdb_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"portreeve/catalog"
	"portreeve/connector/duckdb"
)

// flights returns the plan of the 336,776 flights that ship with the demo.
func flights(tb testing.TB) catalog.Plan {
	tb.Helper()
	content, err := os.ReadFile("../../demo/data/flights.parquet")
	if err != nil {
		tb.Fatal(err)
	}
	dir := folder(tb)
	if err := os.WriteFile(filepath.Join(dir, "flights.parquet"), content, 0o644); err != nil {
		tb.Fatal(err)
	}
	var cols []catalog.PlanColumn
	for c := range strings.FieldsSeq(`year:int month:int day:int dep_time:int sched_dep_time:int dep_delay:int arr_time:int sched_arr_time:int arr_delay:int
		carrier:string flight:int tailnum:string origin:string dest:string air_time:int distance:int hour:int minute:int time_hour:timestamp`) {
		name, kind, _ := strings.Cut(c, ":")
		cols = append(cols, catalog.PlanColumn{Name: name, Type: kind})
	}
	return plan(cols, files(dir, 336_776, "flights.parquet")...)
}

func BenchmarkFlights(b *testing.B) {
	p := flights(b)
	for _, warm := range []int{-1, 1} {
		e := newEngine(b, duckdb.Options{Warm: warm})
		name := map[int]string{-1: "cold", 1: "warm"}[warm]
		b.Run("count/"+name, func(b *testing.B) {
			for b.Loop() {
				if n, err := e.Count(b.Context(), p); err != nil || n != 336_776 {
					b.Fatal(n, err)
				}
			}
		})
		b.Run("sample/"+name, func(b *testing.B) {
			for b.Loop() {
				if s, err := e.Sample(b.Context(), p, 100); err != nil || len(s.Rows) != 100 {
					b.Fatal(len(s.Rows), err)
				}
			}
		})
		b.Run("profile/"+name, func(b *testing.B) {
			for b.Loop() {
				if p, err := e.Profile(b.Context(), p, 1_000_000); err != nil || len(p.Columns) != 19 {
					b.Fatal(strconv.Itoa(len(p.Columns)), err)
				}
			}
		})
	}
}

func TestFlightsAreProfiledRight(t *testing.T) {
	t.Parallel()
	p, err := newEngine(t, duckdb.Options{}).Profile(t.Context(), flights(t), 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	if p.RowsRead != 336_776 || p.Sampled() {
		t.Errorf("%d rows of %d", p.RowsRead, p.RowsTotal)
	}
	carrier := p.Columns[9]
	if len(carrier.Top) != 10 || carrier.Top[0] != (catalog.TopValue{Value: "UA", Rows: 58_665}) {
		t.Errorf("carriers %v", carrier.Top)
	}
	delay := p.Columns[5]
	if delay.Nulls != 8255 || *delay.Min != "-43" || *delay.Max != "1301" || *delay.Mean < 12.639 || *delay.Mean > 12.640 {
		t.Errorf("departure delay %+v", delay)
	}
	month := p.Columns[1].Histogram
	if fmt.Sprint(month.Counts) != "[27004 24951 28834 28330 28796 28243 29425 29327 27574 28889 27268 28135]" {
		t.Errorf("months %v", month.Counts)
	}
}
