package notify_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/notify"
	"portreeve/postgres/pgtest"
)

// town is a database with a source, two datasets of a team, and people.
type town struct {
	*notify.Store
	t      *testing.T
	pool   *pgxpool.Pool
	people *access.Store
	ana    access.Principal
	owen   access.Principal
}

var flights = catalog.Key{Source: "lake", Name: "raw.flights"}

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{t: t, pool: pgtest.New(t)}
	w.Store, w.people = notify.NewStore(w.pool), access.NewStore(w.pool)
	key, err := access.ParseKey(access.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	w.Key, w.Audit = key, access.NewAudit(key)
	w.exec(`INSERT INTO source (slug, kind, title) VALUES ('lake', 'test', 'The lake')`)
	for _, name := range []string{"raw.flights", "raw.fares"} {
		w.exec(`INSERT INTO dataset (source_id, name, scope, kind, team) SELECT id, $1, '', 'table', 'flight-ops' FROM source`, name)
	}
	w.ana, w.owen = w.person("ana"), w.person("owen")
	return w
}

func (w *town) exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.pool.Exec(w.t.Context(), sql, args...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *town) person(name string) access.Principal {
	w.t.Helper()
	p, err := w.people.EnsurePerson(w.t.Context(), access.Person{
		Issuer: "test", Subject: name, Name: strings.ToUpper(name[:1]) + name[1:], Email: name + "@example.com", Role: access.Owner,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return access.Principal{Person: p}
}

func by(who access.Principal) access.Act { return access.Act{Who: who, Via: "test"} }

func (w *town) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// watches makes people watch a dataset at once.
func (w *town) watches(key catalog.Key, people ...access.Principal) {
	w.t.Helper()
	for _, p := range people {
		_, err := w.WatchDataset(w.t.Context(), by(p), key, notify.AtOnce)
		w.ok(err)
	}
}

// change is one change of a dataset, as a crawl writes it.
func change(ctx context.Context, tx pgx.Tx, name, kind, field, before, after string) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO dataset_change (dataset_id, crawl_id, kind, field, old, new) SELECT id, 1, $2, $3, $4, $5 FROM dataset WHERE name = $1`,
		name, kind, field, before, after)
	return err
}

// crawl commits changes of raw.flights, given as kind, field, old and new.
func (w *town) crawl(changes ...[4]string) {
	w.t.Helper()
	w.ok(pgx.BeginFunc(w.t.Context(), w.pool, func(tx pgx.Tx) error {
		for _, c := range changes {
			if err := change(w.t.Context(), tx, "raw.flights", c[0], c[1], c[2], c[3]); err != nil {
				return err
			}
		}
		return nil
	}))
}

// told returns what a person was told, oldest first: event, title and body.
func (w *town) told(p access.Principal) []string {
	w.t.Helper()
	list, err := w.Notifications(w.t.Context(), p.ID, notify.Filter{}, 1000)
	w.ok(err)
	out := make([]string, len(list))
	for i, n := range list {
		out[len(list)-1-i] = string(n.Event) + ": " + n.Title + ": " + n.Body
	}
	return out
}

func (w *town) wantTold(p access.Principal, want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.told(p), cmp.Transformer("nil", func(l []string) []string { return append([]string{}, l...) })); diff != "" {
		w.t.Errorf("%s was told (-want +got):\n%s", p.Name, diff)
	}
}

func TestTellOfACrawl(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.watches(flights, w.ana)
	w.crawl(
		[4]string{"column_added", "a", "", "int"}, [4]string{"column_added", "b", "", "int"}, [4]string{"column_added", "c", "", "int"},
		[4]string{"column_retyped", "d", "int", "bigint"}, [4]string{"attribute", "shown with", "", "x"},
	)
	w.ok(w.Tell(t.Context()))
	w.wantTold(w.ana, "schema: lake/raw.flights: columns changed: 3 columns added: a, b, c; 1 column of another type: d (int → bigint)")
	w.wantTold(w.owen)

	w.crawl([4]string{"gone", "", "", ""}, [4]string{"column_added", "e", "", "int"})
	w.crawl([4]string{"attribute", "deprecated", "", "use raw.fares"})
	w.ok(w.Tell(t.Context()))
	w.ok(w.Tell(t.Context()))
	if got := w.told(w.ana)[1:]; len(got) != 2 || !strings.HasPrefix(got[0], "gone: lake/raw.flights: gone") || got[1] != "deprecated: lake/raw.flights: deprecated: deprecated: use raw.fares" {
		t.Errorf("told %q", got)
	}
}

// What was changed before anyone watched, and what nobody watches, is told to nobody and never looked at again.
func TestTellLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.crawl([4]string{"created", "", "", ""}, [4]string{"column_added", "a", "", "int"})
	w.ok(w.Tell(t.Context()))
	w.watches(flights, w.ana)
	w.crawl([4]string{"created", "", "", ""})
	w.ok(w.Tell(t.Context()))
	w.wantTold(w.ana)
	var left int
	w.ok(w.pool.QueryRow(t.Context(), `SELECT count(*) FROM dataset_change WHERE NOT told`).Scan(&left))
	if left != 0 {
		t.Errorf("%d changes are left untold", left)
	}
}

func TestNobodyIsToldOfTheirOwnChange(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.watches(flights, w.ana, w.owen)
	w.exec(`
		WITH e AS (INSERT INTO dataset_edit (dataset_id, field, new, person_id, person, via) SELECT id, 'description', 'Flown legs', $1, 'Ana', 'page' FROM dataset WHERE name = 'raw.flights' RETURNING *)
		INSERT INTO dataset_change (dataset_id, kind, field, new, edit_id) SELECT dataset_id, 'attribute', field, new, id FROM e`, w.ana.ID)
	w.exec(`INSERT INTO announcement (dataset_id, text, person_id, person) SELECT id, 'Late today', $1, 'Owen' FROM dataset WHERE name = 'raw.flights'`, w.owen.ID)
	w.exec(`INSERT INTO announcement (dataset_id, text, person_id, person, starts_at) SELECT id, 'Late tomorrow', 0, 'Ida', now() + interval '1 day' FROM dataset WHERE name = 'raw.flights'`)
	w.ok(w.Tell(t.Context()))
	w.ok(w.Tell(t.Context()))
	w.wantTold(w.ana, "announcement: lake/raw.flights: announcement by Owen: Late today")
	w.wantTold(w.owen, "described: lake/raw.flights: description changed: description: Flown legs. By Ana.")
	w.exec(`UPDATE announcement SET starts_at = now()`)
	w.ok(w.Tell(t.Context()))
	if got := w.told(w.ana); len(got) != 2 || !strings.Contains(got[1], "Late tomorrow") {
		t.Errorf("told %q", got)
	}
}

func TestWatchedTeam(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	_, err := w.WatchTeam(t.Context(), by(w.ana), "flight-ops", notify.AtOnce)
	w.ok(err)
	w.watches(flights, w.ana) // both ways: told once
	w.crawl([4]string{"column_added", "a", "", "int"})
	w.ok(w.Tell(t.Context()))
	w.wantTold(w.ana, "schema: lake/raw.flights: columns changed: 1 column added: a")

	w.exec(`UPDATE dataset SET team = 'others' WHERE name = 'raw.fares'`)
	w.ok(pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
		return change(t.Context(), tx, "raw.fares", "attribute", "team", "flight-ops", "others")
	}))
	w.ok(w.Tell(t.Context()))
	if got := w.told(w.ana); len(got) != 2 || got[1] != "owner: lake/raw.fares: owner changed: team: flight-ops → others" {
		t.Errorf("the team that lost it was told %q", got)
	}

	w.exec(`INSERT INTO dataset (source_id, name, scope, kind, team) SELECT s.id, 'many.' || i, '', 'table', 'flight-ops' FROM source s, generate_series(1, 20) AS i`)
	w.exec(`INSERT INTO dataset_change (dataset_id, kind, field, old, new) SELECT id, 'column_added', 'x', '', 'int' FROM dataset WHERE name LIKE 'many.%'`)
	w.ok(w.Tell(t.Context()))
	if got := w.told(w.ana); len(got) != 3 || !strings.Contains(got[2], "20 datasets of flight-ops changed: lake/many.1, lake/many.2") || !strings.HasSuffix(got[2], "and 15 more") {
		t.Errorf("many changes of a team were told as %q", got)
	}
}

// A change that commits after changes with higher ids have been told is told all the same.
func TestLateCommitIsTold(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.watches(flights, w.ana)
	late, err := w.pool.Begin(t.Context())
	w.ok(err)
	defer late.Rollback(context.WithoutCancel(t.Context()))
	w.ok(change(t.Context(), late, "raw.flights", "column_added", "late", "", "int"))
	w.crawl([4]string{"column_added", "early", "", "int"})
	w.ok(w.Tell(t.Context()))
	w.wantTold(w.ana, "schema: lake/raw.flights: columns changed: 1 column added: early")
	w.ok(late.Commit(t.Context()))
	w.ok(w.Tell(t.Context()))
	w.wantTold(w.ana, "schema: lake/raw.flights: columns changed: 1 column added: early", "schema: lake/raw.flights: columns changed: 1 column added: late")
}

// Writers and two tellers at a time, of which some are killed in the middle: everything is told, and once.
func TestToldOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.watches(flights, w.ana)
	const writers, each = 4, 25
	var writing, telling sync.WaitGroup
	done := make(chan struct{})
	for i := range writers {
		writing.Go(func() {
			for j := range each {
				w.crawl([4]string{"column_added", fmt.Sprintf("c%d_%d", i, j), "", "int"})
			}
		})
	}
	for i := range 2 {
		telling.Go(func() {
			for n := 0; ; n++ {
				ctx, cancel := context.WithCancel(t.Context())
				if (n+i)%3 == 0 {
					go cancel() // killed somewhere
				}
				_ = w.Tell(ctx)
				cancel()
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	writing.Wait()
	close(done)
	telling.Wait()
	w.ok(w.Tell(t.Context()))
	met := map[string]int{}
	for _, text := range w.told(w.ana) {
		met[text]++
	}
	if len(met) != writers*each {
		t.Errorf("%d of %d changes were told", len(met), writers*each)
	}
	for text, n := range met {
		if n != 1 {
			t.Errorf("told %d times: %s", n, text)
		}
	}
}

func TestFiveThousandWatchers(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.exec(`INSERT INTO person (issuer, subject, name, email, team, role) SELECT 'many', i::text, 'P' || i, i || '@example.com', '', 'viewer' FROM generate_series(1, 5000) AS i`)
	w.exec(`INSERT INTO watch (person_id, kind, dataset_id, target) SELECT p.id, 'dataset', d.id, 'lake/raw.flights' FROM person p, dataset d WHERE p.issuer = 'many' AND d.name = 'raw.flights'`)
	w.exec(`INSERT INTO channel (person_id, email) SELECT id, true FROM person WHERE issuer = 'many'`)
	w.crawl([4]string{"column_added", "a", "", "int"})
	start := time.Now()
	w.ok(w.Tell(t.Context()))
	t.Logf("told 5,000 watchers in %s", time.Since(start))
	var notifications, deliveries int
	w.ok(w.pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM notification), (SELECT count(*) FROM delivery WHERE by = 'email' AND due_at <= now())`).Scan(&notifications, &deliveries))
	if notifications != 5000 || deliveries != 5000 {
		t.Errorf("%d notifications and %d deliveries, want 5000 of each", notifications, deliveries)
	}
	due, err := w.Due(t.Context())
	w.ok(err)
	if len(due) != 5000 {
		t.Errorf("%d deliveries are due", len(due))
	}
}

