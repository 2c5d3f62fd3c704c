package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/fault"
)

// EditPlan is what somebody is about to change of many datasets, or has changed: it is made, looked at, carried out whole or not
// at all, and may be undone whole. It is theirs who made it.
type EditPlan struct {
	ID        int64
	Title     string // what it was made of: a search, a file
	Reason    string
	Back      string // address of the search that it was made of, to go back to
	Items     []PlanItem
	Places    map[string]int // of a file: by field, the number of its column from 1
	Datasets  int
	Done      int        // datasets that have been written, while it is carried out
	BeganAt   *time.Time // since when it is carried out; nil: it is not
	AppliedAt *time.Time
	Changed   int // datasets
	UndoneAt  *time.Time
	Kept      int    // fields that were not taken back: somebody had edited them again
	Problem   string // why the last try changed nothing
	MadeAt    time.Time
}

// PlanItem is the same edits of some datasets.
type PlanItem struct {
	Line  int    `json:"line,omitempty"` // of a file
	Keys  []Key  `json:"keys"`
	Edits []Edit `json:"edits"`
}

// Plans that are not carried out are kept for a day, the others for a month.
const (
	planKept    = 24 * time.Hour
	appliedKept = 30 * 24 * time.Hour
)

// MaxPlan is how long a plan may be carried out. One that began longer ago was ended with its process, and changed nothing.
const MaxPlan = 2 * time.Minute

// MakePlan keeps a plan and returns its id. Only Title, Reason, Back, Items and Places of it count.
func (s *Store) MakePlan(ctx context.Context, who access.Principal, p EditPlan) (id int64, err error) {
	const tidyUp = `
		DELETE FROM edit_plan WHERE coalesce(applied_at, made_at) < now() - CASE WHEN applied_at IS NULL THEN @kept ELSE @applied END::interval`
	const insert = `
		INSERT INTO edit_plan (person_id, title, reason, back, items, places, datasets)
		VALUES (@who, @title, @reason, @back, @items, @places, @datasets)
		RETURNING id`
	keys := map[Key]bool{}
	for _, item := range p.Items {
		for _, key := range item.Keys {
			keys[key] = true
		}
	}
	switch {
	case len(keys) == 0:
		return 0, fault.Invalidf("", "choose at least one dataset")
	case len(keys) > MaxEdited:
		return 0, fault.Invalidf("", "these are %d datasets, and at most %d can be edited at once", len(keys), MaxEdited)
	case len(p.Reason) > maxReason || !storable(p.Reason+p.Title):
		return 0, fault.Invalidf("reason", "the reason is longer than %d bytes or no text", maxReason)
	}
	if p.Places == nil {
		p.Places = map[string]int{}
	}
	err = pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, tidyUp, pgx.NamedArgs{"kept": planKept, "applied": appliedKept}); err != nil {
			return err
		}
		return tx.QueryRow(ctx, insert, pgx.NamedArgs{
			"who": who.ID, "title": cutText(p.Title, maxShort), "reason": p.Reason, "back": p.Back,
			"items": p.Items, "places": p.Places, "datasets": len(keys),
		}).Scan(&id)
	})
	if err != nil {
		return 0, fmt.Errorf("keep plan: %w", err)
	}
	return id, nil
}

const planSelect = `
	SELECT id, title, reason, back, items, places, datasets, done, CASE WHEN began_at > now() - @longest::interval THEN began_at END AS began_at,
		applied_at, changed, undone_at, kept, problem, made_at
	FROM edit_plan WHERE id = @id AND person_id = @who`

// Plan returns a plan of who asks. That of somebody else is NotFound.
func (s *Store) Plan(ctx context.Context, who access.Principal, id int64) (EditPlan, error) {
	return planOf(ctx, s.db, who, id)
}

func planOf(ctx context.Context, db querier, who access.Principal, id int64) (EditPlan, error) {
	rows, _ := db.Query(ctx, planSelect, pgx.NamedArgs{"id": id, "who": who.ID, "longest": MaxPlan})
	p, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[EditPlan])
	if errors.Is(err, pgx.ErrNoRows) {
		return p, fault.NotFoundf("there is no such plan: one that is not carried out is kept for a day")
	}
	return p, err
}

// ApplyPlan carries a plan out. seen is Preview.Seen of what its maker looked at: what somebody has edited since is an
// EditConflict. Anything that cannot be is an error, and nothing is changed then; the plan's Problem says why. Edits go on until
// ctx ends, or for MaxPlan; how far they are stands in the plan.
func (s *Store) ApplyPlan(ctx context.Context, act access.Act, id, seen int64) error {
	p, err := s.Plan(ctx, act.Who, id)
	if err != nil {
		return err
	}
	if p.AppliedAt != nil {
		return errApplied
	}
	act.Reason = p.Reason
	return s.carryOut(ctx, id, func(ctx context.Context, tx pgx.Tx) error { return s.applyIn(ctx, tx, act, &p, seen) })
}

var errApplied = fault.Conflictf("this was carried out already")

