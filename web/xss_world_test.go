package web

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5"

	"portreeve/access"
)

// hostile is a portal in which every text is somebody's attempt.
type hostile struct {
	*core
	base string
	n    int
}

// newHostile fills every text column that people or sources write with the payloads, four to a row, around whatever checks
// there are on the way in: what stands in the database already must be harmless too.
func newHostile(t *testing.T, payloads []string) *hostile {
	t.Helper()
	st := newDemo(t)
	w := &hostile{core: st}
	var texts []string
	for some := range slices.Chunk(payloads, 4) {
		texts = append(texts, strings.ReplaceAll(strings.Join(some, " \n"), "\x00", ""))
	}
	w.n = len(texts)
	admin, err := st.Access.Principal(t.Context(), access.LocalIssuer, "admin")
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range hostileRows {
		if _, err := st.pool.Exec(t.Context(), q, pgx.NamedArgs{"texts": texts, "me": admin.ID}); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	if err := st.Catalog.Reindex(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = pgx.BeginFunc(t.Context(), st.pool, func(tx pgx.Tx) error {
		for _, text := range texts {
			act := access.Act{Who: access.Principal{Person: access.Person{ID: admin.ID, Name: text}}, Via: text, Reason: text, Address: text}
			if err := st.Access.Audit.Record(t.Context(), tx, act, access.Event{Action: text, Object: "dataset " + text, Detail: map[string]any{text: text}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.base = st.listenOn(t)
	return w
}

// hostileRows fill the tables; @texts are the payloads, @me is the person who looks.
var hostileRows = []string{
	`INSERT INTO source (slug, kind, title, note, namespace, access) VALUES ('h', 'test', '<img src=x onerror=alert(1)>', '<svg onload=alert(1)>', 'x', 'restricted')`,
	`INSERT INTO dataset (source_id, name, scope, kind, title, description, team, domain, tags, deprecated, location, format, partitioning, definition, properties, problem, column_count, data_at)
	 SELECT s.id, 't' || i, 'raw', CASE WHEN i % 2 = 0 THEN 'table' ELSE 'view' END, p, p, p, p, ARRAY[p], p, p, p, ARRAY[p], p, jsonb_build_object(p, p), CASE WHEN i % 3 = 0 THEN p ELSE '' END, 1, now()
	 FROM source s, unnest(@texts::text[]) WITH ORDINALITY AS u (p, i) WHERE s.slug = 'h'`,
	`INSERT INTO dataset_column (dataset_id, position, path, type, nullable, comment)
	 SELECT d.id, 0, d.title, d.title, true, d.title FROM dataset d JOIN source s ON s.id = d.source_id WHERE s.slug = 'h'`,
	`INSERT INTO dataset (source_id, name, scope, kind) SELECT s.id, p, 'odd', 'table' FROM source s, unnest(@texts::text[]) AS u (p) WHERE s.slug = 'h'`,
	`INSERT INTO team (slug, name, description, contact) SELECT 'h' || i, p, p, p FROM unnest(@texts::text[]) WITH ORDINALITY AS u (p, i)`,
	`INSERT INTO domain (slug, name, description) SELECT 'h' || i, p, p FROM unnest(@texts::text[]) WITH ORDINALITY AS u (p, i)`,
	`INSERT INTO glossary_term (slug, name, definition, person) SELECT 'h' || i, p, p, p FROM unnest(@texts::text[]) WITH ORDINALITY AS u (p, i)`,
	`INSERT INTO person (issuer, subject, name, email, role, team, groups) SELECT p, p, p, p, 'owner', 'h1', ARRAY[p] FROM unnest(@texts::text[]) AS u (p)`,
	`INSERT INTO team_member (team_id, person_id, by_rule) SELECT t.id, p.id, false FROM team t, person p WHERE t.slug = 'h1'`,
	`INSERT INTO dataset_edit (dataset_id, field, old, new, person_id, person, via, reason)
	 SELECT d.id, 'description', d.description, d.description || 'x', @me, d.title, d.title, d.title FROM dataset d WHERE d.title <> ''`,
	`INSERT INTO dataset_change (dataset_id, kind, field, old, new, edit_id, at)
	 SELECT d.id, 'attribute', d.title, d.title, d.title || 'x', e.id, now() - make_interval(secs => d.id) FROM dataset d JOIN dataset_edit e ON e.dataset_id = d.id`,
	`INSERT INTO dataset_attribute (dataset_id, field, origin, value, declared_in, edit_id)
	 SELECT e.dataset_id, f, CASE WHEN f = 'title' THEN 'declared' ELSE 'edited' END, e.old, e.old, CASE WHEN f = 'title' THEN NULL ELSE e.id END
	 FROM dataset_edit e, unnest(ARRAY['title', 'description', 'deprecated', 'successor']) AS f`,
	`INSERT INTO dataset_override (dataset_id, title, description, team, owners, domain, tags, terms, deprecated, successor, access)
	 SELECT e.dataset_id, e.old, e.old, 'h1', ARRAY(SELECT id FROM person ORDER BY id DESC LIMIT 3), 'h1', ARRAY[e.old], ARRAY['h1'], e.old, e.old, 'restricted' FROM dataset_edit e`,
	`INSERT INTO announcement (dataset_id, text, person_id, person) SELECT e.dataset_id, e.old, @me, e.old FROM dataset_edit e`,
	`INSERT INTO access_request (dataset_id, person_id, columns, purpose, until, reason) SELECT e.dataset_id, (SELECT max(id) FROM person), ARRAY[e.old], e.old, now() + interval '1 day', e.old FROM dataset_edit e`,
	`INSERT INTO access_grant (dataset_id, person_id, columns, until, granted_by, reason) SELECT e.dataset_id, (SELECT max(id) FROM person), ARRAY[e.old], now() + interval '1 day', @me, e.old FROM dataset_edit e`,
	`INSERT INTO watch (person_id, kind, target) SELECT @me, 'search', p FROM unnest(@texts::text[]) AS u (p)`,
	`INSERT INTO notification (person_id, event, title, body, path, once) SELECT @me, 'schema', p, p, p, p FROM unnest(@texts::text[]) AS u (p)`,
	`INSERT INTO token (hash, person_id, name, scopes, expires_at) SELECT sha256(p::bytea), @me, p, ARRAY['read'], now() + interval '1 day' FROM (SELECT replace(p, E'\\', '/') AS p FROM unnest(@texts::text[]) AS u (p)) u`,
	`INSERT INTO session (hash, person_id, expires_at, agent) SELECT sha256(convert_to(p, 'UTF8')), @me, now() + interval '1 day', p FROM unnest(@texts::text[]) AS u (p)`,
}

// pages are all that show what was filled in.
func (w *hostile) pages() []string {
	paths := []string{
		"/", "/data", "/data?q=alert", "/sources", "/sources/h", "/teams", "/teams/h1", "/domains", "/domains/h1", "/people", "/people?q=alert",
		"/glossary", "/glossary/h1", "/ownership", "/requests", "/watching", "/notifications", "/me", "/admin/audit", "/admin/audit?object=alert",
		"/d/h/t1/history", "/d/h/t1/columns", "/d/h/t1/columns/edit", "/d/h/t1/definition", "/d/h/t1/sample", "/d/h/t1/access", "/register",
	}
	for i := range w.n {
		paths = append(paths, fmt.Sprintf("/d/h/t%d", i+1))
		if i%3 == 0 {
			paths = append(paths, fmt.Sprintf("/d/h/t%d/edit", i+1))
		}
		if i%10 == 0 {
			paths = append(paths, fmt.Sprintf("/teams/h%d", i+1), fmt.Sprintf("/glossary/h%d", i+1), fmt.Sprintf("/domains/h%d", i+1))
		}
	}
	return paths
}

// signIn makes the browser the demo's admin.
func (w *hostile) signIn(t *testing.T, ctx context.Context) { //nolint:revive // the test comes first
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(w.base+"/login")); err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(`button[value="admin"]`)); err != nil {
		t.Fatal(err)
	}
}
