package access

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// endedAtOnce is how many grants one transaction ends.
const endedAtOnce = 200

// portal is who acts when time does.
func portal() Act { return Act{Who: Principal{Person: Person{Name: "the portal"}}, Via: "job"} }

// EndGrants notes which grants and requests have expired, and tells whose they were. Grants open nothing from the second on at
// which they end: this only writes it down. It may run any number of times.
func (s *Store) EndGrants(ctx context.Context) error {
	for {
		var n int
		err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
			grants, err := expired[Grant](ctx, tx, grantSelect+`
				WHERE g.ended_at IS NULL AND g.until <= now() ORDER BY g.until LIMIT $1 FOR NO KEY UPDATE OF g SKIP LOCKED`)
			if err != nil {
				return err
			}
			requests, err := expired[Request](ctx, tx, requestSelect+`
				WHERE r.state = 'pending' AND r.until <= now() ORDER BY r.id LIMIT $1 FOR NO KEY UPDATE OF r SKIP LOCKED`)
			if err != nil {
				return err
			}
			n = len(grants) + len(requests)
			if n == 0 {
				return nil
			}
			return s.expire(ctx, tx, grants, requests)
		})
		if err != nil || n < endedAtOnce {
			return err
		}
	}
}

func expired[T any](ctx context.Context, tx pgx.Tx, query string) ([]T, error) {
	rows, _ := tx.Query(ctx, query, endedAtOnce)
	return pgx.CollectRows(rows, pgx.RowToStructByName[T])
}

func (s *Store) expire(ctx context.Context, tx pgx.Tx, grants []Grant, requests []Request) error {
	var batch pgx.Batch
	var news []News
	var events []Event
	for i := range grants {
		g := &grants[i]
		batch.Queue(`UPDATE access_grant SET ended_at = now() WHERE id = $1`, g.ID)
		events = append(events, g.event("access.expire"))
		news = append(news, News{
			Person: g.PersonID, DatasetID: g.DatasetID, Event: "grant", Title: "Your access to " + g.name() + " has ended",
			Body: "Ask again when you need it.", Path: datasetPath(g.Source, g.Dataset), Once: fmt.Sprintf("grant %d expired", g.ID),
		})
	}
	for i := range requests {
		r := &requests[i]
		batch.Queue(`UPDATE access_request SET state = 'expired', decided_at = now() WHERE id = $1`, r.ID)
		events = append(events, r.event("access.expire"))
		n := r.over()
		n.Person, n.Event, n.Title = r.PersonID, "request", "Nobody answered your request for "+r.name()+" in time"
		n.Once = fmt.Sprintf("request %d decided", r.ID)
		news = append(news, n)
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return err
	}
	if err := s.tell(ctx, tx, news...); err != nil {
		return err
	}
	return s.Audit.Record(ctx, tx, portal(), events...)
}

// RemindHolders tells holders, once, that a grant ends within seven days, or within the last quarter of a short one. Who has
// asked for more already is not reminded.
func (s *Store) RemindHolders(ctx context.Context) error {
	const q = `
		UPDATE access_grant SET reminded_at = now() WHERE id IN (
			SELECT g.id FROM access_grant g
			WHERE g.ended_at IS NULL AND g.reminded_at IS NULL AND g.until > now()
			  AND g.until < now() + least(interval '7 days', (g.until - g.created_at) / 4)
			  AND NOT EXISTS (SELECT FROM access_request r WHERE r.extends = g.id AND r.state = 'pending')
			ORDER BY g.until LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
		RETURNING id`
	if s.Told == nil {
		return nil
	}
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, q, endedAtOnce)
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return err
		}
		news := make([]News, 0, len(ids))
		for _, id := range ids {
			g, err := one[Grant](ctx, tx, "grant", grantSelect+`WHERE g.id = $1`, id)
			if err != nil {
				return err
			}
			news = append(news, News{
				Person: g.PersonID, DatasetID: g.DatasetID, Event: "grant", Title: "Your access to " + g.name() + " ends on " + onThe(g.Until),
				Body: "Ask for more time if you still need it.", Path: fmt.Sprintf("%s?extend=%d#ask", datasetPath(g.Source, g.Dataset), id), Once: fmt.Sprintf("grant %d ends", id),
			})
		}
		return s.tell(ctx, tx, news...)
	})
}

// OverdueRequests returns the requests that have waited for two days and of which nobody was reminded, at most limit.
func (s *Store) OverdueRequests(ctx context.Context, limit int) ([]Request, error) {
	const q = requestSelect + `
		WHERE r.state = 'pending' AND r.reminded_at IS NULL AND r.created_at < now() - interval '2 days' ORDER BY r.id LIMIT $1`
	rows, _ := s.db.Query(ctx, q, limit)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Request])
}

// RemindApprovers tells those who decide on r, once, that it waits. d is the request's dataset.
func (s *Store) RemindApprovers(ctx context.Context, r Request, d Subject) error {
	const q = `UPDATE access_request SET reminded_at = now() WHERE id = $1 AND state = 'pending' AND reminded_at IS NULL`
	if s.Told == nil {
		return nil
	}
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, q, r.ID)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return s.tellApprovers(ctx, tx, &r, d, r.Person+" still waits for "+r.wish()+" "+r.name(), "reminded")
	})
}
