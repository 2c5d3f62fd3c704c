package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// figures is how much a table holds, its partitions added up.
type figures struct {
	OID        int64
	Partitions int64
	Bytes      *int64 // on disk, with indexes, TOAST, free space and dead rows
	Rows       *int64 // as the server estimates them; nil when it was never analyzed
	Exact      bool   // Rows is 0 because the files are empty
}

// measure returns the figures of tables ($1) by oid. One that is locked, damaged or dropped is missing.
func (d *Database) measure(ctx context.Context, oids []int64) (map[int64]figures, error) {
	// Before version 14, a table that was never analyzed has no rows and no pages, like an empty one.
	const q = `
		WITH RECURSIVE part AS (
			SELECT o AS root, o::oid AS oid FROM unnest($1::int8[]) o
			UNION
			SELECT p.root, i.inhrelid FROM part p JOIN pg_inherits i ON i.inhparent = p.oid JOIN pg_class c ON c.oid = i.inhrelid
			WHERE c.relispartition
		), size AS (
			SELECT p.root, c.relkind, c.reltuples, c.relpages, pg_total_relation_size(p.oid) AS total,
				CASE WHEN c.reltuples <= 0 AND c.relkind IN ('r', 'm') THEN pg_relation_size(p.oid) END AS main
			FROM part p JOIN pg_class c ON c.oid = p.oid
		)
		SELECT root, count(*) - 1, CASE WHEN bool_and(total IS NOT NULL AND relkind <> 'f') THEN sum(total)::int8 END,
			CASE WHEN NOT bool_or(relkind <> 'p' AND main IS DISTINCT FROM 0 AND (reltuples < 0 OR reltuples = 0 AND relpages = 0))
				THEN sum(CASE WHEN relkind = 'p' OR main = 0 THEN 0 ELSE reltuples::float8 END)::int8 END,
			bool_and(relkind = 'p' OR coalesce(main = 0, false))
		FROM size GROUP BY root`
	out := make(map[int64]figures, len(oids))
	_, err := d.eachOf(ctx, oids, func(ctx context.Context, tx pgx.Tx, part []int64) error {
		rows, _ := tx.Query(ctx, q, part)
		all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[figures])
		for _, f := range all {
			out[f.OID] = f
		}
		return err
	})
	return out, err
}
