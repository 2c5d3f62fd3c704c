package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/catalog"
)

// Notification is something that a person was told.
type Notification struct {
	ID     int64
	Event  Event
	Source string // with Name the dataset that it is about; "" without one
	Name   string
	Title  string
	Body   string
	Path   string
	At     time.Time
	ReadAt *time.Time
	Watch  string // kind of the watch that it comes from: dataset, search, team; "" for what concerns them anyway
}

// Key is the dataset that the notification is about, or the zero Key.
func (n *Notification) Key() catalog.Key { return catalog.Key{Source: n.Source, Name: n.Name} }

// Filter narrows notifications.
type Filter struct {
	Unread bool
	Event  Event // "" for all
	Before int64 // only those with ids below it; 0: from the newest
}

// Notifications returns what a person was told, newest first.
func (s *Store) Notifications(ctx context.Context, person int64, f Filter, limit int) ([]Notification, error) {
	const q = `
		SELECT n.id, n.event, coalesce(s.slug, '') AS source, coalesce(d.name, '') AS name, n.title, n.body, n.path, n.at, n.read_at, coalesce(w.kind, '') AS watch
		FROM notification n LEFT JOIN dataset d ON d.id = n.dataset_id LEFT JOIN source s ON s.id = d.source_id LEFT JOIN watch w ON w.id = n.watch_id
		WHERE n.person_id = @person AND (NOT @unread OR n.read_at IS NULL) AND (@event = '' OR n.event = @event) AND (@before::bigint = 0 OR n.id < @before)
		ORDER BY n.id DESC LIMIT @limit`
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"person": person, "unread": f.Unread, "event": string(f.Event), "before": f.Before, "limit": limit})
	return pgx.CollectRows(rows, pgx.RowToStructByName[Notification])
}

// Unread returns how many notifications a person has not read, at most 100.
func (s *Store) Unread(ctx context.Context, person int64) (n int, err error) {
	const q = `SELECT count(*) FROM (SELECT FROM notification WHERE person_id = $1 AND read_at IS NULL LIMIT 100) AS counted`
	err = s.db.QueryRow(ctx, q, person).Scan(&n)
	return n, err
}

// MarkSeen marks as read what a person was told of a dataset, whose page they have opened.
func (s *Store) MarkSeen(ctx context.Context, person, dataset int64) error {
	const q = `UPDATE notification SET read_at = now() WHERE person_id = $1 AND dataset_id = $2 AND read_at IS NULL`
	_, err := s.db.Exec(ctx, q, person, dataset)
	return err
}

// MarkPathSeen marks as read what a person was told of a page, which they have opened.
func (s *Store) MarkPathSeen(ctx context.Context, person int64, path string) error {
	const q = `UPDATE notification SET read_at = now() WHERE person_id = $1 AND path = $2 AND read_at IS NULL`
	_, err := s.db.Exec(ctx, q, person, path)
	return err
}

// What was told and sent is kept so long.
const (
	readKept     = 90 * 24 * time.Hour
	unreadKept   = 365 * 24 * time.Hour
	deliveryKept = 90 * 24 * time.Hour
)

// Tidy removes old notifications and deliveries that are over.
func (s *Store) Tidy(ctx context.Context) error {
	const notifications = `
		DELETE FROM notification WHERE at < now() - @read::interval AND (read_at < now() - @read::interval OR at < now() - @unread::interval)`
	const deliveries = `DELETE FROM delivery WHERE state <> 'waiting' AND ended_at < now() - @delivery::interval`
	args := pgx.NamedArgs{"read": readKept, "unread": unreadKept, "delivery": deliveryKept}
	for _, q := range []string{notifications, deliveries} {
		if _, err := s.db.Exec(ctx, q, args); err != nil {
			return fmt.Errorf("tidy notifications: %w", err)
		}
	}
	return nil
}

// MarkRead marks notifications of a person as read: all up to the id upTo, or only that one.
func (s *Store) MarkRead(ctx context.Context, person, upTo int64, only bool) error {
	const q = `UPDATE notification SET read_at = now() WHERE person_id = @person AND read_at IS NULL AND (id = @id OR NOT @only AND id < @id)`
	_, err := s.db.Exec(ctx, q, pgx.NamedArgs{"person": person, "id": upTo, "only": only})
	return err
}
