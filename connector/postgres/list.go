package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"portreeve/fault"
)

// listed is true of those rows c of pg_class that are datasets: tables, partitioned tables, views, materialized views and
// foreign tables, but no partitions (they are part of their table), no temporary tables and nothing that belongs to an extension.
const listed = `c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND c.relpersistence <> 't'
	AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')`

// maxMembers is how many datasets of one schema can be read: their names are held at once.
const maxMembers = 250_000

// listing is what a schema holds at one moment.
type listing struct {
	server

	schema  string
	members []member // by oid
}

// member is a dataset of a schema.
type member struct {
	OID   int64
	Name  string
	Kind  string // relkind
	Width int    // columns, dropped ones too
	State string // differs whenever anything that is told of it may differ, except its figures
}

// stored reports whether the relation keeps rows that the server knows the size of.
func (m *member) stored() bool { return m.Kind == "r" || m.Kind == "p" || m.Kind == "m" }

// typeState is a text that differs whenever the name or a field of any type of the application's does. It is part of the state
// of each table that uses such a type.
const typeState = `
	SELECT coalesce(sum(hashtextextended(concat_ws(' ', t.oid, t.xmin, n.nspname, a.attnum, a.xmin), 0)), 0)::text
	FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
	LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND c.relkind = 'c'
	WHERE t.oid >= 16384 AND t.typcategory <> 'A' AND n.nspname !~ '^pg_(temp|toast)' AND (t.typtype <> 'c' OR c.relkind = 'c')`

// members lists a schema ($1 its oid, $2 the typeState). The state is the sum of hashes of facts: mostly the id of the transaction
// that wrote a row of the catalogs (xmin), and names in other rows that the texts of views and keys are made of.
const members = `
	WITH member AS MATERIALIZED (
		SELECT c.oid, c.relname, c.relkind, c.relnatts,
			concat_ws(' ', 'class', c.xmin, pg_get_userbyid(c.relowner), has_schema_privilege(c.relnamespace, 'USAGE'),
				has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT')) AS fact
		FROM pg_class c WHERE c.relnamespace = $1::int8::oid AND ` + listed + `
	), fact AS (
		SELECT oid, relname, relkind, relnatts, fact FROM member
		UNION ALL
		SELECT m.oid, NULL, NULL, NULL, concat_ws(' ', 'column', a.attnum, a.xmin, t.xmin,
			CASE WHEN t.oid IS NOT NULL THEN $2::text END)
		FROM member m JOIN pg_attribute a ON a.attrelid = m.oid AND a.attnum > 0
		LEFT JOIN pg_type t ON t.oid = a.atttypid AND t.oid >= 16384
		UNION ALL
		SELECT m.oid, NULL, NULL, NULL, concat_ws(' ', 'comment', d.objsubid, d.xmin)
		FROM member m JOIN pg_description d ON d.objoid = m.oid AND d.classoid = 'pg_class'::regclass
		UNION ALL
		SELECT m.oid, NULL, NULL, NULL, concat_ws(' ', 'default', d.adnum, d.xmin)
		FROM member m JOIN pg_attrdef d ON d.adrelid = m.oid
		UNION ALL
		SELECT m.oid, NULL, NULL, NULL, concat_ws(' ', 'index', i.indexrelid, i.xmin, c.xmin)
		FROM member m JOIN pg_index i ON i.indrelid = m.oid JOIN pg_class c ON c.oid = i.indexrelid
		UNION ALL
		SELECT m.oid, NULL, NULL, NULL, concat_ws(' ', 'constraint', k.oid, k.xmin, c.relname, n.nspname, a.attname)
		FROM member m JOIN pg_constraint k ON k.conrelid = m.oid LEFT JOIN pg_class c ON c.oid = k.confrelid
		LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey)
		UNION ALL
		SELECT m.oid, NULL, NULL, NULL, concat_ws(' ', 'view', r.xmin, d.refobjid, d.refobjsubid, c.relname,
			n.nspname, a.attname, p.xmin)
		FROM member m JOIN pg_rewrite r ON r.ev_class = m.oid
		LEFT JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
		LEFT JOIN pg_class c ON c.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass
		LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid AND a.attnum > 0
		LEFT JOIN pg_proc p ON p.oid = d.refobjid AND d.refclassid = 'pg_proc'::regclass
		WHERE m.relkind IN ('v', 'm')
		UNION ALL
		SELECT m.oid, NULL, NULL, NULL, concat_ws(' ', 'foreign', f.xmin, s.xmin, w.xmin)
		FROM member m JOIN pg_foreign_table f ON f.ftrelid = m.oid JOIN pg_foreign_server s ON s.oid = f.ftserver
		JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
		UNION ALL
		SELECT m.oid, NULL, NULL, NULL, concat_ws(' ', 'partitions', p.xmin)
		FROM member m JOIN pg_partitioned_table p ON p.partrelid = m.oid
	)
	SELECT oid::int8, max(relname::text), max(relkind::text), max(relnatts)::int8, sum(hashtextextended(fact, 0))::text
	FROM fact GROUP BY oid ORDER BY oid LIMIT $3`

// list returns what a schema holds, without what the settings exclude. A schema that does not exist is NotFound.
func (d *Database) list(ctx context.Context, schema string) (listing, error) {
	l := listing{schema: schema}
	err := d.read(ctx, lockWait, func(ctx context.Context, tx pgx.Tx) (err error) {
		if l.server, err = identify(ctx, tx); err != nil {
			return err
		}
		var oid int64
		err = tx.QueryRow(ctx, `SELECT oid::int8 FROM pg_namespace WHERE nspname = $1`, schema).Scan(&oid)
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.NotFoundf("%s has no schema %s", d.place, schema)
		}
		var types string
		if err == nil {
			err = tx.QueryRow(ctx, typeState).Scan(&types)
		}
		if err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, members, oid, types, maxMembers+1)
		l.members, err = pgx.CollectRows(rows, pgx.RowToStructByPos[member])
		return err
	})
	if err != nil {
		return l, err
	}
	if len(l.members) > maxMembers {
		return l, fault.Unavailablef(nil, "the schema %s has more than %d tables, which cannot be read", schema, maxMembers)
	}
	kept := l.members[:0]
	for _, m := range l.members {
		if !d.excludes(schema + "." + m.Name) {
			kept = append(kept, m)
		}
	}
	l.members = kept
	return l, nil
}
