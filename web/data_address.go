package web

import (
	"net/url"
	"slices"
	"strings"

	"portreeve/catalog"
)

// facetWords are the values that the facets of a fixed vocabulary can have.
var facetWords = map[string][]string{
	"kind":   kindWords(),
	"status": {"live", "deprecated", "gone", "certified", "uncertified", "documented", "undocumented", "owned", "unowned"},
}

// kindWords are the kinds of datasets, as an address names them.
func kindWords() []string {
	var words []string
	for _, k := range catalog.Kinds() {
		words = append(words, string(k))
	}
	return words
}

// sortNames are the orders that an address may ask for beside the best first.
var sortNames = []string{"used", "fresh", "name"}

// addressNotes says what of a search's address means nothing: the page shows something else than was asked for.
func addressNotes(values url.Values) []string {
	var notes []string
	for _, name := range facetNames {
		for _, v := range values[name] {
			if words := facetWords[name]; v != "" && words != nil && !slices.Contains(words, v) {
				notes = append(notes, "There is no "+name+" "+quote(v)+": it is one of "+strings.Join(words, ", ")+".")
			}
		}
	}
	if sort := values.Get("sort"); sort != "" && sort != "relevance" && !slices.Contains(sortNames, sort) {
		notes = append(notes, "There is no order "+quote(sort)+"; this is best first.")
	}
	var unknown []string
	for name := range values {
		if !slices.Contains([]string{"q", "sort", "offset", "d", "pick"}, name) && !slices.Contains(facetNames, name) {
			unknown = append(unknown, quote(name))
		}
	}
	if slices.Sort(unknown); len(unknown) > 0 {
		notes = append(notes, "A search does not know "+cut(strings.Join(unknown, ", "), 200)+" in its address.")
	}
	return notes
}
