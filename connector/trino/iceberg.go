package trino

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"portreeve/catalog"
	"portreeve/fault"
)

// versionPrefix is raised when this package learns to observe more of an Iceberg table.
const versionPrefix = "1:"

// maxSnapshots is how many snapshots of a table are reported, newest first kept.
const maxSnapshots = 1000

// tables streams Iceberg tables: those that have not changed by their version, the others whole.
func (r *reader) tables(names []string) error {
	versions, err := r.ask(r.versions(), names)
	if err != nil {
		return err
	}
	var changed []string
	lost := map[string]error{}
	for _, name := range names {
		cause := versions.failed[name]
		switch version := r.version(versions, name); {
		case cause != nil && !denied(cause):
			lost[name] = cause
		case version != "" && r.known[r.name(name)] == version:
			err = r.emit(catalog.Observation{Name: r.name(name), Unchanged: true}, nil)
		default:
			changed = append(changed, name)
		}
		if err != nil {
			return err
		}
	}
	for some := range slices.Chunk(changed, readBatch) {
		if err := r.changed(some, versions, lost); err != nil {
			return err
		}
	}
	return r.emitLost(lost)
}

// versions asks for a sum of the names of all metadata files that a table remembers: the newest of them is the current one, and
// each commit has a file of its own. Their times are no order, since writers have clocks of their own.
func (r *reader) versions() batch {
	return batch{
		before: `SELECT n, to_hex(checksum(file)) FROM (`,
		parts: func(number, name string) []string {
			return []string{`SELECT ` + number + ` n, file FROM ` + r.table(name, "$metadata_log_entries")}
		},
		after: `) GROUP BY n`,
	}
}

// version returns the version of a table, "" if it is not known.
func (r *reader) version(versions answers, name string) string {
	rows := versions.rows[name]
	if len(rows) != 1 || rows[0][0] == "" {
		return ""
	}
	return versionPrefix + rows[0][0]
}

// facts asks for all that the metadata tables tell, as rows of kind, three texts, milliseconds and JSON.
func (r *reader) facts() batch {
	return batch{parts: func(number, name string) []string {
		return []string{
			`(SELECT ` + number + ` n, 's' k, CAST(snapshot_id AS varchar) a, CAST(parent_id AS varchar) b, operation c, ` +
				`CAST(CAST(to_unixtime(committed_at) * 1000 AS bigint) AS varchar) d, ` +
				`json_format(CAST(map_filter(summary, (k, v) -> NOT starts_with(k, 'partitions.')) AS json)) e FROM ` +
				r.table(name, "$snapshots") + ` ORDER BY committed_at DESC LIMIT ` + strconv.Itoa(maxSnapshots) + `)`,
			`SELECT ` + number + `, 'r', name, type, CAST(snapshot_id AS varchar), NULL, NULL FROM ` + r.table(name, "$refs"),
			`SELECT ` + number + `, 'p', key, value, NULL, NULL, NULL FROM ` + r.table(name, "$properties"),
		}
	}}
}