// carryOut does something with a plan, once at a time, and notes that it is being done and, if it cannot be, why.
func (s *Store) carryOut(ctx context.Context, id int64, do func(context.Context, pgx.Tx) error) error {
	const ends = `UPDATE edit_plan SET done = 0, began_at = NULL, problem = $2 WHERE id = $1`
	within, cancel := context.WithTimeout(ctx, MaxPlan)
	defer cancel()
	began := false
	err := s.retry(within, func(tx pgx.Tx) error {
		if err := s.beginPlan(within, tx, id); err != nil {
			return err
		}
		began = true
		return do(within, tx)
	})
	if !began {
		return err
	}
	if _, e := s.db.Exec(context.WithoutCancel(ctx), ends, id, planProblem(err)); err == nil {
		err = e
	}
	return err
}

// planProblem says why a plan could not be carried out, "" if it could.
func planProblem(err error) string {
	conflict, ok := errors.AsType[*EditConflict](err)
	switch {
	case err == nil:
		return ""
	case ok:
		return fmt.Sprintf("the %s of %s was changed by %s after this was looked at", FieldWords(conflict.Field), conflict.Key, conflict.By)
	case fault.KindOf(err) == fault.Internal:
		return "something went wrong here: try again"
	}
	return fault.Message(err)
}

func (s *Store) applyIn(ctx context.Context, tx pgx.Tx, act access.Act, p *EditPlan, seen int64) error {
	const applied = `UPDATE edit_plan SET applied_at = now(), changed = $2 WHERE id = $1`
	now, err := planOf(ctx, tx, act.Who, p.ID)
	if err != nil {
		return err
	}
	if now.AppliedAt != nil {
		return errApplied
	}
	all, problems, err := p.resolved(ctx, tx)
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		return fault.Conflictf("%s", problems[0].Message)
	}
	if err := basedOn(ctx, tx, all, seen); err != nil {
		return err
	}
	edits := make([]DatasetEdits, len(all))
	for i := range all {
		edits[i] = all[i].DatasetEdits
	}
	out, err := s.editIn(ctx, tx, act, edits, s.progressOf(ctx, p.ID))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, applied, p.ID, out.Changed)
	return err
}