func TestTidyKeepsWhatIsNew(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.watches(flights, w.ana, w.owen)
	w.crawl([4]string{"column_added", "a", "", "int"})
	w.ok(w.Tell(t.Context()))
	w.exec(`UPDATE notification SET at = now() - interval '100 days', read_at = now() - interval '91 days' WHERE person_id = $1`, w.ana.ID)
	w.exec(`UPDATE notification SET at = now() - interval '100 days' WHERE person_id = $1`, w.owen.ID)
	w.ok(w.Tidy(t.Context()))
	w.wantTold(w.ana)
	if got := len(w.told(w.owen)); got != 1 {
		t.Errorf("of what owen has not read %d are left, want 1", got)
	}
	w.exec(`UPDATE notification SET at = now() - interval '366 days'`)
	w.ok(w.Tidy(t.Context()))
	w.wantTold(w.owen)
}

func TestOpeningTheDatasetIsReading(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	w.watches(flights, w.ana, w.owen)
	w.crawl([4]string{"column_added", "a", "", "int"})
	w.ok(w.Tell(t.Context()))
	var id, other int64
	w.ok(w.pool.QueryRow(t.Context(), `SELECT max(id) FILTER (WHERE name = 'raw.flights'), max(id) FILTER (WHERE name <> 'raw.flights') FROM dataset`).Scan(&id, &other))
	unread := func(p access.Principal) int {
		n, err := w.Unread(t.Context(), p.ID)
		w.ok(err)
		return n
	}
	w.ok(w.MarkSeen(t.Context(), w.ana.ID, other))
	if got := unread(w.ana); got != 1 {
		t.Errorf("after opening another dataset %d are unread, want 1", got)
	}
	w.ok(w.MarkSeen(t.Context(), w.ana.ID, id))
	if a, o := unread(w.ana), unread(w.owen); a != 0 || o != 1 {
		t.Errorf("after ana has opened it %d and %d are unread, want 0 and 1", a, o)
	}
}
