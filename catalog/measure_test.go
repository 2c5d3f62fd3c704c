package catalog_test

import (
	"testing"

	"portreeve/catalog"
	"portreeve/postgres/pgtest"
)

func TestMeasurementsAreThinned(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	b := benchOn(t, db, table("raw.t", "x"))
	b.sync(t)
	d := b.dataset(t, "raw.t")
	const fill = `
		INSERT INTO measurement (dataset_id, at, row_count)
		SELECT $1, date_trunc('day', now()) - day * interval '1 day' + hour * interval '1 hour', day * 100 + hour
		FROM generate_series(1, 30) day, generate_series(0, 23) hour`
	if _, err := db.Exec(t.Context(), `DELETE FROM measurement`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), fill, d.ID); err != nil {
		t.Fatal(err)
	}
	for range 2 { // again changes nothing
		if err := b.ThinMeasurements(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := b.Measurements(t.Context(), d.ID, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	days := map[string][]catalog.Measurement{}
	for _, m := range kept {
		day := m.At.UTC().Format("2006-01-02")
		days[day] = append(days[day], m)
	}
	if oldest := kept[0]; *oldest.RowCount != 30*100+23 {
		t.Errorf("of the oldest day %d is kept, want its last", *oldest.RowCount)
	}
	if len(days) != 30 || len(kept) < 13*24+16 || len(kept) > 15*24+16 {
		t.Errorf("%d figures of %d days are kept", len(kept), len(days))
	}
}
