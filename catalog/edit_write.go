package catalog

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"portreeve/access"
)

// write keeps the changes: as edits, as what holds, and as history.
func (w *editing) write(ctx context.Context, tx pgx.Tx, act access.Act) error {
	const edits = `
		INSERT INTO dataset_edit (dataset_id, field, old, new, person_id, person, via, reason, undoes)
		SELECT d, f, o, n, @who, @name, @via, @reason, nullif(u, 0)
		FROM unnest(@datasets::bigint[], @fields::text[], @old::text[], @new::text[], @undoes::bigint[]) WITH ORDINALITY AS x (d, f, o, n, u, i)
		ORDER BY i
		RETURNING id`
	var ids []int64
	var datasets, undoes []int64
	var names []string
	var old, now []*string
	for _, c := range w.steps {
		datasets, names, old, now = append(datasets, c.dataset), append(names, c.field), append(old, c.old), append(now, c.new)
		undoes = append(undoes, c.undoes)
	}
	rows, _ := tx.Query(ctx, edits, pgx.NamedArgs{
		"datasets": datasets, "fields": names, "old": old, "new": now, "who": act.Who.ID, "name": act.Who.Name, "via": act.Via,
		"reason": act.Reason, "undoes": undoes,
	})
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return fmt.Errorf("keep edits: %w", err)
	}
	if err := holdEdits(ctx, tx, ids); err != nil {
		return err
	}
	changed := w.changed()
	if err := override(ctx, tx, changed); err != nil {
		return err
	}
	if err := w.afterwards(ctx, tx, changed); err != nil {
		return err
	}
	return w.tell(ctx, tx, ids)
}

// holdEdits makes edits hold, or takes back those that they take back.
func holdEdits(ctx context.Context, tx pgx.Tx, ids []int64) error {
	const put = `
		INSERT INTO dataset_attribute (dataset_id, field, origin, value, edit_id)
		SELECT dataset_id, field, 'edited', new, id FROM dataset_edit WHERE id = ANY($1) AND new IS NOT NULL
		ON CONFLICT (dataset_id, field, origin) DO UPDATE SET value = excluded.value, edit_id = excluded.edit_id, at = now()`
	const drop = `
		DELETE FROM dataset_attribute a USING dataset_edit e
		WHERE e.id = ANY($1) AND e.new IS NULL AND a.dataset_id = e.dataset_id AND a.field = e.field AND a.origin = 'edited'`
	for _, q := range []string{put, drop} {
		if _, err := tx.Exec(ctx, q, ids); err != nil {
			return fmt.Errorf("hold edits: %w", err)
		}
	}
	return nil
}

// override makes dataset_override and dataset_column_doc of dataset_attribute, for some datasets.
func override(ctx context.Context, tx pgx.Tx, ids []int64) error {
	const clear = `DELETE FROM dataset_override WHERE dataset_id = ANY($1)`
	const clearColumns = `DELETE FROM dataset_column_doc WHERE dataset_id = ANY($1)`
	const fill = `
		WITH held AS (
			SELECT DISTINCT ON (dataset_id, field) dataset_id, field, value FROM dataset_attribute
			WHERE dataset_id = ANY($1) AND field NOT LIKE 'column:%' ORDER BY dataset_id, field, origin
		), one AS (
			SELECT dataset_id, jsonb_object_agg(field, value) AS v FROM held GROUP BY dataset_id
		)
		INSERT INTO dataset_override (dataset_id, title, description, team, domain, certified, deprecated, sunset, successor, access,
			fresh_within, owners, tags, terms)
		SELECT dataset_id, v->>'title', v->>'description', v->>'team', v->>'domain', v->>'certified' = 'yes', v->>'deprecated',
		       (v->>'sunset')::date, v->>'successor', v->>'access', (v->>'fresh_within')::bigint,
		       CASE WHEN v ? 'owners' THEN ARRAY(SELECT jsonb_array_elements_text((v->>'owners')::jsonb)::bigint) END,
		       CASE WHEN v ? 'tags' THEN ARRAY(SELECT jsonb_array_elements_text((v->>'tags')::jsonb)) END,
		       CASE WHEN v ? 'terms' THEN ARRAY(SELECT jsonb_array_elements_text((v->>'terms')::jsonb)) END
		FROM one`
	const fillColumns = `
		INSERT INTO dataset_column_doc (dataset_id, path, comment)
		SELECT DISTINCT ON (dataset_id, field) dataset_id, substr(field, 8), value FROM dataset_attribute
		WHERE dataset_id = ANY($1) AND field LIKE 'column:%' ORDER BY dataset_id, field, origin`
	for _, q := range []string{clear, clearColumns, fill, fillColumns} {
		if _, err := tx.Exec(ctx, q, ids); err != nil {
			return fmt.Errorf("what holds of datasets: %w", err)
		}
	}
	return nil
}

