package web

import (
	"strings"

	"portreeve/catalog"
)

// kindIcon is the icon of a kind of dataset.
func kindIcon(k catalog.Kind) string {
	switch k {
	case catalog.Table, catalog.View, catalog.Topic, catalog.Model, catalog.Dashboard:
		return string(k)
	case catalog.File, catalog.Schema:
		return "contract"
	case catalog.API:
		return "external"
	}
	return "table"
}

// nameSpans returns a hit's name, marked where it matched.
func nameSpans(h *catalog.Hit) []catalog.Span {
	for _, m := range h.Matched {
		if m.Field == "name" && spanText(m.Snippet) == h.Name {
			return m.Snippet
		}
	}
	return []catalog.Span{{Text: h.Name}}
}

// descriptionSpans returns the part of a description that matched, or else its beginning.
func descriptionSpans(h *catalog.Hit) []catalog.Span {
	for _, m := range h.Matched {
		if m.Field == "description" && len(m.Snippet) > 0 {
			return m.Snippet
		}
	}
	return []catalog.Span{{Text: firstSentence(h.Description, 200)}}
}

func spanText(spans []catalog.Span) string {
	var b strings.Builder
	for _, s := range spans {
		b.WriteString(s.Text)
	}
	return b.String()
}

// reason is one field in which a hit was found; its snippets are shown as code for names of columns.
type reason struct {
	field    string
	snippets [][]catalog.Span
	more     int
}

// reasons groups what matched by field, best first. Name and description are marked where they stand, so they are only
// named here.
func reasons(h *catalog.Hit) []reason {
	const shown = 3
	var all []reason
	for _, m := range h.Matched {
		i := 0
		for i < len(all) && all[i].field != m.Field {
			i++
		}
		if i == len(all) {
			all = append(all, reason{field: m.Field})
		}
		switch {
		case m.Field == "name" || m.Field == "description":
		case len(all[i].snippets) < shown && len(m.Snippet) > 0:
			all[i].snippets = append(all[i].snippets, m.Snippet)
		default:
			all[i].more++
		}
	}
	return all
}

func (r reason) label() string {
	if r.field == "column" && len(r.snippets)+r.more > 1 {
		return "columns"
	}
	return r.field
}

func (r reason) isCode() bool { return r.field == "column" }
