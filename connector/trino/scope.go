package trino

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"

	"portreeve/catalog"
	"portreeve/fault"
)

// iceberg is the connector whose tables have metadata of their own.
const iceberg = "iceberg"

const (
	maxTables   = 500_000 // of a schema
	listedBatch = 50      // datasets that are asked about together
	readBatch   = 15      // Iceberg tables that are read together
)

// reader reads one schema.
type reader struct {
	*Crawler
	place
	ctx       context.Context
	scope     string
	connector string
	known     catalog.Known
	yield     func(catalog.Observation, error) bool
	slow      int // queries that took too long
	denied    int // datasets whose metadata tables may not be read
}

// entry is a table or view as Trino lists it.
type entry struct {
	name string
	view bool
	sql  string // of a view
	note string // comment of a materialized view
}

// Datasets streams the tables and views of a schema. An unchanged Iceberg table costs a small part of a query. A schema that does
// not exist is NotFound.
func (c *Crawler) Datasets(ctx context.Context, scope string, known catalog.Known) iter.Seq2[catalog.Observation, error] {
	return func(yield func(catalog.Observation, error) bool) {
		r := &reader{Crawler: c, ctx: ctx, scope: scope, known: known, yield: yield}
		if err := r.read(); err != nil && !errors.Is(err, errStopped) {
			yield(catalog.Observation{}, err)
		}
	}
}

func (r *reader) read() error {
	parts := catalog.SplitPath(r.scope)
	if len(parts) == 1 && parts[0] != "" {
		return r.failedCatalog(r.ctx, parts[0])
	}
	if len(parts) != 2 || slices.Contains(parts, "") {
		return fault.NotFoundf("Trino has no schema %s", r.scope)
	}
	r.place = place{parts[0], parts[1]}
	var err error
	if r.connector, err = r.Crawler.connector(r.ctx, r.catalog); err != nil {
		return err
	}
	tables, others, err := r.list()
	if err != nil {
		return err
	}
	for names := range slices.Chunk(tables, listedBatch) {
		if err := r.tables(names); err != nil {
			return err
		}
	}
	for entries := range slices.Chunk(others, listedBatch) {
		if err := r.others(entries); err != nil {
			return err
		}
	}
	return r.ctx.Err()
}

// list returns what the schema has: Iceberg tables, and all else.
func (r *reader) list() (tables []string, others []entry, err error) {
	rows, err := r.query(r.ctx, `SELECT table_name, table_type FROM `+r.information("tables")+` WHERE table_schema = `+literal(r.schema)+
		` UNION ALL SELECT '', 'SCHEMA' FROM `+r.information("schemata")+` WHERE schema_name = `+literal(r.schema))
	switch {
	case err != nil:
		return nil, nil, r.fault(r.ctx, err, "the tables of "+r.scope)
	case len(rows) == 0:
		return nil, nil, fault.NotFoundf("Trino has no schema %s, or shows none to the user %s", r.scope, r.settings.who())
	case len(rows) > maxTables:
		return nil, nil, fault.Unavailablef(nil, "the schema %s has more than %d tables", r.scope, maxTables)
	}
	views, err := r.materialized()
	if err != nil {
		return nil, nil, err
	}
	for _, row := range rows {
		view, known := views[row[0]]
		switch {
		case row[0] == "" && row[1] == "SCHEMA":
		case known:
			others = append(others, view)
		case row[1] == "VIEW" || r.connector != iceberg:
			others = append(others, entry{name: row[0], view: row[1] == "VIEW"})
		default:
			tables = append(tables, row[0])
		}
	}
	slices.Sort(tables)
	slices.SortFunc(others, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return slices.Compact(tables), slices.CompactFunc(others, func(a, b entry) bool { return a.name == b.name }), nil
}

// materialized returns the materialized views of the schema, which the information schema lists as tables.
func (r *reader) materialized() (map[string]entry, error) {
	out := map[string]entry{}
	if r.connector != iceberg {
		return out, nil
	}
	rows, err := r.query(r.ctx, `SELECT name, definition, comment FROM system.metadata.materialized_views WHERE catalog_name = `+
		literal(r.catalog)+` AND schema_name = `+literal(r.schema))
	if err != nil { // they would be taken for tables
		return nil, r.fault(r.ctx, err, "the materialized views of "+r.scope)
	}
	for _, row := range rows {
		out[row[0]] = entry{name: row[0], view: true, sql: row[1], note: row[2]}
	}
	return out, nil
}

// name returns the name of a dataset of the schema.
func (r *reader) name(table string) string { return catalog.JoinPath(r.catalog, r.schema, table) }

// emit hands an observation to the consumer.
func (r *reader) emit(o catalog.Observation, err error) error {
	if r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	if !r.yield(o, err) {
		return errStopped
	}
	return nil
}

// emitFailed says that a dataset cannot be read and why.
func (r *reader) emitFailed(table string, cause error) error {
	err := r.fault(r.ctx, cause, r.name(table))
	return r.emit(catalog.Observation{Name: r.name(table)}, err)
}

// emitLost handles datasets that could not be read: those that were dropped since they were listed are left out, and those that
// are still listed have failed. Trino finds half of a table while it is dropped, which it calls an internal error.
func (r *reader) emitLost(lost map[string]error) error {
	if len(lost) == 0 {
		return nil
	}
	names := sorted(lost)
	rows, err := r.query(r.ctx, `SELECT table_name FROM `+r.information("tables")+` WHERE table_schema = `+literal(r.schema)+
		` AND table_name IN (`+literals(names)+`)`)
	if err != nil && !missing(err) {
		return r.fault(r.ctx, err, "the tables of "+r.scope)
	}
	for _, row := range rows {
		cause, ok := lost[row[0]]
		if !ok {
			continue
		}
		err := r.fault(r.ctx, cause, r.name(row[0]))
		if missing(cause) {
			err = fault.Unavailablef(cause, "Trino lists %s but cannot find it: %s", r.name(row[0]), said(answer(cause)))
		}
		if err := r.emit(catalog.Observation{Name: r.name(row[0])}, err); err != nil {
			return err
		}
	}
	return nil
}

// together runs n things at the same time; the slots of the crawler keep their queries few.
func (r *reader) together(n int, do func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { do(i) })
	}
	group.Wait()
}

// identifiers returns the names by which others know a table or view.
func (r *reader) identifiers(table string) []catalog.Identifier {
	ids := []catalog.Identifier{{
		Namespace: r.namespace, Name: strings.ToLower(strings.Join([]string{r.catalog, r.schema, table}, ".")),
		Rule: "both are that table of that Trino",
	}}
	if t, ok := r.settings.same[r.catalog]; ok {
		name := r.schema + "." + table
		if t.prefix != "" {
			name = t.prefix + "." + name
		}
		rule := "the estate says that catalog " + r.catalog + " is " + t.namespace
		ids = append(ids, catalog.Identifier{Namespace: t.namespace, Name: name, Rule: rule})
	}
	return ids
}
