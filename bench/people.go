package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/access"
	"portreeve/bench/corpus"
	"portreeve/catalog"
)

// peopleCommand measures what a company of 10,000 people in 1,000 teams sees over a made-up catalog, and a change of many datasets
// at once.
func peopleCommand(ctx context.Context, out io.Writer, args []string) error {
	f := flags("people")
	datasets := f.Int("datasets", 100_000, "datasets in the catalog, 19.4 columns each on average")
	edited := f.Int("edited", 5000, "datasets that are edited at once")
	home := f.String("home", "", "folder of the server, kept and used again; empty: a new one, removed afterwards")
	if err := f.Parse(args); err != nil {
		return err
	}
	db, closeAll, err := open(ctx, out, *home)
	if err != nil {
		return err
	}
	return errors.Join(measurePeople(ctx, out, db, *datasets, *edited), closeAll())
}

func measurePeople(ctx context.Context, out io.Writer, db *pgxpool.Pool, datasets, edited int) error {
	store := catalog.NewStore(db)
	if err := printMachine(ctx, out, db); err != nil {
		return err
	}
	if err := fill(ctx, out, db, store, datasets); err != nil {
		return err
	}
	if err := fillPeople(ctx, db); err != nil {
		return fmt.Errorf("people: %w", err)
	}
	if err := peoplePages(ctx, out, db); err != nil {
		return err
	}
	return editMany(ctx, out, db, store, edited)
}

// fillPeople adds people, teams and domains, once. One in ten of the teams that datasets name is none, one in a hundred datasets
// has an owner, and one in twenty people has left.
func fillPeople(ctx context.Context, db *pgxpool.Pool) error {
	for _, q := range []string{
		`INSERT INTO team (slug, name) SELECT 'team-' || to_char(n, 'FM000'), 'Team ' || n FROM generate_series(0, 999) n WHERE n % 10 <> 7 ON CONFLICT DO NOTHING`,
		`INSERT INTO domain (slug, name) SELECT DISTINCT domain, initcap(domain) FROM dataset WHERE domain <> '' ON CONFLICT DO NOTHING`,
		`INSERT INTO person (issuer, subject, name, email, role, disabled_at)
		 SELECT 'bench', n::text, 'Person ' || n, 'p' || n || '@example.com', 'analyst', CASE WHEN n % 20 = 0 THEN now() END
		 FROM generate_series(1, 10000) n ON CONFLICT DO NOTHING`,
		`INSERT INTO team_member (team_id, person_id, by_rule) SELECT t.id, p.id, true FROM person p
		 JOIN team t ON t.slug = 'team-' || to_char(p.subject::int % 1000, 'FM000') WHERE p.issuer = 'bench' ON CONFLICT DO NOTHING`,
		`INSERT INTO dataset_override (dataset_id, owners) SELECT d.id, ARRAY[p.id] FROM dataset d
		 JOIN person p ON p.issuer = 'bench' AND p.subject = (1 + d.id % 10000)::text WHERE d.id % 100 = 3 ON CONFLICT DO NOTHING`,
		`ANALYZE`,
	} {
		if _, err := db.Exec(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func peoplePages(ctx context.Context, out io.Writer, db *pgxpool.Pool) error {
	binary, remove, err := build(ctx)
	if err != nil {
		return err
	}
	defer remove()
	p, err := startPortal(ctx, binary, db.Config().ConnString())
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.signIn(ctx, access.Admin); err != nil {
		return err
	}
	team := corpus.Team(3)
	for _, path := range []string{"/teams", "/teams/" + team, "/people", "/domains", "/ownership", "/requests", "/watching", "/notifications", "/admin/audit"} {
		if err := p.measure(ctx, out, path, func(int) string { return path }, 50*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// editMany looks at and carries out a change of two fields of many datasets at once, as the page for it does.
func editMany(ctx context.Context, out io.Writer, db *pgxpool.Pool, store *catalog.Store, edited int) error {
	key, err := access.ParseKey(rand.Text() + rand.Text())
	if err != nil {
		return err
	}
	store.Audit = access.NewAudit(key)
	const q = `
		SELECT s.slug, d.name FROM dataset d JOIN source s ON s.id = d.source_id WHERE d.gone_at IS NULL AND d.main_id IS NULL ORDER BY d.id LIMIT $1`
	rows, _ := db.Query(ctx, q, edited)
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[catalog.Key])
	if err != nil {
		return err
	}
	admin, err := access.NewStore(db).EnsurePerson(ctx, access.Person{Issuer: access.LocalIssuer, Subject: "editor", Name: "Editor", Role: access.Admin})
	if err != nil {
		return err
	}
	act := access.Act{Who: access.Principal{Person: admin}, Via: "page", Address: "192.0.2.1", Reason: "a benchmark"}
	rows, _ = db.Query(ctx, `SELECT slug FROM domain ORDER BY slug LIMIT 3`)
	domains, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	var looked, applied, undone []time.Duration
	for n, domain := range domains {
		tags := fmt.Sprintf(`["bench-%d"]`, n)
		id, err := store.MakePlan(ctx, act.Who, catalog.EditPlan{Title: "bench", Items: []catalog.PlanItem{{Keys: keys, Edits: []catalog.Edit{
			{Field: catalog.FieldDomain, Value: &domain}, {Field: catalog.FieldTags, Value: &tags},
		}}}})
		if err != nil {
			return err
		}
		p, err := store.Plan(ctx, act.Who, id)
		if err != nil {
			return err
		}
		start := time.Now()
		seen, err := store.Preview(ctx, act.Who, &p, 0, 50)
		if err != nil {
			return err
		}
		looked, start = append(looked, time.Since(start)), time.Now()
		if err := store.ApplyPlan(ctx, act, id, seen.Seen); err != nil {
			return err
		}
		applied, start = append(applied, time.Since(start)), time.Now()
		if err := store.UndoPlan(ctx, act, id); err != nil {
			return err
		}
		undone = append(undone, time.Since(start))
	}
	fmt.Fprintf(out, "two fields of %d datasets at once:\n", len(keys))
	printTimes(out, "looked at", looked, 0)
	printTimes(out, "carried out", applied, 3*time.Second)
	printTimes(out, "taken back", undone, 0)
	return nil
}
