package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portreeve/fault"
)

// GrantMax is how long access can be asked for at a time.
const GrantMax = 366 * 24 * time.Hour

// Bounds of what people write, in characters.
const (
	PurposeMin = 10
	TextMax    = 2000
)

// Request is a person's wish to read the rows of a restricted dataset.
type Request struct {
	ID        int64
	DatasetID int64
	Source    string // of the dataset; Dataset is its name there
	Dataset   string
	PersonID  int64
	Person    string   // the name of who asks
	Team      string   // theirs
	Columns   []string // nil: all
	Purpose   string
	Until     time.Time
	Extends   *int64 // the grant in place of which it asks for a new one
	State     string // pending, approved, denied, withdrawn or expired
	DecidedBy string // name; "" while it is pending, and when it expired
	DecidedAt *time.Time
	Reason    string // of the decision
	CreatedAt time.Time
	HeldUntil *time.Time // until when what it Extends holds; nil: that has ended, or it extends nothing

	GrantID     *int64     // what came of it
	GrantEnd    *time.Time // when that ended; nil: it holds
	GrantReason string     // why it ended: Replaced, what was said, or "" when it expired
}

// Replaced is why a grant ended in place of which a later one was given.
const Replaced = "replaced by a longer one"

// States of a Request.
const (
	Pending   = "pending"
	Approved  = "approved"
	Denied    = "denied"
	Withdrawn = "withdrawn"
	Expired   = "expired" // nobody answered before the day that it asked for
)

// Ask is what a request asks for.
type Ask struct {
	Purpose string // PurposeMin to TextMax characters
	Until   time.Time
	Columns []string // top-level ones; nil: all
	Extends int64    // a grant of the same person and dataset, or 0
}

// Approval is what is granted of a request: never more than it asks for.
type Approval struct {
	Until   time.Time // zero: as asked
	Columns []string  // nil: as asked
}

const requestSelect = `
	SELECT r.id, r.dataset_id, s.slug AS source, d.name AS dataset, r.person_id, p.name AS person, p.team, r.columns, r.purpose, r.until,
	       r.extends, r.state, coalesce(b.name, '') AS decided_by, r.decided_at, r.reason, r.created_at,
	       (SELECT h.until FROM access_grant h WHERE h.id = r.extends AND h.ended_at IS NULL AND h.until > now()) AS held_until,
	       g.id AS grant_id, CASE WHEN g.ended_at IS NOT NULL OR g.until <= now() THEN least(g.ended_at, g.until) END AS grant_end,
	       coalesce(g.reason, '') AS grant_reason
	FROM access_request r JOIN dataset d ON d.id = r.dataset_id JOIN source s ON s.id = d.source_id
	JOIN person p ON p.id = r.person_id LEFT JOIN person b ON b.id = r.decided_by
	LEFT JOIN LATERAL (SELECT * FROM access_grant g WHERE g.request_id = r.id ORDER BY g.id LIMIT 1) g ON true `

// Request returns a request by its id.
func (s *Store) Request(ctx context.Context, id int64) (Request, error) {
	return one[Request](ctx, s.db, "request", requestSelect+`WHERE r.id = $1`, id)
}

// RequestsOf returns what a person asked for, newest first, at most limit.
func (s *Store) RequestsOf(ctx context.Context, person int64, limit int) ([]Request, error) {
	rows, _ := s.db.Query(ctx, requestSelect+`WHERE r.person_id = $1 ORDER BY r.id DESC LIMIT $2`, person, limit)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Request])
}

// RequestsOn returns the requests for a dataset, pending ones first, newest first, at most limit.
func (s *Store) RequestsOn(ctx context.Context, dataset int64, limit int) ([]Request, error) {
	const q = requestSelect + `WHERE r.dataset_id = $1 ORDER BY r.state = 'pending' DESC, r.id DESC LIMIT $2`
	rows, _ := s.db.Query(ctx, q, dataset, limit)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Request])
}

// PendingRequest returns the request of a person for a dataset that waits for an answer, or NotFound.
func (s *Store) PendingRequest(ctx context.Context, person, dataset int64) (Request, error) {
	const q = requestSelect + `WHERE r.dataset_id = $1 AND r.person_id = $2 AND r.state = 'pending'`
	return one[Request](ctx, s.db, "request", q, dataset, person)
}

// PendingOf returns the requests of a person that wait for an answer, newest first, at most limit.
func (s *Store) PendingOf(ctx context.Context, person int64, limit int) ([]Request, error) {
	const q = requestSelect + `WHERE r.person_id = $1 AND r.state = 'pending' ORDER BY r.id DESC LIMIT $2`
	rows, _ := s.db.Query(ctx, q, person, limit)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Request])
}