// changed reads tables whole. Those that Trino cannot read are added to lost.
func (r *reader) changed(names []string, versions answers, lost map[string]error) error {
	texts, errs := r.each(names, func(name string) string { return `SHOW CREATE TABLE ` + r.table(name, "") })
	for _, err := range errs {
		if err := r.hopeless(err); err != nil {
			return err
		}
	}
	facts, err := r.ask(r.facts(), names)
	if err != nil {
		return err
	}
	definitions, err := r.definitions(names, texts, errs)
	if err != nil {
		return err
	}
	for i, name := range names {
		// A right to see columns comes without that to read metadata: then there are no figures.
		cause := cmp.Or(unlessDenied(errs[i]), unlessDenied(facts.failed[name]))
		d, found := definitions[name]
		switch {
		case cause != nil:
			lost[name] = cause
		case !found:
			err = r.emit(catalog.Observation{Name: r.name(name)},
				fault.Forbiddenf("Trino shows the user %s no columns of %s", r.settings.who(), r.name(name)))
		default:
			o := r.observe(name, d, facts.rows[name], facts.failed[name] == nil)
			if facts.failed[name] == nil {
				o.Version = r.version(versions, name)
			}
			err = r.emit(o, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func unlessDenied(err error) error {
	if denied(err) {
		return nil
	}
	return err
}

// definitions reads the texts of SHOW CREATE TABLE. Where the user may not ask for it, or it cannot be read, the columns come from
// the information schema, and the rest is unknown.
func (r *reader) definitions(names []string, texts [][][]string, errs []error) (map[string]definition, error) {
	out := map[string]definition{}
	var left []string
	for i, name := range names {
		if errs[i] == nil && len(texts[i]) == 1 {
			if d, err := parseTable(texts[i][0][0]); err == nil {
				out[name] = d
				continue
			}
		}
		if errs[i] == nil || denied(errs[i]) {
			left = append(left, name)
		}
	}
	all, failed, err := r.columnsOf(left)
	if err != nil {
		return nil, err
	}
	for name, columns := range all {
		if failed[name] == nil && len(columns) > 0 {
			out[name] = definition{columns: columns}
		}
	}
	return out, nil
}

// observe describes a table. figures tells that facts were to be had.
func (r *reader) observe(name string, d definition, facts [][]string, figures bool) catalog.Observation {
	properties := map[string]string{}
	var snapshots []catalog.Snapshot
	var refs []catalog.TableRef
	current := ""
	for _, f := range facts {
		switch f[0] {
		case "s":
			snapshots = append(snapshots, snapshot(f))
		case "r":
			if f[1] == "main" {
				current = f[3]
				continue
			}
			refs = append(refs, catalog.TableRef{Name: bound(f[1], maxName), Kind: strings.ToLower(f[2]), SnapshotID: f[3]})
		case "p":
			properties[f[1]] = f[2]
		}
	}
	slices.SortFunc(refs, func(a, b catalog.TableRef) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(snapshots, func(a, b catalog.Snapshot) int { return a.At.Compare(b.At) })
	o := catalog.Observation{
		Name: r.name(name), Kind: catalog.Table, Standing: catalog.Serves, Columns: columns(d.columns),
		Description:  bound(cmp.Or(d.comment, properties["comment"]), maxText),
		Location:     bound(catalog.WithoutUserinfo(cmp.Or(d.properties["location"], properties["location"])), maxName),
		Format:       strings.ToLower(cmp.Or(d.properties["format"], properties["write.format.default"])),
		Partitioning: d.lists["partitioning"], SortOrder: d.lists["sorted_by"],
		Identifiers: r.identifiers(name), Snapshots: snapshots, SnapshotID: current, Detail: catalog.Detail{Refs: refs},
	}
	// Trino does not tell a table's UUID. Its place is its own, and stays when it is renamed.
	o.NativeID = o.Location
	if id, ok := catalog.FileIdentifier(o.Location, "both have their files there"); ok && !strings.HasPrefix(id.Namespace, "local:") {
		o.Identifiers = append(o.Identifiers, id)
	}
	describe(&o, properties)
	if figures {
		measure(&o)
	}
	return o
}

// snapshot reads a row of facts. The figures are those of its summary, which a writer need not give.
func snapshot(f []string) catalog.Snapshot {
	s := catalog.Snapshot{ID: f[1], ParentID: f[2], Operation: f[3], Summary: map[string]string{}}
	if ms, err := strconv.ParseInt(f[4], 10, 64); err == nil {
		s.At = time.UnixMilli(ms).UTC()
	}
	var p map[string]string
	if err := json.Unmarshal([]byte(f[5]), &p); err != nil {
		return s
	}
	s.TakeSummary(p)
	s.Summary = catalog.ShownProperties(p)
	return s
}

// measure fills in rows, bytes, files and the time of the current snapshot. Rows are unknown when some were deleted by value:
// nobody knows how many without reading them.
func measure(o *catalog.Observation) {
	if o.SnapshotID == "" { // nothing was ever written, which is known
		o.RowCount, o.ByteCount, o.FileCount = new(int64), new(int64), new(int64)
		return
	}
	i := slices.IndexFunc(o.Snapshots, func(s catalog.Snapshot) bool { return s.ID == o.SnapshotID })
	if i < 0 {
		return
	}
	s := o.Snapshots[i]
	o.DataAt = &s.At
	o.RowCount, o.ByteCount, o.FileCount = s.TotalRows, s.TotalBytes, s.TotalFiles
}

// describe fills in what the properties of a table say, by the names that the lake's own crawler knows.
func describe(o *catalog.Observation, p map[string]string) {
	o.Title = bound(p["portreeve.title"], maxName)
	o.Team = bound(strings.TrimSpace(cmp.Or(p["portreeve.team"], p["owner"])), maxName)
	o.Domain = bound(strings.TrimSpace(p["portreeve.domain"]), maxName)
	o.Deprecated = bound(p["portreeve.deprecated"], maxText)
	o.Certified, _ = strconv.ParseBool(p["portreeve.certified"]) // anything else is no
	for tag := range strings.SplitSeq(bound(p["portreeve.tags"], maxName), ",") {
		if tag = strings.TrimSpace(tag); tag != "" && !slices.Contains(o.Tags, tag) {
			o.Tags = append(o.Tags, tag)
		}
	}
	shown := map[string]string{}
	for k, v := range p {
		if !shownElsewhere(k) {
			shown[k] = v
		}
	}
	o.Properties = catalog.ShownProperties(shown)
}

// shownElsewhere reports whether a property is shown elsewhere on the page, changes with each commit or is for programs only.
func shownElsewhere(key string) bool {
	key = strings.ToLower(key)
	return strings.HasPrefix(key, "portreeve.") || slices.Contains([]string{
		"comment", "location", "format", "provider", "sort-order", "current-snapshot-id", "schema.name-mapping.default",
	}, key)
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
