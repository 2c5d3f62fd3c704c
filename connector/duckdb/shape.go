package duckdb

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"portreeve/catalog"
)

// shape is the schema that some data files of a plan share. Files of one table differ: columns were added, renamed and
// retyped between them, within structs too, and only the field ids tell which is which.
type shape struct {
	files   map[string]bool
	first   string // of files
	columns []node
	names   []string // of the columns, as the engine calls them: twins in all but case get a suffix
	types   []string // the engine's
}

// node is a column or field of a Parquet file.
type node struct {
	name     string
	id       string // field id, or ""
	repeated bool
	children []node
}

// tree makes nodes of a schema's rows, which come depth first: each with its number of children.
func tree(flat []node, counts []int, from, n int) (nodes []node, next int) {
	for next = from; n > 0 && next < len(flat); n-- {
		nd := flat[next]
		nd.children, next = tree(flat, counts, next+1, counts[next])
		nodes = append(nodes, nd)
	}
	return nodes, next
}

// numbered reports whether the file has field ids at all. Files that were added to a table as they were have none; their
// columns go by name.
func (s *shape) numbered() bool {
	return slices.ContainsFunc(s.columns, func(n node) bool { return n.id != "" })
}

// find returns the index of the node that holds a field, or -1.
func find(nodes []node, id, name string, numbered bool) int {
	return slices.IndexFunc(nodes, func(n node) bool {
		if numbered && id != "0" && id != "" {
			return n.id == id
		}
		return n.name == name
	})
}

// rowSource is what views call a file in FROM: no column has this name, so none is mistaken for it.
const rowSource = `"the data file"`

// column returns SQL for a plan's column over a file of this shape.
func (s *shape) column(c catalog.PlanColumn) string {
	t, numbered := parseType(c.Type), s.numbered()
	i := find(s.columns, strconv.Itoa(c.FieldID), c.Name, numbered)
	if i < 0 {
		return "CAST(NULL AS " + t.sql() + ")"
	}
	src := rowSource + "." + ident(s.names[i])
	if same(s.columns[i], t, numbered) {
		return cast(src, s.types[i], t)
	}
	return convert(s.columns[i], src, t, numbered, 0)
}

// cast leaves alone what has the right type already. What we have no type for becomes text.
func cast(src, have string, t iceType) string {
	if want := t.sql(); have != want {
		return "CAST(" + src + " AS " + want + ")"
	}
	return src
}

// same reports whether a field's parts have the names and order that t gives them, so that a cast, which goes by name, does.
func same(n node, t iceType, numbered bool) bool {
	switch parts := elements(n, len(t.of)); {
	case len(t.fields) > 0:
		return len(n.children) == len(t.fields) && !slices.ContainsFunc(t.fields, func(f iceField) bool {
			i := find(n.children, f.id, f.name, numbered)
			return i < 0 || n.children[i].name != f.name || !same(n.children[i], f.t, numbered)
		})
	case len(parts) == len(t.of):
		for i := range parts {
			if !same(parts[i], t.of[i], numbered) {
				return false
			}
		}
	}
	return true
}

// elements returns the element of a list (want 1) or the key and the value of a map (want 2), which lie below a repeated
// group; none if the node is neither.
func elements(n node, want int) []node {
	if want == 0 || len(n.children) != 1 {
		return nil
	}
	group := n.children[0]
	if len(group.children) == want {
		return group.children
	}
	if want == 1 && group.repeated {
		return []node{group} // a list in the old form, without the group
	}
	return nil
}

// convert returns SQL that brings src, which has the parts of n, into the form of t.
func convert(n node, src string, t iceType, numbered bool, depth int) string {
	x := fmt.Sprintf("x%d", depth)
	parts := elements(n, len(t.of))
	switch {
	case len(t.fields) > 0:
		fields := make([]string, len(t.fields))
		for i, f := range t.fields {
			value := "CAST(NULL AS " + f.t.sql() + ")"
			if at := find(n.children, f.id, f.name, numbered); at >= 0 {
				value = convert(n.children[at], "struct_extract("+src+", "+quote(n.children[at].name)+")", f.t, numbered, depth)
			}
			fields[i] = ident(f.name) + " := " + value
		}
		return "CASE WHEN " + src + " IS NOT NULL THEN struct_pack(" + strings.Join(fields, ", ") + ") END"
	case len(parts) == 1:
		return "list_transform(" + src + ", lambda " + x + ": " + convert(parts[0], x, t.of[0], numbered, depth+1) + ")"
	case len(parts) == 2:
		key := convert(parts[0], x+".key", t.of[0], numbered, depth+1)
		value := convert(parts[1], x+".value", t.of[1], numbered, depth+1)
		return "map_from_entries(list_transform(map_entries(" + src + "), lambda " + x + ": {'key': " + key + ", 'value': " + value + "}))"
	}
	return "CAST(" + src + " AS " + t.sql() + ")"
}