// PendingRequests returns the requests that wait for an answer, oldest first, at most limit.
func (s *Store) PendingRequests(ctx context.Context, limit int) ([]Request, error) {
	rows, _ := s.db.Query(ctx, requestSelect+`WHERE r.state = 'pending' ORDER BY r.id LIMIT $1`, limit)
	return pgx.CollectRows(rows, pgx.RowToStructByName[Request])
}

// Ask asks for access to d in the name of act.Who, tells who decides, and returns the request's id. Who can read all of it
// already, or waits for an answer, gets a Conflict.
func (s *Store) Ask(ctx context.Context, act Act, d Subject, a Ask) (id int64, err error) {
	a.Purpose = strings.TrimSpace(a.Purpose)
	if err := checkAsk(a); err != nil {
		return 0, err
	}
	right, err := s.Right(ctx, act.Who, d)
	if err != nil {
		return 0, err
	}
	if right.Allowed && right.Columns == nil && a.Extends == 0 {
		return 0, fault.Conflictf("you can read it already")
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if err := checkUntil(ctx, tx, a.Until); err != nil {
			return err
		}
		if err := checkExtends(ctx, tx, act.Who.ID, d.ID, a); err != nil {
			return err
		}
		const q = `
			INSERT INTO access_request (dataset_id, person_id, columns, purpose, until, extends)
			VALUES (@dataset, @person, @columns, @purpose, @until, nullif(@extends, 0)) RETURNING id`
		err := tx.QueryRow(ctx, q, pgx.NamedArgs{
			"dataset": d.ID, "person": act.Who.ID, "columns": a.Columns, "purpose": a.Purpose, "until": a.Until, "extends": a.Extends,
		}).Scan(&id)
		if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.ConstraintName == "access_request_one_pending" {
			return fault.Conflictf("you have asked already, and the request waits for an answer")
		}
		if err != nil {
			return fmt.Errorf("ask for dataset %d: %w", d.ID, err)
		}
		r, err := one[Request](ctx, tx, "request", requestSelect+`WHERE r.id = $1`, id)
		if err != nil {
			return err
		}
		if err := s.tellApprovers(ctx, tx, &r, d, r.Person+" asks for "+r.wish()+" "+r.name(), "asked"); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, act, r.event("access.request"))
	})
	return id, err
}

// Approve grants what a request asks for, or less. act.Who must own d, the request's dataset, and not be who asked.
func (s *Store) Approve(ctx context.Context, act Act, d Subject, id int64, a Approval) (grant int64, err error) {
	err = s.decide(ctx, act, d, id, func(tx pgx.Tx, r *Request) error {
		if err := r.narrow(a); err != nil {
			return err
		}
		if err := checkUntil(ctx, tx, r.Until); err != nil {
			return err
		}
		if err := settle(ctx, tx, r.ID, Approved, act.Who.ID, act.Reason); err != nil {
			return err
		}
		const insert = `
			INSERT INTO access_grant (dataset_id, person_id, columns, until, request_id, granted_by)
			VALUES (@dataset, @person, @columns, @until, @request, @by) RETURNING id`
		args := pgx.NamedArgs{"dataset": d.ID, "person": r.PersonID, "columns": r.Columns, "until": r.Until, "request": r.ID, "by": act.Who.ID}
		if err := tx.QueryRow(ctx, insert, args).Scan(&grant); err != nil {
			return fmt.Errorf("grant dataset %d: %w", d.ID, err)
		}
		const replace = `UPDATE access_grant SET ended_at = now(), ended_by = @by, reason = @reason WHERE id = @old AND ended_at IS NULL`
		if r.Extends != nil {
			if _, err := tx.Exec(ctx, replace, pgx.NamedArgs{"by": act.Who.ID, "old": *r.Extends, "reason": Replaced}); err != nil {
				return err
			}
		}
		r.GrantID = &grant
		return s.answered(ctx, tx, act, r, "You may read "+r.name()+" until "+onThe(r.Until), "access.approve")
	})
	return grant, err
}

// Deny refuses a request; act.Reason says why. act.Who must own d, the request's dataset, and not be who asked.
func (s *Store) Deny(ctx context.Context, act Act, d Subject, id int64) error {
	return s.decide(ctx, act, d, id, func(tx pgx.Tx, r *Request) error {
		if act.Reason == "" {
			return fault.Invalidf("reason", "say why, so that %s knows what to do instead", r.Person)
		}
		if err := settle(ctx, tx, r.ID, Denied, act.Who.ID, act.Reason); err != nil {
			return err
		}
		title := act.Who.Name + " denied you " + r.wish() + " " + r.name()
		if r.HeldUntil != nil {
			title += ": you may read it until " + onThe(*r.HeldUntil)
		}
		return s.answered(ctx, tx, act, r, title, "access.deny")
	})
}

