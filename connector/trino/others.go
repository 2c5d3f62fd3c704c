package trino

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"portreeve/catalog"
	"portreeve/fault"
)

// counting are the connectors that tell the number of rows from statistics that they or the system behind them keep.
var counting = []string{
	"postgresql", "mysql", "mariadb", "sqlserver", "oracle", "redshift", "snowflake", "hive", "delta_lake", "hudi", "memory", "tpch", "tpcds",
}

// others streams views, and tables of other connectors than Iceberg.
func (r *reader) others(entries []entry) error {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.name
	}
	columns, failed, err := r.columnsOf(names)
	if err != nil {
		return err
	}
	comments, err := r.commentsOf(names)
	if err != nil {
		return err
	}
	if err := r.check(entries, failed); err != nil {
		return err
	}
	if err := r.code(entries, failed); err != nil {
		return err
	}
	rows, err := r.rowCounts(entries, failed)
	if err != nil {
		return err
	}
	lost := map[string]error{}
	for _, e := range entries {
		if err := r.other(e, columns[e.name], cmp.Or(e.note, comments[e.name]), rows[e.name], failed[e.name], lost); err != nil {
			return err
		}
	}
	return r.emitLost(lost)
}

// other hands on one table or view.
func (r *reader) other(e entry, all []column, comment string, rows *int64, cause error, lost map[string]error) error {
	if cause == nil && len(all) == 0 { // the information schema leaves out what it cannot read, and says nothing
		all, cause = r.askColumns(e.name)
	}
	switch {
	case missing(cause):
		lost[e.name] = cause
		return nil
	case cause != nil && outage(cause):
		return r.fault(r.ctx, cause, r.name(e.name))
	case named(cause, "INVALID_VIEW", "VIEW_IS_STALE", "VIEW_IS_RECURSIVE"):
		err := fault.Unavailablef(cause, "the view is stale: %s", said(answer(cause)))
		return r.emit(catalog.Observation{Name: r.name(e.name)}, err)
	case cause != nil:
		return r.emitFailed(e.name, cause)
	}
	o := catalog.Observation{
		Name: r.name(e.name), Kind: catalog.Table, Standing: catalog.Serves, Columns: columns(all), Description: bound(comment, maxText),
		Definition: bound(e.sql, maxCode), Identifiers: r.identifiers(e.name),
	}
	if e.view {
		o.Kind = catalog.View
	}
	if rows != nil {
		o.RowCount, o.Estimated = rows, []string{"rows"}
	}
	return r.emit(o, nil)
}

const columnsQuery = `SELECT table_name, column_name, data_type, is_nullable, substr(comment, 1, 70000), ordinal_position FROM `

// columnsOf returns the columns of datasets by name. The information schema leaves out those that it cannot read. The error is
// about Trino as a whole.
func (r *reader) columnsOf(names []string) (map[string][]column, map[string]error, error) {
	out, failed := map[string][]column{}, map[string]error{}
	err := r.some(names, failed, func(names []string) ([][]string, error) {
		return r.query(r.ctx, columnsQuery+r.information("columns")+` WHERE table_schema = `+literal(r.schema)+
			` AND table_name IN (`+literals(names)+`) ORDER BY table_name, ordinal_position`)
	}, func(row []string) {
		out[row[0]] = append(out[row[0]], column{name: row[1], typ: row[2], required: row[3] == "NO", comment: row[4]})
	})
	return out, failed, err
}

// commentsOf returns the comments of datasets by name, as far as Trino tells them.
func (r *reader) commentsOf(names []string) (map[string]string, error) {
	out := map[string]string{}
	err := r.some(names, map[string]error{}, func(names []string) ([][]string, error) {
		return r.query(r.ctx, `SELECT table_name, substr(comment, 1, 70000) FROM system.metadata.table_comments WHERE catalog_name = `+
			literal(r.catalog)+` AND schema_name = `+literal(r.schema)+` AND table_name IN (`+literals(names)+`)`)
	}, func(row []string) { out[row[0]] = row[1] })
	return out, err
}

// some asks about names together and, should that fail, about halves of them.
func (r *reader) some(names []string, failed map[string]error, ask func([]string) ([][]string, error), take func([]string)) error {
	if len(names) == 0 {
		return nil
	}
	rows, err := ask(names)
	if err == nil {
		for _, row := range rows {
			if slices.Contains(names, row[0]) {
				take(row)
			}
		}
		return nil
	}
	if err := r.hopeless(err); err != nil {
		return err
	}
	if len(names) == 1 {
		failed[names[0]] = err
		return nil
	}
	half := len(names) / 2
	if err := r.some(names[:half], failed, ask, take); err != nil {
		return err
	}
	return r.some(names[half:], failed, ask, take)
}

// askColumns asks for the columns of one dataset in a way that tells why it cannot.
func (r *reader) askColumns(name string) ([]column, error) {
	rows, err := r.query(r.ctx, `SHOW COLUMNS FROM `+r.table(name, ""))
	var out []column
	for _, row := range rows {
		out = append(out, column{name: row[0], typ: row[1], comment: row[3]})
	}
	return out, err
}

// check notes in failed which views no longer work: Trino lists them with their columns all the same.
func (r *reader) check(entries []entry, failed map[string]error) error {
	var views []string
	for _, e := range entries {
		if e.view && failed[e.name] == nil {
			views = append(views, e.name)
		}
	}
	found, err := r.ask(batch{
		before: `EXPLAIN (TYPE VALIDATE) `,
		parts:  func(_, name string) []string { return []string{`SELECT 1 FROM ` + r.table(name, "")} },
	}, views)
	for name, cause := range found.failed {
		if !denied(cause) { // who may not read it cannot tell whether it works
			failed[name] = cause
		}
	}
	return err
}

// code fills in the SQL of views. A single one that cannot be read makes Trino tell none of the schema.
func (r *reader) code(entries []entry, failed map[string]error) error {
	at := map[string]int{}
	for i, e := range entries {
		if e.view && e.sql == "" && failed[e.name] == nil {
			at[e.name] = i
		}
	}
	return r.some(sorted(at), failed, func(names []string) ([][]string, error) {
		return r.query(r.ctx, `SELECT table_name, view_definition FROM `+r.information("views")+` WHERE table_schema = `+literal(r.schema)+
			` AND table_name IN (`+literals(names)+`)`)
	}, func(row []string) { entries[at[row[0]]].sql = row[1] })
}

// rowCounts asks for the statistics of tables whose connector has some. They are estimates; one that fails is unknown.
func (r *reader) rowCounts(entries []entry, failed map[string]error) (map[string]*int64, error) {
	out := map[string]*int64{}
	if !slices.Contains(counting, r.connector) {
		return out, nil
	}
	var tables []string
	for _, e := range entries {
		if !e.view && failed[e.name] == nil {
			tables = append(tables, e.name)
		}
	}
	rows, errs := r.each(tables, func(name string) string { return `SHOW STATS FOR ` + r.table(name, "") })
	for i, name := range tables {
		if err := r.hopeless(errs[i]); err != nil {
			return nil, err
		}
		for _, row := range rows[i] {
			// column_name, data_size, distinct_values_count, nulls_fraction, row_count, …: the row without a column is the table's
			if n, err := strconv.ParseFloat(row[4], 64); err == nil && row[0] == "" && n >= 0 && n < math.MaxInt64 {
				count := int64(math.Round(n))
				out[name] = &count
			}
		}
	}
	return out, nil
}
