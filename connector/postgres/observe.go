package postgres

import (
	"context"
	"fmt"
	"hash/fnv"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"portreeve/catalog"
	"portreeve/fault"
)

// observations is the number of what this connector knows to observe: it begins each Version.
const observations = "1:"

const (
	chunk     = 1000 // tables that are measured at once
	batch     = 200  // relations that are read at once, if they are small
	batchSize = 1600 // columns that are read at once, as many as one table can have
	viewSize  = 40   // a view counts as so many columns
)

// crawl is one stream of datasets.
type crawl struct {
	*Database
	listing

	known catalog.Known
	yield func(catalog.Observation, error) bool
}

// pending is a dataset that must be read.
type pending struct {
	member

	figures figures
	version string
}

// all yields the whole listing. It returns why it could not; nil also when the consumer has enough.
func (c *crawl) all(ctx context.Context) error {
	var todo []pending
	size := 0
	for part := range slices.Chunk(c.members, chunk) {
		var stored []int64
		for _, m := range part {
			if m.stored() {
				stored = append(stored, m.OID)
			}
		}
		measured, err := c.measure(ctx, stored)
		if err != nil {
			return err
		}
		for _, m := range part {
			p := pending{member: m, figures: measured[m.OID]}
			p.version = c.version(&p)
			if name := c.name(&m); p.version != "" && c.known[name] == p.version {
				if !c.yield(catalog.Observation{Name: name, Unchanged: true}, nil) {
					return nil
				}
				continue
			}
			todo = append(todo, p)
			if size += p.size(); size < batchSize && len(todo) < batch {
				continue
			}
			if more, err := c.flush(ctx, todo); err != nil || !more {
				return err
			}
			todo, size = todo[:0], 0
		}
	}
	if more, err := c.flush(ctx, todo); err != nil || !more {
		return err
	}
	return ctx.Err()
}

func (c *crawl) name(m *member) string { return catalog.JoinPath(c.schema, m.Name) }

func (p *pending) size() int {
	if p.Kind == "v" || p.Kind == "m" {
		return p.Width + viewSize
	}
	return p.Width
}

// version tells the state of a dataset from any other; "" when its figures are not known, so that it is looked at again.
func (c *crawl) version(p *pending) string {
	if p.stored() && p.figures.OID == 0 {
		return ""
	}
	h := fnv.New64a() // of what the identifiers are made of
	fmt.Fprintf(h, "%q %q", c.listing.Database, c.hosts)
	return fmt.Sprintf("%s%s:%x:%s:%s:%s:%d", observations, c.nativeID(p.OID), h.Sum64(), p.State,
		number(p.figures.Rows), number(p.figures.Bytes), p.figures.Partitions)
}

func number(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

// flush reads and yields datasets. It reports whether the consumer wants more.
func (c *crawl) flush(ctx context.Context, todo []pending) (more bool, _ error) {
	if len(todo) == 0 {
		return true, nil
	}
	oids := make([]int64, len(todo))
	for i := range todo {
		oids[i] = todo[i].OID
	}
	written, failed, err := c.write(ctx, oids)
	if err != nil {
		return false, err
	}
	heads, attributes, err := c.describe(ctx, oids)
	if err != nil {
		return false, err
	}
	for i := range todo {
		p := &todo[i]
		h, there := heads[p.OID]
		if !there {
			continue // dropped since it was listed
		}
		o, err := catalog.Observation{Name: c.name(&p.member)}, failed[p.OID]
		if err == nil {
			o, err = c.observe(p, &h, written[p.OID], attributes)
		}
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if !c.yield(o, err) {
			return false, nil
		}
	}
	return true, nil
}

// head is a relation without its columns.
type head struct {
	OID        int64
	Kind       string
	Width      int64
	Comment    string
	Owner      string
	Unlogged   bool
	Populated  bool
	Method     string // access method: heap, columnar …
	MayUse     bool
	MayRead    bool
	Server     string // of a foreign table
	Wrapper    string
	ServerSays []string // options, name=value
	TableSays  []string
}

const heads = `
	SELECT c.oid::int8, c.relkind::text, c.relnatts::int8,
		coalesce((
			SELECT CASE WHEN length(d.description) > 16000 THEN left(d.description, 16000) || '` + cutMark + `' ELSE d.description END
			FROM pg_description d WHERE d.objoid = c.oid AND d.classoid = 'pg_class'::regclass AND d.objsubid = 0
		), ''),
		pg_get_userbyid(c.relowner)::text, c.relpersistence = 'u', c.relispopulated, coalesce(m.amname::text, ''),
		coalesce(has_schema_privilege(c.relnamespace, 'USAGE'), true),
		coalesce(has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT'), true),
		coalesce(s.srvname::text, ''), coalesce(w.fdwname::text, ''), coalesce(s.srvoptions, '{}'), coalesce(f.ftoptions, '{}')
	FROM pg_class c LEFT JOIN pg_am m ON m.oid = c.relam
	LEFT JOIN pg_foreign_table f ON f.ftrelid = c.oid LEFT JOIN pg_foreign_server s ON s.oid = f.ftserver
	LEFT JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
	WHERE c.oid = ANY ($1::int8[]::oid[])`

// describe reads relations and their columns, which takes no locks.
func (d *Database) describe(ctx context.Context, oids []int64) (map[int64]head, map[int64][]attribute, error) {
	found := make(map[int64]head, len(oids))
	var of map[int64][]attribute
	err := d.read(ctx, lockWait, func(ctx context.Context, tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, heads, oids)
		all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[head])
		if err != nil {
			return err
		}
		for _, h := range all {
			found[h.OID] = h
		}
		of, err = readAttributes(ctx, tx, oids)
		return err
	})
	return found, of, err
}

