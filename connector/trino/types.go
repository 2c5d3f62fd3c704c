package trino

import (
	"slices"
	"strconv"
	"strings"

	"portreeve/catalog"
)

// maxDepth is how deep types may be nested; what lies deeper is kept as the text of its type.
const maxDepth = 32

// dataType is a type as Trino writes it: row(lat double, "odd name" array(varchar)).
type dataType struct {
	text   string // of a scalar, or of a type that cannot be read
	kind   string // row, array, map, or "" for a scalar
	fields []field
}

// field is a field of a row, the element of an array, or the key or value of a map.
type field struct {
	name string
	of   dataType
}

// parseType reads the text of a type. SHOW CREATE TABLE quotes the names of fields; everywhere else Trino writes them bare, so
// that a name that holds a comma or a bracket cannot be told from a type. It never fails: text that makes no sense is a scalar.
func parseType(text string) dataType { return parseNested(strings.TrimSpace(text), 0) }

func parseNested(text string, depth int) dataType {
	base, inside, ok := brackets(text)
	if !ok || depth >= maxDepth {
		return dataType{text: text}
	}
	parts, ok := splitArguments(inside)
	if !ok {
		return dataType{text: text}
	}
	t := dataType{text: text, kind: strings.ToLower(base)}
	switch {
	case t.kind == "row":
		for i, p := range parts {
			name, rest := splitField(p)
			if name == "" {
				name = "field" + strconv.Itoa(i)
			}
			t.fields = append(t.fields, field{name, parseNested(rest, depth+1)})
		}
	case t.kind == "array" && len(parts) == 1:
		t.fields = []field{{"element", parseNested(parts[0], depth+1)}}
	case t.kind == "map" && len(parts) == 2:
		t.fields = []field{{"key", parseNested(parts[0], depth+1)}, {"value", parseNested(parts[1], depth+1)}}
	default:
		return dataType{text: text}
	}
	return t
}

// brackets takes "base(inside)" apart, if nothing follows it.
func brackets(text string) (base, inside string, ok bool) {
	base, rest, found := strings.Cut(text, "(")
	if !found || !strings.HasSuffix(rest, ")") || strings.ContainsAny(base, ` "`) {
		return "", "", false
	}
	return base, rest[:len(rest)-1], true
}

// splitArguments splits at the commas that lie in no brackets and in no quoted name, which stands only where a field begins. It
// is not ok when the brackets do not match.
func splitArguments(text string) (parts []string, ok bool) {
	depth, start, fresh := 0, 0, true // fresh: a field begins here
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' && fresh:
			i += quotedLength(text[i:]) - 1
			fresh = false
		case c == '(':
			depth++
			fresh = true
		case c == ')':
			if depth--; depth < 0 {
				return nil, false
			}
		case c == ',':
			if depth == 0 {
				parts = append(parts, strings.TrimSpace(text[start:i]))
				start = i + 1
			}
			fresh = true
		case c != ' ':
			fresh = false
		}
	}
	return append(parts, strings.TrimSpace(text[start:])), depth == 0
}

// quotedLength returns the length of the quoted name that text begins with, or 1 if the quote is never closed.
func quotedLength(text string) int {
	for i := 1; i < len(text); i++ {
		if text[i] != '"' {
			continue
		}
		if i+1 < len(text) && text[i+1] == '"' {
			i++
			continue
		}
		return i + 1
	}
	return 1
}

// maxBlanks is at how many blanks a field is tried to be split.
const maxBlanks = 64

