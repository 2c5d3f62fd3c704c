package estate

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What is written in an estate is flat, so what nests deeper than this is refused before the parser, which calls itself,
// sees it.
const (
	maxDepth  = 20
	maxColumn = 200 // of what opens a block, two columns and more a level
)

// parse returns the mapping that a file is, or nil after noting what is wrong with it. A file that says nothing is nil too.
func (r *reader) parse(f file) *ast.MappingNode {
	text := bytes.TrimPrefix(f.text, []byte("\ufeff"))
	if !utf8.Valid(text) {
		r.problem(at{f.shown, 1, 1}, "", "this is not a text in UTF-8")
		return nil
	}
	tokens := lexer.Tokenize(string(text))
	if !r.simple(f, tokens) {
		return nil
	}
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // told by us, with all else
	if err != nil {
		r.syntax(f, err)
		return nil
	}
	var root *ast.MappingNode
	for i, doc := range tree.Docs {
		switch body := doc.Body.(type) {
		case nil:
		case *ast.MappingNode:
			if root != nil {
				r.problem(where(f, body), "", "a second document begins here: write one a file")
				return nil
			}
			root = body
		default:
			if n, null := body.(*ast.NullNode); null && i == len(tree.Docs)-1 && n != nil {
				continue
			}
			r.problem(where(f, body), "", "an estate is written as keys with values, such as sources:")
			return nil
		}
	}
	return root
}

func (r *reader) syntax(f file, err error) {
	where, text := at{f.shown, 1, 1}, "it cannot be read" // not err's own text, which shows the lines around it: secrets, maybe
	if e, ok := errors.AsType[*yaml.SyntaxError](err); ok {
		where, text = place(f, e.Token), e.Message
	}
	r.problem(where, "", "this is not YAML: %s", text)
}

// simple reports whether a file has only what an estate needs. Anchors, aliases and tags make a small file a large one, or
// one that says something else than it shows.
func (r *reader) simple(f file, tokens token.Tokens) bool {
	depth, row, line := 0, 0, 0 // brackets that are open, and blocks that begin on one line
	for _, t := range tokens {
		if t.Position.Line != line {
			line, row = t.Position.Line, 0
		}
		refuse := ""
		switch t.Type { //nolint:exhaustive // the rest is simple
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			refuse = "anchors (&), aliases (*) and merges (<<) are not used in an estate: write it out, and put a text that begins with such a sign in quotes"
		case token.TagType:
			refuse = "tags (!) are not used in an estate: put a text that begins with ! in quotes"
		case token.DirectiveType:
			refuse = "directives (%) are not used in an estate"
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth = max(0, depth-1)
		case token.SequenceEntryType, token.MappingKeyType, token.MappingValueType:
			if depth == 0 {
				row++
			}
			if t.Type != token.MappingValueType && depth == 0 && t.Position.Column > maxColumn {
				row = maxDepth + 1
			}
		case token.InvalidType:
			r.problem(place(f, t), "", "this is not YAML: %s", t.Error)
			return false
		}
		if depth > maxDepth || row > maxDepth {
			refuse = "this is nested too deeply"
		}
		if refuse != "" {
			r.problem(place(f, t), "", "%s", refuse)
			return false
		}
	}
	return true
}

// entry is a key of a mapping with its value.
type entry struct {
	name  string
	key   at
	value ast.Node
	at    at // of the value
}

// entries returns what a mapping has, in order, each key once; a second one of a name is noted. It notes a node that is no
// mapping, too.
func (r *reader) entries(f file, path string, n ast.Node) []entry {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		r.problem(where(f, n), path, "here belong keys with values, not %s", kindOf(n))
		return nil
	}
	var all []entry
	first := map[string]at{}
	for _, v := range m.Values {
		name, key := v.Key.GetToken().Value, place(f, v.Key.GetToken())
		if _, complex := v.Key.(*ast.MappingKeyNode); complex {
			r.problem(key, path, "keys that begin with ? are not used in an estate")
			continue
		}
		if before, twice := first[name]; twice {
			r.problem(key, join(path, name), "this stands twice, first in line %d", before.line)
			continue
		}
		first[name] = key
		all = append(all, entry{name, key, v.Value, where(f, v.Value)})
	}
	return all
}

// scalar returns the text of a value as it is written, without its quotes, and whether it is one text.
func scalar(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return strings.TrimRight(v.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// kindOf says what a value is, in words that follow "not".
func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode:
		return "keys with values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.NullNode:
		return "nothing"
	}
	return "a text"
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
