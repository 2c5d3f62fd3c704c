package notify

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/catalog"
	"portreeve/fault"
)

// What can be watched.
const (
	OfDataset = "dataset"
	OfSearch  = "search"
	OfTeam    = "team"
)

// How soon people are told by mail or webhook. On Home everything stands at once.
const (
	AtOnce = "now"
	Daily  = "daily"
	Weekly = "weekly"
)

// maxWatches bounds what one person watches.
const maxWatches = 1000

// Watch is what a person wants to hear of.
type Watch struct {
	ID        int64
	Kind      string // OfDataset, OfSearch or OfTeam
	Target    string // source/name, a search's query string, or a team's slug
	Cadence   string // AtOnce, Daily or Weekly
	Problem   string // of a search: why it could not be compared last, or ""
	CreatedAt time.Time
	ToldAt    *time.Time // when it last led to a notification
}

// Watches returns what a person watches, newest first.
func (s *Store) Watches(ctx context.Context, person int64) ([]Watch, error) {
	const q = `
		SELECT w.id, w.kind, coalesce(s.slug || '/' || d.name, w.target) AS target, w.cadence, w.problem, w.created_at,
			(SELECT max(n.at) FROM notification n WHERE n.watch_id = w.id) AS told_at
		FROM watch w LEFT JOIN dataset d ON d.id = w.dataset_id LEFT JOIN source s ON s.id = d.source_id
		WHERE w.person_id = $1 ORDER BY w.id DESC`
	rows, _ := s.db.Query(ctx, q, person)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Watch])
}

// Watching reports whether a person watches a target.
func (s *Store) Watching(ctx context.Context, person int64, kind, target string) (watching bool, err error) {
	const q = `SELECT EXISTS (SELECT FROM watch WHERE person_id = @person AND kind = @kind AND target = @target)`
	err = s.db.QueryRow(ctx, q, pgx.NamedArgs{"person": person, "kind": kind, "target": target}).Scan(&watching)
	return watching, err
}

// WatchingDataset reports whether a person watches a dataset by itself.
func (s *Store) WatchingDataset(ctx context.Context, person, dataset int64) (watching bool, err error) {
	const q = `SELECT EXISTS (SELECT FROM watch WHERE person_id = @person AND dataset_id = @dataset)`
	err = s.db.QueryRow(ctx, q, pgx.NamedArgs{"person": person, "dataset": dataset}).Scan(&watching)
	return watching, err
}

// WatchDataset begins to watch the dataset of that key, or the one whose page shows it. Watching twice is watching once.
func (s *Store) WatchDataset(ctx context.Context, act access.Act, key catalog.Key, cadence string) (int64, error) {
	const find = `
		SELECT coalesce(d.main_id, d.id) FROM dataset d JOIN source s ON s.id = d.source_id WHERE s.slug = @source AND d.name = @name`
	var dataset int64
	err := s.db.QueryRow(ctx, find, pgx.NamedArgs{"source": key.Source, "name": key.Name}).Scan(&dataset)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fault.NotFoundf("there is no dataset %s", key)
	}
	if err != nil {
		return 0, err
	}
	return s.watch(ctx, act, OfDataset, key.String(), &dataset, cadence)
}

// WatchSearch begins to watch a search, named by the query string of its address.
func (s *Store) WatchSearch(ctx context.Context, act access.Act, query, cadence string) (int64, error) {
	target, err := SearchTarget(query)
	if err != nil {
		return 0, err
	}
	return s.watch(ctx, act, OfSearch, target, nil, cadence)
}

// WatchTeam begins to watch what a team owns. The team may be one that only datasets name.
func (s *Store) WatchTeam(ctx context.Context, act access.Act, slug, cadence string) (int64, error) {
	if slug == "" || len(slug) > 200 {
		return 0, fault.Invalidf("/target", "name a team")
	}
	return s.watch(ctx, act, OfTeam, slug, nil, cadence)
}

