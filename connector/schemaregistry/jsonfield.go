package schemaregistry

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	maxParts   = 100 // schemas that hold together
	maxSpelled = 60  // types in one spelling, for those in each other multiply
)

// settled is what the keywords of a schema come to.
type settled struct {
	parts    []jsonType // that hold together: the schema, what it refers to, and their allOf
	choices  []jsonType // of which one holds; two or more, or none
	word     string     // that spells the choices
	nullable bool
	core     *node // what t comes to at last: what holds itself comes by it again
}

// settle follows t's references and puts together what holds together. An only choice besides null is no choice.
func (s *jsonSchema) settle(t jsonType) settled {
	var out settled
	for range 5 {
		core := s.resolve(t)
		out.core = core.node
		out.parts = append(out.parts, s.merged(core, 0)...)
		var null bool
		out.choices, out.word, null = s.alternatives(out.parts)
		out.nullable = out.nullable || null
		if len(out.choices) != 1 || len(out.parts) > maxParts {
			break
		}
		t, out.choices = out.choices[0], nil
		if slices.ContainsFunc(out.parts, func(p jsonType) bool { return p.node == s.resolve(t).node }) {
			break
		}
	}
	if len(out.choices) == 1 {
		out.choices = nil
	}
	return out
}

// merged returns t and all of its allOf.
func (s *jsonSchema) merged(t jsonType, depth int) []jsonType {
	parts := []jsonType{t}
	if depth > 5 {
		return parts
	}
	for _, item := range t.get("allOf").elements() {
		if len(parts) > maxParts {
			break
		}
		parts = append(parts, s.merged(s.resolve(t.inside(item)), depth+1)...)
	}
	return parts
}

// alternatives returns the choices of the last parts that have some, null aside.
func (s *jsonSchema) alternatives(parts []jsonType) (out []jsonType, word string, null bool) {
	for _, p := range slices.Backward(parts) {
		for _, keyword := range []string{"oneOf", "anyOf"} {
			items := p.get(keyword).elements()
			for _, item := range items[:min(len(items), maxParts)] {
				if s.resolve(p.inside(item)).str("type") == "null" {
					null = true
				} else {
					out = append(out, p.inside(item))
				}
			}
			if len(items) > 0 {
				return out, strings.TrimSuffix(keyword, "Of") + " of ", null
			}
		}
	}
	return nil, "", false
}

// first returns the first member of that name in any of the parts.
func (s *settled) first(name string) *node {
	for _, p := range s.parts {
		if m := p.get(name); m != nil {
			return m
		}
	}
	return nil
}

// field describes a value of type t.
func (s *jsonSchema) field(name string, t jsonType) field {
	all := s.settle(t)
	f := field{name: name, within: fmt.Sprintf("%p", all.core)}
	if d := all.first("description"); d.is(textNode) {
		f.comment = d.text
	}
	if value := t.get("default"); f.comment != "" && value != nil && value.kind != nullNode {
		f.comment += " (default: " + value.short() + ")"
	}
	budget := maxSpelled
	f.typ, f.nullable = s.spell(&all, &budget)
	f.fields = s.inner(all)
	return f
}

// inner returns what makes the fields within a value, nil when it has none.
func (s *jsonSchema) inner(all settled) func() []field {
	var makers []func() []field
	required := map[string]bool{}
	for _, p := range all.parts {
		for _, item := range p.get("required").elements() {
			if item.is(textNode) {
				required[item.text] = true
			}
		}
	}
	for _, p := range all.parts {
		if list := p.get("properties"); list != nil && len(list.names) > 0 {
			makers = append(makers, func() []field { return s.properties(p, list, required) })
		}
	}
	open := len(makers) > 0 // so what else there may be has no name of its own
	for _, p := range all.parts {
		if more := p.get("additionalProperties"); more.is(objectNode) {
			makers = append(makers, func() []field { return s.entries(p.inside(more), open) })
		}
		if item := p.get("items"); item.is(objectNode) {
			makers = append(makers, func() []field { return []field{s.field("element", p.inside(item))} })
		}
		for _, list := range []*node{p.get("items"), p.get("prefixItems")} {
			if len(list.elements()) > 0 {
				makers = append(makers, func() []field { return s.tuple(p, list) })
			}
		}
	}
	if slices.ContainsFunc(all.choices, s.hasFields) {
		makers = append(makers, func() []field { return s.options(all.choices) })
	}
	if len(makers) == 0 {
		return nil
	}
	return func() []field {
		var out []field
		for _, list := range makers {
			out = append(out, list()...)
		}
		return out
	}
}

