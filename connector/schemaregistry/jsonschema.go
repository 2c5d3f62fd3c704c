package schemaregistry

import (
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// jsonSchema is a JSON Schema and those that it refers to. Any draft is read; keywords that say nothing of the fields are not.
type jsonSchema struct {
	documents map[string]*node // by the name they are referred to by, and by their $id
}

// jsonType is a schema within a document.
type jsonType struct {
	*node
	document *node
	base     string // address of the document, against which it refers to others
}

// decodeJSONSchema reads a JSON Schema. A reference that leads nowhere costs the fields within it and no more.
func decodeJSONSchema(text string, files []file, _ string) (shape, error) {
	root, err := parseJSON(text)
	if err != nil {
		return shape{}, err
	}
	if root.kind != objectNode && root.kind != boolNode {
		return shape{}, fmt.Errorf("line %d: a JSON Schema is an object, and this is %s", root.line, kindNames[root.kind])
	}
	if err := checkJSONSchema(root, 0); err != nil {
		return shape{}, err
	}
	s := jsonSchema{documents: map[string]*node{}}
	for _, f := range files {
		if other, err := parseJSON(f.text); err == nil { // what is broken in another subject is reported there
			s.documents[f.name] = other
			if id := other.str("$id"); id != "" && s.documents[id] == nil {
				s.documents[id] = other
			}
		}
	}
	record := strings.TrimSpace(root.str("title"))
	out := shape{record: record, title: cut(record, maxName), description: root.str("description")}
	f := s.field("", jsonType{node: root, document: root, base: root.str("$id")})
	if f.fields != nil && !strings.HasPrefix(f.typ, "array") && !strings.HasPrefix(f.typ, "map") {
		out.fields, out.within = f.fields(), f.within
	} else {
		f.comment = ""
		out.fields = []field{f}
	}
	return out, nil
}

// checkJSONSchema refuses what no JSON Schema is: Apicurio registers such things.
func checkJSONSchema(n *node, depth int) error {
	if n.kind != objectNode || depth > maxNesting {
		return nil
	}
	for _, rule := range []struct {
		keyword string
		kinds   []kind
	}{
		{"type", []kind{textNode, arrayNode}},
		{"properties", []kind{objectNode}},
		{"$ref", []kind{textNode}},
		{"allOf", []kind{arrayNode}},
		{"oneOf", []kind{arrayNode}},
		{"anyOf", []kind{arrayNode}},
		{"enum", []kind{arrayNode}},
	} {
		if _, err := n.must(rule.keyword, rule.kinds...); err != nil {
			return err
		}
	}
	properties := n.get("properties")
	if properties == nil {
		return nil
	}
	for _, name := range properties.names {
		p := properties.members[name]
		if p.kind != objectNode && p.kind != boolNode {
			return fmt.Errorf("line %d: the property %s is %s and should be a schema", p.line, cut(name, 100), kindNames[p.kind])
		}
		if err := checkJSONSchema(p, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// inside returns a schema that stands inside t.
func (t jsonType) inside(n *node) jsonType {
	return jsonType{node: n, document: t.document, base: t.base}
}

// resolve follows references. One that leads nowhere, or in a circle, stays itself.
func (s *jsonSchema) resolve(t jsonType) jsonType {
	for at, hops := t, 0; hops < 20; hops++ {
		ref := at.str("$ref")
		if ref == "" {
			return at
		}
		target, found := s.find(at, ref)
		if !found {
			return t
		}
		at = target
	}
	return t
}

// find returns what ref means in t: a part of the same document, or another document that the subject refers to.
func (s *jsonSchema) find(t jsonType, ref string) (jsonType, bool) {
	address, fragment, _ := strings.Cut(ref, "#")
	document, base := t.document, t.base
	if address != "" && address != t.base {
		if document, base = s.document(address, t.base); document == nil {
			return t, false
		}
	}
	if pointed, err := url.PathUnescape(fragment); err == nil {
		fragment = pointed
	}
	n := document
	switch {
	case fragment == "":
	case strings.HasPrefix(fragment, "/"):
		n = pointed(document, fragment)
	default:
		n = anchored(document, fragment)
	}
	if n == nil || n.kind != objectNode && n.kind != boolNode {
		return t, false
	}
	return jsonType{node: n, document: document, base: base}, true
}

// document finds a document by the name that the registry has for it, by its address, or by the last part of either.
func (s *jsonSchema) document(address, base string) (*node, string) {
	names := []string{address}
	if b, err := url.Parse(base); err == nil {
		if full, err := b.Parse(address); err == nil {
			names = append(names, full.String())
		}
	}
	for _, name := range append(names, path.Base(address)) {
		if d := s.documents[name]; d != nil {
			if id := d.str("$id"); id != "" {
				name = id
			}
			return d, name
		}
	}
	return nil, ""
}

// pointed follows a JSON Pointer.
func pointed(n *node, pointer string) *node {
	for part := range strings.SplitSeq(pointer[1:], "/") {
		part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		if n.is(arrayNode) {
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(n.items) {
				return nil
			}
			n = n.items[i]
			continue
		}
		if n = n.get(part); n == nil {
			return nil
		}
	}
	return n
}

// anchored finds a definition by the name that it gives itself.
func anchored(document *node, name string) *node {
	for _, where := range []string{"$defs", "definitions"} {
		defs := document.get(where)
		if defs == nil {
			continue
		}
		for _, key := range defs.names {
			if d := defs.members[key]; d.str("$anchor") == name || d.str("$id") == "#"+name {
				return d
			}
		}
	}
	return nil
}
