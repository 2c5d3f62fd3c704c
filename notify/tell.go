package notify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/catalog"
)

const (
	tellRows  = 2000 // changes that are dealt with in one transaction, beside those of the same moment
	tellText  = 200  // characters of a value that are told
	tellEach  = 5    // datasets of a watched team that are told of one by one; more of them are one notification
	insertMax = 5000 // notifications in one statement
)

// moment is what changed of a dataset in one transaction, a crawl's or a person's.
type moment struct {
	id       int64 // of its first change
	dataset  int64 // whose page shows it
	key      catalog.Key
	at       time.Time
	personID int64 // whose edit it was, or 0
	person   string
	teams    []string // that own it, or did before
	changes  []catalog.Change
}

// Tell makes notifications of all changes and announcements that nobody has been told of yet. A change is marked in the
// transaction in which its notifications are added: it is told once, whatever fails when, and one that commits late is told late. Only one
// process tells at a time; another returns at once.
func (s *Store) Tell(ctx context.Context) error {
	for {
		n, err := s.tellSome(ctx)
		if err != nil {
			return fmt.Errorf("tell of changes: %w", err)
		}
		if n == 0 {
			return s.tellAnnouncements(ctx)
		}
	}
}

// tellSome deals with the oldest changes that are untold and returns how many they were.
func (s *Store) tellSome(ctx context.Context) (n int, err error) {
	const batch = `
		SELECT c.id FROM dataset_change c
		JOIN (SELECT DISTINCT dataset_id, at FROM (SELECT dataset_id, at FROM dataset_change WHERE NOT told ORDER BY id LIMIT $1) AS oldest) AS o
		ON c.dataset_id = o.dataset_id AND c.at = o.at WHERE NOT c.told`
	const mark = `UPDATE dataset_change SET told = true WHERE id = ANY($1)`
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if alone, err := telling(ctx, tx); err != nil || !alone {
			return err
		}
		rows, _ := tx.Query(ctx, batch, tellRows)
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil || len(ids) == 0 {
			return err
		}
		n = len(ids)
		moments, err := momentsOf(ctx, tx, ids)
		if err != nil {
			return err
		}
		if err := tellMoments(ctx, tx, moments); err != nil {
			return err
		}
		if err := tellOwners(ctx, tx, ids); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, mark, ids)
		return err
	})
	return n, err
}

