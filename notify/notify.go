// Package notify tells people of what they watch: it turns changes into notifications and sees to it that they arrive, on
// Home, by e-mail or at a webhook, once.
package notify

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/access"
)

// Store keeps watches, notifications and deliveries in Postgres. Every age is judged by the database's clock.
type Store struct {
	Audit *access.Audit // nil: no watch and no channel can be changed
	Key   access.Key    // seals the secrets of webhooks and of the links that stop mail
	db    *pgxpool.Pool
}

// NewStore returns a Store on db, whose schema is up to date.
func NewStore(db *pgxpool.Pool) *Store { return &Store{db: db} }

// Event is a kind of thing that people are told of.
type Event string

// The events.
const (
	SchemaChanged Event = "schema"
	Deprecated    Event = "deprecated"
	OwnerChanged  Event = "owner"
	Described     Event = "described"
	Gone          Event = "gone" // or there again
	Request       Event = "request"
	Grant         Event = "grant"
	Match         Event = "match" // a watched search finds a dataset that it did not find before
	Announcement  Event = "announcement"
	Membership    Event = "membership" // of a team, or the stewards of a domain
)

// New is a notification to be added.
type New struct {
	PersonID  int64 // whom it is for
	WatchID   int64 // that asked for it; 0: it concerns them anyway
	Event     Event
	DatasetID int64  // that it is about; 0: none
	Title     string // a line
	Body      string // more of it, or ""
	Path      string // of the page about it, such as /requests/7
	Once      string // names what happened: a person is told once of one thing, however often it is added
}

// Insert adds notifications in the transaction of what they tell of, and what is to be sent of them. People who are disabled
// are left out.
func Insert(ctx context.Context, tx pgx.Tx, all []New) error {
	const q = `
		WITH given AS (
			SELECT * FROM unnest(@person::bigint[], @watch::bigint[], @event::text[], @dataset::bigint[], @title::text[], @body::text[], @path::text[], @once::text[])
			AS n(person_id, watch_id, event, dataset_id, title, body, path, once)
		), added AS (
			INSERT INTO notification (person_id, watch_id, event, dataset_id, title, body, path, once)
			SELECT g.person_id, nullif(g.watch_id, 0), g.event, nullif(g.dataset_id, 0), g.title, g.body, g.path, g.once
			FROM given g JOIN person p ON p.id = g.person_id WHERE p.disabled_at IS NULL AND p.role <> ''
			ON CONFLICT ON CONSTRAINT notification_once DO NOTHING
			RETURNING id, person_id, watch_id
		), due AS (
			SELECT a.id, a.person_id, CASE w.cadence WHEN 'daily' THEN ` + nextDay + ` WHEN 'weekly' THEN ` + nextWeek + ` ELSE now() END AS due_at
			FROM added a LEFT JOIN watch w ON w.id = a.watch_id
		)
		INSERT INTO delivery AS d (person_id, by, notifications, due_at)
		SELECT due.person_id, b.by, array_agg(due.id ORDER BY due.id), due.due_at
		FROM due JOIN channel c ON c.person_id = due.person_id
		CROSS JOIN LATERAL (VALUES ('email', c.email), ('webhook', c.webhook <> '')) AS b(by, wanted)
		WHERE b.wanted GROUP BY due.person_id, b.by, due.due_at
		ON CONFLICT (person_id, by, due_at) WHERE state = 'waiting' DO UPDATE SET notifications = d.notifications || excluded.notifications`
	n := len(all)
	if n == 0 {
		return nil
	}
	person, watch, dataset := make([]int64, n), make([]int64, n), make([]int64, n)
	event, title, body, path, once := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i := range all {
		a := &all[i]
		person[i], watch[i], dataset[i] = a.PersonID, a.WatchID, a.DatasetID
		event[i], title[i], body[i], path[i], once[i] = string(a.Event), a.Title, a.Body, a.Path, a.Once
	}
	_, err := tx.Exec(ctx, q, pgx.NamedArgs{
		"person": person, "watch": watch, "event": event, "dataset": dataset, "title": title, "body": body, "path": path, "once": once,
	})
	if err != nil {
		return fmt.Errorf("add notifications: %w", err)
	}
	return nil
}

// When digests are due: at 07:00 UTC, weekly ones on Monday.
const (
	nextDay  = `(date_trunc('day', now() AT TIME ZONE 'UTC' - interval '7 hours') + interval '1 day 7 hours') AT TIME ZONE 'UTC'`
	nextWeek = `(date_trunc('week', now() AT TIME ZONE 'UTC' - interval '7 hours') + interval '7 days 7 hours') AT TIME ZONE 'UTC'`
)
