// Package demo makes the lake that the demo shows: the flights that left New York in 2013, with all dates moved forward by
// whole weeks so that the last day is recent. The tables are real Iceberg tables in three layers; the second and third are made
// from the first by SQL that the portal's own engine runs.
package demo

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"portreeve/catalog"
	"portreeve/connector/iceberg"
	"portreeve/fault"
)

// Slug is the slug of the lake's source, and the name of its Iceberg catalog.
const Slug = "lake"

// building is the name under which the lake's tables lie until all are there. Then they get their name in one transaction:
// nobody sees half a lake.
const building = Slug + ".building"

// Exporter runs SQL over planned tables, each under its name, and writes the result to a Parquet file.
type Exporter interface {
	Export(ctx context.Context, plans []catalog.Plan, sql, out string) (rows int64, err error)
}

// Options say where the lake is made and from what.
type Options struct {
	Home       string       // folder of the demo's data; the lake's files lie below it, readable by everybody
	CatalogDSN string       // Postgres database of the Iceberg catalog
	Exporter   Exporter     // runs the SQL of the upper layers
	Today      time.Time    // the data ends one to seven days before
	Progress   func(string) // told what is being done, one line each; may be nil
	Fresh      bool         // make the lake anew even if there is one
}

// Lake is a lake that has been made.
type Lake struct {
	Source catalog.Source
	Weeks  int  // by which the dates were moved
	Fresh  bool // Evolve has not finished: the first crawl of the lake is still to come, or may be repeated
}

// state is what the lake's namespace raw says of how it was made.
const (
	weeksProperty     = "portreeve.demo.weeks"
	warehouseProperty = "portreeve.demo.warehouse"
	versionProperty   = "portreeve.demo.version"
	evolvedProperty   = "portreeve.demo.evolved"
)

// version is of the tables that Build makes: a lake of another version is made anew.
const version = "1"

// Build makes the lake, or finds the one it has made before. A build that was interrupted starts again.
func Build(ctx context.Context, o Options) (Lake, error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if err := iceberg.Init(ctx, o.CatalogDSN); err != nil {
		return Lake{}, err
	}
	db, err := sql.Open("pgx", o.CatalogDSN)
	if err != nil {
		return Lake{}, fmt.Errorf("open the lake's catalog: %w", err)
	}
	defer db.Close()
	unlock, err := lock(ctx, db)
	if err != nil {
		return Lake{}, err
	}
	defer unlock()
	warehouse := o.warehouse()
	lake, found, err := find(ctx, db, o)
	if err != nil || (found && !o.Fresh) {
		return lake, err
	}
	if err := remove(ctx, db, warehouse); err != nil {
		return Lake{}, err
	}
	weeks := weeksTo(o.Today)
	if err := (&builder{Options: o, weeks: weeks}).build(ctx); err != nil {
		return Lake{}, err
	}
	if err := publish(ctx, db); err != nil {
		return Lake{}, err
	}
	return Lake{Source: Source(o.Home, weeks), Weeks: weeks, Fresh: true}, nil
}

// Source describes the lake whose dates were moved by weeks.
func Source(home string, weeks int) catalog.Source {
	return catalog.Source{
		Slug:      Slug,
		Kind:      "iceberg",
		Title:     "Flights lake",
		Namespace: fileURL(filepath.Join(home, "lake")),
		Note: fmt.Sprintf("Flights of 2013, replayed with dates moved forward by %d weeks. The data is real: "+
			"every flight that left New York City that year, from the US Bureau of Transportation Statistics.", weeks),
		Config: map[string]string{
			iceberg.CatalogKey: Slug, iceberg.WarehouseKey: fileURL(filepath.Join(home, "lake")),
		},
		CrawlEvery: time.Hour,
	}
}

func (o Options) warehouse() string { return filepath.Join(o.Home, "lake") }

func fileURL(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

// lastDay is the last day of the data as it was recorded.
var lastDay = time.Date(2013, 12, 31, 0, 0, 0, 0, time.UTC)

// weeksTo returns by how many weeks the data must move to end on the newest day before today: weekdays stay, and nothing has
// happened tomorrow.
func weeksTo(today time.Time) int {
	return max(0, int(today.UTC().AddDate(0, 0, -1).Sub(lastDay).Hours()/(24*7)))
}

// lock keeps other builders of this lake waiting until it is released or the process ends.
func lock(ctx context.Context, db *sql.DB) (unlock func(), err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fault.Unavailablef(err, "the database of the lake's catalog does not answer")
	}
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(hashtext('portreeve demo lake'))`); err != nil {
		conn.Close()
		return nil, fmt.Errorf("lock the lake's catalog: %w", err)
	}
	return func() {
		// A lock that is not given back goes with the connection, which Build closes.
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(hashtext('portreeve demo lake'))`)
		conn.Close()
	}, nil
}

// find returns the finished lake if there is one of this version in this place, files included.
func find(ctx context.Context, db *sql.DB, o Options) (Lake, bool, error) {
	const q = `SELECT property_key, coalesce(property_value, '') FROM iceberg_namespace_properties
		WHERE catalog_name = $1 AND namespace = 'raw'`
	rows, err := db.QueryContext(ctx, q, Slug)
	if err != nil {
		return Lake{}, false, fmt.Errorf("look for the lake: %w", err)
	}
	defer rows.Close()
	state := map[string]string{}
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return Lake{}, false, fmt.Errorf("look for the lake: %w", err)
		}
		state[key] = value
	}
	if err := rows.Err(); err != nil {
		return Lake{}, false, fmt.Errorf("look for the lake: %w", err)
	}
	weeks, err := strconv.Atoi(state[weeksProperty])
	if err != nil || state[versionProperty] != version || state[warehouseProperty] != o.warehouse() {
		return Lake{}, false, nil
	}
	if _, err := os.Stat(filepath.Join(o.warehouse(), "raw", "flights", "metadata")); err != nil {
		return Lake{}, false, nil //nolint:nilerr // its files are gone: it is no lake any more
	}
	return Lake{Source: Source(o.Home, weeks), Weeks: weeks, Fresh: state[evolvedProperty] == ""}, true, nil
}

// remove removes every lake of the demo, finished or not.
func remove(ctx context.Context, db *sql.DB, warehouse string) error {
	for _, q := range []string{
		`DELETE FROM iceberg_tables WHERE catalog_name IN ($1, $2)`,
		`DELETE FROM iceberg_namespace_properties WHERE catalog_name IN ($1, $2)`,
	} {
		if _, err := db.ExecContext(ctx, q, Slug, building); err != nil {
			return fmt.Errorf("remove the old lake: %w", err)
		}
	}
	if err := os.RemoveAll(warehouse); err != nil {
		return fault.Unavailablef(err, "the old lake in %s cannot be removed", warehouse)
	}
	return nil
}

// publish gives the lake its name.
func publish(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("publish the lake: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after the commit
	for _, q := range []string{
		`UPDATE iceberg_tables SET catalog_name = $1 WHERE catalog_name = $2`,
		`UPDATE iceberg_namespace_properties SET catalog_name = $1 WHERE catalog_name = $2`,
	} {
		if _, err := tx.ExecContext(ctx, q, Slug, building); err != nil {
			return fmt.Errorf("publish the lake: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("publish the lake: %w", err)
	}
	return nil
}

// count writes a number as people read it: 336,776.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	return b.String()
}