// beginPlan makes sure that a plan is carried out once at a time, and says that it is.
func (s *Store) beginPlan(ctx context.Context, tx pgx.Tx, id int64) error {
	var alone bool
	if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(hashtextextended('edit plan', $1))`, id).Scan(&alone); err != nil {
		return err
	}
	if !alone {
		return fault.Conflictf("this is being carried out right now")
	}
	_, err := s.db.Exec(ctx, `UPDATE edit_plan SET began_at = now(), done = 0, problem = '' WHERE id = $1`, id) // on its own, so that others see it
	return err
}

// progressOf notes how far a plan is, for others to see: not in the transaction that carries it out. That it cannot be noted is
// no reason to stop.
func (s *Store) progressOf(ctx context.Context, id int64) func(done int) {
	last := 0
	return func(done int) {
		if done-last >= 500 {
			last = done
			_, _ = s.db.Exec(ctx, `UPDATE edit_plan SET done = $2 WHERE id = $1`, id, done)
		}
	}
}

// plannedEdits are the edits of one page, and the line of a file that they are from.
type plannedEdits struct {
	DatasetEdits
	line int
}

// resolved returns what the plan wants of each page: a dataset that is shown with another is edited there, and what is wanted
// twice of one page is wanted once.
func (p *EditPlan) resolved(ctx context.Context, db querier) ([]plannedEdits, []SheetProblem, error) {
	pages, err := pagesOf(ctx, db, p.Items)
	if err != nil {
		return nil, nil, err
	}
	var out []plannedEdits
	var problems []SheetProblem
	type wanted struct {
		key   Key
		field string
	}
	lines := map[wanted]int{}
	for _, item := range p.Items {
		for _, key := range item.Keys {
			page, ok := pages[key]
			if !ok {
				problems = append(problems, p.problem(item.Line, "name", fmt.Sprintf("there is no dataset %s", key)))
				continue
			}
			e := plannedEdits{DatasetEdits{Key: page}, item.Line}
			for _, edit := range item.Edits {
				w := wanted{page, edit.Field}
				if line, twice := lines[w]; twice {
					if item.Line != 0 {
						problems = append(problems, p.problem(item.Line, edit.Field, fmt.Sprintf("%s is the same as the dataset of line %d", key, line)))
					}
					continue
				}
				lines[w] = item.Line
				e.Edits = append(e.Edits, edit)
			}
			if len(e.Edits) > 0 {
				out = append(out, e)
			}
		}
	}
	return out, problems, nil
}

// problem is one with its place in the file.
func (p *EditPlan) problem(line int, field, message string) SheetProblem {
	place, head := field, field
	if path, ok := ColumnOf(field); ok {
		place, head = columnField, "comment of "+path
	}
	return SheetProblem{Line: line, Column: p.Places[place], Head: head, Message: message}
}

// pagesOf returns the pages of the datasets that items name; those that are not there are not in it.
func pagesOf(ctx context.Context, db querier, items []PlanItem) (map[Key]Key, error) {
	const q = `
		SELECT s.slug, d.name, coalesce(ms.slug, s.slug), coalesce(m.name, d.name)
		FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS k (source, name)) k
		JOIN source s ON s.slug = k.source JOIN dataset d ON d.source_id = s.id AND d.name = k.name
		LEFT JOIN dataset m ON m.id = d.main_id LEFT JOIN source ms ON ms.id = m.source_id`
	var sources, names []string
	for _, item := range items {
		for _, key := range item.Keys {
			sources, names = append(sources, key.Source), append(names, key.Name)
		}
	}
	rows, _ := db.Query(ctx, q, sources, names)
	pages := map[Key]Key{}
	var key, page Key
	_, err := pgx.ForEachRow(rows, []any{&key.Source, &key.Name, &page.Source, &page.Name}, func() error {
		pages[key] = page
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("datasets of a plan: %w", err)
	}
	return pages, nil
}

// basedOn gives each edit the newest edit of its field that was there when number seen was the newest of all.
func basedOn(ctx context.Context, db querier, all []plannedEdits, seen int64) error {
	const q = `
		SELECT s.slug, d.name, e.field, max(e.id) FROM (SELECT DISTINCT * FROM unnest($1::text[], $2::text[]) AS k (source, name)) k
		JOIN source s ON s.slug = k.source JOIN dataset d ON d.source_id = s.id AND d.name = k.name
		JOIN dataset_edit e ON e.dataset_id = d.id WHERE e.id <= $3 GROUP BY 1, 2, 3`
	sources, names := make([]string, len(all)), make([]string, len(all))
	for i := range all {
		sources[i], names[i] = all[i].Key.Source, all[i].Key.Name
	}
	type fieldAt struct {
		key   Key
		field string
	}
	newest := map[fieldAt]int64{}
	rows, _ := db.Query(ctx, q, sources, names, seen)
	var at fieldAt
	var id int64
	if _, err := pgx.ForEachRow(rows, []any{&at.key.Source, &at.key.Name, &at.field, &id}, func() error {
		newest[at] = id
		return nil
	}); err != nil {
		return fmt.Errorf("edits before a plan: %w", err)
	}
	for i := range all {
		all[i].Edits = slices.Clone(all[i].Edits)
		for j := range all[i].Edits {
			e := &all[i].Edits[j]
			base := newest[fieldAt{all[i].Key, e.Field}]
			e.Base = &base
		}
	}
	return nil
}

// UndoPlan takes back what a plan changed, but not what was edited again since: Kept counts that.
func (s *Store) UndoPlan(ctx context.Context, act access.Act, id int64) error {
	const undone = `UPDATE edit_plan SET undone_at = now(), kept = $2 WHERE id = $1`
	if _, err := s.Plan(ctx, act.Who, id); err != nil {
		return err
	}
	return s.carryOut(ctx, id, func(ctx context.Context, tx pgx.Tx) error {
		p, err := planOf(ctx, tx, act.Who, id)
		if err != nil {
			return err
		}
		if p.AppliedAt == nil || p.UndoneAt != nil {
			return fault.Conflictf("there is nothing to undo")
		}
		edits, kept, err := p.undoing(ctx, tx, act.Who)
		if err != nil {
			return err
		}
		if _, err := s.editIn(ctx, tx, act, edits, s.progressOf(ctx, id)); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, undone, id, kept)
		return err
	})
}

// undoing returns the edits that take back those of the plan which are still the newest of their fields, and how many are not.
func (p *EditPlan) undoing(ctx context.Context, tx pgx.Tx, who access.Principal) (edits []DatasetEdits, left int, err error) {
	// The edits of one act come first, by their time: they are as many as the plan had, which Postgres cannot know beforehand.
	const q = `
		WITH own AS MATERIALIZED (
			SELECT id, dataset_id, field, old FROM dataset_edit WHERE at = $1 AND person_id = $2
		), newest AS MATERIALIZED (
			SELECT n.dataset_id, n.field, max(n.id) AS id FROM dataset_edit n WHERE n.dataset_id IN (SELECT dataset_id FROM own) GROUP BY 1, 2
		)
		SELECT s.slug, d.name, e.field, e.old, e.id, n.id > e.id AS again
		FROM own e JOIN newest n USING (dataset_id, field) JOIN dataset d ON d.id = e.dataset_id JOIN source s ON s.id = d.source_id`
	rows, _ := tx.Query(ctx, q, p.AppliedAt, who.ID)
	var key Key
	var e Edit
	var id int64
	var again bool
	done := map[int64]bool{}
	_, err = pgx.ForEachRow(rows, []any{&key.Source, &key.Name, &e.Field, &e.Value, &id, &again}, func() error {
		switch {
		case done[id]:
		case again:
			left++
		default:
			base := id
			edits = append(edits, DatasetEdits{key, []Edit{{Field: e.Field, Value: e.Value, Base: &base, Undoes: id}}})
		}
		done[id] = true
		return nil
	})
	return edits, left, err
}
