// Package trino reads what a Trino cluster serves: the tables and views of its catalogs, how they look, and for Iceberg tables
// their commits, size and place. It reads metadata only, never rows of a table.
//
// Trino is asked little: per schema a few queries, per table of an Iceberg catalog one when it is new or has changed and a
// fiftieth of one when it has not. At most Settings' parallel queries run at a time, each with a timeout and under a source
// tag by which an operator finds them.
package trino

import (
	"context"
	"database/sql"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"portreeve/catalog"
	"portreeve/fault"
)

// Crawler lists the datasets of a Trino cluster. It implements catalog.Crawler.
type Crawler struct {
	db        *sql.DB
	settings  settings
	namespace string // of the source, as OpenLineage names it
	slots     chan struct{}
	pauses    []time.Duration // before each new try of a query that Trino had no room for
	queries   atomic.Int64

	mu         sync.Mutex
	connectors map[string]string   // by catalog
	schemas    map[string][]string // by catalog, as they were when it could be listed last
}

// Queries returns how many queries were sent since the crawler was opened, new tries included.
func (c *Crawler) Queries() int64 { return c.queries.Load() }

// generated are the connectors whose catalogs hold nothing of anybody's: they are read only if they are named.
var generated = []string{"system", "jmx", "tpch", "tpcds", "blackhole", "faker"}

// Scopes returns "catalog.schema" for each schema. A catalog that cannot be listed has the scope "catalog", which fails with the
// reason, and those that it had when it could be listed last.
func (c *Crawler) Scopes(ctx context.Context) ([]string, error) {
	catalogs, err := c.catalogs(ctx)
	if err != nil {
		return nil, err
	}
	lists, errs := make([][]string, len(catalogs)), make([]error, len(catalogs))
	var group sync.WaitGroup
	for i, name := range catalogs {
		group.Go(func() { lists[i], errs[i] = c.list(ctx, name) })
	}
	group.Wait()
	var scopes []string
	for i, name := range catalogs {
		if errs[i] != nil && outage(errs[i]) { // not the catalog's trouble: all the others would seem to be gone
			return nil, c.fault(ctx, errs[i], "the schemas of "+name)
		}
		if errs[i] != nil {
			scopes = append(scopes, catalog.JoinPath(name))
		}
		for _, schema := range lists[i] {
			scopes = append(scopes, catalog.JoinPath(name, schema))
		}
	}
	return scopes, nil
}

// catalogs returns the names of those to be read and learns the connector of each.
func (c *Crawler) catalogs(ctx context.Context) ([]string, error) {
	rows, err := c.query(ctx, `SELECT catalog_name, connector_name FROM system.metadata.catalogs ORDER BY 1`)
	if err != nil {
		return nil, c.fault(ctx, err, "the list of catalogs")
	}
	if len(rows) == 0 { // every Trino has the catalog that was asked
		const msg = "%s answers, but is no Trino, or shows the user %s no catalog at all"
		return nil, fault.Unavailablef(nil, msg, c.settings.url.Host, c.settings.who())
	}
	var found []string
	connectors := make(map[string]string, len(rows))
	for _, r := range rows {
		connectors[r[0]] = r[1]
		if !slices.Contains(generated, r[1]) {
			found = append(found, r[0])
		}
	}
	c.mu.Lock()
	c.connectors = connectors
	c.mu.Unlock()
	if len(c.settings.catalogs) > 0 {
		return c.settings.catalogs, nil
	}
	return found, nil
}

// list returns the schemas of a catalog that are to be read; beside an error, those that it had before.
func (c *Crawler) list(ctx context.Context, name string) ([]string, error) {
	rows, err := c.query(ctx, `SELECT schema_name FROM `+quoted(name)+`.information_schema.schemata ORDER BY 1`)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		return c.schemas[name], err
	}
	var schemas []string
	for _, r := range rows {
		if !c.excluded(name, r[0]) {
			schemas = append(schemas, r[0])
		}
	}
	c.schemas[name] = schemas
	return schemas, nil
}

// excluded reports whether a schema is not to be read. c.mu is held.
func (c *Crawler) excluded(catalogName, schema string) bool {
	if schema == "information_schema" || schema == "system" && c.connectors[catalogName] == iceberg {
		return true // what Trino itself puts there
	}
	for _, pattern := range c.settings.exclude {
		match, _ := path.Match(pattern, schema)
		if !match && strings.Contains(pattern, ".") { // tmp* is about schemas, not about a catalog tmp_lake and all that it has
			match, _ = path.Match(pattern, catalogName+"."+schema)
		}
		if match {
			return true
		}
	}
	return false
}

// connector returns the name of a catalog's connector, "" when Trino shows no such catalog.
func (c *Crawler) connector(ctx context.Context, name string) (string, error) {
	c.mu.Lock()
	known, ok := c.connectors[name]
	c.mu.Unlock()
	if ok {
		return known, nil
	}
	if _, err := c.catalogs(ctx); err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.connectors[name], nil
}

// Has reports whether Trino shows a table or view of this name now, readable or not. Names are those that Trino shows: in lower
// case.
func (c *Crawler) Has(ctx context.Context, name string) (bool, error) {
	parts := catalog.SplitPath(name)
	if len(parts) != 3 || slices.Contains(parts, "") || name != strings.ToLower(name) {
		return false, nil
	}
	rows, err := c.query(ctx, `SELECT table_name FROM `+quoted(parts[0])+`.information_schema.tables WHERE table_schema = `+
		literal(parts[1])+` AND table_name = `+literal(parts[2]))
	if missing(err) {
		return false, nil
	}
	if err != nil {
		return false, c.fault(ctx, err, name)
	}
	return slices.ContainsFunc(rows, func(r []string) bool { return r[0] == parts[2] }), nil
}

// failedCatalog says why a catalog that stands as a scope of its own cannot be listed.
func (c *Crawler) failedCatalog(ctx context.Context, name string) error {
	connector, err := c.connector(ctx, name)
	if err != nil {
		return err
	}
	c.mu.Lock()
	_, listed := c.schemas[name]
	c.mu.Unlock()
	_, err = c.list(ctx, name)
	switch {
	case err != nil && connector == "" && missing(err):
		return fault.NotFoundf("Trino shows the user %s no catalog %s", c.settings.who(), name)
	case err != nil:
		return c.fault(ctx, err, "the schemas of the catalog "+name)
	case !listed && connector == "":
		return fault.NotFoundf("Trino has no catalog %s", name)
	}
	return fault.Unavailablef(nil, "the catalog %s could not be listed when this crawl began: the next one reads it", name)
}
