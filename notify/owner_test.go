package notify_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/notify"
)

// edited commits that who changed the owners of datasets.
func (w *town) edited(who access.Principal, before, after string, names ...string) {
	w.t.Helper()
	const q = `
		WITH e AS (
			INSERT INTO dataset_edit (dataset_id, field, person_id, person, via) SELECT id, 'owners', $2, $3, 'page' FROM dataset WHERE name = $1 RETURNING id, dataset_id
		)
		INSERT INTO dataset_change (dataset_id, kind, field, old, new, edit_id) SELECT dataset_id, 'attribute', 'owners', $4, $5, id FROM e`
	w.ok(pgx.BeginFunc(w.t.Context(), w.pool, func(tx pgx.Tx) error {
		for _, name := range names {
			if _, err := tx.Exec(w.t.Context(), q, name, who.ID, who.Name, before, after); err != nil {
				return err
			}
		}
		return nil
	}))
	w.ok(w.Tell(w.t.Context()))
}

func TestTellOwners(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	both := fmt.Sprintf("%d, %d", w.ana.ID, w.owen.ID)
	w.edited(w.owen, "", both, "raw.flights")
	w.edited(w.owen, both, catalog.FormatID(w.owen.ID), "raw.flights")
	w.edited(w.ana, catalog.FormatID(w.owen.ID), "999", "raw.flights") // nobody of that id
	w.wantTold(w.ana, "owner: Owen made you an owner of lake/raw.flights: ", "owner: Owen took you off the owners of lake/raw.flights: ")
	w.wantTold(w.owen, "owner: Ana took you off the owners of lake/raw.flights: ")
}

func TestTellOwnersOfManyAtOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	var names []string
	for i := range 6 {
		names = append(names, fmt.Sprintf("raw.n%d", i))
		w.exec(`INSERT INTO dataset (source_id, name, scope, kind) SELECT id, $1, '', 'table' FROM source`, names[i])
	}
	w.edited(w.owen, "", catalog.FormatID(w.ana.ID), names...)
	w.wantTold(w.ana, "owner: Owen made you an owner of 6 datasets: lake/raw.n0, lake/raw.n1, lake/raw.n2, lake/raw.n3, lake/raw.n4 and 1 more")
}

// Of several who may decide on a request, those who have not looked need not look once it is answered.
func TestWhatIsSettledIsRead(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	var dataset int64
	w.ok(w.pool.QueryRow(t.Context(), `SELECT id FROM dataset WHERE name = 'raw.flights'`).Scan(&dataset))
	asked := access.News{Person: w.owen.ID, DatasetID: dataset, Event: "request", Title: "Ana asks", Path: "/requests/7", Once: "asked"}
	answered := access.News{Person: w.ana.ID, DatasetID: dataset, Event: "request", Title: "You may", Path: "/requests/7", Once: "decided", Settles: true}
	for _, n := range []access.News{asked, answered} {
		w.ok(pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error { return notify.TellAccess(t.Context(), tx, []access.News{n}) }))
	}
	for who, want := range map[int64]int{w.owen.ID: 0, w.ana.ID: 1} {
		if n, err := w.Unread(t.Context(), who); err != nil || n != want {
			t.Errorf("person %d has %d unread, %v; want %d", who, n, err, want)
		}
	}
}
