package schemaregistry

import (
	"fmt"
	"slices"
	"strings"
)

var avroPrimitives = []string{"null", "boolean", "int", "long", "float", "double", "bytes", "string"}

// avroSchema is the named types of an Avro schema and of those that it refers to.
type avroSchema struct {
	named map[string]avroType // by full name
}

// avroType is a schema within another, with the namespace that names in it belong to.
type avroType struct {
	*node
	space string
	full  string // of a named type
}

// decodeAvro reads an Avro schema by walking its JSON: a name that is not explained anywhere costs the fields within it and no
// more.
func decodeAvro(text string, files []file, _ string) (shape, error) {
	root, err := parseAvro(text)
	if err != nil {
		return shape{}, err
	}
	s := avroSchema{named: map[string]avroType{}}
	for _, f := range files {
		if other, err := parseAvro(f.text); err == nil { // what is broken in another subject is reported there
			_, _ = s.collect(other, "", 0)
		}
	}
	top, err := s.collect(root, "", 0)
	if err != nil {
		return shape{}, err
	}
	top = s.resolve(top)
	out := shape{record: top.full, description: top.str("doc")}
	if top.str("type") == "record" || top.str("type") == "error" {
		out.fields, out.within = opened(s.fields(top)), top.full
		return out, nil
	}
	if top.is(arrayNode) { // several kinds of events in one topic
		if out.fields = opened(s.branches(top)); out.fields != nil {
			return out, nil
		}
	}
	out.fields = []field{s.field("", top)}
	return out, nil
}

// parseAvro also takes the bare name of a type, which registries accept without quotes.
func parseAvro(text string) (*node, error) {
	if bare := strings.TrimSpace(text); slices.Contains(avroPrimitives, bare) && bare != "null" {
		return &node{kind: textNode, text: bare, line: 1}, nil
	}
	return parseJSON(text)
}

// collect checks the schema and remembers its named types.
func (s *avroSchema) collect(n *node, space string, depth int) (avroType, error) {
	t := avroType{node: n, space: space}
	if depth > maxNesting {
		return t, fmt.Errorf("line %d: types in each other more than %d times", n.line, maxNesting)
	}
	switch n.kind {
	case textNode:
		return t, nil
	case arrayNode:
		for _, item := range n.items {
			if _, err := s.collect(item, space, depth+1); err != nil {
				return t, err
			}
		}
		return t, nil
	case nullNode, boolNode, numberNode:
		return t, fmt.Errorf("line %d: %s stands where a type should", n.line, kindNames[n.kind])
	case objectNode:
	}
	kind, err := n.must("type", textNode, objectNode, arrayNode)
	if err != nil {
		return t, err
	}
	if kind == nil {
		return t, fmt.Errorf("line %d: a type without \"type\"", n.line)
	}
	if kind.kind != textNode { // {"type": {"type": "string"}}
		_, err := s.collect(kind, space, depth+1)
		return t, err
	}
	return s.collectComplex(t, kind.text, depth)
}

func (s *avroSchema) collectComplex(t avroType, kind string, depth int) (avroType, error) {
	within := map[string]string{"array": "items", "map": "values"}[kind]
	switch kind {
	case "record", "error", "enum", "fixed":
		t.full, t.space = avroName(t.str("name"), t.get("namespace"), t.space)
		if t.full == "" {
			return t, fmt.Errorf("line %d: the %s has no name", t.line, kind)
		}
		if _, again := s.named[t.full]; !again {
			s.named[t.full] = t
		}
	case "array", "map":
		inner := t.get(within)
		if inner == nil {
			return t, fmt.Errorf("line %d: the %s has no %q", t.line, kind, within)
		}
		_, err := s.collect(inner, t.space, depth+1)
		return t, err
	}
	if kind == "record" || kind == "error" {
		return t, s.collectFields(t, depth)
	}
	return t, nil
}

