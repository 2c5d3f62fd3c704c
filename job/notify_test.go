package job_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/job"
	"portreeve/notify"
	"portreeve/outbound"
	"portreeve/postgres/pgtest"
)

// A change in the database reaches the webhook of who watches, by the queue alone.
func TestNotifyChanges(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := db.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`INSERT INTO source (slug, kind, title) VALUES ('lake', 'test', 'The lake')`)
	exec(`INSERT INTO dataset (source_id, name, scope, kind) SELECT id, 'raw.a', '', 'table' FROM source`)
	arrived := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { arrived <- r.Header.Get("Webhook-Id") }))
	defer hook.Close()
	key, err := access.ParseKey(access.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	store := notify.NewStore(db)
	store.Key, store.Audit = key, access.NewAudit(key)
	ana, err := access.NewStore(db).EnsurePerson(t.Context(), access.Person{Issuer: "test", Subject: "ana", Name: "Ana", Role: access.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	act := access.Act{Who: access.Principal{Person: ana}, Via: "test"}
	if _, err := store.WatchDataset(t.Context(), act, catalog.Key{Source: "lake", Name: "raw.a"}, notify.AtOnce); err != nil {
		t.Fatal(err)
	}
	if _, err := store.SetWebhook(t.Context(), act, hook.URL); err != nil {
		t.Fatal(err)
	}
	exec(`INSERT INTO dataset_change (dataset_id, kind) SELECT id, 'gone' FROM dataset`)
	policy := outbound.Policy{Allowed: []string{strings.TrimPrefix(hook.URL, "http://")}}
	client, err := job.New(db, job.Options{
		Catalog: catalog.NewStore(db), Access: access.NewStore(db), Notify: store, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Outside: notify.NewOutside(nil, policy, "https://data.example.com", time.Now),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := client.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	select {
	case id := <-arrived:
		if !strings.HasPrefix(id, "msg_") {
			t.Errorf("the message is called %q", id)
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing arrived")
	}
}
