package demo

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	lake "portreeve/connector/iceberg"
)

// tableSpec is what a table of the lake shall be.
type tableSpec struct {
	Name       string // namespace.table
	Title      string
	Comment    string
	Team       string
	Domain     string
	Tags       string // comma separated
	Certified  bool
	Deprecated string
	Partition  string   // month(column), identity(column) or ""
	Sort       []string // columns, ascending
	Reads      []string // tables that its SQL reads; nil for a table that is not made by SQL
	Columns    []columnSpec
}

// columnSpec is a column or field. Type is Iceberg's spelling, with "!" behind it when the column is required; "struct" and
// "list<struct>" have Fields.
type columnSpec struct {
	Name   string
	Type   string
	Doc    string
	Fields []columnSpec
}

func (t tableSpec) identifier() table.Identifier { return strings.Split(t.Name, ".") }

// schema returns the table's schema. Ids count up in the order of reading; iceberg-go may give others.
func (t tableSpec) schema() *iceberg.Schema {
	next := 0
	return iceberg.NewSchema(0, fields(t.Columns, &next)...)
}

func fields(columns []columnSpec, next *int) []iceberg.NestedField {
	out := make([]iceberg.NestedField, len(columns))
	for i, c := range columns {
		*next++
		out[i] = iceberg.NestedField{ID: *next, Name: c.Name, Required: strings.HasSuffix(c.Type, "!"), Doc: c.Doc}
		out[i].Type = c.iceberg(next)
	}
	return out
}

func (c columnSpec) iceberg(next *int) iceberg.Type {
	name := strings.TrimSuffix(c.Type, "!")
	if element, ok := strings.CutPrefix(name, "list<"); ok {
		*next++
		list := &iceberg.ListType{ElementID: *next}
		list.Element = columnSpec{Type: strings.TrimSuffix(element, ">"), Fields: c.Fields}.iceberg(next)
		return list
	}
	if name == "struct" {
		return &iceberg.StructType{FieldList: fields(c.Fields, next)}
	}
	return primitives[name]
}

var primitives = map[string]iceberg.Type{
	"boolean":     iceberg.PrimitiveTypes.Bool,
	"int":         iceberg.PrimitiveTypes.Int32,
	"long":        iceberg.PrimitiveTypes.Int64,
	"double":      iceberg.PrimitiveTypes.Float64,
	"string":      iceberg.PrimitiveTypes.String,
	"date":        iceberg.PrimitiveTypes.Date,
	"timestamp":   iceberg.PrimitiveTypes.Timestamp,
	"timestamptz": iceberg.PrimitiveTypes.TimestampTz,
}

// properties returns the table's properties. Those that say nothing are left out: an unowned table has no owner.
func (t tableSpec) properties(weeks int) iceberg.Properties {
	p := iceberg.Properties{
		"format-version":                  "2",
		"write.parquet.compression-codec": "zstd",
		weeksProperty:                     strconv.Itoa(weeks),
	}
	for key, value := range map[string]string{
		lake.CommentProperty: t.Comment, lake.TitleProperty: t.Title, lake.TeamProperty: t.Team,
		lake.DomainProperty: t.Domain, lake.TagsProperty: t.Tags, lake.DeprecatedProperty: t.Deprecated,
	} {
		if value != "" {
			p[key] = value
		}
	}
	if t.Certified {
		p[lake.CertifiedProperty] = "true"
	}
	return p
}

// partition returns the table's partition spec over schema.
func (t tableSpec) partition(schema *iceberg.Schema) (iceberg.PartitionSpec, error) {
	if t.Partition == "" {
		return *iceberg.UnpartitionedSpec, nil
	}
	transform, column, _ := strings.Cut(strings.TrimSuffix(t.Partition, ")"), "(")
	f, ok := schema.FindFieldByName(column)
	if !ok {
		return iceberg.PartitionSpec{}, fmt.Errorf("%s is partitioned by %s, which it has not", t.Name, column)
	}
	parsed, err := iceberg.ParseTransform(transform)
	if err != nil {
		return iceberg.PartitionSpec{}, fmt.Errorf("partition %s: %w", t.Name, err)
	}
	name := column
	if transform != "identity" {
		name += "_" + transform
	}
	return iceberg.NewPartitionSpec(iceberg.PartitionField{
		SourceIDs: []int{f.ID}, FieldID: 1000, Name: name, Transform: parsed,
	}), nil
}

// sortOrder returns the table's sort order over schema.
func (t tableSpec) sortOrder(schema *iceberg.Schema) (table.SortOrder, error) {
	if len(t.Sort) == 0 {
		return table.UnsortedSortOrder, nil
	}
	var out []table.SortField
	for _, column := range t.Sort {
		f, ok := schema.FindFieldByName(column)
		if !ok {
			return table.SortOrder{}, fmt.Errorf("%s is sorted by %s, which it has not", t.Name, column)
		}
		out = append(out, table.SortField{
			SourceIDs: []int{f.ID}, Transform: iceberg.IdentityTransform{}, Direction: table.SortASC, NullOrder: table.NullsFirst,
		})
	}
	order, err := table.NewSortOrder(1, out)
	if err != nil {
		return table.SortOrder{}, fmt.Errorf("sort %s: %w", t.Name, err)
	}
	return order, nil
}
