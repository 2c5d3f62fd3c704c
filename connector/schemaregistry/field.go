package schemaregistry

import (
	"cmp"
	"slices"
	"strings"

	"portreeve/catalog"
)

const (
	maxColumns = 10_000
	maxDepth   = 20       // fields within fields
	maxComment = 64 << 10 // bytes
	maxName    = 1000     // bytes of a name or a type
	maxSymbols = 800      // bytes of the symbols of an enum within its type
)

// field is a field of a schema. Those within it are made when they are asked for: types may hold themselves.
type field struct {
	name     string // "" for a schema that is no record: its column is called after the part of the topic that it describes
	typ      string
	nullable bool
	comment  string
	id       string         // of the format's own, which survives a rename, or ""
	within   string         // the name of the type that the fields belong to; "" if it has none and cannot hold itself
	fields   func() []field // nil when there are none
}

// columns returns the columns of a schema depth first, as deep as fits into maxColumns: a schema that would be wider than that is
// shown less deep and not cut off somewhere in its first half. It is not whole if anything but a recursion was left out. A type
// within itself is marked as recursive and not opened again.
func columns(s *shape, part string) (out []catalog.Column, whole bool) {
	for depth := maxDepth; depth > 0; depth-- {
		w := walker{part: part, depth: depth, whole: true}
		w.walk(s.fields, nil, nil, []string{s.within})
		if out, whole = w.out, w.whole; len(out) <= maxColumns {
			return out, whole
		}
	}
	return out[:maxColumns], false
}

type walker struct {
	part  string
	depth int
	out   []catalog.Column
	whole bool
}

func (w *walker) walk(fields []field, path, ids, open []string) {
	met := map[string]bool{}
	for _, f := range fields {
		if len(w.out) > maxColumns {
			return
		}
		name := strings.TrimSpace(storable(f.name))
		if name == "" && len(path) == 0 {
			name = cmp.Or(w.part, "value")
		}
		at, id := slices.Concat(path, []string{name}), slices.Concat(ids, []string{f.id})
		if met[name] || len(catalog.JoinPath(at...)) > maxName {
			w.whole = w.whole && met[name]
			continue // a path is one column's own, and never cut
		}
		met[name] = true
		c := catalog.Column{Path: catalog.JoinPath(at...), Type: cut(f.typ, maxName), Nullable: f.nullable, Comment: cut(f.comment, maxComment)}
		if f.id != "" {
			c.NativeID = strings.Join(id, ".")
		}
		again := f.within != "" && slices.Contains(open, f.within)
		if again {
			c.Type += " (recursive)"
		}
		w.out = append(w.out, c)
		switch {
		case f.fields == nil, again:
		case len(at) >= w.depth:
			w.whole = false
		case f.within == "":
			w.walk(f.fields(), at, id, open)
		default:
			w.walk(f.fields(), at, id, slices.Concat(open, []string{f.within}))
		}
	}
}

// oneOf spells the values of an enum.
func oneOf(symbols []string) string {
	var b strings.Builder
	b.WriteString("enum(")
	for i, s := range symbols {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.Len()+len(s) > maxSymbols {
			b.WriteString("…")
			break
		}
		b.WriteString(s)
	}
	return b.String() + ")"
}

// opened returns the fields there are.
func opened(fields func() []field) []field {
	if fields == nil {
		return nil
	}
	return fields()
}
