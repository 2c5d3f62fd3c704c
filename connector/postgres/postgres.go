// Package postgres reads what a company's own PostgreSQL databases hold: tables, views, their columns, keys, comments and sizes.
//
// It asks the system catalogs only, never a table of the application, and never counts rows. It is made to be no burden on a
// server that has other work to do: at most two connections; read-only transactions that last for one round of questions and
// never wait for the portal, so that they hold back neither vacuum nor an ALTER TABLE; every statement and every wait for a lock
// ends by itself; a search path with nothing of the application's in it. It needs PostgreSQL 13 or later and a role that may
// connect, and no right on any table: the catalogs can be read by all.
package postgres

import (
	"context"
	"iter"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"portreeve/catalog"
	"portreeve/fault"
)

// Database is one database of a server. It implements catalog.Crawler. Its scopes are schemas, its names "schema.table".
type Database struct {
	pool     *pgxpool.Pool
	place    string        // what errors call it
	timeout  time.Duration // of a statement on the server
	hosts    []string      // OpenLineage's namespaces of the server
	schemas  []string      // that are read; nil: all of the application's own
	excluded []*regexp.Regexp
}

// Connector returns the connector for databases on PostgreSQL.
func Connector() catalog.Connector {
	return catalog.Connector{Kind: "postgres", Title: "PostgreSQL", Settings: settings, Open: Open}
}

// Open connects to the database that src describes. A setting that is wrong is Invalid with its name as the field; a server
// that does not answer is Unavailable, one that refuses the user Forbidden, a database that it does not have NotFound.
func Open(ctx context.Context, src catalog.Source) (catalog.Connection, error) {
	a, err := parseAddress(src.Config)
	if err != nil {
		return catalog.Connection{}, err
	}
	config, err := a.poolConfig()
	if err != nil {
		return catalog.Connection{}, err
	}
	d := &Database{place: a.place(), hosts: a.namespaces(), schemas: lines(src.Config["schemas"])}
	if d.timeout, err = parseTimeout(src.Config["statement_timeout"]); err != nil {
		return catalog.Connection{}, err
	}
	for _, pattern := range lines(src.Config["exclude"]) {
		d.excluded = append(d.excluded, compilePattern(pattern))
	}
	if d.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return catalog.Connection{}, fault.Unavailablef(err, "%s cannot be opened", d.place)
	}
	err = d.read(ctx, lockWait, func(ctx context.Context, tx pgx.Tx) error {
		_, err := identify(ctx, tx)
		return err
	})
	if err != nil {
		d.pool.Close()
		return catalog.Connection{}, err
	}
	return catalog.Connection{Crawler: d, Close: d.close}, nil
}

// close ends the connections. It does not wait for one to a server that has fallen silent, which the driver gives another 15
// seconds.
func (d *Database) close() error {
	done := make(chan struct{})
	go func() { d.pool.Close(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Second):
	}
	return nil
}

// Scopes returns the schemas by name: those of the setting, or all but the system's and those of extensions.
func (d *Database) Scopes(ctx context.Context) ([]string, error) {
	if len(d.schemas) > 0 {
		return d.schemas, nil // one that is not there fails by its name
	}
	const q = `
		SELECT n.nspname::text FROM pg_namespace n
		WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (
			SELECT FROM pg_depend e WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid AND e.deptype = 'e')
		ORDER BY 1`
	var scopes []string
	err := d.read(ctx, lockWait, func(ctx context.Context, tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, q)
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		for _, name := range names {
			if !d.excludes(name) {
				scopes = append(scopes, name)
			}
		}
		return err
	})
	return scopes, err
}

// Datasets streams the tables and views of a schema in the order of their oids. A schema that does not exist is NotFound.
// A table that another transaction has locked for itself is Unavailable, and the stream goes on.
func (d *Database) Datasets(ctx context.Context, scope string, known catalog.Known) iter.Seq2[catalog.Observation, error] {
	return func(yield func(catalog.Observation, error) bool) {
		list, err := d.list(ctx, scope)
		if err != nil {
			yield(catalog.Observation{}, err)
			return
		}
		c := &crawl{Database: d, listing: list, known: known, yield: yield}
		if err := c.all(ctx); err != nil {
			yield(catalog.Observation{}, err)
		}
	}
}

// Has reports whether there is a table or view of this name that is listed.
func (d *Database) Has(ctx context.Context, name string) (bool, error) {
	path := catalog.SplitPath(name)
	if len(path) != 2 || catalog.JoinPath(path...) != name || d.excludes(path[0]) || d.excludes(path[0]+"."+path[1]) {
		return false, nil
	}
	const q = `SELECT EXISTS (
		SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2 AND ` + listed + `)`
	var found bool
	err := d.read(ctx, lockWait, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, q, path[0], path[1]).Scan(&found)
	})
	return found, err
}

// excludes reports whether a schema, or a table written as schema.table, is left out by the settings.
func (d *Database) excludes(name string) bool {
	for _, pattern := range d.excluded {
		if pattern.MatchString(name) {
			return true
		}
	}
	return false
}