// telling reports whether this transaction is the one that tells.
func telling(ctx context.Context, tx pgx.Tx) (alone bool, err error) {
	err = tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtext('portreeve tells'))`).Scan(&alone)
	return alone, err
}

// momentsOf reads those of the changes that someone watches. That a dataset was seen first is told by watched searches.
func momentsOf(ctx context.Context, tx pgx.Tx, ids []int64) ([]moment, error) {
	const q = `
		WITH changed AS (
			SELECT c.id, c.dataset_id, c.at, c.kind, c.field, left(c.old, @text) AS old, left(c.new, @text) AS new, c.edit_id,
				coalesce(d.main_id, d.id) AS page, coalesce(o.team, d.team) AS team
			FROM dataset_change c JOIN dataset d ON d.id = c.dataset_id LEFT JOIN dataset_override o ON o.dataset_id = d.id
			WHERE c.id = ANY(@ids) AND c.kind <> 'created' AND c.field <> 'shown with'
		)
		SELECT c.id, c.dataset_id, c.page, s.slug AS source, d.name, c.at, c.kind, c.field, c.old, c.new, c.team,
			coalesce(e.person_id, 0) AS person_id, coalesce(e.person, '') AS person
		FROM changed c JOIN dataset d ON d.id = c.page JOIN source s ON s.id = d.source_id LEFT JOIN dataset_edit e ON e.id = c.edit_id
		WHERE EXISTS (SELECT FROM watch w WHERE w.dataset_id = c.page)
			OR EXISTS (SELECT FROM watch w WHERE w.kind = 'team' AND (w.target = c.team OR c.field = 'team' AND w.target IN (c.old, c.new)))
		ORDER BY c.dataset_id, c.at, c.id`
	type row struct {
		ID, DatasetID, Page, PersonID               int64
		Source, Name, Field, Old, New, Team, Person string
		At                                          time.Time
		Kind                                        catalog.ChangeKind
	}
	rows, _ := tx.Query(ctx, q, pgx.NamedArgs{"ids": ids, "text": tellText})
	changed, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
	if err != nil {
		return nil, err
	}
	var all []moment
	for i, c := range changed {
		if i == 0 || c.DatasetID != changed[i-1].DatasetID || !c.At.Equal(changed[i-1].At) {
			all = append(all, moment{
				id: c.ID, dataset: c.Page, key: catalog.Key{Source: c.Source, Name: c.Name}, at: c.At,
				personID: c.PersonID, person: c.Person, teams: []string{c.Team},
			})
		}
		m := &all[len(all)-1]
		m.changes = append(m.changes, catalog.Change{Kind: c.Kind, Field: c.Field, Old: c.Old, New: c.New})
		if c.Field == "team" {
			m.teams = append(m.teams, c.Old, c.New)
		}
	}
	return all, nil
}

// watcher is a watch that something concerns.
type watcher struct {
	ID, PersonID int64
	DatasetID    int64
	Team         string
}

// watchersOf returns the watches of datasets and of teams, those of a dataset first.
func watchersOf(ctx context.Context, tx pgx.Tx, datasets []int64, teams []string) ([]watcher, error) {
	const q = `
		SELECT id, person_id, dataset_id, '' AS team FROM watch WHERE dataset_id = ANY(@datasets)
		UNION ALL SELECT id, person_id, 0, target FROM watch WHERE kind = 'team' AND target = ANY(@teams) AND target <> ''
		ORDER BY dataset_id DESC, id`
	rows, _ := tx.Query(ctx, q, pgx.NamedArgs{"datasets": datasets, "teams": teams})
	return pgx.CollectRows(rows, pgx.RowToStructByName[watcher])
}

// tellMoments adds the notifications of what changed, for all but who did it.
func tellMoments(ctx context.Context, tx pgx.Tx, moments []moment) error {
	if len(moments) == 0 {
		return nil
	}
	ofDataset, ofTeam := map[int64][]*moment{}, map[string][]*moment{}
	var datasets []int64
	var teams []string
	for i := range moments {
		m := &moments[i]
		ofDataset[m.dataset] = append(ofDataset[m.dataset], m)
		datasets = append(datasets, m.dataset)
		for _, team := range distinct(m.teams) {
			ofTeam[team] = append(ofTeam[team], m)
			teams = append(teams, team)
		}
	}
	watchers, err := watchersOf(ctx, tx, datasets, teams)
	if err != nil {
		return err
	}
	out := adder{tx: tx}
	for _, w := range watchers {
		switch told := others(w.PersonID, ofTeam[w.Team]); {
		case w.DatasetID != 0:
			for _, m := range others(w.PersonID, ofDataset[w.DatasetID]) {
				err = errors.Join(err, out.add(ctx, m.notification(w)))
			}
		case len(told) > tellEach:
			err = errors.Join(err, out.add(ctx, many(w, told)))
		default:
			for _, m := range told {
				err = errors.Join(err, out.add(ctx, m.notification(w)))
			}
		}
		if err != nil {
			return err
		}
	}
	return out.flush(ctx)
}

// distinct returns the names of list that are not empty, each once.
func distinct(list []string) []string {
	var out []string
	met := map[string]bool{"": true}
	for _, name := range list {
		if !met[name] {
			met[name] = true
			out = append(out, name)
		}
	}
	return out
}

// others returns the moments that are not a person's own doing.
func others(person int64, all []*moment) []*moment {
	var out []*moment
	for _, m := range all {
		if m.personID != person {
			out = append(out, m)
		}
	}
	return out
}

// adder gathers notifications, so that thousands of them are a few statements.
type adder struct {
	tx  pgx.Tx
	all []New
}

func (a *adder) add(ctx context.Context, n New) error {
	if a.all = append(a.all, n); len(a.all) < insertMax {
		return nil
	}
	return a.flush(ctx)
}

func (a *adder) flush(ctx context.Context) error {
	all := a.all
	a.all = nil
	return Insert(ctx, a.tx, all)
}

// tellAnnouncements tells of the announcements that have begun, all but who wrote them.
func (s *Store) tellAnnouncements(ctx context.Context) error {
	const started = `
		WITH started AS (
			UPDATE announcement SET told = true WHERE id IN (SELECT id FROM announcement WHERE NOT told AND starts_at <= now() ORDER BY id LIMIT 500) RETURNING *
		)
		SELECT a.id, coalesce(d.main_id, d.id) AS page, s.slug AS source, p.name, left(a.text, 2000) AS text, a.person_id, a.person, coalesce(o.team, d.team) AS team
		FROM started a JOIN dataset d ON d.id = a.dataset_id LEFT JOIN dataset_override o ON o.dataset_id = d.id
		JOIN dataset p ON p.id = coalesce(d.main_id, d.id) JOIN source s ON s.id = p.source_id
		WHERE a.ends_at IS NULL OR a.ends_at > now() ORDER BY a.id`
	type row struct {
		ID, Page, PersonID               int64
		Source, Name, Text, Person, Team string
	}
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if alone, err := telling(ctx, tx); err != nil || !alone {
			return err
		}
		rows, _ := tx.Query(ctx, started)
		all, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
		if err != nil {
			return err
		}
		out := adder{tx: tx}
		for _, a := range all {
			watchers, err := watchersOf(ctx, tx, []int64{a.Page}, []string{a.Team})
			if err != nil {
				return err
			}
			key := catalog.Key{Source: a.Source, Name: a.Name}
			for _, w := range watchers {
				if w.PersonID == a.PersonID {
					continue
				}
				n := New{
					PersonID: w.PersonID, WatchID: w.ID, Event: Announcement, DatasetID: a.Page, Title: key.String() + ": announcement by " + a.Person,
					Body: a.Text, Path: datasetPath(key, ""), Once: fmt.Sprintf("announcement %d", a.ID),
				}
				if err := out.add(ctx, n); err != nil {
					return err
				}
			}
		}
		return out.flush(ctx)
	})
}

// datasetPath is the path of a dataset's page, or of one of its tabs.
func datasetPath(k catalog.Key, tab string) string {
	p := "/d/" + url.PathEscape(k.Source) + "/" + url.PathEscape(k.Name)
	if tab != "" {
		p += "/" + tab
	}
	return p
}
