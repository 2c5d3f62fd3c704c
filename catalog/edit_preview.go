package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
	"portreeve/fault"
)

// Preview is what a plan would do.
type Preview struct {
	Seen      int64 // the newest edit of all when it was made, see ApplyPlan
	Changed   int   // datasets
	Unchanged int   // are so already
	Refused   []Key // are not theirs to change who made the plan
	Problems  []SheetProblem
	Changes   []PlannedChange // at most as many as were asked for
	Total     int             // changes of fields in all
}

// PlannedChange is a field that a plan would change.
type PlannedChange struct {
	Key           Key
	Field         string
	Before, After string // as people read them
	Back          bool   // what is declared or observed would hold again; After is not known
}

// errPreviewed ends the transaction of a preview without keeping anything.
var errPreviewed = errors.New("only looked")

// Preview finds out what a plan would do, with the changes from the number skip on, at most limit.
func (s *Store) Preview(ctx context.Context, who access.Principal, p *EditPlan, skip, limit int) (Preview, error) {
	var out Preview
	err := s.retry(ctx, func(tx pgx.Tx) (err error) {
		if out, err = previewIn(ctx, tx, who, p, skip, limit); err == nil {
			err = errPreviewed
		}
		return err
	})
	if !errors.Is(err, errPreviewed) {
		return Preview{}, fmt.Errorf("preview of plan %d: %w", p.ID, err)
	}
	return out, nil
}