// observe puts together what is known of a dataset. Beside an error, the Observation has the name only.
func (c *crawl) observe(p *pending, h *head, t *texts, of map[int64][]attribute) (catalog.Observation, error) {
	o := catalog.Observation{Name: c.name(&p.member)}
	if n := len(of[p.OID]); n != int(h.Width) {
		return o, fault.Unavailablef(nil, "the catalog of the database is damaged: it has %d of the %d columns", n, h.Width)
	}
	if t == nil || (h.Kind == "v" || h.Kind == "m") && t.definition == "" {
		return o, fault.Unavailablef(nil, "the catalog of the database is damaged: the view has no definition")
	}
	o.NativeID, o.Version = c.nativeID(p.OID), p.version
	o.Kind, o.Description, o.Definition = catalog.Table, h.Comment, t.definition
	if h.Kind == "v" || h.Kind == "m" {
		o.Kind = catalog.View
	}
	if t.partitioning != "" {
		o.Partitioning = []string{t.partitioning}
	}
	o.RowCount, o.ByteCount = p.figures.Rows, p.figures.Bytes
	if o.RowCount != nil && !p.figures.Exact {
		o.Estimated = []string{"rows"}
	}
	o.Properties, o.Detail.Keys = h.properties(p.figures.Partitions), t.keys
	for _, host := range c.hosts {
		o.Identifiers = append(o.Identifiers, catalog.Identifier{
			Namespace: host, Name: strings.Join([]string{c.listing.Database, c.schema, p.Name}, "."), Rule: "it is this table of the server",
		})
	}
	if h.Kind == "f" {
		o.Standing = catalog.Serves
		o.Identifiers = append(o.Identifiers, h.remote(c.schema, p.Name)...)
	}
	o.Columns = columns(p.OID, of)
	return o, nil
}

var kindNames = map[string]string{"p": "partitioned table", "m": "materialized view", "f": "foreign table"}

// properties returns what is worth a line on a page.
func (h *head) properties(partitions int64) map[string]string {
	out := map[string]string{"owner": h.Owner}
	put := func(name, value string, holds bool) {
		if holds && value != "" {
			out[name] = value
		}
	}
	put("kind", kindNames[h.Kind], true)
	put("partitions", strconv.FormatInt(partitions, 10), h.Kind == "p")
	put("persistence", "unlogged", h.Unlogged)
	put("populated", "no", !h.Populated)
	put("access method", h.Method, h.Method != "heap")
	put("readable", "no: the portal's role may not SELECT from it", !h.MayRead)
	put("readable", "no: the portal's role has no USAGE on the schema", !h.MayUse)
	put("server", h.Server, true)
	put("wrapper", h.Wrapper, true)
	for _, name := range []string{"schema_name", "table_name"} { // others may be secrets
		put(name, option(h.TableSays, name), true)
	}
	return out
}

// option returns the value of an option of a foreign table or server.
func option(options []string, name string) string {
	for _, o := range options {
		if value, ok := strings.CutPrefix(o, name+"="); ok {
			return value
		}
	}
	return ""
}

// remote returns the name of the table that a foreign table of postgres_fdw stands for, if its server says where it is.
func (h *head) remote(schema, table string) []catalog.Identifier {
	host, database, port := option(h.ServerSays, "host"), option(h.ServerSays, "dbname"), option(h.ServerSays, "port")
	if h.Wrapper != "postgres_fdw" || host == "" || database == "" || strings.ContainsAny(host, "/,") || strings.Contains(port, ",") {
		return nil
	}
	if port == "" {
		port = "5432"
	}
	if name := option(h.TableSays, "schema_name"); name != "" {
		schema = name
	}
	if name := option(h.TableSays, "table_name"); name != "" {
		table = name
	}
	return []catalog.Identifier{{
		Namespace: "postgres://" + net.JoinHostPort(host, port), Name: strings.Join([]string{database, schema, table}, "."),
		Rule: "it is a foreign table of that one",
	}}
}
