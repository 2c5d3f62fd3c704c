package postgres

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"portreeve/catalog"
)

// texts is what the server writes out of its catalogs for one relation. To do so it takes the weakest of locks, which waits for
// an ALTER TABLE, and lasts as long as the transaction.
type texts struct {
	definition   string
	partitioning string
	keys         []catalog.TableKey
}

const (
	maxDefinition = 256 << 10 // most bytes of a view's SQL
	maxKeys       = 500       // most keys and indexes of a table
	maxKeyText    = 4000      // most bytes of one
)

const definitions = `
	SELECT c.oid::int8, CASE WHEN c.relkind = 'p' THEN coalesce(pg_get_partkeydef(c.oid), '') ELSE '' END,
		CASE WHEN c.relkind IN ('v', 'm') THEN coalesce(left(pg_get_viewdef(c.oid), 262144), '') ELSE '' END
	FROM pg_class c WHERE c.oid = ANY ($1::int8[]::oid[])`

// keys are the constraints of a table, then its indexes that serve no constraint, then what its columns hold by themselves.
const keys = `
	SELECT k.conrelid::int8, 1, k.contype::text, k.conname::text,
		ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(num, o)
			JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num ORDER BY u.o),
		coalesce(n.nspname::text, ''), coalesce(r.relname::text, ''),
		ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY u(num, o)
			JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num ORDER BY u.o),
		coalesce(left(pg_get_constraintdef(k.oid), 4000), '')
	FROM pg_constraint k LEFT JOIN pg_class r ON r.oid = k.confrelid LEFT JOIN pg_namespace n ON n.oid = r.relnamespace
	WHERE k.conrelid = ANY ($1::int8[]::oid[]) AND k.contype IN ('p', 'u', 'f', 'x', 'c') AND k.conparentid = 0
	UNION ALL
	SELECT i.indrelid::int8, 2, CASE WHEN i.indisunique THEN 'unique index' ELSE 'index' END, c.relname::text,
		ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY u(num, o)
			JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.num WHERE u.o <= i.indnkeyatts ORDER BY u.o),
		'', '', '{}', coalesce(left(pg_get_indexdef(i.indexrelid), 4000), '')
	FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
	WHERE i.indrelid = ANY ($1::int8[]::oid[])
		AND NOT EXISTS (
			SELECT FROM pg_constraint k WHERE k.conrelid = i.indrelid AND k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
	UNION ALL
	SELECT a.attrelid::int8, 3, CASE WHEN a.attgenerated <> '' THEN 'generated' ELSE 'default' END, '',
		ARRAY[a.attname::text], '', '', '{}', coalesce(left(pg_get_expr(d.adbin, d.adrelid), 4000), '') ||
			CASE a.attgenerated WHEN 's' THEN ' stored' WHEN 'v' THEN ' virtual' ELSE '' END
	FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
	WHERE d.adrelid = ANY ($1::int8[]::oid[])
	UNION ALL
	SELECT a.attrelid::int8, 3, 'identity', '', ARRAY[a.attname::text], '', '', '{}',
		CASE a.attidentity WHEN 'a' THEN 'always' ELSE 'by default' END
	FROM pg_attribute a WHERE a.attrelid = ANY ($1::int8[]::oid[]) AND a.attidentity <> '' AND a.attnum > 0 AND NOT a.attisdropped`

var constraintKinds = map[string]string{"p": "primary key", "u": "unique", "f": "foreign key", "x": "exclusion", "c": "check"}

// key is a row of keys.
type key struct {
	Table       int64
	Group       int
	Kind        string
	Name        string
	Columns     []string
	OtherSchema string
	OtherTable  string
	Others      []string
	Text        string
}

// write returns the texts of relations by oid, and why there are none of some.
func (d *Database) write(ctx context.Context, oids []int64) (map[int64]*texts, map[int64]error, error) {
	out := make(map[int64]*texts, len(oids))
	failed, err := d.eachOf(ctx, oids, func(ctx context.Context, tx pgx.Tx, part []int64) error {
		return writeIn(ctx, tx, part, out)
	})
	for _, t := range out {
		slices.SortFunc(t.keys, func(a, b catalog.TableKey) int {
			return cmp.Or(keyRank(a.Kind)-keyRank(b.Kind), cmp.Compare(a.Name, b.Name), slices.Compare(a.Columns, b.Columns))
		})
		t.keys = t.keys[:min(len(t.keys), maxKeys)]
	}
	return out, failed, err
}

var keyRanks = []string{
	"primary key", "unique", "foreign key", "exclusion", "check", "unique index", "index", "identity", "generated", "default",
}

func keyRank(kind string) int { return slices.Index(keyRanks, kind) }

func writeIn(ctx context.Context, tx pgx.Tx, oids []int64, out map[int64]*texts) error {
	var batch pgx.Batch
	batch.Queue(definitions, oids).Query(func(rows pgx.Rows) error {
		var oid int64
		var partitioning, definition string
		_, err := pgx.ForEachRow(rows, []any{&oid, &partitioning, &definition}, func() error {
			out[oid] = &texts{definition: bound(strings.TrimSpace(definition), maxDefinition), partitioning: partitioning}
			return nil
		})
		return err
	})
	batch.Queue(keys, oids).Query(func(rows pgx.Rows) error {
		all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[key])
		for _, k := range all {
			if t := out[k.Table]; t != nil {
				t.keys = append(t.keys, k.tableKey())
			}
		}
		return err
	})
	return tx.SendBatch(ctx, &batch).Close()
}

func (k *key) tableKey() catalog.TableKey {
	out := catalog.TableKey{Name: k.Name, Kind: k.Kind, Columns: k.Columns, Text: bound(k.Text, maxKeyText)}
	if k.Group == 1 {
		out.Kind = constraintKinds[k.Kind]
	}
	if k.OtherTable != "" {
		out.References = catalog.JoinPath(k.OtherSchema, k.OtherTable) + " (" + strings.Join(k.Others, ", ") + ")"
	}
	return out
}

const cutMark = " … (cut here)"

// bound cuts text at limit bytes, mark included, between characters.
func bound(text string, limit int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit-len(cutMark)], "") + cutMark
}