// splitField splits a field of a row into name and type. A bare name may hold blanks: it ends where the rest is a type. The name
// of a field without one is "".
func splitField(text string) (name, rest string) {
	if strings.HasPrefix(text, `"`) {
		if n := quotedLength(text); n > 1 && n < len(text) && text[n] == ' ' {
			return strings.ReplaceAll(text[1:n-1], `""`, `"`), strings.TrimSpace(text[n:])
		}
	}
	if looksLikeType(text) {
		return "", text
	}
	from := 0
	for range maxBlanks {
		blank := strings.IndexByte(text[from:], ' ')
		if blank < 0 {
			break
		}
		from += blank + 1
		if looksLikeType(text[from:]) {
			return text[:from-1], text[from:]
		}
	}
	if name, rest, ok := strings.Cut(text, " "); ok { // a type that we do not know
		return name, strings.TrimSpace(rest)
	}
	return "", text
}

var scalars = []string{
	"bigint", "bingtile", "boolean", "char", "codepoints", "color", "date", "decimal", "double", "function", "geometry",
	"hyperloglog", "integer", "ipaddress", "joniregexp", "json", "json2016", "jsonpath", "kdbtree", "likepattern", "number", "objectid",
	"p4hyperloglog", "qdigest", "re2jregexp", "real", "setdigest", "smallint", "sphericalgeography", "tdigest", "time", "timestamp",
	"tinyint", "unknown", "uuid", "varbinary", "varchar", "variant",
	"row", "array", "map",
}

// looksLikeType reports whether text begins with the name of a type and has nothing behind its brackets that does not belong there.
func looksLikeType(text string) bool {
	end := strings.IndexAny(text, " (")
	if end < 0 {
		end = len(text)
	}
	base, rest := strings.ToLower(text[:end]), text[end:]
	if base == "interval" {
		return rest == " day to second" || rest == " year to month"
	}
	if !slices.Contains(scalars, base) {
		return false
	}
	if strings.HasPrefix(rest, "(") {
		closing := strings.LastIndexByte(rest, ')')
		if closing < 0 {
			return false
		}
		rest = rest[closing+1:]
	}
	return rest == "" || rest == " with time zone" && strings.HasPrefix(base, "time")
}

// spell writes a type as Trino does, with names in quotes where they are no plain words.
func (t dataType) spell() string {
	var b strings.Builder
	t.write(&b)
	return b.String()
}

func (t dataType) write(b *strings.Builder) {
	if t.kind == "" {
		b.WriteString(strings.ReplaceAll(t.text, ", ", ","))
		return
	}
	b.WriteString(t.kind + "(")
	for i, f := range t.fields {
		if i > 0 {
			b.WriteString(", ")
		}
		if t.kind == "row" {
			b.WriteString(plain(f.name) + " ")
		}
		f.of.write(b)
	}
	b.WriteString(")")
}

// plain returns a name, in quotes if it is no plain word.
func plain(name string) string {
	for i, r := range name {
		if r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9' {
			continue
		}
		return quoted(name)
	}
	return name
}

// column is a column of a table as Trino tells it.
type column struct {
	name     string
	typ      string
	required bool
	comment  string
}

// columns returns the columns depth first, each followed by its fields: a row has those that it names, an array the field
// "element" and a map the fields "key" and "value". It keeps no more than the catalog can show.
func columns(all []column) []catalog.Column {
	var out []catalog.Column
	size := 0
	var walk func(names []string, t dataType)
	walk = func(names []string, t dataType) {
		for _, f := range t.fields {
			if len(out) > maxColumns || size > maxPaths { // the catalog refuses that many and says so
				return
			}
			path := append(slices.Clone(names), bound(f.name, maxName))
			joined := catalog.JoinPath(path...)
			size += len(joined)
			out = append(out, catalog.Column{Path: joined, Type: bound(f.of.spell(), maxName), Nullable: true})
			walk(path, f.of)
		}
	}
	for _, c := range all {
		t, name := parseType(c.typ), bound(c.name, maxName)
		out = append(out, catalog.Column{
			Path: catalog.JoinPath(name), Type: bound(t.spell(), maxName), Nullable: !c.required, Comment: bound(c.comment, maxText),
		})
		walk([]string{name}, t)
	}
	return out
}