func previewIn(ctx context.Context, tx pgx.Tx, who access.Principal, p *EditPlan, skip, limit int) (out Preview, err error) {
	if err := tx.QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM dataset_edit`).Scan(&out.Seen); err != nil {
		return out, err
	}
	all, problems, err := p.resolved(ctx, tx)
	if err != nil || len(all) == 0 {
		out.Problems = problems
		return out, err
	}
	edits := make([]DatasetEdits, len(all))
	for i := range all {
		edits[i] = all[i].DatasetEdits
	}
	w, err := newEditing(ctx, tx, edits)
	if err != nil {
		return out, err
	}
	pv := previewer{editing: w, plan: p, problems: problems}
	for i := range all {
		if err := pv.look(who, &all[i]); err != nil {
			return out, err
		}
	}
	missing, err := w.missing(ctx, tx)
	if err != nil {
		return out, err
	}
	loops, err := w.loops(ctx, tx)
	if err != nil {
		return out, err
	}
	pv.name(missing, loops)
	out.Refused, out.Problems = pv.refused, pv.problems[:min(len(pv.problems), maxProblems)]
	out.Changed, out.Total = len(w.changed()), len(w.steps)
	out.Unchanged = len(w.heads) - out.Changed - len(out.Refused)
	pv.show(&out, skip, limit)
	return out, nil
}

// previewer is an editing that says everything that is wrong, and goes on.
type previewer struct {
	*editing
	plan     *EditPlan
	lines    []int // by place in steps
	refused  []Key
	problems []SheetProblem
}

// look plans the edits of one dataset.
func (v *previewer) look(who access.Principal, e *plannedEdits) error {
	h, before := &v.heads[v.at[e.Key]], len(v.steps)
	plans := make([]func() error, 0, len(e.Edits)+1)
	for _, edit := range e.Edits {
		plans = append(plans, func() error { return v.editing.plan(h, edit) })
	}
	for _, plan := range append(plans, func() error { return v.settle(h, before) }) {
		err := plan()
		f, told := errors.AsType[*fault.Error](err)
		switch {
		case err == nil:
		case told && f.Kind == fault.Conflict && e.line == 0: // declared in a file: the others can be edited without it
			v.refuse(e.Key)
		case told:
			v.wrong(e.line, f.Field, f.Msg)
		default:
			return err
		}
	}
	if len(v.steps) > before && !v.mayEdit(who, &h.Dataset, e.Edits) {
		v.steps = v.steps[:before]
		v.refuse(e.Key)
	}
	for len(v.lines) < len(v.steps) {
		v.lines = append(v.lines, e.line)
	}
	return nil
}

func (v *previewer) keyOf(id int64) Key {
	for i := range v.heads {
		if v.heads[i].ID == id {
			return v.heads[i].Key()
		}
	}
	return Key{}
}

func (v *previewer) refuse(key Key) {
	if !slices.Contains(v.refused, key) {
		v.refused = append(v.refused, key)
	}
}

// wrong adds a problem; what is wrong with all datasets of a search, once.
func (v *previewer) wrong(line int, field, message string) {
	p := v.plan.problem(line, field, message)
	if len(v.problems) < maxProblems && (line != 0 || !slices.Contains(v.problems, p)) {
		v.problems = append(v.problems, p)
	}
}

// name adds the problems of values that name what is not there: of a file, each at its place; else each once.
func (v *previewer) name(missing map[string][]string, loops map[int64]bool) {
	for i, c := range v.steps {
		if c.field == FieldSuccessor && loops[c.dataset] {
			v.wrong(v.lines[i], c.field, fault.Message(ownSuccessor(v.keyOf(c.dataset))))
		}
		for _, name := range named(c) {
			if slices.Contains(missing[c.field], name) {
				v.wrong(v.lines[i], c.field, fault.Message(nothingNamed(c.field, name)))
			}
		}
	}
	slices.SortStableFunc(v.problems, func(a, b SheetProblem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
}

func (v *previewer) show(out *Preview, skip, limit int) {
	keys := map[int64]Key{}
	for i := range v.heads {
		keys[v.heads[i].ID] = v.heads[i].Key()
	}
	from := min(skip, len(v.steps))
	for _, c := range v.steps[from:min(from+limit, len(v.steps))] {
		out.Changes = append(out.Changes, PlannedChange{
			Key: keys[c.dataset], Field: c.field, Before: told(c.field, c.before), After: told(c.field, c.after), Back: c.new == nil,
		})
	}
}

// PlanChanges returns what a plan changed that was carried out, from the number skip on, at most limit, and how many changes there
// are in all.
func (s *Store) PlanChanges(ctx context.Context, who access.Principal, p *EditPlan, skip, limit int) (changes []PlannedChange, total int, err error) {
	const q = `
		WITH made AS (
			SELECT id, dataset_id, field, at, count(*) OVER () AS total FROM dataset_edit WHERE person_id = @who AND at = @at
			ORDER BY id OFFSET @skip LIMIT @limit
		)
		SELECT s.slug, d.name, m.field, coalesce(c.old, ''), coalesce(c.new, ''), m.total FROM made m
		JOIN dataset d ON d.id = m.dataset_id JOIN source s ON s.id = d.source_id
		LEFT JOIN dataset_change c ON c.dataset_id = m.dataset_id AND c.at = m.at AND c.edit_id = m.id ORDER BY m.id`
	rows, _ := s.db.Query(ctx, q, pgx.NamedArgs{"who": who.ID, "at": p.AppliedAt, "skip": skip, "limit": limit})
	var c PlannedChange
	_, err = pgx.ForEachRow(rows, []any{&c.Key.Source, &c.Key.Name, &c.Field, &c.Before, &c.After, &total}, func() error {
		changes = append(changes, c)
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("changes of plan %d: %w", p.ID, err)
	}
	return changes, total, nil
}

// Without returns the plan without some datasets, for another plan.
func (p *EditPlan) Without(keys []Key) EditPlan {
	out := EditPlan{Title: p.Title, Reason: p.Reason, Back: p.Back, Places: p.Places}
	for _, item := range p.Items {
		item.Keys = slices.DeleteFunc(slices.Clone(item.Keys), func(k Key) bool { return slices.Contains(keys, k) })
		if len(item.Keys) > 0 {
			out.Items = append(out.Items, item)
		}
	}
	return out
}

// CheckEdits returns the Invalid errors of edits that can be of no dataset, joined. It does not know what there is.
func CheckEdits(edits []Edit) error {
	var wrong []error
	for _, e := range edits {
		if e.Value != nil {
			_, err := checkValue(e.Field, *e.Value)
			wrong = append(wrong, err)
		}
		if len(e.Add) > 0 {
			_, err := checkValue(e.Field, ListValue(e.Add))
			wrong = append(wrong, err)
		}
	}
	return errors.Join(wrong...)
}