func (s *avroSchema) collectFields(t avroType, depth int) error {
	fields, err := t.must("fields", arrayNode)
	if err != nil {
		return err
	}
	if fields == nil {
		return fmt.Errorf("line %d: the record %s has no \"fields\"", t.line, t.full)
	}
	for _, f := range fields.items {
		if f.str("name") == "" || f.get("type") == nil {
			return fmt.Errorf("line %d: a field of %s has no name or no type", f.line, t.full)
		}
		if _, err := s.collect(f.get("type"), t.space, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// avroName returns the full name of a named type, and the namespace of the names within it.
func avroName(name string, namespace *node, space string) (full, inner string) {
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		return name, name[:dot]
	}
	if namespace.is(textNode) {
		space = namespace.text
	}
	if space == "" || name == "" {
		return name, space
	}
	return space + "." + name, space
}

// resolve follows names and wrappings to the schema that says what the type is. A name that nobody explains stays itself.
func (s *avroSchema) resolve(t avroType) avroType {
	for range maxNesting {
		switch {
		case t.is(textNode) && !slices.Contains(avroPrimitives, t.text):
			target, found := s.named[t.text]
			if !strings.Contains(t.text, ".") && t.space != "" {
				if near, ok := s.named[t.space+"."+t.text]; ok {
					target, found = near, true
				}
			}
			if !found {
				return t
			}
			return target
		case t.is(objectNode) && t.get("type") != nil && !t.get("type").is(textNode):
			t = avroType{node: t.get("type"), space: t.space}
		case t.is(objectNode) && t.named():
			t.full, t.space = avroName(t.str("name"), t.get("namespace"), t.space)
			return t
		case t.is(objectNode) && !t.built() && t.str("logicalType") == "" && t.get("type") != nil:
			t = avroType{node: t.get("type"), space: t.space} // {"type": "string"}, {"type": "com.acme.Order"}
		default:
			return t
		}
	}
	return t
}

func (t avroType) named() bool {
	return slices.Contains([]string{"record", "error", "enum", "fixed"}, t.str("type"))
}

func (t avroType) built() bool { return t.str("type") == "array" || t.str("type") == "map" }

func (s *avroSchema) fields(record avroType) func() []field {
	list := record.get("fields").elements()
	if len(list) == 0 {
		return nil
	}
	return func() []field {
		out := make([]field, 0, len(list))
		for _, f := range list {
			made := s.field(f.str("name"), avroType{node: f.get("type"), space: record.space})
			made.comment = f.str("doc")
			if value := f.get("default"); made.comment != "" && value != nil && value.kind != nullNode {
				made.comment += " (default: " + value.short() + ")"
			}
			out = append(out, made)
		}
		return out
	}
}

// field describes a value of type t.
func (s *avroSchema) field(name string, t avroType) field {
	t = s.resolve(t)
	f := field{name: name, within: t.full}
	if t.is(arrayNode) {
		return s.union(f, t)
	}
	f.typ = s.spell(t)
	f.nullable = f.typ == "null"
	switch t.str("type") {
	case "record", "error":
		f.fields = s.fields(t)
	case "array":
		f.fields = func() []field { return []field{s.field("element", avroType{node: t.get("items"), space: t.space})} }
	case "map":
		f.fields = func() []field {
			return []field{{name: "key", typ: "string"}, s.field("value", avroType{node: t.get("values"), space: t.space})}
		}
	}
	return f
}

// union describes a value that may be of several types. With one besides null it is that type.
func (s *avroSchema) union(f field, t avroType) field {
	var rest []avroType
	for _, item := range t.items {
		if item.is(textNode) && item.text == "null" || item.is(objectNode) && item.str("type") == "null" {
			f.nullable = true
			continue
		}
		rest = append(rest, avroType{node: item, space: t.space})
	}
	if len(rest) == 1 {
		only := s.field(f.name, rest[0])
		only.nullable = only.nullable || f.nullable
		return only
	}
	f.typ = s.spell(t)
	f.fields = s.branches(t)
	return f
}

// branches returns a field for each type of a union that has fields of its own, called by its name; nil when none has.
func (s *avroSchema) branches(union avroType) func() []field {
	var types []avroType
	for _, item := range union.items {
		if t := s.resolve(avroType{node: item, space: union.space}); t.full != "" && t.get("fields") != nil || t.built() {
			types = append(types, t)
		}
	}
	if len(types) == 0 {
		return nil
	}
	return func() []field {
		short := map[string]int{}
		for _, t := range types {
			short[lastName(t.full)]++
		}
		var out []field
		for _, t := range types {
			name := lastName(t.full)
			if name == "" {
				name = t.str("type")
			} else if short[name] > 1 {
				name = t.full
			}
			f := s.field(name, t)
			f.nullable, f.comment = true, t.str("doc")
			out = append(out, f)
		}
		return out
	}
}

func lastName(full string) string { return full[strings.LastIndexByte(full, '.')+1:] }

// spell writes a type as Avro does. The fields of a record have rows of their own and are not spelled again.
func (s *avroSchema) spell(t avroType) string {
	budget := 60 // types, for those in each other multiply
	return s.spellWithin(t, &budget)
}

func (s *avroSchema) spellWithin(t avroType, budget *int) string {
	t = s.resolve(t)
	if *budget--; *budget < 0 {
		return "…"
	}
	inner := func(name string) string { return s.spellWithin(avroType{node: t.get(name), space: t.space}, budget) }
	switch {
	case t.node == nil:
		return "unknown"
	case t.kind == textNode:
		return cut(t.text, maxName)
	case t.kind == arrayNode:
		var out []string
		for i := 0; i < len(t.items) && *budget > 0; i++ {
			if one := s.spellWithin(avroType{node: t.items[i], space: t.space}, budget); one != "null" {
				out = append(out, one)
			}
		}
		return "one of " + strings.Join(out, ", ")
	}
	switch kind := t.str("type"); kind {
	case "array":
		return "array<" + inner("items") + ">"
	case "map":
		return "map<" + inner("values") + ">"
	case "enum":
		return oneOf(t.get("symbols").texts())
	default:
		return spellLogical(t, kind)
	}
}

func spellLogical(t avroType, kind string) string {
	size := t.get("size").short()
	switch logical := t.str("logicalType"); {
	case logical == "decimal" && t.get("precision").is(numberNode):
		scale := "0"
		if t.get("scale").is(numberNode) {
			scale = t.get("scale").text
		}
		return "decimal(" + cut(t.get("precision").text, 30) + "," + cut(scale, 30) + ")"
	case logical != "":
		return logical
	case kind == "fixed" && size != "":
		return "fixed(" + size + ")"
	}
	return kind
}
