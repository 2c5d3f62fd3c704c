package schemaregistry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

const (
	maxNodes   = 500_000 // values in a JSON text
	maxNesting = 200     // of them in each other
)

// node is a JSON value. Unlike encoding/json's, objects keep their order and know their lines. A nil node is a missing one.
type node struct {
	kind    kind
	text    string // of a text or a number
	names   []string
	members map[string]*node
	items   []*node
	line    int
}

type kind byte

const (
	nullNode kind = iota
	boolNode
	numberNode
	textNode
	arrayNode
	objectNode
)

var kindNames = [...]string{"null", "a boolean", "a number", "a text", "an array", "an object"}

// parseJSON reads one JSON value. Its errors name a line.
func parseJSON(text string) (*node, error) {
	p := jsonParser{text: text, decoder: json.NewDecoder(strings.NewReader(text)), line: 1}
	p.decoder.UseNumber()
	n, err := p.value(0)
	if err == nil {
		if _, err = p.decoder.Token(); errors.Is(err, io.EOF) {
			return n, nil
		}
		err = errors.New("there is more after its end")
	}
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		line := 1 + strings.Count(text[:max(0, min(int(syntax.Offset)-1, len(text)))], "\n")
		return nil, fmt.Errorf("line %d is not JSON: %w", line, err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("the JSON ends too early, in line %d", 1+strings.Count(text, "\n"))
	}
	p.advance()
	return nil, fmt.Errorf("line %d: %w", p.line, err)
}

type jsonParser struct {
	text    string
	decoder *json.Decoder
	nodes   int
	line    int
	counted int // bytes of text whose lines are in line
}

// advance sets line to that of the last token.
func (p *jsonParser) advance() {
	at := min(int(p.decoder.InputOffset()), len(p.text))
	p.line += strings.Count(p.text[p.counted:at], "\n")
	p.counted = at
}

func (p *jsonParser) value(depth int) (*node, error) {
	token, err := p.decoder.Token()
	if err != nil {
		return nil, err
	}
	p.advance()
	if p.nodes++; p.nodes > maxNodes || depth > maxNesting {
		return nil, fmt.Errorf("more than %d values, or more than %d in each other", maxNodes, maxNesting)
	}
	n := &node{line: p.line}
	switch t := token.(type) {
	case json.Delim:
		if t == '[' {
			return p.array(n, depth)
		}
		return p.object(n, depth)
	case string:
		n.kind, n.text = textNode, t
	case json.Number:
		n.kind, n.text = numberNode, t.String()
	case bool:
		n.kind, n.text = boolNode, strconv.FormatBool(t)
	}
	return n, nil
}

func (p *jsonParser) array(n *node, depth int) (*node, error) {
	n.kind = arrayNode
	for p.decoder.More() {
		item, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.items = append(n.items, item)
	}
	_, err := p.decoder.Token()
	return n, err
}

// object keeps the last of members with one name, where the first stood.
func (p *jsonParser) object(n *node, depth int) (*node, error) {
	n.kind, n.members = objectNode, map[string]*node{}
	for p.decoder.More() {
		token, err := p.decoder.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // the decoder sees to it
		member, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if n.members[name] == nil {
			n.names = append(n.names, name)
		}
		n.members[name] = member
	}
	_, err := p.decoder.Token()
	return n, err
}

func (n *node) is(k kind) bool { return n != nil && n.kind == k }

// get returns the member of an object, nil for anything else.
func (n *node) get(name string) *node {
	if n == nil {
		return nil
	}
	return n.members[name]
}

// str returns the text of a member that is a text, else "".
func (n *node) str(name string) string {
	if m := n.get(name); m.is(textNode) {
		return m.text
	}
	return ""
}

// elements returns the items of an array, none for anything else.
func (n *node) elements() []*node {
	if n == nil {
		return nil
	}
	return n.items
}

// texts returns the items of an array as short texts.
func (n *node) texts() []string {
	var out []string
	for _, item := range n.elements() {
		out = append(out, item.short())
	}
	return out
}

// short writes a value on one line, cut where it becomes long.
func (n *node) short() string {
	if n == nil {
		return ""
	}
	var b bytes.Buffer
	n.write(&b, 100)
	return cut(b.String(), 200)
}

func (n *node) write(b *bytes.Buffer, most int) {
	if b.Len() > most {
		return
	}
	switch n.kind {
	case nullNode:
		b.WriteString("null")
	case boolNode, numberNode, textNode:
		b.WriteString(n.text)
	case arrayNode:
		b.WriteByte('[')
		for i, item := range n.items[:min(len(n.items), most)] {
			if i > 0 {
				b.WriteString(", ")
			}
			item.write(b, most)
		}
		b.WriteByte(']')
	case objectNode:
		b.WriteByte('{')
		for i, name := range n.names[:min(len(n.names), most)] {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(name + ": ")
			n.members[name].write(b, most)
		}
		b.WriteByte('}')
	}
}

// must returns the member of that name, and an error when it is there and of none of the kinds.
func (n *node) must(name string, kinds ...kind) (*node, error) {
	m := n.get(name)
	if m == nil || slices.Contains(kinds, m.kind) {
		return m, nil
	}
	want := make([]string, len(kinds))
	for i, k := range kinds {
		want[i] = kindNames[k]
	}
	return nil, fmt.Errorf("line %d: %q is %s and should be %s", m.line, name, kindNames[m.kind], strings.Join(want, " or "))
}
