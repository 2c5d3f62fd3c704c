package trino

import (
	"strings"
	"unicode/utf8"
)

// quoted returns a name as SQL writes it.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal returns a text as SQL writes it.
func literal(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }

// literals returns texts as SQL lists them.
func literals(texts []string) string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = literal(t)
	}
	return strings.Join(out, ", ")
}

// place is a schema.
type place struct{ catalog, schema string }

// table returns a table or view, or one of the tables that describe it such as "$refs", as SQL writes it.
func (p place) table(name, suffix string) string {
	return quoted(p.catalog) + "." + quoted(p.schema) + "." + quoted(name+suffix)
}

// information returns a table of the catalog's information schema.
func (p place) information(name string) string {
	return quoted(p.catalog) + ".information_schema." + name
}

const (
	maxText    = 64 << 10 // most bytes of a comment: what is longer is no description that anyone reads on a page
	maxName    = 1000     // most bytes of a property
	maxCode    = 1 << 20  // most bytes of a view's SQL
	maxColumns = 20_000   // of one dataset, nested ones included: more are not kept
	maxPaths   = 16 << 20 // bytes of all paths of a dataset's nested columns
	cutMark    = " … (cut here)"
)

// bound cuts text at limit bytes, mark included, between characters, and drops what Postgres cannot keep.
func bound(text string, limit int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
	if len(text) <= limit {
		return text
	}
	end := limit - len(cutMark)
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + cutMark
}
