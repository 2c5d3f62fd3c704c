package job_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/job"
	"portreeve/postgres/pgtest"
)

// The job writes down what time has ended, and reminds those who decide: it finds out by itself whose the dataset is.
func TestEndGrants(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	people := access.NewStore(db)
	key, err := access.ParseKey(access.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 16)
	people.Audit = access.NewAudit(key)
	people.Told = func(_ context.Context, _ pgx.Tx, news []access.News) error {
		for _, n := range news {
			told <- n.Title
		}
		return nil
	}
	for _, sql := range []string{
		`INSERT INTO source (slug, kind, next_crawl_at) VALUES ('lake', 'test', now() + interval '1 day')`,
		`INSERT INTO dataset (source_id, name, scope, kind) SELECT id, 'pay', '', 'table' FROM source`,
		`INSERT INTO person (issuer, subject, name, team, role) VALUES ('t', 'ana', 'Ana', '', 'analyst'), ('t', 'ida', 'Ida', '', 'admin')`,
		`INSERT INTO access_grant (dataset_id, person_id, granted_by, until) SELECT d.id, p.id, p.id, now() FROM dataset d, person p WHERE p.name = 'Ana'`,
		`INSERT INTO access_request (dataset_id, person_id, purpose, until, created_at)
		 SELECT d.id, p.id, 'Head count', now() + interval '1 day', now() - interval '3 days' FROM dataset d, person p WHERE p.name = 'Ana'`,
	} {
		if _, err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	client, err := job.New(db, job.Options{Catalog: catalog.NewStore(db), Access: people, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Stop(context.Background()) })
	for _, want := range []string{"Your access to lake/pay has ended", "Ana still waits for access to lake/pay"} {
		select {
		case got := <-told:
			if !strings.HasPrefix(got, want) {
				t.Errorf("told %q, want %q", got, want)
			}
		case <-t.Context().Done():
			t.Fatalf("nobody was told: %s", want)
		}
	}
}