// afterwards reads what holds now of the fields whose edits were taken back.
func (w *editing) afterwards(ctx context.Context, tx pgx.Tx, changed []int64) error {
	back := false
	for _, c := range w.steps {
		back = back || c.new == nil
	}
	if !back {
		return nil
	}
	heads, err := wholesOf(ctx, tx, changed)
	if err != nil {
		return err
	}
	now := map[int64]*head{}
	for i := range heads {
		now[heads[i].ID] = &heads[i]
	}
	for i := range w.steps {
		c := &w.steps[i]
		if c.new != nil {
			continue
		}
		c.after = now[c.dataset].Value(c.field)
		path, _ := ColumnOf(c.field)
		for _, col := range now[c.dataset].columns {
			if col.Path == path {
				c.after = col.Comment
			}
		}
	}
	return nil
}

// tell adds the changes to the history of their datasets.
func (w *editing) tell(ctx context.Context, tx pgx.Tx, ids []int64) error {
	const news = `UPDATE dataset SET changed_at = now() WHERE id = ANY($1)`
	names := []string{"dataset_id", "kind", "field", "old", "new", "edit_id"}
	rows := pgx.CopyFromSlice(len(w.steps), func(i int) ([]any, error) {
		c := w.steps[i]
		kind, field := AttributeEdited, c.field
		if path, ok := ColumnOf(field); ok {
			kind, field = ColumnComment, path
		}
		return []any{c.dataset, string(kind), field, cutText(told(c.field, c.before), maxChangeText), cutText(told(c.field, c.after), maxChangeText), ids[i]}, nil
	})
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"dataset_change"}, names, rows); err != nil {
		return fmt.Errorf("history of edits: %w", err)
	}
	_, err := tx.Exec(ctx, news, w.changed())
	return err
}

// toldInAudit is how many changes the audit log spells out; the edits themselves are kept whole.
const toldInAudit = 100

// event is what the audit log says of the edits.
func (w *editing) event() access.Event {
	keys := map[int64]string{}
	for i := range w.heads {
		keys[w.heads[i].ID] = w.heads[i].Key().String()
	}
	var list []map[string]any
	for _, c := range w.steps[:min(len(w.steps), toldInAudit)] {
		list = append(list, map[string]any{
			"dataset": keys[c.dataset], "field": c.field, "before": cutText(c.before, maxChangeText), "after": cutText(c.after, maxChangeText),
		})
	}
	changed := w.changed()
	e := access.Event{Action: "dataset.edit", Object: "dataset " + keys[changed[0]], Detail: map[string]any{"changes": list}}
	if w.undoes() {
		e.Action = "dataset.undo"
	}
	if len(changed) > 1 {
		e.Object = fmt.Sprintf("%d datasets", len(changed))
		e.Detail["datasets"], e.Detail["count"] = len(changed), len(w.steps)
	}
	return e
}

// undoes reports whether all of it takes earlier edits back.
func (w *editing) undoes() bool {
	return !slices.ContainsFunc(w.steps, func(c change) bool { return c.undoes == 0 })
}