func (s *Store) watch(ctx context.Context, act access.Act, kind, target string, dataset *int64, cadence string) (id int64, err error) {
	const insert = `
		INSERT INTO watch AS w (person_id, kind, dataset_id, target, cadence)
		SELECT @person, @kind, @dataset, @target, @cadence
		WHERE (SELECT count(*) FROM watch WHERE person_id = @person) < @most OR EXISTS (SELECT FROM watch WHERE person_id = @person AND kind = @kind AND target = @target)
		ON CONFLICT ON CONSTRAINT watch_once DO UPDATE SET dataset_id = excluded.dataset_id
		RETURNING id, xmax = 0`
	if err := checkCadence(cadence); err != nil {
		return 0, err
	}
	args := pgx.NamedArgs{"person": act.Who.ID, "kind": kind, "dataset": dataset, "target": target, "cadence": cadence, "most": maxWatches}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var fresh bool
		err := tx.QueryRow(ctx, insert, args).Scan(&id, &fresh)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.Invalidf("/target", "you watch %d things, which is the most: stop some at /watching, or watch a team in place of its datasets", maxWatches)
		}
		if err != nil || !fresh {
			return err
		}
		return s.Audit.Record(ctx, tx, act, access.Event{Action: "watch.start", Object: kind + " " + target, Detail: map[string]any{"cadence": cadence}})
	})
	return id, err
}

// checkCadence returns an Invalid error when there is no such cadence.
func checkCadence(cadence string) error {
	switch cadence {
	case AtOnce, Daily, Weekly:
		return nil
	}
	return fault.Invalidf("/cadence", "one is told at once (now), daily or weekly")
}

// SetCadence changes how soon a person is told of what a watch of theirs finds. What is on its way already stays so.
func (s *Store) SetCadence(ctx context.Context, act access.Act, id int64, cadence string) error {
	const q = `UPDATE watch SET cadence = @cadence WHERE id = @id AND person_id = @person RETURNING kind || ' ' || target`
	const mine = `SELECT EXISTS (SELECT FROM watch WHERE id = $1 AND person_id = $2)`
	var found bool
	if err := s.db.QueryRow(ctx, mine, id, act.Who.ID).Scan(&found); err != nil {
		return err
	}
	if !found {
		return fault.NotFoundf("you have no such watch")
	}
	if err := checkCadence(cadence); err != nil {
		return err
	}
	return s.change(ctx, act, "watch.change", map[string]any{"cadence": cadence}, q, pgx.NamedArgs{"cadence": cadence, "id": id, "person": act.Who.ID})
}

// Stop ends a watch of who acts and returns what it was, so that it can be begun again. Another's is not found.
func (s *Store) Stop(ctx context.Context, act access.Act, id int64) (w Watch, err error) {
	const read = `SELECT id, kind, target, cadence FROM watch WHERE id = @id AND person_id = @person`
	const q = `DELETE FROM watch WHERE id = @id AND person_id = @person RETURNING kind || ' ' || target`
	args := pgx.NamedArgs{"id": id, "person": act.Who.ID}
	rows, _ := s.db.Query(ctx, read, args)
	w, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByNameLax[Watch])
	if errors.Is(err, pgx.ErrNoRows) {
		return w, fault.NotFoundf("you have no such watch")
	}
	if err != nil {
		return w, err
	}
	return w, s.change(ctx, act, "watch.stop", nil, q, args)
}

// StopTarget is Stop by what is watched. Stopping what is not watched is no error.
func (s *Store) StopTarget(ctx context.Context, act access.Act, kind, target string) error {
	const q = `
		SELECT w.id FROM watch w LEFT JOIN dataset d ON d.id = w.dataset_id LEFT JOIN source s ON s.id = d.source_id
		WHERE w.person_id = @person AND w.kind = @kind AND (w.target = @target OR s.slug || '/' || d.name = @target)`
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"person": act.Who.ID, "kind": kind, "target": target})
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	for _, id := range ids {
		if _, e := s.Stop(ctx, act, id); fault.KindOf(e) != fault.NotFound {
			err = errors.Join(err, e)
		}
	}
	return err
}

// change runs q, which returns the name of the one object that it changed, and records the act. It is NotFound when q changes none.
func (s *Store) change(ctx context.Context, act access.Act, action string, detail map[string]any, q string, args pgx.NamedArgs) error {
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		var object string
		err := tx.QueryRow(ctx, q, args).Scan(&object)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.NotFoundf("you have no such watch")
		}
		if err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, act, access.Event{Action: action, Object: object, Detail: detail})
	})
}
