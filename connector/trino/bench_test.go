package trino

import (
	"strconv"
	"testing"

	"portreeve/catalog"
)

// BenchmarkCrawl reads a schema of 100 Iceberg tables that nobody has seen, and again when none has changed. It reports queries
// for each table: the first must stay below 3, the second far below 1.
func BenchmarkCrawl(b *testing.B) {
	const tables = 100
	s := newServer(b)
	at := s.schema(b, s.lake)
	for i := range tables {
		s.do(b, `CREATE TABLE %s (id bigint COMMENT 'number', at timestamp(6), place row(lat double, lon double)) COMMENT 'table %d'
			WITH (partitioning = ARRAY['day(at)'])`, at.table("table_"+strconv.Itoa(i), ""), i)
	}
	for _, run := range []struct {
		name  string
		again bool
		most  float64
	}{{"first", false, 3}, {"unchanged", true, 0.2}} {
		b.Run(run.name, func(b *testing.B) {
			known := catalog.Known{}
			if run.again {
				for o, err := range s.Datasets(b.Context(), catalog.JoinPath(at.catalog, at.schema), nil) {
					if err != nil {
						b.Fatal(err)
					}
					known[o.Name] = o.Version
				}
			}
			before := s.Queries()
			for b.Loop() {
				seen := 0
				for o, err := range s.Datasets(b.Context(), catalog.JoinPath(at.catalog, at.schema), known) {
					if err != nil || o.Unchanged != run.again {
						b.Fatalf("%s: unchanged %v, error %v", o.Name, o.Unchanged, err)
					}
					seen++
				}
				if seen != tables {
					b.Fatalf("%d tables, want %d", seen, tables)
				}
			}
			each := float64(s.Queries()-before) / float64(b.N) / tables
			b.ReportMetric(each, "queries/table")
			if each > run.most {
				b.Errorf("%.2f queries for each table, want at most %.1f", each, run.most)
			}
		})
	}
}
