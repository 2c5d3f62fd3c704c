package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/bench/corpus"
	"portreeve/catalog"
	"portreeve/postgres/pgtest"
)

var corpusDay = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

// searchable returns a catalog of n datasets of the corpus, indexed.
func searchable(t *testing.T, n int) (*catalog.Store, *pgxpool.Pool) {
	t.Helper()
	db := pgtest.New(t)
	if err := corpus.New(42, corpusDay).Write(t.Context(), db, n, nil); err != nil {
		t.Fatal(err)
	}
	s := catalog.NewStore(db)
	if err := s.Reindex(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, db
}

// plant adds a dataset to source00 as the sync would, and returns its id. cols are separated by spaces; what comes after an
// equals sign is the column's comment, with underscores for spaces.
func plant(t *testing.T, db *pgxpool.Pool, d catalog.Dataset, cols string) int64 {
	t.Helper()
	const insert = `
INSERT INTO dataset (source_id, name, scope, kind, title, description, team, domain, tags, certified, deprecated, column_count, usage, data_at, gone_at)
SELECT id, @name, '', @kind, @title, @description, @team, @domain, @tags, @certified, @deprecated, @columns, @usage, @data_at, @gone_at
FROM source WHERE slug = 'source00' RETURNING id`
	const insertColumn = `INSERT INTO dataset_column (dataset_id, position, path, comment, type, nullable) VALUES ($1, $2, $3, $4, 'int', true)`
	if d.Kind == "" {
		d.Kind = catalog.Table
	}
	if d.Tags == nil {
		d.Tags = []string{}
	}
	d.Source = "source00"
	var columns []catalog.Column
	for i, col := range strings.Fields(cols) {
		path, comment, _ := strings.Cut(col, "=")
		columns = append(columns, catalog.Column{Position: i, Path: path, Comment: strings.ReplaceAll(comment, "_", " "), Type: "int"})
	}
	d.ColumnCount = len(columns)
	err := pgx.BeginFunc(t.Context(), db, func(tx pgx.Tx) error {
		err := tx.QueryRow(t.Context(), insert, pgx.NamedArgs{
			"name": d.Name, "kind": d.Kind, "title": d.Title, "description": d.Description, "team": d.Team, "domain": d.Domain,
			"tags": d.Tags, "certified": d.Certified, "deprecated": d.Deprecated, "columns": d.ColumnCount, "usage": d.Usage,
			"data_at": d.DataAt, "gone_at": d.GoneAt,
		}).Scan(&d.ID)
		if err != nil {
			return err
		}
		for _, c := range columns {
			if _, err := tx.Exec(t.Context(), insertColumn, d.ID, c.Position, c.Path, c.Comment); err != nil {
				return err
			}
		}
		return catalog.IndexDataset(t.Context(), tx, &d, columns)
	})
	if err != nil {
		t.Fatal(err)
	}
	return d.ID
}

func search(t *testing.T, s *catalog.Store, q catalog.SearchQuery) catalog.SearchResult {
	t.Helper()
	r, err := s.Search(t.Context(), q)
	if err != nil {
		t.Fatalf("search %q: %v", q.Text, err)
	}
	return r
}

func names(r catalog.SearchResult) []string {
	out := []string{}
	for _, h := range r.Items {
		out = append(out, h.Name)
	}
	return out
}

// plantGolden adds the datasets that the golden cases look for.
func plantGolden(t *testing.T, db *pgxpool.Pool) {
	t.Helper()
	add := func(usage float32, name, cols string, more ...func(*catalog.Dataset)) {
		d := catalog.Dataset{Name: name, Usage: usage, Team: "zoo"}
		for _, f := range more {
			f(&d)
		}
		plant(t, db, d, cols)
	}
	certified := func(d *catalog.Dataset) { d.Certified = true }
	old := func(d *catalog.Dataset) { d.Deprecated = "Use another." }
	missing := func(d *catalog.Dataset) { d.GoneAt = &corpusDay }
	topic := func(d *catalog.Dataset) { d.Kind = catalog.Topic }
	about := func(text string) func(*catalog.Dataset) { return func(d *catalog.Dataset) { d.Description = text } }

	add(5, "pay.fct_BookingPaymentsV2", "booking_id amount")
	add(5000, "pay.fct_BookingPaymentsV2_backup", "booking_id amount")
	add(1, "sales.zebra_ledger", "account")
	add(8000, "sales.zebra_ledger_daily", "account", certified)
	add(8000, "archive.zebra_ledger_history", "account", certified)
	add(9, "x.ledger_for_zebra_food", "account")
	add(3, "crm.members", "loyalty_quokka_id name")
	add(8000, "crm.loyalty_quokka_id_map", "old new", certified)
	add(0, "x.wombat", "id")
	add(9000, "x.paths", "id wombat", certified)
	add(1, "ops.heron_event_log", "id")
	add(2, "ops.heron_events", "id", old)
	add(3, "ops.heron_event_raw", "id", missing)
	add(9, "ops.walrus_salaries", "id")
	add(2, "x.narwhalshipments", "id")
	add(0, "x.pelican_flights", "id")
	add(8000, "x.trips", "id", certified, about("Every trip, joined to each pelican flight of the day."))
	add(1, "web.HTTPRequestOcelots", "id")
	add(1, "web.ga4OcelotSessions", "id")
	add(1, "x.kea_orders2", "id")
	add(1, "fin.ibex_invoices", "id")
	add(1, "fin.puffin_payments", "id")
	add(1, "lynx.booking.created.v1", "id", topic)
	add(10, "x.gecko_price_list", "id")
	add(6000, "y.gecko_price_list", "id")
	add(1, "x.tanks", "axolotl_count")
	add(9000, "ref.booking", "id", certified)
}

func TestSearchGolden(t *testing.T) {
	t.Parallel()
	s, db := searchable(t, 3000)
	plantGolden(t, db)
	const hide = `UPDATE search SET vis = '{keepers}' WHERE path_key = 'opswalrussalaries'`
	if _, err := db.Exec(t.Context(), hide); err != nil {
		t.Fatal(err)
	}
	if err := s.SearchMaintain(t.Context()); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, text string
		among      int      // want is in the first so many in any order; 0: want are the first, in order
		want       []string // names
	}{
		{"exact name, then its busier backup", "fct_BookingPaymentsV2", 0, []string{"pay.fct_BookingPaymentsV2", "pay.fct_BookingPaymentsV2_backup"}},
		{"the same in words", "fct booking payments v2", 0, []string{"pay.fct_BookingPaymentsV2", "pay.fct_BookingPaymentsV2_backup"}},
		{"the same glued together", "fctbookingpaymentsv2", 0, []string{"pay.fct_BookingPaymentsV2", "pay.fct_BookingPaymentsV2_backup"}},
		{"glued words are cut", "bookingpaymentsv2", 10, []string{"pay.fct_BookingPaymentsV2", "pay.fct_BookingPaymentsV2_backup"}},
		{"an unfinished glued word", "fct bookingpay", 20, []string{"pay.fct_BookingPaymentsV2_backup"}},
		{"exact name above longer ones (DataHub 8043)", "zebra_ledger", 0, []string{"sales.zebra_ledger"}},
		{"however it is written", "ZEBRA-LEDGER", 0, []string{"sales.zebra_ledger"}},
		{"whole path", "sales.zebra_ledger", 0, []string{"sales.zebra_ledger"}},
		{"source and path as in an address", "source00/sales.zebra_ledger", 0, []string{"sales.zebra_ledger"}},
		{"while typing", "zebra led", 3, []string{"sales.zebra_ledger"}},
		{"exact column above a table that begins so (DataHub 7725)", "loyalty_quokka_id", 0, []string{"crm.members", "crm.loyalty_quokka_id_map"}},
		{"a word of a column", "quokka", 2, []string{"crm.members", "crm.loyalty_quokka_id_map"}},
		{"exact name without use above exact column with all use", "wombat", 0, []string{"x.wombat", "x.paths"}},
		{"live, deprecated, gone", "heron event", 0, []string{"ops.heron_event_log", "ops.heron_events", "ops.heron_event_raw"}},
		{"exact name first though deprecated", "heron_events", 0, []string{"ops.heron_events"}},
		{"words of a glued name", "narwhal shipment", 0, []string{"x.narwhalshipments"}},
		{"name above description", "pelican flight", 0, []string{"x.pelican_flights", "x.trips"}},
		{"capitals in a row", "http request ocelot", 0, []string{"web.HTTPRequestOcelots"}},
		{"digits within", "ga4 ocelot session", 0, []string{"web.ga4OcelotSessions"}},
		{"a number at the end", "kea order", 0, []string{"x.kea_orders2"}},
		{"singular finds plural", "ibex invoice", 0, []string{"fin.ibex_invoices"}},
		{"order of words does not matter", "payment puffins", 0, []string{"fin.puffin_payments"}},
		{"an unknown word does not empty the list (DataHub 10331)", "puffin payment zzzqqq", 0, []string{"fin.puffin_payments"}},
		{"words of a topic", "lynx created", 0, []string{"lynx.booking.created.v1"}},
		{"all words of a topic", "lynx booking created v1", 0, []string{"lynx.booking.created.v1"}},
		{"an unfinished topic", "lynx.booking.cre", 0, []string{"lynx.booking.created.v1"}},
		{"use decides between equals", "gecko price", 0, []string{"y.gecko_price_list", "x.gecko_price_list"}},
		{"swapped letters", "zebar ledger", 4, []string{"sales.zebra_ledger"}},
		{"swapped letters at the end", "puffin paymnet", 0, []string{"fin.puffin_payments"}},
		{"a missing letter", "pufin payment", 0, []string{"fin.puffin_payments"}},
		{"a wrong first letter", "wuffin payment", 0, []string{"fin.puffin_payments"}},
		{"an extra letter in a word known only of a column", "axolotll", 0, []string{"x.tanks"}},
		{"the commonest word as a name", "booking", 0, []string{"ref.booking"}},
		{"quotes mean these words together (DataHub 10505)", `"zebra_ledger"`, 3, []string{"sales.zebra_ledger", "sales.zebra_ledger_daily", "archive.zebra_ledger_history"}},
		{"column: by the beginning", "column:loyalty_quokka", 0, []string{"crm.members"}},
		{"name: and minus", "name:zebra -daily -food", 2, []string{"sales.zebra_ledger", "archive.zebra_ledger_history"}},
		{"owner: is team:", "owner:zoo is:deprecated", 0, []string{"ops.heron_events"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := names(search(t, s, catalog.SearchQuery{Text: tt.text}))
			if tt.among == 0 {
				if diff := cmp.Diff(tt.want, got[:min(len(tt.want), len(got))]); diff != "" {
					t.Errorf("%q found %q first (-want +got):\n%s", tt.text, got, diff)
				}
				return
			}
			for _, w := range tt.want {
				if i := slices.Index(got, w); i < 0 || i >= tt.among {
					t.Errorf("%q has %s at %d of %q, want it in the first %d", tt.text, w, i, got, tt.among)
				}
			}
		})
	}
	t.Run("a restricted dataset is not there for others", func(t *testing.T) {
		t.Parallel()
		r := search(t, s, catalog.SearchQuery{Text: "walrus"})
		if r.Total != 0 || len(r.Facets) != 0 || len(r.Items) != 0 || r.Suggestion+r.Corrected != "" || r.Notes != nil {
			t.Errorf("got %+v", r)
		}
		if r := search(t, s, catalog.SearchQuery{Text: "walrsu"}); r.Suggestion+r.Corrected != "" || r.Total != 0 {
			t.Errorf("a typo tells of it: %+v", r)
		}
		if got := names(search(t, s, catalog.SearchQuery{Text: "walrus", Teams: []string{"a", "keepers"}})); len(got) != 1 {
			t.Errorf("its team finds %q", got)
		}
	})
	t.Run("a typo in the commonest word finds names with it", func(t *testing.T) {
		t.Parallel()
		r := search(t, s, catalog.SearchQuery{Text: "bokking"})
		if len(r.Items) != 20 || r.Corrected != "booking" || r.Suggestion != "" {
			t.Fatalf("%d items, corrected to %q, suggestion %q", len(r.Items), r.Corrected, r.Suggestion)
		}
		for _, h := range r.Items {
			if !strings.Contains(strings.ToLower(h.Name), "booking") {
				t.Errorf("%s is no booking", h.Name)
			}
		}
	})
	t.Run("the total of the commonest word is near the truth", func(t *testing.T) {
		t.Parallel()
		var want int
		err := db.QueryRow(t.Context(), `SELECT count(*) FROM search WHERE keys @@ '''booking''' AND vis IS NULL`).Scan(&want)
		if got := search(t, s, catalog.SearchQuery{Text: "booking"}); err != nil || got.Total < want*8/10 || got.Total > want*12/10 {
			t.Errorf("total %d (about: %t), want about %d; %v", got.Total, got.TotalAbout, want, err)
		}
	})
	for _, text := range []string{`'); drop table x; -- & | ! :*`, strings.Repeat("w", 300), `\ ' "`, "!!!", "a:b:c -", "name: column: -- -\"", "🙂 ñandú", "%_%"} {
		t.Run(fmt.Sprintf("no text is an error: %.30s", text), func(t *testing.T) {
			t.Parallel()
			search(t, s, catalog.SearchQuery{Text: text})
		})
	}
}
