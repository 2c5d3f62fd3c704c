package dbt

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"portreeve/catalog"
)

// columns joins what the project says of a node's columns with those that the table has, in the table's order. Names are
// matched whatever their case, which adapters change; the project's spelling stays. Columns that only the project knows
// come last: the table may be older.
func (o *observer) columns(n *node, b *builtNode) []catalog.Column {
	described := map[string]int{}
	for i, c := range n.Columns {
		if _, twin := described[strings.ToLower(string(c.Name))]; !twin {
			described[strings.ToLower(string(c.Name))] = i
		}
	}
	exact := map[string]int{}
	for i, c := range n.Columns {
		exact[string(c.Name)] = i
	}
	used := make([]bool, len(n.Columns))
	enforced := n.Contract.Enforced == "true" || n.Config.Contract.Enforced == "true"
	var out []catalog.Column
	for _, c := range b.columns() {
		i, found := exact[string(c.Name)]
		if !found {
			i, found = described[strings.ToLower(string(c.Name))]
		}
		var d nodeColumn
		if found && !used[i] {
			used[i] = true
			d = n.Columns[i]
		}
		out = append(out, o.column(d, c, enforced))
	}
	for i, d := range n.Columns {
		if !used[i] {
			out = append(out, o.column(d, builtColumn{}, enforced))
		}
	}
	return out
}

func (o *observer) column(d nodeColumn, b builtColumn, enforced bool) catalog.Column {
	name := cmp.Or(string(d.Name), string(b.Name))
	path := catalog.JoinPath(plain(name))
	if o.x.Metadata.Adapter == "bigquery" { // fields of a struct are columns with dots there
		path = catalog.JoinPath(strings.Split(plain(name), ".")...)
	}
	c := catalog.Column{
		Path:     path,
		Type:     short(cmp.Or(string(b.Type), string(d.Type))),
		Comment:  bound(cmp.Or(string(d.Description), string(b.Comment)), maxText),
		Nullable: true,
	}
	for _, k := range d.Constraints {
		if enforced && (k.Type == "not_null" || k.Type == "primary_key") {
			c.Nullable = false
		}
	}
	return c
}

// columns returns the columns of a table in its order.
func (b *builtNode) columns() []builtColumn {
	out := make([]builtColumn, 0, len(b.Columns))
	for _, m := range b.Columns {
		var c builtColumn
		if json.Unmarshal(m.value, &c) != nil {
			continue
		}
		if c.Name == "" {
			c.Name = text(m.key)
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b builtColumn) int {
		if a.Index.int64 == nil || b.Index.int64 == nil {
			return 0
		}
		return cmp.Compare(*a.Index.int64, *b.Index.int64)
	})
	return out
}
