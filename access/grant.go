package access

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// Subject is what a Right is about: a dataset, as far as it decides who may read its rows.
type Subject struct {
	ID         int64   // of the dataset that has the page
	Restricted bool    // not everyone signed in may read it
	Team       string  // that owns it
	Domain     string  // whose stewards decide
	Owners     []int64 // people who own it
}

// Right is what a person may read of a dataset's rows, and why.
type Right struct {
	Allowed bool
	Columns []string   // the top-level columns that may be read; nil is all
	Until   *time.Time // when it ends; nil: never
	Why     string     // open, own or grant; "" when not allowed
	GrantID int64      // of a grant
}

// Tie is what makes the rows of a dataset someone's own to read.
type Tie string

// The ties, the closest first.
const (
	ByOwner   Tie = "owner" // they are one of its owners
	ByTeam    Tie = "team"
	BySteward Tie = "steward" // of its domain
	ByAdmin   Tie = "admin"
)

// Tie returns the closest tie of who to d, or "".
func (p *Principal) Tie(d Subject) Tie {
	switch {
	case p.ID == 0:
		return ""
	case slices.Contains(d.Owners, p.ID):
		return ByOwner
	case p.In(d.Team):
		return ByTeam
	case p.Role.Includes(Steward) && p.StewardOf(d.Domain):
		return BySteward
	case p.Role == Admin:
		return ByAdmin
	}
	return ""
}

// Belongs reports whether the rows of d are who's own to read: they are one of its owners, in its team, steward of its domain,
// or an admin.
func (p *Principal) Belongs(d Subject) bool { return p.Tie(d) != "" }

// Owns reports whether who may describe d and decide who reads it: it is theirs, and their role is owner or above.
func (p *Principal) Owns(d Subject) bool { return p.Role.Includes(Owner) && p.Belongs(d) }

// Reads reports whether the right reaches a top-level column.
func (r Right) Reads(column string) bool {
	return r.Allowed && (r.Columns == nil || slices.Contains(r.Columns, column))
}

// Right returns what who may read of d at this moment, by the database's clock. Grants of some columns add up; Until is then
// the end of the first of them to end.
func (s *Store) Right(ctx context.Context, who Principal, d Subject) (Right, error) {
	const q = `
		SELECT id, columns, until FROM access_grant
		WHERE person_id = $1 AND dataset_id = $2 AND ended_at IS NULL AND until > now() ORDER BY columns IS NULL DESC, until DESC`
	switch {
	case who.ID == 0:
		return Right{}, nil
	case !d.Restricted:
		return Right{Allowed: true, Why: "open"}, nil
	case who.Belongs(d):
		return Right{Allowed: true, Why: "own"}, nil
	}
	type live struct {
		ID      int64
		Columns []string
		Until   time.Time
	}
	rows, _ := s.db.Query(ctx, q, who.ID, d.ID)
	grants, err := pgx.CollectRows(rows, pgx.RowToStructByName[live])
	if err != nil {
		return Right{}, fmt.Errorf("rights of person %d: %w", who.ID, err)
	}
	var right Right
	for _, g := range grants {
		right = Right{Allowed: true, Columns: append(right.Columns, g.Columns...), Until: &g.Until, Why: "grant", GrantID: g.ID}
		if g.Columns == nil {
			break
		}
	}
	return right, nil
}

// Grant is leave to read the rows of a restricted dataset for some time.
type Grant struct {
	ID        int64
	DatasetID int64
	Source    string // of the dataset; Dataset is its name there
	Dataset   string
	PersonID  int64
	Person    string   // the holder's name
	Team      string   // the holder's
	Columns   []string // nil: all
	Until     time.Time
	RequestID *int64
	Purpose   string // of the request
	GrantedBy string
	CreatedAt time.Time
	EndedAt   *time.Time // when it was revoked or found to have expired
	EndedBy   string     // who revoked it; "" when it expired
	Reason    string     // of its end
	Live      bool       // it holds at this moment
}

