// Package iceberg reads lakes of Apache Iceberg tables: what tables there are, how they look, which snapshots they have and
// which files hold the rows of the current one. It never reads rows.
//
// The catalog of a lake is the pair of tables that Iceberg's JDBC catalogs keep in Postgres (iceberg_tables and
// iceberg_namespace_properties, with the column iceberg_type), as Trino, Spark and iceberg-go share them. Metadata and data
// are files on the local disk.
package iceberg

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/catalog"
	"portreeve/fault"
)

// The settings of a lake in Source.Config.
const (
	// CatalogKey is the name by which the tables of one lake are told from those of others in one database.
	CatalogKey = "catalog"
	// WarehouseKey is the folder that new tables are put into, a file:// address.
	WarehouseKey = "warehouse"
)

// Lake is the tables of one catalog name. It implements catalog.Crawler and catalog.Planner and keeps nothing between calls.
type Lake struct {
	db        *pgxpool.Pool
	slug      string // of the source
	name      string // of the Iceberg catalog
	namespace string // of the source, "" when it has none
	place     string // of its database, as people are told
}

// patience is how long one question to the catalog's database may take: a server that falls silent must not hold a crawl up.
const patience = 10 * time.Second

// silent returns what people are told when the database of the catalog did not answer.
func silent(err error, place string) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Unavailablef(err, "the database of the Iceberg catalog, %s, did not answer within %v", place, patience)
	}
	return fault.Unavailablef(err, "the database of the Iceberg catalog, %s, does not answer as it should", place)
}

// Open connects to the lake that source describes, whose catalog is in the Postgres database that dsn names. It returns
// Invalid when the settings are wrong and Unavailable when there is no such database or no catalog in it.
func Open(ctx context.Context, source catalog.Source, dsn string) (catalog.Connection, error) {
	lake, err := open(ctx, source, dsn)
	if err != nil {
		return catalog.Connection{}, err
	}
	return catalog.Connection{
		Crawler: lake,
		Planner: lake,
		Close: func() error {
			lake.db.Close()
			return nil
		},
	}, nil
}

func open(ctx context.Context, source catalog.Source, dsn string) (*Lake, error) {
	name := source.Config[CatalogKey]
	if name == "" {
		return nil, fault.Invalidf("/config/"+CatalogKey, "the name of the Iceberg catalog is missing")
	}
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Msg: "the address of the Iceberg catalog cannot be read", Err: err}
	}
	config.MaxConns = 2
	at := config.ConnConfig
	place := at.Database + " at " + net.JoinHostPort(at.Host, strconv.Itoa(int(at.Port)))
	db, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fault.Unavailablef(err, "the Iceberg catalog cannot be opened")
	}
	const q = `SELECT EXISTS (SELECT FROM information_schema.columns WHERE table_name = 'iceberg_tables' AND column_name = 'iceberg_type'
		AND table_schema = ANY (current_schemas(false)))`
	var found bool
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := db.QueryRow(limited, q).Scan(&found); err != nil {
		db.Close()
		return nil, silent(err, place)
	}
	if !found {
		db.Close()
		return nil, fault.Unavailablef(nil, "the database has no Iceberg catalog with the column iceberg_type")
	}
	return &Lake{db, source.Slug, name, source.Namespace, place}, nil
}

// Scopes returns the namespaces by name, nested ones dotted.
func (l *Lake) Scopes(ctx context.Context) ([]string, error) {
	keys, err := l.namespaces(ctx)
	if err != nil {
		return nil, err
	}
	scopes := make([]string, len(keys))
	for i, key := range keys {
		scopes[i] = catalog.JoinPath(namespaceParts(key)...)
	}
	return scopes, nil
}

// Datasets streams the tables and views of a namespace by name. A namespace that does not exist is NotFound.
func (l *Lake) Datasets(ctx context.Context, scope string, known catalog.Known) iter.Seq2[catalog.Observation, error] {
	return func(yield func(catalog.Observation, error) bool) {
		key := namespaceKey(catalog.SplitPath(scope))
		if err := l.checkNamespace(ctx, key, scope); err != nil {
			yield(catalog.Observation{}, err)
			return
		}
		for entry, err := range l.entries(ctx, key) {
			if err != nil {
				yield(catalog.Observation{}, silent(err, l.place))
				return
			}
			if name := catalog.JoinPath(entry.path()...); known[name] == entry.version() && entry.readable() {
				if !yield(catalog.Observation{Name: name, Unchanged: true}, nil) {
					return
				}
				continue
			}
			o, err := l.observe(ctx, entry)
			if ctx.Err() != nil {
				yield(catalog.Observation{}, ctx.Err())
				return
			}
			if err != nil {
				var gone bool
				if o, gone, err = l.observeAgain(ctx, entry, o, err); gone {
					continue
				}
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

// observeAgain looks whether a table that could not be read has changed since it was listed: a commit or a drop may have removed
// its metadata file.
func (l *Lake) observeAgain(ctx context.Context, e entry, o catalog.Observation, cause error) (_ catalog.Observation, gone bool, _ error) {
	now, err := l.entry(ctx, o.Name)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return o, true, nil
	case err != nil || now == e:
		return o, false, cause
	}
	o, err = l.observe(ctx, now)
	return o, false, err
}

// Has reports whether a table or view of this name exists, readable or not.
func (l *Lake) Has(ctx context.Context, name string) (bool, error) {
	_, err := l.entry(ctx, name)
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", name, err)
	}
	return true, nil
}
