package duckdb

import (
	"regexp"
	"strings"
)

// iceType is an Iceberg type. A type that we do not know has no engine name and no parts: its values are read as text.
type iceType struct {
	engine string     // the engine's name of a primitive type
	fields []iceField // of a struct
	of     []iceType  // element of a list; key and value of a map
}

type iceField struct {
	id   string
	name string
	t    iceType
}

var primitives = map[string]string{
	"boolean": "BOOLEAN", "int": "INTEGER", "long": "BIGINT", "float": "FLOAT", "double": "DOUBLE", "date": "DATE", "time": "TIME",
	"timestamp": "TIMESTAMP", "timestamptz": "TIMESTAMP WITH TIME ZONE", "timestamp_ns": "TIMESTAMP_NS",
	"timestamptz_ns": "TIMESTAMP WITH TIME ZONE", "string": "VARCHAR", "uuid": "UUID", "binary": "BLOB", "unknown": "VARCHAR",
}

var (
	decimalType = regexp.MustCompile(`^decimal\((\d{1,2}), ?(\d{1,2})\)`)
	fixedType   = regexp.MustCompile(`^fixed\[\d+\]`)
	plainType   = regexp.MustCompile(`^[a-z_]+`)
	fieldHead   = regexp.MustCompile(`^(\d+): `)
)

// parseType reads an Iceberg type as iceberg-go writes it: "struct<1: a: optional string (its comment), 2: …>".
func parseType(text string) iceType {
	p := typeParser{left: 4096}
	t, rest, ok := p.parse(text)
	if !ok || rest != "" {
		return iceType{}
	}
	return t
}

// typeParser backtracks, since names and comments may hold what ends them. It gives up after left steps.
type typeParser struct{ left int }

func (p *typeParser) parse(s string) (t iceType, rest string, ok bool) {
	if p.left--; p.left < 0 {
		return t, s, false
	}
	if inner, found := strings.CutPrefix(s, "struct<"); found {
		t.fields, rest, ok = p.parseFields(inner)
		return t, rest, ok
	}
	if inner, found := strings.CutPrefix(s, "list<"); found {
		element, rest, ok := p.parse(inner)
		rest, closed := strings.CutPrefix(rest, ">")
		return iceType{of: []iceType{element}}, rest, ok && closed
	}
	if inner, found := strings.CutPrefix(s, "map<"); found {
		key, rest, ok := p.parse(inner)
		rest, comma := strings.CutPrefix(rest, ", ")
		value, rest, ok2 := p.parse(rest)
		rest, closed := strings.CutPrefix(rest, ">")
		return iceType{of: []iceType{key, value}}, rest, ok && comma && ok2 && closed
	}
	if m := decimalType.FindStringSubmatch(s); m != nil {
		return iceType{engine: "DECIMAL(" + m[1] + "," + m[2] + ")"}, s[len(m[0]):], true
	}
	if m := fixedType.FindString(s); m != "" {
		return iceType{engine: "BLOB"}, s[len(m):], true
	}
	name := plainType.FindString(s)
	return iceType{engine: primitives[name]}, s[len(name):], primitives[name] != ""
}

// parseFields reads fields up to the ">" behind the last. Where a comment could end at several places, the first that lets
// the rest be read counts.
func (p *typeParser) parseFields(s string) (fields []iceField, rest string, ok bool) {
	head := fieldHead.FindStringSubmatch(s)
	if head == nil {
		return nil, s, false
	}
	f := iceField{id: head[1]}
	s = s[len(head[0]):]
	at := strings.Index(s, ": optional ")
	if i := strings.Index(s, ": required "); i >= 0 && (at < 0 || i < at) {
		at = i
	}
	if at < 0 {
		return nil, s, false
	}
	f.name = s[:at]
	if f.t, s, ok = p.parse(s[at+len(": optional "):]); !ok {
		return nil, s, false
	}
	if fields, rest, ok = p.parseMore(s); ok {
		return append([]iceField{f}, fields...), rest, true
	}
	for i := 1; strings.HasPrefix(s, " (") && p.left > 0; i++ {
		end := strings.IndexByte(s[i:], ')')
		if end < 0 {
			break
		}
		i += end
		if fields, rest, ok = p.parseMore(s[i+1:]); ok {
			return append([]iceField{f}, fields...), rest, true
		}
	}
	return nil, s, false
}

// parseMore reads what follows a field: the end of the struct, or further fields.
func (p *typeParser) parseMore(s string) ([]iceField, string, bool) {
	if p.left--; p.left < 0 {
		return nil, s, false
	}
	if rest, ok := strings.CutPrefix(s, ">"); ok {
		return nil, rest, true
	}
	if rest, ok := strings.CutPrefix(s, ", "); ok {
		return p.parseFields(rest)
	}
	return nil, s, false
}

// sql returns the engine's name of the type.
func (t iceType) sql() string {
	switch {
	case len(t.fields) > 0:
		parts := make([]string, len(t.fields))
		for i, f := range t.fields {
			parts[i] = ident(f.name) + " " + f.t.sql()
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")"
	case len(t.of) == 2:
		return "MAP(" + t.of[0].sql() + ", " + t.of[1].sql() + ")"
	case len(t.of) == 1:
		return t.of[0].sql() + "[]"
	case t.engine == "":
		return "VARCHAR"
	}
	return t.engine
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
func ident(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// list returns the texts as a list of strings in SQL.
func list(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = quote(t)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
