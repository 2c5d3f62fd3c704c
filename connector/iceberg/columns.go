package iceberg

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"

	"portreeve/catalog"
)

// columns returns the columns of a schema depth first: each is followed by its fields, where a list has the field
// "element" and a map the fields "key" and "value".
func columns(fields []iceberg.NestedField) []catalog.Column {
	var out []catalog.Column
	var walk func(names []string, f iceberg.NestedField)
	walk = func(names []string, f iceberg.NestedField) {
		path := slices.Concat(names, []string{boundTo(f.Name, maxName)})
		out = append(out, catalog.Column{
			Path:     catalog.JoinPath(path...),
			Type:     shortType(f.Type),
			Nullable: !f.Required,
			Comment:  bound(f.Doc),
			NativeID: strconv.Itoa(f.ID),
		})
		for _, child := range children(f.Type) {
			walk(path, child)
		}
	}
	for _, f := range fields {
		walk(nil, f)
	}
	return out
}

// children returns the fields within a type.
func children(t iceberg.Type) []iceberg.NestedField {
	switch t := t.(type) {
	case *iceberg.StructType:
		return t.FieldList
	case *iceberg.ListType:
		return []iceberg.NestedField{t.ElementField()}
	case *iceberg.MapType:
		return []iceberg.NestedField{t.KeyField(), t.ValueField()}
	}
	return nil
}

// shortType spells a type for people. The fields of a struct have rows of their own and are not spelled again: it is "struct",
// a list of them "list<struct>".
func shortType(t iceberg.Type) string {
	switch t := t.(type) {
	case *iceberg.StructType:
		return "struct"
	case *iceberg.ListType:
		return "list<" + shortType(t.Element) + ">"
	case *iceberg.MapType:
		return "map<" + shortType(t.KeyType) + ", " + shortType(t.ValueType) + ">"
	case iceberg.DecimalType:
		return fmt.Sprintf("decimal(%d,%d)", t.Precision(), t.Scale())
	}
	return t.String()
}

// fullType spells a type with the ids of all fields within, for a program that reads the files.
func fullType(t iceberg.Type) string {
	switch t := t.(type) {
	case *iceberg.StructType:
		fields := make([]string, len(t.FieldList))
		for i, f := range t.FieldList {
			need := "optional"
			if f.Required {
				need = "required"
			}
			fields[i] = fmt.Sprintf("%d: %s: %s %s", f.ID, f.Name, need, fullType(f.Type))
		}
		return "struct<" + strings.Join(fields, ", ") + ">"
	case *iceberg.ListType:
		return "list<" + fullType(t.Element) + ">"
	case *iceberg.MapType:
		return "map<" + fullType(t.KeyType) + ", " + fullType(t.ValueType) + ">"
	}
	return shortType(t)
}

const (
	maxText = 64 << 10 // most bytes of a comment: what is longer is no description that anyone reads on a page
	maxName = 1000     // most bytes of a column's name or of a property
	cutMark = " … (cut here)"
)

// bound cuts text at maxText bytes.
func bound(text string) string { return boundTo(text, maxText) }

// boundTo cuts text at limit bytes, mark included, between characters, and drops what Postgres cannot keep.
func boundTo(text string, limit int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit-len(cutMark)], "") + cutMark
}
