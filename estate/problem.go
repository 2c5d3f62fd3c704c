package estate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"portreeve/catalog"
	"portreeve/fault"
)

// maxProblems is how many problems are told at once.
const maxProblems = 20

// at is where something stands in the estate. Lines and columns begin with 1.
type at struct {
	file         string
	line, column int
}

// problem is something wrong with the estate.
type problem struct {
	at
	path string // of the field: sources.warehouse.url
	text string
}

// reader gathers what files declare and what is wrong with it.
type reader struct {
	connectors []catalog.Connector
	env        func(string) (string, bool)
	problems   []problem
	files      []string // in order
	declared   map[string]*declaration
	sourcesMet bool
	people     people
	now        *declaration // the one that is looked at
}

func (r *reader) problem(where at, path, format string, args ...any) {
	if r.now != nil {
		r.now.bad = true
	}
	r.problems = append(r.problems, problem{where, line(path, 120), line(fmt.Sprintf(format, args...), 600)})
}

// line writes what may hold anything as at most limit characters of one line.
func line(s string, limit int) string {
	return fault.Line(s, limit)
}

// err returns all problems as one error of several lines.
func (r *reader) err() error {
	slices.SortStableFunc(r.problems, func(a, b problem) int {
		return cmp.Or(slices.Index(r.files, a.file)-slices.Index(r.files, b.file), a.line-b.line, a.column-b.column)
	})
	var b strings.Builder
	if n := len(r.problems); n == 1 {
		b.WriteString("the estate has a problem, nothing of it was applied:")
	} else {
		fmt.Fprintf(&b, "the estate has %d problems, nothing of it was applied:", n)
	}
	for i, p := range r.problems {
		if i == maxProblems {
			fmt.Fprintf(&b, "\n  … and %d more", len(r.problems)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %s:%d:%d: ", line(p.file, 1000), p.line, p.column)
		if p.path != "" {
			b.WriteString(p.path + ": ")
		}
		b.WriteString(p.text)
	}
	return fault.Invalidf("", "%s", b.String())
}

// where returns the place of a node.
func where(f file, n ast.Node) at {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 { // the token of a mapping is its first colon
		return where(f, m.Values[0].Key)
	}
	return place(f, n.GetToken())
}

func place(f file, t *token.Token) at {
	if t == nil || t.Position == nil {
		return at{f.shown, 1, 1}
	}
	return at{f.shown, max(1, t.Position.Line), max(1, t.Position.Column)}
}

// quoted writes what somebody wrote so that it fits in a line.
func quoted(s string) string {
	return `"` + line(s, 60) + `"`
}