// Withdraw takes back a request that is act.Who's own; to others there is none.
func (s *Store) Withdraw(ctx context.Context, act Act, id int64) error {
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		r, err := lockRequest(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case r.PersonID != act.Who.ID:
			return fault.NotFoundf("there is no such request")
		case r.State != Pending:
			return fault.Conflictf("%s", r.settled())
		}
		if err := settle(ctx, tx, id, Withdrawn, act.Who.ID, act.Reason); err != nil {
			return err
		}
		if err := s.tell(ctx, tx, r.over()); err != nil {
			return err
		}
		return s.Audit.Record(ctx, tx, act, r.event("access.withdraw"))
	})
}

// decide runs do on a pending request, which is locked, if act.Who may decide on it.
func (s *Store) decide(ctx context.Context, act Act, d Subject, id int64, do func(pgx.Tx, *Request) error) error {
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		r, err := lockRequest(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case r.PersonID == act.Who.ID:
			return fault.Forbiddenf("nobody decides on a request of their own: someone else who owns %s, or an admin, does", r.name())
		case !act.Who.Owns(d):
			return fault.NotFoundf("there is no such request")
		case r.State != Pending:
			return fault.Conflictf("%s", r.settled())
		}
		if err := checkText("reason", act.Reason, 0); err != nil {
			return err
		}
		return do(tx, &r)
	})
}

// answered tells who asked what became of it, and records the act.
func (s *Store) answered(ctx context.Context, tx pgx.Tx, act Act, r *Request, title, action string) error {
	n := r.over()
	n.Person, n.Event, n.Title, n.Body, n.Once = r.PersonID, "request", title, act.Reason, fmt.Sprintf("request %d decided", r.ID)
	if err := s.tell(ctx, tx, n); err != nil {
		return err
	}
	return s.Audit.Record(ctx, tx, act, r.event(action))
}

func lockRequest(ctx context.Context, tx pgx.Tx, id int64) (Request, error) {
	return one[Request](ctx, tx, "request", requestSelect+`WHERE r.id = $1 FOR NO KEY UPDATE OF r`, id)
}

func settle(ctx context.Context, tx pgx.Tx, id int64, state string, by int64, reason string) error {
	const q = `UPDATE access_request SET state = @state, decided_by = @by, decided_at = now(), reason = @reason WHERE id = @id`
	_, err := tx.Exec(ctx, q, pgx.NamedArgs{"id": id, "state": state, "by": by, "reason": reason})
	return err
}

// narrow makes of the request what a grants of it.
func (r *Request) narrow(a Approval) error {
	if !a.Until.IsZero() {
		if a.Until.After(r.Until) {
			return fault.Invalidf("until", "the end cannot be later than %s, which was asked for", onThe(r.Until))
		}
		r.Until = a.Until
	}
	if r.HeldUntil != nil && r.Until.Before(*r.HeldUntil) {
		return fault.Invalidf("until", "%s may read it until %s already: choose no earlier day, or deny", r.Person, onThe(*r.HeldUntil))
	}
	if a.Columns == nil {
		return nil
	}
	if err := checkColumns(a.Columns); err != nil {
		return err
	}
	for _, c := range a.Columns {
		if r.Columns != nil && !slices.Contains(r.Columns, c) {
			return fault.Invalidf("columns", "the column %s was not asked for", c)
		}
	}
	r.Columns = a.Columns
	return nil
}

// settled says who decided and when.
func (r *Request) settled() string {
	if r.DecidedAt == nil {
		return "this request is " + r.State
	}
	if r.DecidedBy == "" {
		return "this request expired on " + onThe(*r.DecidedAt) + ": nobody answered in time"
	}
	return r.DecidedBy + " has " + r.State + " this request on " + onThe(*r.DecidedAt)
}

func (r *Request) name() string { return r.Source + "/" + r.Dataset }

// wish says what is asked for, before the name of the dataset.
func (r *Request) wish() string {
	if r.Extends != nil {
		return "more time with"
	}
	return "access to"
}

// over is the news that nobody needs to decide any more; whom it tells is left to fill in.
func (r *Request) over() News {
	return News{DatasetID: r.DatasetID, Path: r.path(), Settles: true}
}

func (r *Request) path() string { return fmt.Sprintf("/requests/%d", r.ID) }

// event is what the audit log keeps of an act on the request.
func (r *Request) event(action string) Event {
	detail := map[string]any{
		"request": r.ID, "person": r.PersonID, "name": r.Person, "columns": r.Columns, "until": r.Until.UTC(), "purpose": r.Purpose,
	}
	if r.GrantID != nil {
		detail["grant"] = *r.GrantID
	}
	return Event{Action: action, Object: "dataset " + r.name(), Detail: detail}
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// one returns the row of a query for what, which is NotFound when there is none.
func one[T any](ctx context.Context, db querier, what, query string, args ...any) (T, error) {
	rows, _ := db.Query(ctx, query, args...)
	v, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
	if errors.Is(err, pgx.ErrNoRows) {
		return v, fault.NotFoundf("there is no such %s", what)
	}
	return v, err
}
