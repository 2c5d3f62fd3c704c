package iceberg

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"portreeve/catalog"
)

// The properties of a table that say what Iceberg has no field for. Team falls back to the property "owner".
const (
	TitleProperty      = "portreeve.title"
	TeamProperty       = "portreeve.team"
	DomainProperty     = "portreeve.domain"
	TagsProperty       = "portreeve.tags" // comma separated
	CertifiedProperty  = "portreeve.certified"
	DeprecatedProperty = "portreeve.deprecated" // why, and what to use instead
	CommentProperty    = "comment"
)

// maxSnapshots is how many snapshots of a table are reported, newest first kept.
const maxSnapshots = 1000

// maxRefs is how many branches and tags of a table are reported.
const maxRefs = 1000

// observe describes a table or view. Beside an error, the Observation has the name only.
func (l *Lake) observe(ctx context.Context, e entry) (catalog.Observation, error) {
	name := catalog.JoinPath(e.path()...)
	if e.View {
		o, err := observeView(e, name)
		l.identify(&o)
		return o, err
	}
	t, err := loadTable(ctx, e)
	if err != nil {
		return catalog.Observation{Name: name}, err
	}
	o := catalog.Observation{
		Name:      name,
		NativeID:  t.Metadata().TableUUID().String(),
		Kind:      catalog.Table,
		Version:   e.version(),
		Location:  boundTo(catalog.WithoutUserinfo(t.Location()), maxName),
		Format:    strings.ToLower(t.Properties().Get("write.format.default", "parquet")),
		Columns:   columns(t.Schema().Fields()),
		Snapshots: snapshots(t.Metadata().Snapshots()),
	}
	if id, ok := catalog.FileIdentifier(catalog.WithoutUserinfo(t.Location()), "its files are there"); ok {
		o.Identifiers = []catalog.Identifier{id}
	}
	l.identify(&o)
	for name, ref := range t.Metadata().Refs() {
		if name != table.MainBranch && len(o.Detail.Refs) < maxRefs {
			o.Detail.Refs = append(o.Detail.Refs, catalog.TableRef{
				Name: name, Kind: string(ref.SnapshotRefType), SnapshotID: strconv.FormatInt(ref.SnapshotID, 10),
			})
		}
	}
	slices.SortFunc(o.Detail.Refs, func(a, b catalog.TableRef) int { return strings.Compare(a.Name, b.Name) })
	describe(&o, t.Properties())
	paths := columnPaths(o.Columns)
	o.Partitioning = partitioning(t.Spec(), paths)
	o.SortOrder = sortOrder(t.SortOrder(), paths)
	if current := t.CurrentSnapshot(); current != nil {
		o.SnapshotID = strconv.FormatInt(current.SnapshotID, 10)
		at := time.UnixMilli(current.TimestampMs).UTC()
		o.DataAt = &at
		o.RowCount, o.ByteCount, o.FileCount = size(ctx, t, current)
	} else { // nothing was ever written, which is known
		o.RowCount, o.ByteCount, o.FileCount = new(int64), new(int64), new(int64)
	}
	return o, nil
}

// identify adds the name that a dataset has in the lake's own namespace, if the lake has one: views have no files to be known by.
func (l *Lake) identify(o *catalog.Observation) {
	if l.namespace != "" {
		o.Identifiers = append(o.Identifiers, catalog.Identifier{Namespace: l.namespace, Name: o.Name, Rule: "its name in the lake"})
	}
}

func observeView(e entry, name string) (catalog.Observation, error) {
	m, err := loadView(e)
	if err != nil {
		return catalog.Observation{Name: name}, err
	}
	o := catalog.Observation{
		Name: name, NativeID: m.ViewUUID().String(), Kind: catalog.View, Version: e.version(),
		Location: boundTo(catalog.WithoutUserinfo(m.Location()), maxName),
	}
	if schema := m.CurrentSchema(); schema != nil {
		o.Columns = columns(schema.Fields())
	}
	if v := m.CurrentVersion(); v != nil && len(v.Representations) > 0 {
		o.Definition = bound(v.Representations[0].Sql)
	}
	describe(&o, m.Properties())
	return o, nil
}

// describe fills in what the properties of a table or view say.
func describe(o *catalog.Observation, p iceberg.Properties) {
	o.Description = bound(p[CommentProperty])
	o.Title = boundTo(p[TitleProperty], maxName)
	o.Team = boundTo(strings.TrimSpace(cmp.Or(p[TeamProperty], p["owner"])), maxName)
	o.Domain = boundTo(strings.TrimSpace(p[DomainProperty]), maxName)
	o.Deprecated = bound(p[DeprecatedProperty])
	o.Certified, _ = strconv.ParseBool(p[CertifiedProperty]) // anything else is no
	for tag := range strings.SplitSeq(boundTo(p[TagsProperty], maxName), ",") {
		if tag = strings.TrimSpace(tag); tag != "" && !slices.Contains(o.Tags, tag) {
			o.Tags = append(o.Tags, tag)
		}
	}
	o.Properties = shown(p)
}

// shown returns the properties that a page may show: none that is shown elsewhere, that only programs read, or that may be a
// secret.
func shown(p iceberg.Properties) map[string]string {
	out := map[string]string{}
	for k, v := range p {
		if k != CommentProperty && !strings.HasPrefix(k, "portreeve.") && k != "schema.name-mapping.default" {
			out[k] = v
		}
	}
	return catalog.ShownProperties(out)
}

// columnPaths maps field ids to paths.
func columnPaths(columns []catalog.Column) map[int]string {
	paths := make(map[int]string, len(columns))
	for _, c := range columns {
		if id, err := strconv.Atoi(c.NativeID); err == nil {
			paths[id] = c.Path
		}
	}
	return paths
}

// partitioning spells the fields of a partition spec as SQL does: month(time_hour), bucket(16, id), or a plain column.
func partitioning(spec iceberg.PartitionSpec, paths map[int]string) []string {
	var out []string
	for _, f := range spec.Fields() {
		if _, gone := f.Transform.(iceberg.VoidTransform); !gone {
			out = append(out, transformed(f.Transform, cmp.Or(paths[f.SourceID()], f.Name)))
		}
	}
	return out
}

func sortOrder(order table.SortOrder, paths map[int]string) []string {
	var out []string
	for _, f := range order.Fields() {
		column := cmp.Or(paths[f.SourceID()], "field "+strconv.Itoa(f.SourceID()))
		nulls := strings.ReplaceAll(string(f.NullOrder), "-", " ")
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", transformed(f.Transform, column), f.Direction, nulls)))
	}
	return out
}

func transformed(t iceberg.Transform, column string) string {
	switch t := t.(type) {
	case iceberg.IdentityTransform:
		return column
	case iceberg.BucketTransform:
		return fmt.Sprintf("bucket(%d, %s)", t.NumBuckets, column)
	case iceberg.TruncateTransform:
		return fmt.Sprintf("truncate(%d, %s)", t.Width, column)
	}
	return t.String() + "(" + column + ")"
}
