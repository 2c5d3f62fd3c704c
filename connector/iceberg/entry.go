package iceberg

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"portreeve/catalog"
	"portreeve/fault"
)

// entry is a row of the Iceberg catalog.
type entry struct {
	Namespace string // as stored; see namespaceParts
	Name      string
	View      bool
	Metadata  string // address of the metadata file, or ""
}

// path returns the parts of the entry's full name.
func (e entry) path() []string { return append(namespaceParts(e.Namespace), e.Name) }

// version tells a state of a table or view from every other: each commit writes a metadata file of its own. The number before
// it is raised when observe learns to tell more.
func (e entry) version() string { return "2:" + e.Metadata }

// readable reports whether the metadata file is still there.
func (e entry) readable() bool {
	path, err := localPath(e.Metadata)
	if err != nil {
		return false
	}
	info, err := os.Lstat(path)
	return err == nil && info.Mode().IsRegular()
}

// pageSize is how many entries are held at a time.
const pageSize = 200

// entries streams the tables and views of a namespace page by page, so that no connection is held while the consumer works.
func (l *Lake) entries(ctx context.Context, namespace string) iter.Seq2[entry, error] {
	const q = `SELECT table_namespace AS namespace, table_name AS name, coalesce(iceberg_type = 'VIEW', false) AS view,
			coalesce(metadata_location, '') AS metadata
		FROM iceberg_tables
		WHERE catalog_name = @catalog AND table_namespace = @namespace AND table_name > @after COLLATE "C"
		ORDER BY table_name COLLATE "C" LIMIT @limit`
	return func(yield func(entry, error) bool) {
		for after := ""; ; {
			limited, cancel := context.WithTimeout(ctx, patience)
			rows, _ := l.db.Query(limited, q, pgx.NamedArgs{
				"catalog": l.name, "namespace": namespace, "after": after, "limit": pageSize,
			}) // CollectRows returns this error
			page, err := pgx.CollectRows(rows, pgx.RowToStructByName[entry])
			cancel()
			if err != nil {
				yield(entry{}, err)
				return
			}
			for _, e := range page {
				if !yield(e, nil) {
					return
				}
			}
			if len(page) < pageSize {
				return
			}
			after = page[len(page)-1].Name
		}
	}
}

// entry returns the table or view of this name, or NotFound.
func (l *Lake) entry(ctx context.Context, name string) (entry, error) {
	const q = `SELECT table_namespace AS namespace, table_name AS name, coalesce(iceberg_type = 'VIEW', false) AS view,
			coalesce(metadata_location, '') AS metadata
		FROM iceberg_tables WHERE catalog_name = @catalog AND table_namespace = @namespace AND table_name = @name`
	parts := catalog.SplitPath(name)
	last := len(parts) - 1
	if last == 0 {
		return entry{}, fault.NotFoundf("no table %s", name)
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rows, _ := l.db.Query(limited, q, pgx.NamedArgs{
		"catalog": l.name, "namespace": namespaceKey(parts[:last]), "name": parts[last],
	}) // CollectExactlyOneRow returns this error
	e, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[entry])
	if errors.Is(err, pgx.ErrNoRows) {
		return entry{}, fault.NotFoundf("no table %s", name)
	}
	if err != nil {
		return entry{}, silent(err, l.place)
	}
	return e, nil
}

// namespaces returns the keys of all namespaces. Trino keeps one that has no property of its own in iceberg_tables only.
func (l *Lake) namespaces(ctx context.Context) ([]string, error) {
	const q = `SELECT namespace FROM iceberg_namespace_properties WHERE catalog_name = $1
		UNION SELECT table_namespace FROM iceberg_tables WHERE catalog_name = $1
		ORDER BY 1`
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	rows, _ := l.db.Query(limited, q, l.name) // CollectRows returns this error
	keys, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, silent(err, l.place)
	}
	return keys, nil
}

func (l *Lake) checkNamespace(ctx context.Context, key, scope string) error {
	const q = `SELECT EXISTS (SELECT FROM iceberg_namespace_properties WHERE catalog_name = @catalog AND namespace = @namespace)
		OR EXISTS (SELECT FROM iceberg_tables WHERE catalog_name = @catalog AND table_namespace = @namespace)`
	var found bool
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := l.db.QueryRow(limited, q, pgx.NamedArgs{"catalog": l.name, "namespace": key}).Scan(&found)
	if err != nil {
		return silent(err, l.place)
	}
	if !found {
		return fault.NotFoundf("no namespace %s", scope)
	}
	return nil
}

// encodedNamespace marks a namespace one of whose parts holds a dot; a JSON list of the parts follows. It is iceberg-go's own.
const encodedNamespace = "__iceberg_namespace_v1__:"

// namespaceParts returns the parts of a namespace from what the catalog stores.
func namespaceParts(key string) []string {
	if list, ok := strings.CutPrefix(key, encodedNamespace); ok {
		var parts []string
		if json.Unmarshal([]byte(list), &parts) == nil && namespaceKey(parts) == key {
			return parts
		}
	}
	return strings.Split(key, ".")
}

// namespaceKey returns what the catalog stores for a namespace.
func namespaceKey(parts []string) string {
	if !slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(part, ".") }) {
		return strings.Join(parts, ".")
	}
	list, _ := json.Marshal(parts) // strings always marshal
	return encodedNamespace + string(list)
}
