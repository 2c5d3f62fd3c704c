package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/fault"
)

// Announcement is a line that everybody is to read who comes to a dataset's page, for a time.
type Announcement struct {
	ID       int64
	Source   string // with Name, of the page that it stands on
	Name     string
	Text     string
	Tone     string // info, warn or bad
	PersonID int64
	Person   string // who announces it
	StartsAt time.Time
	EndsAt   *time.Time // nil: until somebody ends it
}

// Key names the dataset whose page it stands on.
func (a *Announcement) Key() Key { return Key{a.Source, a.Name} }

// Tones are how urgent an announcement can be, the least first.
func Tones() []string { return []string{"info", "warn", "bad"} }

const maxAnnouncement = 500 // bytes

// announcementSelect lists the fields of announcements that hold now; a restriction and an order follow. One on a dataset that is
// shown with another stands on the page of that.
const announcementSelect = `
	SELECT a.id, s.slug AS source, p.name, a.text, a.tone, a.person_id, a.person, a.starts_at, a.ends_at
	FROM announcement a JOIN dataset d ON d.id = a.dataset_id JOIN dataset p ON p.id = coalesce(d.main_id, d.id) JOIN source s ON s.id = p.source_id
	WHERE a.starts_at <= now() AND (a.ends_at IS NULL OR a.ends_at > now()) `

// Announce puts an announcement on the page of the dataset at key and returns its id; of a, Text, Tone and EndsAt count. Who acts
// must own the dataset. A text or tone that cannot be, and an end that has passed, are Invalid.
func (s *Store) Announce(ctx context.Context, act access.Act, key Key, a Announcement) (id int64, err error) {
	const put = `
		INSERT INTO announcement (dataset_id, text, tone, person_id, person, ends_at)
		SELECT @dataset, @text, @tone, @who, @name, @ends::timestamptz WHERE @ends::timestamptz IS NULL OR @ends > now() AND @ends < now() + interval '10 years' RETURNING id`
	if err := a.check(); err != nil {
		return 0, err
	}
	err = s.retry(ctx, func(tx pgx.Tx) error {
		h, err := lockOwned(ctx, tx, act.Who, key)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, put, pgx.NamedArgs{
			"dataset": h.ID, "text": a.Text, "tone": a.Tone, "who": act.Who.ID, "name": act.Who.Name, "ends": a.EndsAt,
		}).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.Invalidf("until", "an announcement ends in the future, within ten years")
		}
		if err != nil {
			return fmt.Errorf("announce on %s: %w", h.Key(), err)
		}
		return s.recordAnnouncement(ctx, tx, act, "dataset.announce", h.Key(), map[string]any{"announcement": id, "text": a.Text, "tone": a.Tone, "until": a.EndsAt})
	})
	return id, err
}

func (a *Announcement) check() error {
	a.Text = strings.TrimSpace(a.Text)
	switch {
	case a.Text == "":
		return fault.Invalidf("text", "say what is announced")
	case len(a.Text) > maxAnnouncement || !storable(a.Text):
		return fault.Invalidf("text", "an announcement is text of at most %d bytes", maxAnnouncement)
	case !slices.Contains(Tones(), a.Tone):
		return fault.Invalidf("tone", "the tone is one of %s", strings.Join(Tones(), ", "))
	}
	return nil
}

// EndAnnouncement takes an announcement down and returns where it stood. Who acts must own the dataset; one that is not up is
// NotFound.
func (s *Store) EndAnnouncement(ctx context.Context, act access.Act, id int64) (Key, error) {
	const find = announcementSelect + `AND a.id = $1`
	const end = `UPDATE announcement SET until = ends_at, ends_at = greatest(now(), starts_at), ended_by = $2 WHERE id = $1`
	var key Key
	err := s.retry(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, find, id)
		a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[Announcement])
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.NotFoundf("there is no announcement %d", id)
		}
		if err != nil {
			return err
		}
		key = a.Key()
		if _, err := lockOwned(ctx, tx, act.Who, key); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, end, id, act.Who.Name); err != nil {
			return fmt.Errorf("end announcement %d: %w", id, err)
		}
		return s.recordAnnouncement(ctx, tx, act, "dataset.end_announcement", key, map[string]any{"announcement": id, "text": a.Text})
	})
	return key, err
}

// lockOwned returns the dataset that has the page of key, locked, or Forbidden where it is not theirs who act.
func lockOwned(ctx context.Context, tx pgx.Tx, who access.Principal, key Key) (*head, error) {
	w, err := newEditing(ctx, tx, []DatasetEdits{{Key: key}})
	if err != nil {
		return nil, err
	}
	h := &w.heads[0]
	if !who.Owns(h.Subject()) {
		return nil, fault.Forbiddenf("%s is not yours to announce on: its owners, stewards of its domain and admins may", h.Key())
	}
	return h, nil
}

func (s *Store) recordAnnouncement(ctx context.Context, tx pgx.Tx, act access.Act, action string, key Key, detail map[string]any) error {
	if err := s.Audit.Record(ctx, tx, act, access.Event{Action: action, Object: "dataset " + key.String(), Detail: detail}); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `SELECT pg_notify($1, '')`, EditTopic)
	return err
}

// Announcements returns those that hold now on the page of w, the most urgent and then the newest first.
func (s *Store) Announcements(ctx context.Context, w *Whole) ([]Announcement, error) {
	const q = announcementSelect + `
		AND a.dataset_id = ANY($1) ORDER BY array_position('{bad,warn,info}', a.tone), a.id DESC LIMIT 20`
	rows, _ := s.db.Query(ctx, q, w.ids())
	return pgx.CollectRows(rows, pgx.RowToStructByName[Announcement])
}

// AnnouncementsFor returns at most limit of those that hold now and concern who: on datasets that they or their teams own, that
// they watch, may read by a grant, or opened within 30 days. The most urgent and then the newest come first.
func (s *Store) AnnouncementsFor(ctx context.Context, who access.Principal, limit int) ([]Announcement, error) {
	const q = announcementSelect + `AND p.gone_at IS NULL AND (
			EXISTS (SELECT FROM dataset_open v WHERE v.person_id = @person AND v.dataset_id = p.id AND v.opened_at > now() - interval '30 days')
			OR EXISTS (SELECT FROM access_grant g WHERE g.person_id = @person AND g.dataset_id = p.id AND g.ended_at IS NULL AND g.until > now())
			OR EXISTS (SELECT FROM watch w WHERE w.person_id = @person AND w.dataset_id = p.id)
			OR EXISTS (SELECT FROM dataset_override o WHERE o.dataset_id IN (p.id, d.id) AND o.owners @> ARRAY[@person::bigint])
			OR EXISTS (
				SELECT FROM dataset t LEFT JOIN dataset_override o ON o.dataset_id = t.id
				WHERE t.id IN (p.id, d.id) AND coalesce(o.team, t.team) <> '' AND (coalesce(o.team, t.team) = ANY(@teams)
					OR EXISTS (SELECT FROM watch w WHERE w.person_id = @person AND w.kind = 'team' AND w.target = coalesce(o.team, t.team)))))
		ORDER BY array_position('{bad,warn,info}', a.tone), a.id DESC LIMIT @limit`
	teams := append([]string{}, who.Teams...)
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"person": who.ID, "teams": teams, "limit": limit})
	return pgx.CollectRows(rows, pgx.RowToStructByName[Announcement])
}