const grantSelect = `
	SELECT g.id, g.dataset_id, s.slug AS source, d.name AS dataset, g.person_id, p.name AS person, p.team, g.columns, g.until, g.request_id,
	       coalesce(r.purpose, '') AS purpose, b.name AS granted_by, g.created_at, g.ended_at, coalesce(e.name, '') AS ended_by, g.reason,
	       g.ended_at IS NULL AND g.until > now() AS live
	FROM access_grant g JOIN dataset d ON d.id = g.dataset_id JOIN source s ON s.id = d.source_id JOIN person p ON p.id = g.person_id
	JOIN person b ON b.id = g.granted_by LEFT JOIN person e ON e.id = g.ended_by LEFT JOIN access_request r ON r.id = g.request_id `

// Grant returns a grant by its id.
func (s *Store) Grant(ctx context.Context, id int64) (Grant, error) {
	return one[Grant](ctx, s.db, "grant", grantSelect+`WHERE g.id = $1`, id)
}

// GrantsOf returns the grants that a person holds or held, live ones first, newest first, at most limit.
func (s *Store) GrantsOf(ctx context.Context, person int64, limit int) ([]Grant, error) {
	const q = grantSelect + `WHERE g.person_id = $1 ORDER BY g.ended_at IS NULL AND g.until > now() DESC, g.id DESC LIMIT $2`
	rows, _ := s.db.Query(ctx, q, person, limit)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Grant])
}

// GrantsOn returns who was granted a dataset, live ones first, newest first, at most limit.
func (s *Store) GrantsOn(ctx context.Context, dataset int64, limit int) ([]Grant, error) {
	const q = grantSelect + `WHERE g.dataset_id = $1 ORDER BY g.ended_at IS NULL AND g.until > now() DESC, g.id DESC LIMIT $2`
	rows, _ := s.db.Query(ctx, q, dataset, limit)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Grant])
}

// Revoke ends a grant at once. Those whose dataset it is say why, in act.Reason; who holds it may give it back without. To
// others there is no such grant. One that has ended is a Conflict.
func (s *Store) Revoke(ctx context.Context, act Act, d Subject, id int64) error {
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		g, err := one[Grant](ctx, tx, "grant", grantSelect+`WHERE g.id = $1 FOR NO KEY UPDATE OF g`, id)
		if err != nil {
			return err
		}
		holder := g.PersonID == act.Who.ID
		switch {
		case !holder && !act.Who.Owns(d):
			return fault.NotFoundf("there is no such grant")
		case !g.Live:
			return fault.Conflictf("%s", g.ended())
		case !holder && act.Reason == "":
			return fault.Invalidf("reason", "say why, so that %s knows", g.Person)
		}
		if err := checkText("reason", act.Reason, 0); err != nil {
			return err
		}
		const q = `UPDATE access_grant SET ended_at = now(), ended_by = @by, reason = @reason WHERE id = @id`
		if _, err := tx.Exec(ctx, q, pgx.NamedArgs{"id": id, "by": act.Who.ID, "reason": act.Reason}); err != nil {
			return err
		}
		if !holder {
			err = s.tell(ctx, tx, News{
				Person: g.PersonID, DatasetID: g.DatasetID, Event: "grant", Title: act.Who.Name + " ended your access to " + g.name(),
				Body: act.Reason, Path: datasetPath(g.Source, g.Dataset), Once: fmt.Sprintf("grant %d revoked", id),
			})
		}
		if err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, act, g.event("access.revoke"))
	})
}

// ended says how a grant that does not hold came to its end.
func (g *Grant) ended() string {
	switch {
	case g.EndedAt == nil || g.EndedBy == "":
		return "this access ended by itself on " + onThe(g.Until)
	case g.EndedBy == g.Person:
		return g.Person + " gave this access back on " + onThe(*g.EndedAt)
	}
	return g.EndedBy + " ended this access on " + onThe(*g.EndedAt)
}

func (g *Grant) name() string { return g.Source + "/" + g.Dataset }

// event is what the audit log keeps of an act on the grant.
func (g *Grant) event(action string) Event {
	return Event{Action: action, Object: "dataset " + g.name(), Detail: map[string]any{
		"grant": g.ID, "person": g.PersonID, "name": g.Person, "columns": g.Columns, "until": g.Until.UTC(),
	}}
}