func (s *jsonSchema) properties(p jsonType, list *node, required map[string]bool) []field {
	out := make([]field, 0, len(list.names))
	for _, name := range list.names {
		f := s.field(name, p.inside(list.members[name]))
		f.nullable = f.nullable || !required[name]
		out = append(out, f)
	}
	return out
}

// entries are those of a map, or of an object that may have more properties than it names.
func (s *jsonSchema) entries(t jsonType, more bool) []field {
	if more {
		f := s.field("*", t)
		f.nullable = true
		return []field{f}
	}
	return []field{{name: "key", typ: "string"}, s.field("value", t)}
}

func (s *jsonSchema) tuple(p jsonType, list *node) []field {
	var out []field
	for i, item := range list.items[:min(len(list.items), maxParts)] {
		out = append(out, s.field(strconv.Itoa(i), p.inside(item)))
	}
	return out
}

// hasFields reports whether a choice deserves a row: one without fields is told by the type.
func (s *jsonSchema) hasFields(t jsonType) bool {
	all := s.settle(t)
	for _, name := range []string{"properties", "items", "additionalProperties", "oneOf", "anyOf"} {
		if m := all.first(name); m.is(objectNode) || m.is(arrayNode) {
			return true
		}
	}
	return false
}

// options describes each choice that has fields, called by its title, by what it refers to, or by its number.
func (s *jsonSchema) options(choices []jsonType) []field {
	var out []field
	for i, c := range choices {
		if !s.hasFields(c) {
			continue
		}
		name := c.str("title")
		if ref := c.str("$ref"); name == "" && ref != "" {
			name = strings.TrimSuffix(ref[strings.LastIndexAny(ref, "/#")+1:], ".json")
		}
		if name == "" {
			name = s.resolve(c).str("title")
		}
		if name == "" || slices.ContainsFunc(out, func(f field) bool { return f.name == name }) {
			name = strconv.Itoa(i + 1)
		}
		f := s.field(name, c)
		f.nullable = true
		out = append(out, f)
	}
	return out
}

// spell writes a type, and says whether null is one of its values.
func (s *jsonSchema) spell(all *settled, budget *int) (typ string, nullable bool) {
	if *budget--; *budget < 0 {
		return "…", false
	}
	if len(all.choices) > 0 {
		var out []string
		nullable = all.nullable
		for i := 0; i < len(all.choices) && *budget > 0; i++ {
			choice := s.settle(all.choices[i])
			one, null := s.spell(&choice, budget)
			nullable = nullable || null
			if !slices.Contains(out, one) {
				out = append(out, one)
			}
		}
		return all.word + strings.Join(out, ", "), nullable
	}
	if list := all.first("enum"); list.is(arrayNode) {
		null := slices.ContainsFunc(list.items, func(n *node) bool { return n.kind == nullNode })
		return oneOf(list.texts()), all.nullable || null
	}
	if value := all.first("const"); value != nil {
		return "const(" + value.short() + ")", all.nullable || value.kind == nullNode
	}
	names, null := all.types()
	for i, name := range names {
		names[i] = s.spellNamed(all, name, budget)
	}
	if len(names) == 1 {
		return names[0], all.nullable || null
	}
	return "one of " + strings.Join(names, ", "), all.nullable || null
}

// types returns the names of the types that a value may have, at least one, null aside.
func (s *settled) types() (names []string, null bool) {
	declared := s.first("type")
	list := declared.elements()
	if declared.is(textNode) {
		list = []*node{declared}
	}
	for _, item := range list[:min(len(list), 20)] {
		switch {
		case item.is(textNode) && item.text == "null":
			null = true
		case item.is(textNode):
			names = append(names, cut(item.text, 100))
		}
	}
	switch {
	case len(names) > 0:
	case null:
		return []string{"null"}, true
	case s.first("properties") != nil || s.first("additionalProperties").is(objectNode):
		return []string{"object"}, false
	case s.first("items") != nil:
		return []string{"array"}, false
	case s.first("$ref") != nil: // leads nowhere
		return []string{cut(s.first("$ref").text, maxName)}, false
	default:
		return []string{"any"}, true
	}
	return names, null
}

func (s *jsonSchema) spellNamed(all *settled, name string, budget *int) string {
	inner := func(keyword string) string {
		for _, p := range all.parts {
			if m := p.get(keyword); m.is(objectNode) {
				within := s.settle(p.inside(m))
				one, _ := s.spell(&within, budget)
				return "<" + one + ">"
			}
		}
		return ""
	}
	switch name {
	case "array":
		return name + inner("items")
	case "object":
		if all.first("properties") == nil {
			if value := inner("additionalProperties"); value != "" {
				return "map" + value
			}
		}
	case "string", "integer", "number":
		if format := all.first("format"); format.is(textNode) {
			return name + "(" + cut(format.text, 100) + ")"
		}
	}
	return name
}
